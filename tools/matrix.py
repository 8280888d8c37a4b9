#!/usr/bin/env python3
"""The proof of the exercises: every answer passes, every starting file fails, every planted fault is rejected with
the message for its misconception.

    tools/matrix.py                    all exercises
    tools/matrix.py ring task          these
    tools/matrix.py ring --fault NAME  one fault of it, with everything the checker says
    tools/matrix.py --quick            few faults, answers by the first verdict alone, no starting files
    tools/matrix.py --write-rings      makes the faulty rings of catch_ring anew from our ring

Quiet when all is well; the last line is `N passed, N failed`.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import threading
import time

from faults import ROOT, FaultError, exercises, faults_of, read_fault

JOBS = max(2, os.cpu_count() or 2)
# What tools/percore starts once it has seen that all is set up: seeing that a thousand times costs a minute.
TUTOR = ROOT / "build" / "tools" / "tutor" / "percore-tutor"
SEEDS_MIN = 200  # of one check at least, where an order can matter


def verdict(exercise, folder, sanitizers=False, only=None):
    """What the tutor says about the files in `folder`, as its JSON."""
    command = [TUTOR, "--root", ROOT, "check", exercise.name, "--from", folder, "--json"]
    if only:
        command += ["--only", only]
    if not sanitizers:
        command.append("--no-sanitizers")
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, errors="replace", timeout=300)
    for line in run.stdout.splitlines():
        if line.startswith("{"):
            return json.loads(line)
    return {"status": "none", "kind": "none", "message": (run.stdout + run.stderr).strip(), "checks": []}


def broken(answer):
    return [check for check in answer.get("checks", []) if check["kind"] != "passed" and not check.get("skipped")]


def told(answer):
    lines = [f"    {answer.get('kind')}: {answer.get('message', '')}".rstrip(": ")]
    for check in broken(answer):
        words = f"{check['kind']}: {check['invariant']} {check['message']} {check.get('detail', '')}"
        lines.append(f"    {check['name']}: {words}".rstrip())
    return "\n".join(lines)


def write_if_changed(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def put(exercise, texts, slot):
    """The starting file, the answer and its faults are judged in one folder: what is compiled for one serves the next."""
    for file in exercise.files:
        write_if_changed(slot / file, texts[file])
    return slot


def texts_of(exercise, folder):
    return {file: (ROOT / folder / exercise.lesson / file).read_text() for file in exercise.files}


def prove_answer(exercise, slot, sanitizers):
    answer = verdict(exercise, put(exercise, texts_of(exercise, "solutions"), slot), sanitizers)
    if answer["status"] != "pass":
        return [f"the answer does not pass:\n{told(answer)}"]
    seeds = max(check["seeds"] for check in answer["checks"])
    if exercise.kind in ("build", "fix", "use") and seeds < SEEDS_MIN:
        return [f"no check looks at {SEEDS_MIN} seeds or more, the most is {seeds}"]
    return []


def prove_starter(exercise, slot):
    answer = verdict(exercise, put(exercise, texts_of(exercise, "exercises"), slot))
    if answer["status"] == "pass":
        return ["the starting file passes although nothing has been done"]
    if answer["status"] != "fail" or answer["kind"].replace(" ", "_") == "compile_error":
        return [f"the starting file should compile and fail its checks:\n{told(answer)}"]
    return []


# The checks that our own module does not pass, since it keeps the contract in another way than they look at.
OURS_DIFFERS = {
    # A yield comes back at once where nobody else is ready, which is counted as a resume; and at the end all that is in
    # flight is cancelled, a poller's own operation too.
    "executor": {"a_bound_on_what_runs_between_two_looks", "after_the_root_pollers_still_wake"},
    # A turn's first value is on its way at once: docs/reference/architecture.md has the departure.
}


def ours_can_be_judged(exercise):
    """Our module is other code than the plain answer. Where it has as many files it can be judged like a learner's."""
    module = ROOT / "runtime" / exercise.name
    sources = {f"{exercise.name}/{path.name}" for path in module.glob("*.cpp")}
    return (exercise.kind == "build" and sources == {file for file in exercise.files if file.endswith(".cpp")}
            and all((ROOT / "runtime" / file).exists() for file in exercise.files))


