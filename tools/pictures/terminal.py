#!/usr/bin/env python3
"""Draws what a terminal shows as an SVG: runs commands in a pseudo-terminal and renders their real output.

  tools/pictures/terminal.py --out picture.svg [--columns 92] [--cwd DIR] -- 'first command' 'second command' ...

Each command is shown behind a prompt, then its output. Understands the escape sequences that percore prints: colours,
bold, dim, underline.
"""
import argparse
import html
import os
import pty
import re
import select
import struct
import subprocess
import sys
import fcntl
import termios

COLOURS = {"30": "#6e7681", "31": "#ff7b72", "32": "#7ee787", "33": "#e3b341", "34": "#79c0ff", "35": "#d2a8ff",
           "36": "#76e3ea", "37": "#e6edf3", "90": "#8b949e", "91": "#ffa198", "92": "#9ff0a8", "93": "#f2cc60",
           "94": "#a5d6ff", "95": "#e2c5ff", "96": "#b3f0ff", "97": "#ffffff"}
BACKGROUND, FOREGROUND = "#0d1117", "#e6edf3"
CHARACTER_WIDTH, LINE_HEIGHT, FONT_SIZE, MARGIN, BAR = 8.43, 20, 14, 18, 34


def output_of(command, cwd, columns):
    """Runs `command` on a pseudo-terminal of its own and returns what it printed."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    environment = dict(os.environ, TERM="xterm-256color", COLUMNS=str(columns))
    environment.pop("NO_COLOR", None)
    child = subprocess.Popen(["bash", "-c", command], cwd=cwd, stdin=follower, stdout=follower, stderr=follower,
                             env=environment, start_new_session=True)
    os.close(follower)
    said = b""
    while True:
        ready, _, _ = select.select([leader], [], [], 0.2)
        if ready:
            try:
                piece = os.read(leader, 65536)
            except OSError:
                break
            if not piece:
                break
            said += piece
        elif child.poll() is not None:
            break
    child.wait()
    os.close(leader)
    return said.decode("utf-8", "replace").replace("\r\n", "\n")


def final_lines(text):
    """What is left on the screen: a carriage return begins the line anew, an erase empties it."""
    lines = []
    for line in text.split("\n"):
        line = re.sub(r".*(?:\x1b\[2?K|\r)(?=.)", "", line) if "\r" in line or "\x1b[K" in line or "\x1b[2K" in line else line
        lines.append(line.rstrip("\r"))
    while lines and not lines[-1].strip():
        lines.pop()
    return lines


def wrapped(line, columns):
    """The rows a terminal makes of a line; a colour goes on in the next row."""
    rows, row, width, active = [], "", 0, ""
    for part in re.split(r"(\x1b\[[0-9;?]*[A-Za-z])", line):
        if part.startswith("\x1b"):
            active = "" if part in ("\x1b[0m", "\x1b[m") else active + part
            row += part
            continue
        while width + len(part) > columns:
            room = columns - width
            space = part.rfind(" ", 0, room + 1)
            cut = space if space > 0 else room
            rows.append(row + part[:cut])
            part, row, width = part[cut:].lstrip(" "), active + "  ", 2
        row += part
        width += len(part)
    return rows + [row]


def spans(line):
    """(text, style) pieces of a line."""
    style = {"colour": FOREGROUND, "bold": False, "dim": False, "underline": False}
    pieces = []
    for part in re.split(r"(\x1b\[[0-9;?]*[A-Za-z])", line):
        sequence = re.fullmatch(r"\x1b\[([0-9;?]*)([A-Za-z])", part)
        if not sequence:
            if part:
                pieces.append((part, dict(style)))
            continue
        if sequence.group(2) != "m":
            continue
        for code in sequence.group(1).split(";") or ["0"]:
            if code in ("", "0"):
                style.update(colour=FOREGROUND, bold=False, dim=False, underline=False)
            elif code == "1":
                style["bold"] = True
            elif code == "2":
                style["dim"] = True
            elif code == "4":
                style["underline"] = True
            elif code == "22":
                style.update(bold=False, dim=False)
            elif code == "39":
                style["colour"] = FOREGROUND
            elif code in COLOURS:
                style["colour"] = COLOURS[code]
    return pieces


def svg(lines, columns, title):
    width = columns * CHARACTER_WIDTH + 2 * MARGIN
    height = BAR + len(lines) * LINE_HEIGHT + 2 * MARGIN
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" role="img" '
           f'aria-label="{html.escape(title)}" font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, '
           f'DejaVu Sans Mono, monospace" font-size="{FONT_SIZE}">',
           f"<title>{html.escape(title)}</title>",
           f'<rect width="100%" height="100%" rx="10" fill="{BACKGROUND}" stroke="#30363d"/>']
    for place, colour in enumerate(("#ff5f57", "#febc2e", "#28c840")):
        out.append(f'<circle cx="{MARGIN + 4 + place * 20}" cy="{BAR / 2 + 2}" r="6" fill="{colour}"/>')
    for row, line in enumerate(lines):
        column = 0
        y = BAR + MARGIN + row * LINE_HEIGHT + FONT_SIZE - 2
        for text, style in spans(line):
            attributes = f'fill="{style["colour"]}"'
            attributes += ' font-weight="bold"' if style["bold"] else ""
            attributes += ' opacity="0.65"' if style["dim"] else ""
            attributes += ' text-decoration="underline"' if style["underline"] else ""
            x = MARGIN + column * CHARACTER_WIDTH
            if text.strip():
                out.append(f'<text x="{x:.1f}" y="{y}" xml:space="preserve" textLength="{len(text) * CHARACTER_WIDTH:.1f}" '
                           f'lengthAdjust="spacingAndGlyphs" {attributes}>{html.escape(text)}</text>')
            column += len(text)
    out.append("</svg>\n")
    return "\n".join(out)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True, help="the SVG to write")
    parser.add_argument("--columns", type=int, default=92)
    parser.add_argument("--cwd", default=".")
    parser.add_argument("--title", default="percore in a terminal")
    parser.add_argument("--before", action="append", default=[], help="a command that runs first and is not shown")
    parser.add_argument("commands", nargs="+", help="each is shown; `shown ### run` shows one and runs the other")
    options = parser.parse_args()
    for command in options.before:
        output_of(command, options.cwd, options.columns)
    lines = []
    for command in options.commands:
        shown, _, run = command.partition(" ### ")
        lines.append(f"\x1b[32m$\x1b[0m \x1b[1m{shown}\x1b[0m")
        said = final_lines(output_of(run or shown, options.cwd, options.columns))
        lines += [row for line in said for row in wrapped(line, options.columns)] + [""]
    lines.pop()
    with open(options.out, "w") as file:
        file.write(svg(lines, options.columns, options.title))
    return 0


if __name__ == "__main__":
    sys.exit(main())
