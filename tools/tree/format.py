#!/usr/bin/env python3
"""Checks the form of the sources: clang-format's for C++, and the length of lines; and that nothing lies at the top of the
tree but what belongs there. Prints `N passed, N failed`, a file each. `--write` lets clang-format put right what it can.
"""
import argparse
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
COLUMNS_MAX = {".cpp": 100, ".hpp": 100, ".py": 130, ".sh": 130, ".build": 130}
# Beside the files with a dot. What a test that was killed left behind has been committed from here before.
TOP_LEVEL = {"LICENSE", "README.md", "docs", "exercises", "lessons", "meson.build", "meson_options.txt", "runtime", "solutions",
             "tools"}
# Newer versions first: they differ in details, and one of them must decide.
FORMATTERS = ["clang-format-19", "clang-format"]


def files(*patterns):
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", *patterns], cwd=ROOT, text=True,
                            capture_output=True, check=True).stdout.split("\n")
    return [name for name in listed if name and (ROOT / name).is_file()]


def badly_formatted(formatter, names):
    """File name -> the first line that clang-format would change."""
    run = subprocess.run([formatter, "--dry-run", *names], cwd=ROOT, text=True, capture_output=True)
    lines = {}
    for name, line in re.findall(r"^(.+?):(\d+):\d+: (?:warning|error): code should be clang-formatted", run.stderr, re.M):
        lines.setdefault(name, int(line))
    if run.returncode != 0 and not lines:
        sys.exit(f"{formatter} failed: {run.stderr.strip()}")
    return lines


def too_long(name):
    text = (ROOT / name).read_text(errors="replace")
    limit = COLUMNS_MAX[pathlib.Path(name).suffix]
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > limit and "http" not in line:
            return f"{name}:{number}: {len(line)} columns; at most {limit}"
        if line != line.rstrip() or "\t" in line:
            return f"{name}:{number}: a tab, or blanks at the end of the line"
    return None


def strangers():
    """What git keeps at the top of the tree and does not belong there. What one only has lying there is one's own."""
    kept = subprocess.run(["git", "ls-files"], cwd=ROOT, text=True, capture_output=True, check=True).stdout.splitlines()
    return sorted(top for top in {name.split("/")[0] for name in kept} - TOP_LEVEL if not top.startswith("."))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="let clang-format put right what it can")
    options = parser.parse_args()

    formatter = next((name for name in FORMATTERS if shutil.which(name)), None)
    if formatter is None:
        sys.exit("format: clang-format is missing; install the package clang-format-19 or clang-format")
    cpp = files("*.cpp", "*.hpp")
    if options.write:
        subprocess.run([formatter, "-i", *cpp], cwd=ROOT, check=True)
    unformatted = badly_formatted(formatter, cpp)

    passed = failed = 0
    for name in files(*(f"*{suffix}" for suffix in COLUMNS_MAX)):
        wrong = too_long(name)
        if name in unformatted:
            wrong = f"{name}:{unformatted[name]}: not as {formatter} has it: tools/tree/format.py --write mends it"
        if wrong:
            print(wrong)
        failed += bool(wrong)
        passed += not wrong
    for name in strangers():
        print(f"{name}: does not belong at the top of the tree, where git keeps it")
        failed += 1
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
