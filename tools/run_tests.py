#!/usr/bin/env python3
"""Builds and runs every test of percore. Called by tools/test, which has set up what is needed.

Quiet when all is well; a step that fails prints what it said. Ends with one line, `N passed, N failed`.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILDS = ROOT / "build/test"
LOGS = BUILDS / "logs"
JOBS = str(max(2, os.cpu_count() or 2))
FOR_COMPILERS = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}  # memory in huge pages: a tenth of their time


def lesson_modules():
    """Those that have a plain answer, lowest first, with their lessons: read from the table of layers."""
    rows = re.findall(r"^  \['(\w+)', *'([\w-]+)'", (ROOT / "runtime/meson.build").read_text(), re.M)
    return {module: lesson for module, lesson in rows if (ROOT / "solutions" / lesson / module).is_dir()}


class Step:
    """One thing that is tested: it runs commands and counts what passed and what failed."""

    def __init__(self, name, run, alone=False):
        self.name, self.run, self.alone = name, run, alone
        self.passed = self.failed = 0
        self.words = []
        self.seconds = self.processor_seconds = 0.0
        self.log = LOGS / (re.sub(r"[^\w.]+", "-", name) + ".log")

    def command(self, *argv, env=None, timeout=1800):
        """Runs a command, keeps its output in the log, returns (exit status, output)."""
        with tempfile.TemporaryFile() as said:
            process = subprocess.Popen([str(a) for a in argv], cwd=ROOT, env=dict(os.environ, **(env or {})),
                                       stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT)
            late = threading.Timer(timeout, process.kill)
            late.start()
            _, how, used = os.wait4(process.pid, 0)
            late.cancel()
            said.seek(0)
            output = said.read().decode(errors="replace")
        status = os.waitstatus_to_exitcode(how)
        self.processor_seconds += used.ru_utime + used.ru_stime
        if status == -signal.SIGKILL:
            output += f"\nkilled; it may take {timeout} s"
        with self.log.open("a") as log:
            log.write(f"$ {' '.join(str(a) for a in argv)}\n{output}\n")
        return status, output

    def must(self, *argv, **options):
        """Runs a command that only prepares; its failure is one failed test with its words."""
        status, output = self.command(*argv, **options)
        if status != 0:
            self.fail(f"{' '.join(str(a) for a in argv)}: exit {status}\n{tail(output)}")
        return status == 0

    def fail(self, words):
        self.failed += 1
        self.words.append(words)

    def counted(self, *argv, **options):
        """Runs a command that closes with `N passed, N failed` or as unittest does."""
        status, output = self.command(*argv, **options)
        closing = re.findall(r"^(\d+) passed, (\d+) failed", output, re.M)
        unittest = re.search(r"^Ran (\d+) tests? in", output, re.M)
        if closing:
            passed, failed = int(closing[-1][0]), int(closing[-1][1])
        elif unittest:
            problems = re.search(r"^FAILED \((.*)\)", output, re.M)
            failed = sum(int(n) for n in re.findall(r"(?:failures|errors)=(\d+)", problems.group(1))) if problems else 0
            passed = int(unittest.group(1)) - failed
        else:
            passed, failed = 0, 0
        if status != 0 and failed == 0 or status == 0 and passed == 0:
            failed += 1  # it died, or ran nothing
        self.passed += passed
        self.failed += failed
        if failed:
            self.words.append(f"{' '.join(str(a) for a in argv)}: exit {status}\n{tail(output)}")


def tail(text, lines=60):
    return "\n".join(text.rstrip().splitlines()[-lines:])


def linker_for(compiler):
    """What makes Meson link with lld, in half the time of the usual linker, where it is there."""
    tried = subprocess.run([compiler, "-fuse-ld=lld", "-Wl,--version"], capture_output=True)
    return {"CXX_LD": "lld"} if tried.returncode == 0 else {}


def meson_step(step, folder, compiler, options, targets=(), suites=(), env=None):
    """Sets up a build folder, builds targets (all if none is named) and runs its tests."""
    build = BUILDS / folder
    environment = dict(env or {}, CXX=compiler, **linker_for(compiler))
    if not (build / "build.ninja").exists():
        if not step.must("meson", "setup", build, *options, env=environment):
            return
    if not step.must("ninja", "-C", build, "-j", JOBS, *targets, env=dict(environment, **FOR_COMPILERS)):
        return
    chosen = [word for suite in suites for word in ("--suite", suite)] or targets
    run_meson_tests(step, build, chosen, environment)


def run_meson_tests(step, build, chosen, environment=None, words=""):
    # The limits are for what hangs; a busy machine may be a few times slower than ours.
    argv = ["meson", "test", "-C", build, "--no-rebuild", "--num-processes", JOBS, "--timeout-multiplier", "4", *chosen]
    status, output = step.command(*argv, env=environment, timeout=3000)
    results = build / "meson-logs/testlog.json"
    tests = [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []
    for test in tests:  # where one program holds the tests of many files, a name that matches none would pass
        if re.search(r"test cases: +0 \|", test.get("stdout", "")):
            test["result"] = "NO TEST CASE"
    bad = [t for t in tests if t["result"] not in ("OK", "EXPECTEDFAIL", "SKIP")]
    step.passed += sum(t["result"] in ("OK", "EXPECTEDFAIL") for t in tests)
    for test in bad:
        said = tail(test.get("stdout", "") + test.get("stderr", ""))
        step.fail(f"{words}{' ' if words else ''}{test['name']}: {test['result']}\n{said}")
    if not tests or status != 0 and not bad:
        step.fail(f"{' '.join(str(a) for a in argv)}: exit {status}\n{tail(output)}")


SANITIZED = {"ASAN_OPTIONS": "detect_stack_use_after_return=1:detect_leaks=1",
             "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1", "TSAN_OPTIONS": "halt_on_error=1"}


# Built for debugging, but with no more of a debugger's tables than a sanitizer's report needs: a fifth less to compile.
DEBUG = ["--buildtype=plain", "-Doptimization=0"]
WITH_LINES = [*DEBUG, "-Dcpp_args=-g1"]
ALL_LAYERS = ["-Done_unit=true"]  # for builds that need all of them: less than half of the compiler's work


# How much is tested. QUICK leaves out none of our own tests, and takes of the proofs that go through hundreds of variants
# (a planted fault, a swap) a fixed part.
QUICK, USUAL, ALL = range(3)


def build_steps(level):
    """Unit tests in each build that must be right."""
    clang, gnu = os.environ.get("PERCORE_CLANG", "clang++-19"), "g++"
    test_suites = ("runtime", "simring", "tutor", "trace", "explore")
    ours = ["simring_all", "tools/tutor/tutor_tests", "trace_tests"]  # what learners never see the inside of
    units = ["runtime_tests", *ours, "explore_all"]
    # g++ 12 has faults of its own in coroutines, other ones with and without optimisation.
    coroutines = ["task", "executor", "io", "timer", "combinators"]
    of_coroutines = [f"runtime/tests/{name}{kernel}_test" for name in coroutines for kernel in ("", "_simulated")]

    def build(name, folder, compiler, options, targets=(), suites=test_suites):
        return Step(name, lambda step: meson_step(step, folder, compiler, ["--werror", *options], targets, suites, SANITIZED))

    def flat(name, sanitizer):  # one file of tests: it costs less than a precompiled header
        return build(f"flat stack, {name}, g++", f"gcc-{sanitizer}", gnu,
                     [*WITH_LINES, "-Db_pch=false", f"-Db_sanitize={sanitizer}"],
                     ["runtime/tests/flat_stack_test"], ["flat_stack"])

    steps = [
        build("ASan and UBSan, clang", "asan", clang, [*WITH_LINES, *ALL_LAYERS, "-Db_sanitize=address,undefined"],
              ["runtime_tests", *(ours if level >= USUAL else [])],
              ["runtime", *(["simring", "tutor", "trace"] if level >= USUAL else [])]),
        build("TSan, clang", "tsan", clang, [*WITH_LINES, *ALL_LAYERS, "-Db_sanitize=thread"],
              ["runtime_thread_tests", "tools/simring/tests/threads_sample"], ["threads"]),
        build("coroutines in debug, g++", "gcc-debug", gnu, DEBUG, of_coroutines, coroutines),
        build("release, g++", "gcc", gnu, ["--buildtype=release", *ALL_LAYERS], ["runtime_tests"], ["runtime"]),
    ]
    if level >= USUAL:
        steps += [flat("ASan", "address"), flat("UBSan", "undefined"), flat("TSan", "thread")]
    if level >= ALL:
        steps.append(build("debug, clang", "debug", clang, ["--buildtype=debug"], units))
        steps.append(build("debug, g++", "gcc-debug-all", gnu, ["--buildtype=debug"], units))
        steps.append(build("release with ASan and UBSan, clang", "asan-release", clang,
                           ["--buildtype=release", "-Db_sanitize=address,undefined"],
                           units))
        steps.append(build("without precompiled headers or optimisation, g++ with ASan", "gcc-asan", gnu,
                           ["--buildtype=debug", "-Db_sanitize=address,undefined", "-Db_pch=false"],
                           units))
    return steps


def first_users(modules):
    """module: the lowest of `modules` that includes a header of it, in a list; an empty one where none does."""
    owner = {path.name: path.parents[1].name for path in ROOT.glob("runtime/*/percore/*.hpp")}
    users = {module: [] for module in modules}
    for user in modules:
        files = [*(ROOT / "runtime" / user).rglob("*.[ch]pp"), ROOT / f"runtime/contracts/percore/contract/{user}.hpp"]
        text = "".join(path.read_text() for path in files)
        for used in {owner.get(header) for header in re.findall(r"#include <percore/(\w+\.hpp)>", text)} - {user}:
            users[used] = users.get(used) or [user]
    return users


def put_in_place(folder, sources):
    """Makes `folder` hold the files of `sources`, {path in it: text}; a file that is as it should be keeps its time."""
    wanted = {folder / path: text for path, text in sources.items()}
    for path in list(folder.rglob("*")):
        if path.is_file() and path not in wanted:
            path.unlink()
    for path, text in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text() != text:
            path.write_text(text)


def swaps(step, level):
    """The plain answers in place of ours. That is the proof that the contracts suffice.

    Each module alone: its own tests, and those of the first of ours that uses it. What a learner has at the end of each
    lesson: the tests of that lesson's modules, and all tests at the end of the last; at `QUICK` that last one only. At `ALL`
    each prefix of the layers, too, and all tests each time.

    The build takes every module from a folder of copies, ours or the answer's: a swap compiles what sees another text
    than before, and nothing else.
    """
    lesson_of, clang = lesson_modules(), os.environ["PERCORE_CLANG"]
    modules, users = list(lesson_of), first_users(list(lesson_of))
    build = BUILDS / ("swap" if level >= USUAL else "swap-of-all")
    layers = BUILDS / "swap-layers"
    choices = [(modules, ["runtime"])]
    if level >= USUAL:
        alone = [([module], [module, *users[module]]) for module in reversed(modules)]
        choices = alone + [([m for m in modules if lesson_of[m] <= lesson], [m for m in modules if lesson_of[m] == lesson])
                           for lesson in sorted(set(lesson_of.values()))[:-1]] + choices
    if level >= ALL:
        choices += [(modules[:n], ["runtime"]) for n in range(1, len(modules))]

    def take(choice):
        for module, lesson in lesson_of.items():
            ours = files_below(ROOT / "runtime" / module)
            answer = files_below(ROOT / "solutions" / lesson / module)
            # A part that only ours has is empty in the answer's place: the build's list of files stays the same.
            nothing = {path: "" for path in ours if path.endswith(".cpp")}
            put_in_place(layers / lesson / module, nothing | answer if module in choice else ours)

    take([])
    if not (build / "build.ninja").exists():
        environment = {"CXX": clang, **linker_for(clang)}
        if not step.must("meson", "setup", build, "--werror", *DEBUG, *([] if level >= USUAL else ALL_LAYERS),
                         f"-Dmine={','.join(modules)}",
                         f"-Dmine_root={layers.relative_to(ROOT)}", env=environment):
            return
    _, listed = step.command("meson", "introspect", build, "--tests")
    tests = json.loads(listed)
    for choice, suites in choices:
        words = f"the answer's {', '.join(choice)}:"
        suites = ["runtime"] if level >= ALL else suites
        take(choice)
        programs = [os.path.relpath(test["cmd"][0], build) for test in tests
                    if any(suite.split(":")[-1] in suites for suite in test["suite"])]
        if not programs:
            step.fail(f"{words} no test is of {', '.join(suites)}")
        elif step.must("ninja", "-C", build, "-j", JOBS, *programs, env=FOR_COMPILERS):
            run_meson_tests(step, build, [word for suite in suites for word in ("--suite", suite)], words=words)


def files_below(folder):
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    more = parser.add_mutually_exclusive_group()
    more.add_argument("--quick", dest="level", action="store_const", const=QUICK, default=USUAL,
                      help="while one works: without most wrong solutions, single swaps, and our tools under ASan")
    more.add_argument("--all", dest="level", action="store_const", const=ALL,
                      help="every wrong solution with sanitizers, and all configurations; takes hours")
    parser.add_argument("--only", metavar="WORD", help="only the steps whose name has WORD in it")
    parser.add_argument("--list", action="store_true", help="name the steps and end")
    parser.add_argument("--times", action="store_true", help="say how long each step took")
    options = parser.parse_args()

    LOGS.mkdir(parents=True, exist_ok=True)
    main_build = ROOT / "build"
    python = sys.executable

    def release(step):
        meson_step(step, "..", os.environ["CXX"], [])

    def matrix(step):
        step.counted(python, "tools/matrix.py", *[["--quick"], [], ["--all-seeds"]][options.level])

    def unittests(step, folder):
        step.counted(python, "-m", "unittest", "discover", "-s", folder, "-p", "*test*.py")

    steps = [Step("release, clang", release, alone=True)]
    steps += [Step("exercise matrix", matrix, alone=True)]
    # Each of these is mostly one process after another: builds go on beside them.
    steps += [Step("tutor", lambda s: unittests(s, "tools/tutor/tests"))]
    steps += [Step("hostile programs", lambda s: unittests(s, "tools/hostile"))]
    steps += [Step("bench's arithmetic", lambda s: unittests(s, "tools/benchmarks/tests"))]
    steps += [Step("a program of one's own", lambda s: unittests(s, "tools/own_program"))]
    steps += [Step("tree checks' own tests", lambda s: unittests(s, "tools/tree/tests"))]
    steps += [Step("layers", lambda s: s.counted(python, "tools/tree/layers.py"))]
    steps += [Step("format", lambda s: s.counted(python, "tools/tree/format.py"))]
    steps += [Step("includes", lambda s: s.counted(python, "tools/tree/includes.py"))]
    steps += [Step("coroutine rules", lambda s: s.counted(python, "tools/tree/coroutine_rules.py"))]
    steps += [Step("Markdown", lambda s: s.counted(python, "tools/tree/markdown.py", "--check"))]
    steps += build_steps(options.level)
    steps += [Step("swaps: the plain answers in place of ours", lambda s: swaps(s, options.level))]

    if options.only:
        steps = [s for s in steps if options.only.lower() in s.name.lower()]
    if options.list or not steps:
        print("\n".join(s.name for s in steps) or f"no step's name has {options.only!r} in it; try --list")
        return 0 if options.list else 2

    lock = threading.Lock()
    terminal = sys.stderr.isatty()
    running = []

    def show():
        if terminal:
            done = sum(s.seconds > 0 for s in steps)
            print(f"\r\033[K[{done}/{len(steps)}] {'; '.join(s.name for s in running)}", end="", file=sys.stderr)

    def perform(step):
        step.log.unlink(missing_ok=True)
        with lock:
            running.append(step)
            show()
        start = time.monotonic()
        try:
            step.run(step)
        except Exception as error:  # the runner's own mistake is a failure too, never silence
            step.fail(f"{type(error).__name__}: {error}")
        step.seconds = time.monotonic() - start
        with lock:
            running.remove(step)
            show()
            if step.failed:
                print(f"{chr(13) if terminal else ''}FAILED: {step.name} (log: {step.log.relative_to(ROOT)})")
                for words in step.words:
                    print("  " + words.replace("\n", "\n  "))

    for step in [s for s in steps if s.alone]:
        perform(step)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(perform, [s for s in steps if not s.alone]))
    if terminal:
        print("\r\033[K", end="", file=sys.stderr)
    if options.times:
        for step in sorted(steps, key=lambda s: -s.seconds):
            print(f"{step.seconds:7.1f} s  {step.processor_seconds:7.1f} of processors  {step.passed:4} passed  {step.name}")
    passed, failed = sum(s.passed for s in steps), sum(s.failed for s in steps)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
