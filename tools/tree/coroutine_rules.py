#!/usr/bin/env python3
"""Finds, by text, what g++ 12 silently miscompiles in coroutines, and what no compiler forgives.

    coroutine_rules.py [FILE...]     without files: the whole tree

Prints "file:line: what stands there, and what to write instead" for each find; exit status 1 when there is one.
The tree check runs it over our code, and the tutor over a learner's file when their compiler failed the probe.
A line ending in "// rule: ..." is let through: its author says why it is right.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = ("runtime", "lessons", "exercises", "solutions", "tools")
# The probe and the bad example of a lesson hold the patterns on purpose.
LEFT_OUT = ("tools/compiler_probe/",)

TOKENS = re.compile(r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])\'', re.S)


def blanked(text):
    """The text with comments and literals turned into spaces: places and lines stay where they were."""
    return TOKENS.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)


def opening_bracket(text, at):
    """The place of the innermost ( { or [ that is open at `at`, or -1."""
    depth = 0
    for i in range(at - 1, -1, -1):
        if text[i] in ")}]":
            depth += 1
        elif text[i] in "({[":
            if depth == 0:
                return i
            depth -= 1
    return -1


def statement_start(text, at):
    """Where the statement around `at` begins: behind the last ; { or } that is not within brackets."""
    depth = 0
    for i in range(at - 1, -1, -1):
        if text[i] in ")]":
            depth += 1
        elif text[i] in "([":
            depth -= 1
            if depth < 0:
                depth = 0
        elif text[i] in ";{}" and depth == 0:
            return i + 1
    return 0


def behind_conditions(text, begin, at):
    """Where the statement begins that `if (...)`, `while (...)` and the like before it only govern."""
    while head := re.match(r"\s*(?:else\b\s*)?(?:if|while|for|switch)\s*(?:constexpr\s*)?(?=\()|\s*else\b", text[begin:at]):
        begin += head.end()
        depth = 0
        for i in range(begin, at if text[begin] == "(" else begin):
            depth += {"(": 1, ")": -1}.get(text[i], 0)
            if depth == 0:
                begin = i + 1
                break
    return begin


def expression_end(text, at):
    """Where the awaited expression ends: its ; or the bracket that closes around it."""
    depth = 0
    for i in range(at, len(text)):
        if text[i] in "([{":
            depth += 1
        elif text[i] in ")]}":
            if depth == 0:
                return i
            depth -= 1
        elif text[i] in ";," and depth == 0:
            return i
    return len(text)


def in_condition(text, at):
    """The keyword in whose round brackets the await stands, or ''."""
    while (at := opening_bracket(text, at)) >= 0:
        if text[at] == "{":
            return ""
        before = re.search(r"\b(if|while|for|switch)\s*(constexpr\s*)?$", text[max(0, at - 30):at])
        if text[at] == "(" and before:
            return before[1]
    return ""


def findings(text):
    clean = blanked(text)
    lines = text.split("\n")
    for match in re.finditer(r"(?<!operator )\bco_await\b", clean):
        at = match.start()
        line = clean.count("\n", 0, at) + 1
        if "// rule:" in lines[line - 1]:
            continue
        if keyword := in_condition(clean, at):
            yield line, (f"co_await in the condition of `{keyword}`: the task may never end. "
                         "Write `const auto x = co_await ...;` first, then test x")
            continue
        begin, end = behind_conditions(clean, statement_start(clean, at), at), expression_end(clean, match.end())
        if re.search(r"(?<!\w)&&\s|\|\||\?", re.sub(r"[\w>]&&", "", clean[begin:at])) or \
                re.match(r"\s*(&&|\|\||\?)", clean[end:]) or re.search(r"(?<!auto)\s(&&|\|\|)\s|\s\?\s", clean[at:end]):
            yield line, "co_await beside &&, || or ?:. Await into a variable first"
        awaited = clean[match.end():end]
        if re.search(r"[(,]\s*\[\s*[^\]\s][^\]]*\]\s*[({m]", awaited):
            yield line, "a lambda with captures made inside a co_await is destroyed twice. Name it first, then move it in"
        if re.search(r"[(,]\s*\{", awaited):
            yield line, "a braced list inside a co_await is refused or destroyed twice. Name the argument first"
        if re.search(r"\bnew\b[^;]*$", clean[begin:at]):
            yield line, "co_await inside a new-expression. Await into a variable first"
    for match in re.finditer(r"\[\s*[^\]\s][^\]]*\]\s*\([^()]*\)[^;{}]*->\s*(percore::)?Task\s*<[^;{}]*>\s*\{", clean):
        line = clean.count("\n", 0, match.start()) + 1
        if "// rule:" not in lines[line - 1]:
            yield line, ("a coroutine that is a lambda with captures: they die with the lambda, while the coroutine "
                         "lives on. Pass them as parameters, by value")


def tree():
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            name = path.relative_to(ROOT).as_posix()
            if path.suffix in (".cpp", ".hpp") and not name.startswith(LEFT_OUT):
                yield path


def main(words):
    found, files, bad_files = 0, 0, 0
    for path in map(pathlib.Path, words) if words else tree():
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            print(f"{path} cannot be read: {error.strerror}", file=sys.stderr)
            return 3
        before = found
        for line, sentence in findings(text):
            print(f"{path}:{line}: {sentence}")
            found += 1
        files += 1
        bad_files += found > before
    if not words:
        print(f"{files - bad_files} passed, {bad_files} failed")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
