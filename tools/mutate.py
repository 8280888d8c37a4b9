#!/usr/bin/env python3
"""Blind mutation of a plain answer: what do the checks still let pass?

    tools/mutate.py ring               every mutation of its files; lists the survivors
    tools/mutate.py task --file task.hpp --lines 20-60
    tools/mutate.py ring --list        shows the mutations, runs none

Each mutation changes one thing, without understanding it: an operator, a constant, a line less. A mutation that the
checks reject is killed, one that does not compile is left out, one that passes survives. A survivor is either the same
program in other words, or a check that is missing: look at each. Those that have been looked at and change nothing stand
in tools/faults/NN-lesson/<exercise>/survivors.txt, each with the reason.
"""

import argparse
import concurrent.futures
import queue
import re
import subprocess
import sys

from faults import ROOT, exercises
from matrix import JOBS, verdict, write_if_changed

# What is replaced by what. Angle brackets only with spaces around them, so that template lists are left alone.
REPLACEMENTS = [
    (r"==", "!="), (r"!=", "=="), (r" < ", " <= "), (r" > ", " >= "), (r" <= ", " < "), (r" >= ", " > "),
    (r"&&", "||"), (r"\|\|", "&&"), (r"\+\+", "--"), (r"--", "++"), (r" \+ ", " - "), (r" - ", " + "),
    (r" \* ", " / "), (r" / ", " * "), (r" % ", " / "), (r" \+= ", " -= "), (r" -= ", " += "), (r" \| ", " & "),
    (r"\btrue\b", "false"), (r"\bfalse\b", "true"), (r"\b0\b", "1"), (r"\b1\b", "0"), (r"\b1\b", "2"),
    (r"!(?=[a-z_(])", ""), (r"\bnullptr\b(?=[;)])", "reinterpret_cast<void*>(8)"),
]
STATEMENT = re.compile(r"^\s+[^#/\s].*;\s*(//.*)?$")
DECLARES = re.compile(r"^\s*(using|friend|static_assert|template|struct|class|enum|explicit|public|private|namespace)\b")


def code_of(line):
    """The part of a line that is neither remark nor text."""
    line = re.sub(r'"(\\.|[^"\\])*"', lambda text: '"' + " " * (len(text[0]) - 2) + '"', line)
    at = line.find("//")
    return line if at < 0 else line[:at]


def mutations(text, first, last):
    """Pairs of (line number, new text of the line)."""
    lines = text.splitlines()
    for number, line in enumerate(lines, 1):
        code = code_of(line)
        if not code.strip() or code.lstrip().startswith(("#", "static_assert", "using ")) or not first <= number <= last:
            continue
        if STATEMENT.match(code) and not DECLARES.match(code):
            yield number, ""
        for pattern, replacement in REPLACEMENTS:
            for match in re.finditer(pattern, code):
                yield number, line[: match.start()] + replacement + line[match.end():]
        if match := re.match(r"(\s*(?:if|while) \()(.*)(\) .*;|\) \{)\s*$", code):
            for value in ("true", "false"):
                yield number, f"{match[1]}{value}{line[match.end(2):]}"


def looked_at(exercise):
    """Survivors that change nothing: (file, line as it was, line as it became)."""
    path = ROOT / "tools" / "faults" / exercise.lesson / exercise.name / "survivors.txt"
    found = set()
    if path.exists():
        for block in re.split(r"\n\s*\n", path.read_text()):
            fields = dict(re.findall(r"^(file|was|is): ?(.*)$", block, re.M))
            if "was" in fields:
                found.add((fields.get("file", ""), fields["was"].strip(), fields.get("is", "").strip()))
    return found


def main():
    parser = argparse.ArgumentParser(description="what do the checks of an exercise still let pass?")
    parser.add_argument("exercise")
    parser.add_argument("--file", help="only files whose name ends like this")
    parser.add_argument("--lines", help="only these, as 20-60", default="1-1000000")
    parser.add_argument("--list", action="store_true", help="shows the mutations and runs none")
    parser.add_argument("--all", action="store_true", help="also those that have been looked at before")
    options = parser.parse_args()
    found = [e for e in exercises() if options.exercise in (e.name, e.number)]
    if not found:
        print(f"There is no exercise {options.exercise}; there are {', '.join(e.name for e in exercises())}.", file=sys.stderr)
        return 2
    exercise = found[0]
    first, last = (int(n) for n in options.lines.split("-"))
    source = ROOT / "solutions" / exercise.lesson
    texts = {file: (source / file).read_text() for file in exercise.files}
    known = set() if options.all else looked_at(exercise)

    work = []
    for file, text in texts.items():
        if options.file and not file.endswith(options.file):
            continue
        for number, line in mutations(text, first, last):
            was = text.splitlines()[number - 1]
            if was != line and (file, was.strip(), line.strip()) not in known:
                work.append((file, number, was, line))
    if options.list:
        for file, number, was, line in work:
            print(f"{file}:{number}\n  - {was.strip()}\n  + {line.strip()}")
        print(f"{len(work)} mutations")
        return 0

    subprocess.run([ROOT / "tools" / "percore", "--yes", "prepare"], cwd=ROOT, capture_output=True, check=False)
    slots = queue.Queue()
    for number in range(JOBS):
        slots.put(ROOT / "build" / "mutate" / str(number) / exercise.lesson)

    def run(mutation):
        file, number, _, line = mutation
        slot = slots.get()
        try:
            for name, text in texts.items():
                if name == file:
                    lines = text.splitlines()
                    lines[number - 1] = line
                    text = "\n".join(lines) + "\n"
                write_if_changed(slot / name, text)
            answer = verdict(exercise, slot)
            if answer["status"] == "pass":
                return "survived"
            if answer["kind"].replace(" ", "_") == "compile_error":
                return "not compiled"
            return "killed" if answer["status"] == "fail" else f"no verdict: {answer['message']}"
        finally:
            slots.put(slot)

    counts = {}
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        for (file, number, was, line), result in zip(work, pool.map(run, work)):
            counts[result] = counts.get(result, 0) + 1
            if result not in ("killed", "not compiled"):
                print(f"{result}: {file}:{number}\n  - {was.strip()}\n  + {line.strip()}", flush=True)
    print(", ".join(f"{count} {result}" for result, count in sorted(counts.items())))
    return 1 if counts.get("survived") else 0


if __name__ == "__main__":
    sys.exit(main())
