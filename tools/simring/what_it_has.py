#!/usr/bin/env python3
"""Lists what the simulated ring has of io_uring, as its sources have it: opcodes, and functions of liburing.

docs/reference/simulated-ring.md quotes it, so that the page cannot fall behind.
"""
import pathlib
import re
import textwrap

FOLDER = pathlib.Path(__file__).resolve().parent


def listed(title, names):
    names = sorted(names)
    print(f"{title} ({len(names)})")
    print(textwrap.fill(" ".join(names), width=110, initial_indent="  ", subsequent_indent="  ",
                        break_long_words=False, break_on_hyphens=False))
    print()


def main():
    table = (FOLDER / "opcodes.cpp").read_text()
    opcodes = set(re.findall(r'"IORING_OP_(\w+)"', table))
    without = set(re.findall(r'\{\.name = "IORING_OP_(\w+)"\}', table))
    functions = set()
    for source in FOLDER.glob("*.cpp"):
        if source.name != "unsupported.cpp":
            functions |= set(re.findall(r"^\w[\w \*]*?\b(?:__)?(io_uring_\w+)\(", source.read_text(), re.M))
    missing = set(re.findall(r"^NOT_SIMULATED\((\w+)\)", (FOLDER / "unsupported.cpp").read_text(), re.M))
    strip = lambda names: {name.removeprefix("io_uring_") for name in names}
    listed("opcodes", opcodes - without)
    listed("opcodes that complete with EINVAL, as on an older kernel", without)
    listed("functions of liburing, each with io_uring_ before it", strip(functions - missing))
    listed("functions that end the program with a sentence", strip(missing))


main()
