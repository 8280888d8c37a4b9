#!/usr/bin/env python3
"""Holds the instructions of the hot paths to tools/benchmarks/instructions_kept.txt: they do not depend on the machine's
mood. Called by the build's test; exits with 77, and says why, where the figures say nothing or nobody can count. A program
that cannot count ends with 77, too; one that ends in any other way has failed, and so has this test.

    keep_instructions.py PROGRAM COMPILER OPTIMISATION TAKEN    as meson.build calls it
"""

import json
import platform
import re
import subprocess
import sys
from pathlib import Path

KEPT = Path(__file__).resolve().parent / "instructions_kept.txt"
SKIPPED = 77  # as Meson reads it


def kept_figures(text):
    """{operation: (instructions, tolerance in per cent)}"""
    rows = re.findall(r"^([^#|\n]+)\|\s*([\d.]+)\s*\|\s*([\d.]+)\s*$", text, re.M)
    return {name.strip(): (float(figure), float(tolerance)) for name, figure, tolerance in rows}


def differences(kept, counted):
    """A sentence for each figure that is not kept, and for each row that the other side lacks."""
    out = [f"{name}: is kept, and the program counts no such thing" for name in kept if name not in counted]
    for name, figure in counted.items():
        if name.startswith("with Stats: "):
            # One call a turn of the loop at most: held to the same figure as without.
            wanted, tolerance = kept[name.removeprefix("with Stats: ")]
        elif name in kept:
            wanted, tolerance = kept[name]
        else:
            out.append(f"{name}: {figure:.1f} instructions, and {KEPT.name} has no row for it")
            continue
        allowed = max(1.0, wanted * tolerance / 100)
        if figure > wanted + allowed:
            out.append(f"{name}: {figure:.1f} instructions, {wanted:.1f} are kept (+{100 * (figure / wanted - 1):.0f} %)")
        elif figure < wanted - allowed:
            out.append(f"{name}: {figure:.1f} instructions, {wanted:.1f} are kept: it got better, so keep the new figure")
    return out


def reason_to_skip(compiler, optimisation, taken):
    if taken:
        return f"modules are taken from elsewhere ({taken}): the figures are of ours"
    if compiler != "clang":
        return f"the compiler is {compiler}: the figures are clang's"
    if optimisation != "3":
        return "this is no release build"
    if platform.machine() != "x86_64":
        return f"this is {platform.machine()}: the figures are x86-64's"
    return None


def main(program, compiler, optimisation, taken):
    reason = reason_to_skip(compiler, optimisation, taken)
    if reason is None:
        run = subprocess.run([program, "quick"], capture_output=True, text=True)
        if run.returncode == SKIPPED:  # no ptrace, or no ring
            reason = run.stderr.strip()
    if reason is not None:
        print(f"skipped: {reason}")
        return SKIPPED
    if run.returncode != 0:
        how = f"signal {-run.returncode}" if run.returncode < 0 else f"status {run.returncode}"
        print(f"failed: {Path(program).name} ended with {how}: {run.stderr.strip()}")
        return 1
    counted = {metric["name"]: metric["value"] for metric in json.loads(run.stdout)["metrics"]}
    wrong = differences(kept_figures(KEPT.read_text()), counted)
    print("\n".join(wrong) or f"{len(counted)} operations take what they took")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
