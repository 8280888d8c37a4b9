#!/usr/bin/env python3
"""Keeps the Markdown true: what it quotes is drawn from files and runs, and what it points at is there.

    tools/tree/markdown.py --check    says where a quotation has drifted or a link leads nowhere; exit status 1 if so
    tools/tree/markdown.py --write    renews the quotations

Marks, each on the line before a code block:
    <!-- from: lessons/01-hello-world/smallest.cpp -->             the whole file
    <!-- from: lessons/01-hello-world/parts/raw_ring.cpp#harvest -->      the definition of `submit`, with the comment above it
    <!-- output: hello --count -->                                 what that program prints (build directory, same folder)
    <!-- run: ./tools/percore list -->                             what that command prints at the top of the tree
and one on a line of its own, for a drawing that a command makes ({} stands for the file):
    <!-- picture: pictures/ten-tasks.svg; ./tools/percore trace 01 --seed 7 --svg {} -->
and one on the line before a table that a command prints as Markdown, of what was recorded:
    <!-- table: tools/bench growth --recorded --series mesh -->
An output may end in `; vary: REGEX`: what matches is compared as equal, and so is the width of blanks.

Besides these it checks: links between files and to headings; the exercises' READMEs (fields, steps, three hints, files);
that each invariant of a contract has its anchor in the lesson; that each heading which a check cites is there.
Closes with `N passed, N failed`.
"""

import argparse
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
MARK = re.compile(r"^<!-- (from|output|run): (.*?)(?:; vary: (.*?))? -->\n(```[a-z]*\n)(.*?)(^```$)", re.M | re.S)
PICTURE = re.compile(r"^<!-- picture: (\S+); (.*?) -->$", re.M)
TABLE = re.compile(r"^<!-- table: (.*?) -->\n((?:\|.*\n)*)", re.M)
FENCE = re.compile(r"^```.*?^```$", re.M | re.S)
LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)|<img src=\"([^\"]+)\"")
HEADING = re.compile(r"^#{1,6} (.*)$", re.M)
OUTPUT_SECONDS_MAX = 300

problems: list[str] = []
counted: dict[str, int] = {"quotations": 0, "outputs": 0, "tables": 0, "pictures": 0, "links": 0, "exercises": 0, "invariants": 0,
                           "citations": 0}


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def problem(path: Path, text: str, position: int, sentence: str) -> None:
    problems.append(f"{shown(path)}:{text.count(chr(10), 0, position) + 1}: {sentence}")


def markdown_files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "*.md"], cwd=ROOT, text=True,
                            capture_output=True, check=True).stdout.split("\n")
    return [ROOT / name for name in listed if name and (ROOT / name).exists()]


# ---- quotations

def definition(source: str, name: str) -> str | None:
    """The definition of a class or function, from the comment above it to the brace at its own indentation."""
    lines = source.split("\n")
    for begin, line in enumerate(lines):
        starts_type = re.match(rf"\s*(class|struct) {re.escape(name)}\b", line)
        starts_function = re.match(rf"\s*[A-Za-z_].*\b{re.escape(name)}\(", line) and "return" not in line
        if not (starts_type or starts_function):
            continue
        indentation = re.match(r"\s*", line).group()
        if "{" in line and line.rstrip().endswith(("}", "};")):  # all of it on one line
            return line[len(indentation):] + "\n"
        for end in range(begin, len(lines)):
            if lines[end].rstrip() in (indentation + "}", indentation + "};"):
                while begin > 0 and lines[begin - 1].strip().startswith("//"):
                    begin -= 1
                return "\n".join(cut[len(indentation):] for cut in lines[begin:end + 1]) + "\n"
            if lines[end].rstrip().endswith(";") and "{" not in "".join(lines[begin:end + 1]):
                break  # only a declaration
    return None


def quoted_file(what: str) -> tuple[str | None, str]:
    name, _, symbol = what.partition("#")
    path = ROOT / name
    if not path.is_file():
        return None, f"quotes {name}, which is not there"
    source = path.read_text()
    if not symbol:
        return source, ""
    cut = definition(source, symbol)
    return cut, f"quotes {symbol} of {name}, which has no such definition"


def quoted_output(path: Path, command: list[str], build: Path) -> tuple[str | None, str]:
    program = build / path.parent.relative_to(ROOT) / command[0]
    if not program.is_file():
        program = build / command[0]
    if not program.is_file():
        return None, f"shows the output of {command[0]}, which is not built: `ninja -C {build.name}` first"
    return run([str(program), *command[1:]], " ".join(command))


