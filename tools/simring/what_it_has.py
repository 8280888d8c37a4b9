#!/usr/bin/env python3
"""Lists what the simulated ring has, as its sources have it.

    what_it_has.py operations    opcodes of io_uring, and functions of liburing
    what_it_has.py rules         what it watches

docs/reference/simulated-ring.md quotes both, so that the page cannot fall behind.
"""
import pathlib
import re
import sys
import textwrap

PREFIX = re.compile(r"\n\s+///<")
FOLDER = pathlib.Path(__file__).resolve().parent


def listed(title, names):
    names = sorted(names)
    print(f"{title} ({len(names)})")
    print(textwrap.fill(" ".join(names), width=110, initial_indent="  ", subsequent_indent="  ",
                        break_long_words=False, break_on_hyphens=False))
    print()


def operations():
    table = (FOLDER / "opcodes.cpp").read_text()
    opcodes = set(re.findall(r'"IORING_OP_(\w+)"', table))
    without = set(re.findall(r'\{\.name = "IORING_OP_(\w+)"\}', table))
    functions = set()
    for source in FOLDER.glob("*.cpp"):
        if source.name != "unsupported.cpp":
            functions |= set(re.findall(r"^\w[\w \*]*?\b(?:__)?(io_uring_\w+)\(", source.read_text(), re.M))
    missing = set(re.findall(r"^NOT_SIMULATED\((\w+)\)", (FOLDER / "unsupported.cpp").read_text(), re.M))
    listed("opcodes", opcodes - without)
    listed("opcodes that complete with EINVAL, as on an older kernel", without)
    listed("functions of liburing, each with io_uring_ before it", {short(name) for name in functions - missing})
    listed("functions that end the program with a sentence", {short(name) for name in missing})


def short(name):
    return name.removeprefix("io_uring_")


def rules():
    header = (FOLDER / "percore/sim.hpp").read_text()
    body = re.search(r"enum class Rule.*?\{(.*?)^\};", header, re.M | re.S).group(1)
    for name, words in re.findall(r"^ +(\w+),\s+///< (.*(?:\n +///< .*)*)", body, re.M):
        print(f"{name:<20} {re.sub(PREFIX, '', words)}")


if __name__ == "__main__":
    {"operations": operations, "rules": rules}[sys.argv[1] if len(sys.argv) == 2 else "operations"]()