def prove_ours(exercise, slot):
    folder = slot.parent / "ours" / exercise.lesson
    for path in (ROOT / "runtime" / exercise.name).rglob("*.[ch]pp"):
        write_if_changed(folder / path.relative_to(ROOT / "runtime"), path.read_text())
    answer = verdict(exercise, folder)
    expected = OURS_DIFFERS.get(exercise.name, set())
    failed = {check["name"] for check in broken(answer)}
    if failed != expected or (not expected and answer["status"] != "pass"):
        return [f"our own module does not pass {failed or 'something'}, expected {expected or 'nothing'}:\n{told(answer)}"]
    return []


def prove_fault(exercise, fault, slot, sanitizers):
    texts = texts_of(exercise, "solutions")
    fault.apply(texts)
    put(exercise, texts, slot)
    # The checks of a catch exercise are the learner's: which of them strikes is their business.
    only = None if exercise.kind == "catch" else fault.check
    answer = verdict(exercise, slot, fault.sanitizers or sanitizers, only)
    if answer["status"] == "pass":
        return [f"passes ({fault.misconception})"]
    hits = broken(answer)
    if not hits:
        return [f"is not rejected by a check ({fault.misconception}):\n{told(answer)}"]
    named = [check for check in hits if check["name"] == fault.check]
    if not named:
        return [f"is not rejected by {fault.check} ({fault.misconception}):\n{told(answer)}"]
    words = " ".join(f"{check['message']} {check.get('detail', '')} {check.get('statement', '')}" for check in named)
    if not fault.says or fault.says not in words:
        return [f"is rejected, but nothing says \"{fault.says}\" ({fault.misconception}):\n{told(answer)}"]
    return []


def faulty_rings(exercise):
    """The folders of a catch exercise: path -> text, from the faults in rings/ and our own module."""
    folder = ROOT / "tools" / "faults" / exercise.lesson / exercise.name / "rings"
    wanted = {}
    for path in sorted(folder.glob("*.fault")):
        fault = read_fault(path)
        texts = {change.file: (ROOT / "runtime" / change.file).read_text() for change in fault.changes}
        fault.apply(texts)
        base = ROOT / "tools" / "checks" / exercise.lesson / exercise.name / fault.name
        wanted[base / "fault.txt"] = fault.misconception + "\n"
        for file, text in texts.items():
            wanted[base / file] = text
    return wanted


def write_rings(exercise):
    folder = ROOT / "tools" / "checks" / exercise.lesson / exercise.name
    wanted = faulty_rings(exercise)  # before anything goes: a fault may no longer fit
    if folder.exists():
        shutil.rmtree(folder)
    for path, text in wanted.items():
        write_if_changed(path, text)


def prove_rings(exercise, _slot):
    stale = [str(path.relative_to(ROOT)) for path, text in faulty_rings(exercise).items()
             if not path.exists() or path.read_text() != text]
    if not stale:
        return []
    return ["these no longer are our ring with one fault; tools/matrix.py --write-rings makes them anew: " + ", ".join(stale)]


def changed_files(fault):
    """To sort by: a fault with a header in it comes behind those without."""
    return sorted(((change.file.endswith(".hpp"), change.file) for change in fault.changes), reverse=True)


def chosen_faults(exercise, options):
    """Those that share what is compiled one after the other: a fault in a .cpp leaves the checks' objects as they are, and
    one in another file than the fault before it costs that file's compilation, too."""
    faults = [f for f in faults_of(exercise.lesson, exercise.name) if options.fault in (None, f.name)]
    faults.sort(key=lambda f: (changed_files(f), f.check, f.name))
    if not options.quick:
        return faults
    of_check = {}
    for fault in faults:
        if not fault.sanitizers:
            of_check.setdefault(fault.check, fault)
    return list(of_check.values())[::4]


