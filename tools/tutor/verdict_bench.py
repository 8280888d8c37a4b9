#!/usr/bin/env python3
"""From saving a file to the verdict, exercise by exercise.

    tools/bench verdict [--lesson 01] [--rounds 9] [--first-only] [--json FILE]

Each round changes one file of the plain answer, as a save would, and takes the time until `./tools/percore check` has printed
its verdict: compiling, linking, every check over all its seeds, on the simulated ring and on the kernel's. Where an exercise has
steps, that of the step at hand is told before the others are looked at: it is measured for each step, and the longest counts. A
terminal is told of a catch exercise first whether the learner's checks pass with the right module: that note is waited for.
The sanitizers' verdict, which follows, is measured apart. What is told first is to come below a second for every file.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
TUTOR = ROOT / "build" / "tools" / "tutor" / "percore-tutor"
LIMIT_SECONDS = 1.0


def exercises(lesson):
    """(number, name, kind, files, steps) of each, from the lesson's README."""
    text = (ROOT / "exercises" / lesson / "README.md").read_text()
    for part in re.split(r"^(?=## \d)", text, flags=re.M)[1:]:
        number, name = re.match(r"## (\S+) `?(\w+)`?:", part).groups()
        listed = re.search(r"^steps: (.*)$", part, re.M)
        steps = [step.rsplit(" ", 1)[0] for step in listed[1].split(", ")] if listed else []
        kind = re.search(r"^kind: (.*)$", part, re.M)[1]
        yield number, name, kind, re.search(r"^files: (.*)$", part, re.M)[1].split(), steps


def check(name, folder, *words):
    begin = time.perf_counter()
    result = subprocess.run([TUTOR, "--root", ROOT, "check", name, "--from", folder, *words],
                            capture_output=True, text=True, stdin=subprocess.DEVNULL)
    seconds = time.perf_counter() - begin
    if result.returncode != 0:
        sys.exit(f"The plain answer of {name} does not pass, so its verdict is not measured:\n{result.stdout}{result.stderr}")
    return seconds


def seconds_to_words(name, folder, words):
    """Until they stand on a terminal, as a note that is written over."""
    main, side = os.openpty()
    begin = time.perf_counter()
    with subprocess.Popen([TUTOR, "--root", ROOT, "check", name, "--from", folder, "--no-sanitizers"], stdin=subprocess.DEVNULL,
                          stdout=side, stderr=side) as process:
        os.close(side)
        read, seconds = b"", None
        try:
            while more := os.read(main, 4096):
                read += more
                if seconds is None and words in read:
                    seconds = time.perf_counter() - begin
        except OSError:  # a terminal whose program has ended
            pass
        os.close(main)
    if process.returncode != 0 or seconds is None:
        sys.exit(f"The plain answer of {name} does not pass, or nothing says \"{words.decode()}\":\n{read.decode()}")
    return seconds


def save(path, round_number):
    """Changes the file so that the compiler has work, and its meaning not."""
    mark = "#" if path.suffix == ".txt" else "//"
    with open(path, "a") as file:
        file.write(f"{mark} round {round_number}\n")


def seconds_of_step(folder, file, name, step, rounds):
    for round_number in range(rounds):
        save(folder / file, f"{round_number} of {step}")
        yield check(name, folder, "--no-sanitizers", "--step", step)


def lessons(wanted):
    """The folders of solutions that begin with one of the words; all where there is none."""
    there = sorted(folder.name for folder in (ROOT / "solutions").iterdir() if folder.is_dir())
    for word in wanted:
        if not any(name.startswith(word) for name in there):
            sys.exit(f"There is no lesson {word}; there are {', '.join(there)}.")
    return [name for name in there if any(name.startswith(word) for word in wanted or [""])]


def measure(lesson, rounds, first_only):
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary) / lesson
        shutil.copytree(ROOT / "solutions" / lesson, folder)
        for number, name, kind, files, steps in exercises(lesson):
            if not all((folder / file).exists() for file in files):
                continue
            check(name, folder, *["--no-sanitizers"] * first_only)  # the first compiles everything
            for file in files:
                seconds = []
                for round_number in range(rounds):
                    save(folder / file, round_number)
                    seconds.append(check(name, folder, "--no-sanitizers"))
                whole = statistics.median(seconds)
                row = {"exercise": number, "file": file, "first_seconds": whole, "median_seconds": whole,
                       "min_seconds": min(seconds), "max_seconds": max(seconds)}
                if steps:
                    row["first_seconds"] = max(
                        statistics.median(seconds_of_step(folder, file, name, step, rounds)) for step in steps)
                if kind == "catch":
                    first = []
                    for round_number in range(rounds):
                        save(folder / file, f"{round_number} on a terminal")
                        first.append(seconds_to_words(name, folder, b"wrong ones are tried"))
                    row["first_seconds"] = statistics.median(first)
                print(f"{number}  {file:<42} {row['first_seconds']:6.2f} s   all {whole:.2f} ({row['min_seconds']:.2f} to "
                      f"{row['max_seconds']:.2f})", end="", flush=True)
                if not first_only:
                    both = []
                    for round_number in range(max(1, rounds // 3)):
                        save(folder / file, rounds + round_number)
                        both.append(check(name, folder))
                    row["with_sanitizers_median_seconds"] = statistics.median(both)
                    print(f"   with sanitizers {row['with_sanitizers_median_seconds']:.2f}", end="")
                print(flush=True)
                rows.append(row)
    return rows


def main():
    parser = argparse.ArgumentParser(prog="tools/bench verdict", description=__doc__.split("\n")[0])
    parser.add_argument("--lesson", action="append", default=[], help="this one, 05 say; may be repeated; default all")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--first-only", action="store_true", help="leave out the verdict with sanitizers, which follows")
    parser.add_argument("--json", type=pathlib.Path)
    options = parser.parse_args()
    if not TUTOR.exists():
        sys.exit("The tutor is not built: run tools/percore --version once.")
    rows = [row for lesson in lessons(options.lesson) for row in measure(lesson, options.rounds, options.first_only)]
    first = statistics.median(row["first_seconds"] for row in rows)
    median = statistics.median(row["median_seconds"] for row in rows)
    longer = sum(row["first_seconds"] >= LIMIT_SECONDS for row in rows)
    print(f"median from save to what is told first: {first:.2f} s, to all: {median:.2f} s; {longer} of {len(rows)} files take "
          f"{LIMIT_SECONDS:.2f} s or longer to what is told first")
    if options.json:
        options.json.write_text(json.dumps({"first_seconds": first, "median_seconds": median, "rows": rows}, indent=2) + "\n")
    return 0 if longer == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
