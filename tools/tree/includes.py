#!/usr/bin/env python3
"""Checks how files include one another. Prints `N passed, N failed`, a file each.

1. No `..` in an include: it walks around the order of the layers, which the include path keeps.
2. A module's header is included with angle brackets, <percore/ring.hpp>: quotes would find the file that lies beside the
   includer, and not the learner's.
3. What is included with quotes lies beside the includer, or in the same part of the tools.
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]', re.M)


def cpp_files():
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "*.cpp", "*.hpp"], cwd=ROOT, text=True,
                            capture_output=True, check=True).stdout.split("\n")
    return [ROOT / name for name in listed if name and (ROOT / name).is_file()]


def module_headers():
    return {path.name for path in ROOT.glob("runtime/*/percore/*.hpp")}


def wrongs(path, text, modules):
    for match in INCLUDE.finditer(text):
        bracket, name = match.groups()
        where = f"{path.relative_to(ROOT)}:{text.count(chr(10), 0, match.start()) + 1}"
        parts = name.split("/")
        if ".." in parts:
            yield f"{where}: includes {name}: an include may not walk up the tree, see docs/reference/architecture.md"
        elif bracket == '"' and (module := parts[-1]) in modules and name in (module, f"percore/{module}"):
            yield f"{where}: includes \"{name}\" with quotes: write #include <percore/{module}>, which finds the learner's"
        elif bracket == '"' and not any((folder / name).is_file() for folder in [path.parent, *path.parent.parents]
                                        if folder.is_relative_to(ROOT)):
            yield f"{where}: includes \"{name}\" with quotes, and it does not lie beside it: use angle brackets"


def main():
    modules = module_headers()
    passed = failed = 0
    for path in cpp_files():
        found = list(wrongs(path, path.read_text(errors="replace"), modules))
        print("".join(sentence + "\n" for sentence in found), end="")
        failed += bool(found)
        passed += not found
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