def cases(exercise, options):
    """(name, proof) of each case."""
    if not options.fault:
        if not options.quick:
            yield f"{exercise.name}: starting file", prove_starter
            if ours_can_be_judged(exercise):
                yield f"{exercise.name}: ours", prove_ours
        # Right before its faults, which differ from it by a line.
        yield f"{exercise.name}: answer", lambda exercise, slot: prove_answer(exercise, slot, sanitizers=not options.quick)
        if exercise.kind == "catch":
            yield f"{exercise.name}: faulty rings", prove_rings
    for fault in chosen_faults(exercise, options):
        prove = lambda exercise, slot, fault=fault: prove_fault(exercise, fault, slot, options.all_seeds)
        yield f"{exercise.name}: fault {fault.name}", prove


def main():
    parser = argparse.ArgumentParser(description="answer passes, starting file fails, each planted fault is rejected")
    parser.add_argument("exercise", nargs="*", help="names or numbers; all when left out")
    parser.add_argument("--fault", help="only this planted fault")
    parser.add_argument("--quick", action="store_true",
                        help="of every fourth check one fault, answers without sanitizers, no starting files")
    parser.add_argument("--verbose", action="store_true", help="names what passed, too")
    parser.add_argument("--times", action="store_true", help="how long each case took, the slowest last")
    parser.add_argument("--all-seeds", action="store_true", help="every fault with the second verdict, the sanitizers, too")
    parser.add_argument("--write-rings", action="store_true", help="makes the faulty rings of catch exercises anew")
    options = parser.parse_args()

    chosen = [e for e in exercises() if not options.exercise or e.name in options.exercise or e.number in options.exercise]
    if not chosen:
        print(f"There is no exercise {' '.join(options.exercise)}; there are "
              + ", ".join(e.name for e in exercises()) + ".", file=sys.stderr)
        return 2
    if options.write_rings:
        for exercise in chosen:
            if exercise.kind == "catch":
                write_rings(exercise)
        return 0
    # The tutor, and all that checks share, is built once before exercises are proven side by side.
    prepare = [ROOT / "tools" / "percore", "--yes", "prepare", "explored" if options.quick else "sanitized"]
    subprocess.run(prepare, cwd=ROOT, capture_output=True, check=False)

    times = []
    totals = {"passed": 0, "failed": 0}
    lock = threading.Lock()

    def prove(exercise):
        slot = ROOT / "build" / "matrix" / exercise.name / exercise.lesson
        slot.mkdir(parents=True, exist_ok=True)
        for name, proof in cases(exercise, options):
            began = time.monotonic()
            try:
                problems = proof(exercise, slot)
            except FaultError as error:
                problems = [str(error)]
            except subprocess.TimeoutExpired:
                problems = ["the tutor gave no verdict within five minutes"]
            with lock:
                times.append((time.monotonic() - began, name))
                totals["failed" if problems else "passed"] += 1
                if problems:
                    print(f"FAILED {name}: " + "\n".join(problems), flush=True)
                elif options.verbose:
                    print(f"passed {name}", flush=True)

    # An exercise at a time, so that what its cases share is compiled once; the longest first, so that none is left over.
    longest_first = sorted(chosen, key=lambda e: -len(list(cases(e, options))))
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        list(pool.map(prove, longest_first))
    passed, failed = totals["passed"], totals["failed"]
    if options.times:
        print("\n".join(f"{seconds:6.1f} s  {name}" for seconds, name in sorted(times)))
    print(f"{passed} passed, {failed} failed")
    return 0 if failed == 0 and passed != 0 else 1


if __name__ == "__main__":
    sys.exit(main())
