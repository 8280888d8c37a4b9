#!/usr/bin/env python3
"""Runs the same scripts on the kernel's ring and on the simulated one, and compares what they print.

fidelity.py REAL SIMULATED SCRIPTS [FIRST [KIND ...]], KIND being rings, files, memory (files in the simulated
ring's memory), sockets (the kernel's own) or network (modelled sockets); all of them unless some are named. Exit
status 77 (skipped) where the kernel gives no ring.
"""
import subprocess
import sys

KINDS = ["rings", "files", "memory", "sockets", "network"]
BATCH = 500  # scripts a process runs: a finding ends the comparison after at most so many


def output(program, kind, scripts, first):
    done = subprocess.run([program, kind, str(scripts), str(first)], capture_output=True, text=True,
                          errors="replace", timeout=300)
    return done.returncode, done.stdout.splitlines(), done.stderr


def compare(real, simulated, kind, scripts, first):
    """Returns the number of lines that agree, -1 after a difference, None where there is no ring."""
    status, expected, errors = output(real, "files" if kind == "memory" else kind, scripts, first)
    if status != 0 and not expected[1:]:
        return None
    if status != 0:
        print(f"{kind}: the kernel's run ended with status {status} after {len(expected)} lines\n{errors}")
        return -1
    status, found, errors = output(simulated, kind, scripts, first)
    script = ""
    for kernel, simulation in zip(expected, found):
        script = kernel if kernel.startswith("script") else script
        if kernel != simulation or kernel.startswith("!"):
            print(f"{kind}, {script}: the kernel says `{kernel}`, the simulated ring `{simulation}`")
            return -1
    if status != 0 or len(expected) != len(found):
        print(f"{kind}: the simulated ring ended with status {status} after {len(found)} of {len(expected)} lines\n"
              f"{errors}")
        return -1
    return len(expected)


def main():
    real, simulated = sys.argv[1:3]
    scripts = int(sys.argv[3])
    begin = int(sys.argv[4]) if len(sys.argv) > 4 else 0
    for kind in sys.argv[5:] or KINDS:
        lines = 0
        for first in range(begin, begin + scripts, BATCH):
            agree = compare(real, simulated, kind, min(BATCH, begin + scripts - first), first)
            if agree is None:
                print("the kernel's ring cannot be used here; nothing to compare with")
                return 77
            if agree < 0:
                return 1
            lines += agree
        print(f"{kind}: {scripts} scripts, {lines} lines agree")
    return 0


sys.exit(main())
