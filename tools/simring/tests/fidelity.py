#!/usr/bin/env python3
"""Runs the same scripts on the kernel's ring and on the simulated one, and compares what they print.

fidelity.py REAL SIMULATED SCRIPTS. Exit status 77 (skipped) where the kernel gives no ring.
"""
import subprocess
import sys


def output(program, scripts):
    done = subprocess.run([program, scripts], capture_output=True, text=True, timeout=100)
    return done.returncode, done.stdout.splitlines(), done.stderr


def main():
    real, simulated, scripts = sys.argv[1:4]
    status, expected, _ = output(real, scripts)
    if status != 0:
        print("the kernel's ring cannot be used here; nothing to compare with")
        return 77
    status, found, errors = output(simulated, scripts)
    script = ""
    for kernel, simulation in zip(expected, found):
        script = kernel if kernel.startswith("script") else script
        if kernel != simulation or kernel.startswith("!"):
            print(f"{script}: the kernel says `{kernel}`, the simulated ring `{simulation}`")
            return 1
    if status != 0 or len(expected) != len(found):
        print(f"the simulated ring ended with status {status} after {len(found)} of {len(expected)} lines\n{errors}")
        return 1
    print(f"{scripts} scripts, {len(expected)} lines agree")
    return 0


sys.exit(main())