def run(command: list[str], name: str, statuses: tuple[int, ...] = (0,)) -> tuple[str | None, str]:
    try:
        done = subprocess.run(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              stdin=subprocess.DEVNULL, timeout=OUTPUT_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        return None, f"`{name}` did not end within {OUTPUT_SECONDS_MAX} s"
    if done.returncode not in statuses:
        return None, f"`{name}` ended with status {done.returncode}: {done.stdout.strip()[-200:]}"
    return done.stdout, ""


def comparable(text: str, vary: str | None) -> str:
    if vary is None:
        return text
    return re.sub(r"[ \t]+", " ", re.sub(vary, "#", text, flags=re.M))


def check_quotations(path: Path, text: str, build: Path, write: bool, outputs: bool) -> str:
    def renewed(match: re.Match) -> str:
        kind, what, vary, fence, old, end = match.groups()
        if kind != "from" and not outputs:
            return match.group()
        if kind == "from":
            new, why = quoted_file(what)
        elif kind == "output":
            new, why = quoted_output(path, shlex.split(what), build)
        else:
            new, why = run(["bash", "-o", "pipefail", "-c", what], what, (0, 1))  # 1: a verdict, and a bad one
        counted["quotations" if kind == "from" else "outputs"] += 1
        if new is None:
            problem(path, text, match.start(), why)
            return match.group()
        if not new.endswith("\n"):
            new += "\n"
        if comparable(new, vary) == comparable(old, vary):
            return match.group()
        if not write:
            problem(path, text, match.start(), f"differs from {what}: `tools/tree/markdown.py --write` renews it")
            return match.group()
        return match.group()[:match.start(4) - match.start()] + fence + new + end

    return MARK.sub(renewed, text)


# ---- tables

def check_tables(path: Path, text: str, write: bool) -> str:
    """Each table that is made of recorded figures says what they say."""
    def renewed(match: re.Match) -> str:
        command, old = match.groups()
        counted["tables"] += 1
        new, why = run(["bash", "-o", "pipefail", "-c", command], command)
        if new is None:
            problem(path, text, match.start(), why)
        elif not new.startswith("|"):
            problem(path, text, match.start(), f"`{command}` printed no table")
        elif new != old and write:
            return f"<!-- table: {command} -->\n{new}"
        elif new != old:
            problem(path, text, match.start(), f"this table differs from what is recorded, which `{command}` prints: "
                                               "`tools/tree/markdown.py --write` renews it")
        return match.group()

    return TABLE.sub(renewed, text)


# ---- drawings

def check_pictures(path: Path, text: str, write: bool) -> None:
    """Makes each drawing again that the text says a command makes, and compares."""
    for match in PICTURE.finditer(text):
        name, command = match.groups()
        counted["pictures"] += 1
        picture = path.parent / name
        with tempfile.TemporaryDirectory() as folder:
            made = Path(folder) / picture.name
            words = command.replace("{}", shlex.quote(str(made)))
            said, why = run(["bash", "-o", "pipefail", "-c", words], command)
            if said is None or not made.is_file():
                problem(path, text, match.start(), why or f"`{command}` made no picture")
            elif picture.is_file() and made.read_text() == picture.read_text():
                continue
            elif write:
                picture.parent.mkdir(exist_ok=True)
                picture.write_text(made.read_text())
            else:
                problem(path, text, match.start(), f"{name} differs from what `{command}` makes: "
                                                   "`tools/tree/markdown.py --write` renews it")


# ---- links

def slug(heading: str) -> str:
    plain = re.sub(r"[`*]|<[^>]*>", "", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


def anchors(text: str) -> set[str]:
    found: set[str] = set()
    for heading in HEADING.findall(FENCE.sub("", text)):
        name, number = slug(heading), 0
        while (name if number == 0 else f"{name}-{number}") in found:
            number += 1
        found.add(name if number == 0 else f"{name}-{number}")
    return found | set(re.findall(r"<a id=\"([^\"]+)\">", text))


def check_links(path: Path, text: str) -> None:
    bare = FENCE.sub(lambda block: re.sub(r"[^\n]", " ", block.group()), text)
    for match in LINK.finditer(bare):
        target = match.group(1) or match.group(2)
        if re.match(r"[a-z]+:", target):
            continue
        counted["links"] += 1
        name, _, anchor = target.partition("#")
        aim = (path.parent / name).resolve() if name else path
        if not aim.exists():
            problem(path, text, match.start(), f"links to {target}, which is not there")
        elif anchor and aim.suffix == ".md" and anchor not in anchors(aim.read_text()):
            problem(path, text, match.start(), f"links to {target}; {shown(aim)} has no such heading")


# ---- exercises

KINDS = {"predict", "use", "fix", "build", "catch"}
FIELDS = {"kind", "sitting", "files", "steps", "points", "minutes"}


def check_exercises(path: Path, text: str) -> None:
    sections = list(re.finditer(r"^## (\d\d\.\d+) (\w+): ([^\n]+)\n((?:\w+: [^\n]*\n)+)\n(.*?)(?=^## |\Z)", text, re.M | re.S))
    headings = re.findall(r"^## ", FENCE.sub("", text), re.M)
    if len(sections) != len(headings):
        problem(path, text, 0, f"has {len(headings)} exercises, of which {len(sections)} are of the form "
                               "'## NN.N name: title', the fields, an empty line, the task")
    for expected, section in enumerate(sections, 1):
        counted["exercises"] += 1
        number, name, _, head, body = section.groups()
        fields = dict(line.split(": ", 1) for line in head.strip().split("\n"))
        at = section.start()
        lesson = path.parent.name[:2]
        if number != f"{lesson}.{expected}":
            problem(path, text, at, f"exercise {name} has the number {number}, {lesson}.{expected} comes next")
        for wrong in set(fields) - FIELDS:
            problem(path, text, at, f"exercise {name}: unknown field '{wrong}'")
        for missing in {"kind", "sitting", "files", "minutes"} - set(fields):
            problem(path, text, at, f"exercise {name}: the field '{missing}' is missing")
        if fields.get("kind") not in KINDS:
            problem(path, text, at, f"exercise {name}: '{fields.get('kind')}' is no kind of exercise")
        if ("steps" in fields) == ("points" in fields):
            problem(path, text, at, f"exercise {name}: give it either 'steps: name 10, ...' or 'points: 10'")
        for step in fields.get("steps", "").split(", ") if "steps" in fields else []:
            if not re.fullmatch(r"\w+ \d+", step):
                problem(path, text, at, f"exercise {name}: the step '{step}' is not 'name points'")
            elif f"**Step `{step.split()[0]}`**" not in body:
                problem(path, text, at, f"exercise {name}: its text has no '**Step `{step.split()[0]}`**'")
        for file in fields.get("files", "").split():
            if not (path.parent / file).is_file():
                problem(path, text, at, f"exercise {name}: its starting file {file} is not there")
        hints = re.findall(r"<details><summary>Hint (\d):[^<]+</summary>\n\n.+?\n</details>", body, re.S)
        if hints != ["1", "2", "3"]:
            problem(path, text, at, f"exercise {name} has the hints {', '.join(hints) or 'none'}; it needs 1, 2 and 3")


# ---- what lessons, contracts and checks say of one another

def lesson_text(number: str) -> str:
    return "".join(readme.read_text() for readme in sorted(ROOT.glob(f"lessons/{number}-*/README.md")))


def lesson_of(module: str) -> str:
    """The lesson that the table of layers names for a module; "" for one that no lesson teaches."""
    table = ROOT / "runtime/meson.build"
    row = re.search(rf"\['{module}', *'([^']*)'", table.read_text()) if table.exists() else None
    return row.group(1) if row else ""


def check_invariants() -> None:
    """A module may be there before the lesson that teaches it: from then on the lesson explains its invariants."""
    known = set().union(*[anchors(readme.read_text()) for readme in ROOT.glob("lessons/*/README.md")], set())
    for contract in sorted(ROOT.glob("runtime/contracts/percore/contract/*.hpp")):
        text = contract.read_text()
        lesson = lesson_of(contract.stem)
        if lesson and not (ROOT / "lessons" / lesson).is_dir():
            continue
        for match in re.finditer(r"^///\s+([A-Z]\d+)\s{2}", text, re.M):
            counted["invariants"] += 1
            if match.group(1).lower() not in known:
                problem(contract, text, match.start(),
                        f"no lesson explains {match.group(1)}: it needs <a id=\"{match.group(1).lower()}\">")


def check_citations() -> None:
    for source in [*ROOT.glob("tools/checks/**/*.cpp"), *ROOT.glob("tools/faults/**/*.fault")]:
        text = source.read_text()
        for match in re.finditer(r"Lesson (\d\d), \*([^*]+)\*", text):
            counted["citations"] += 1
            if slug(match.group(2)) not in anchors(lesson_text(match.group(1))):
                problem(source, text, match.start(),
                        f"cites lesson {match.group(1)}, *{match.group(2)}*, which is no heading there")


def main() -> int:
    parser = argparse.ArgumentParser(description="Checks that the Markdown is true.")
    parser.add_argument("--check", action="store_true", help="only look; what happens without --write")
    parser.add_argument("--write", action="store_true", help="renew the quotations that have drifted")
    parser.add_argument("--build", type=Path, default=ROOT / "build", help="the build directory with the programs")
    parser.add_argument("--verbose", action="store_true", help="say how much of each kind was checked")
    parser.add_argument("--no-outputs", action="store_true", help="leave out what needs built programs")
    parser.add_argument("files", nargs="*", type=Path, help="only these; all of the tree by default")
    options = parser.parse_args()

    if not options.no_outputs and (ROOT / "tools/percore").exists():
        run(["tools/percore", "--version"], "tools/percore")  # its first call sets up, and says so: not in a quotation
    for path in [file.resolve() for file in options.files] or markdown_files():
        text = path.read_text()
        renewed = check_quotations(path, text, options.build.resolve(), options.write, not options.no_outputs)
        renewed = check_tables(path, renewed, options.write)
        if renewed != text:
            path.write_text(renewed)
        if not options.no_outputs:
            check_pictures(path, renewed, options.write)
        check_links(path, renewed)
        if path.name == "README.md" and path.parent.parent == ROOT / "exercises":
            check_exercises(path, renewed)
    check_invariants()
    check_citations()

    for sentence in problems:
        print(sentence)
    if options.verbose:
        print(", ".join(f"{count} {name}" for name, count in counted.items()))
    print(f"{max(0, sum(counted.values()) - len(problems))} passed, {len(problems)} failed")
    return 1 if problems or not counted["links"] else 0


if __name__ == "__main__":
    sys.exit(main())
