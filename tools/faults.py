"""Planted faults: what they are made of, and how they are put into a file.

A fault is a file tools/faults/NN-lesson/<exercise>/<name>.fault:

    misconception: a short submit is taken for a complete one
    check: errors_that_pass_leave_the_entries_queued
    says: unsubmitted() says
    file: ring/ring.cpp
    <<<<<<<
    text that stands exactly once in the plain answer
    =======
    what the one who misunderstood would have written
    >>>>>>>

`check` is one of the checks that must reject it, and `says` a piece of what that check then says: the message for
that misconception. `sanitizers: yes` marks a fault that only the second verdict can see. More replacements may
follow, each with its own `file:` where it differs.
"""

import dataclasses
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent


class FaultError(Exception):
    """A fault file that cannot be used: what is wrong, and where."""


@dataclasses.dataclass
class Change:
    file: str
    search: str
    replace: str


@dataclasses.dataclass
class Fault:
    path: pathlib.Path
    exercise: str
    name: str
    misconception: str = ""
    check: str = ""
    says: str = ""
    sanitizers: bool = False
    changes: list = dataclasses.field(default_factory=list)

    def apply(self, texts):
        """Changes `texts` (file name -> text) in place."""
        for change in self.changes:
            if change.file not in texts:
                raise FaultError(f"{self.path}: there is no file {change.file} in the answer")
            count = texts[change.file].count(change.search)
            if count != 1:
                raise FaultError(f"{self.path}: the text to replace stands {count} times in {change.file}, not once:\n"
                                 f"{change.search}")
            texts[change.file] = texts[change.file].replace(change.search, change.replace)


def read_fault(path):
    fault = Fault(path, path.parent.name, path.stem)
    file = ""
    lines = path.read_text().splitlines(keepends=True)
    at = 0
    while at < len(lines):
        line = lines[at].rstrip("\n")
        at += 1
        if not line or line.startswith("#"):
            continue
        if line == "<<<<<<<":
            parts = [[], []]
            part = 0
            while at < len(lines) and lines[at].rstrip("\n") != ">>>>>>>":
                if lines[at].rstrip("\n") == "=======":
                    part = 1
                else:
                    parts[part].append(lines[at])
                at += 1
            if at == len(lines) or part == 0 or not file:
                raise FaultError(f"{path}: a replacement wants file:, <<<<<<<, =======, >>>>>>>")
            at += 1
            fault.changes.append(Change(file, "".join(parts[0]), "".join(parts[1])))
            continue
        key, colon, value = line.partition(":")
        value = value.strip()
        if key == "file":
            file = value
        elif key == "sanitizers":
            fault.sanitizers = value == "yes"
        elif key in ("misconception", "check", "says"):
            setattr(fault, key, value)
        else:
            raise FaultError(f"{path}: line {at} is neither a field nor a replacement: {line}")
    if not fault.misconception or not fault.changes:
        raise FaultError(f"{path}: a fault needs a misconception and a replacement")
    return fault


def faults_of(lesson, exercise):
    folder = ROOT / "tools" / "faults" / lesson / exercise
    return [read_fault(path) for path in sorted(folder.glob("*.fault"))]


@dataclasses.dataclass
class Exercise:
    lesson: str
    number: str
    name: str
    kind: str = ""
    files: list = dataclasses.field(default_factory=list)


def exercises():
    """All exercises, from the READMEs that the tutor reads too."""
    found = []
    for readme in sorted(ROOT.glob("exercises/*/README.md")):
        for line in readme.read_text().splitlines():
            if match := re.match(r"## (\d+\.\d+) (\w+):", line):
                found.append(Exercise(readme.parent.name, match[1], match[2]))
            elif found and (match := re.match(r"(kind|files): (.*)", line)):
                if match[1] == "kind" and not found[-1].kind:
                    found[-1].kind = match[2].strip()
                elif match[1] == "files" and not found[-1].files:
                    found[-1].files = match[2].split()
    return found
