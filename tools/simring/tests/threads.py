#!/usr/bin/env python3
"""A program of several threads on the simulated ring: the same seed is the same run in another
process, other seeds are other runs; a data race of the program is reported by ThreadSanitizer.

usage: threads.py PROGRAM SEEDS [--thread-sanitizer]
"""
import os
import re
import subprocess
import sys


runs = 0


def run(program, *arguments):
    global runs
    runs += 1
    # Another size of the environment each time moves the stack, so that addresses differ.
    environment = dict(os.environ, BALLAST="x" * (runs * 333), TSAN_OPTIONS="exitcode=66")
    return subprocess.run([program, *arguments], capture_output=True, text=True, timeout=60, env=environment)


def hash_of(program, seed):
    done = run(program, str(seed))
    if done.returncode != 0:
        sys.exit(f"seed {seed}: the sample ended with {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def names_in(report, program):
    """The functions of a report. ThreadSanitizer names them only where llvm-symbolizer of its own version is installed."""
    offsets = re.findall(r"\+(0x[0-9a-f]+)\)", "\n".join(l for l in report.splitlines() if os.path.basename(program) in l))
    looked_up = subprocess.run(["addr2line", "-C", "-f", "-e", program, *offsets], capture_output=True, text=True)
    return report + looked_up.stdout


def main():
    program, seeds = sys.argv[1], int(sys.argv[2])
    hashes = []
    for seed in range(seeds):
        first, second = hash_of(program, seed), hash_of(program, seed)
        if first != second:
            sys.exit(f"seed {seed} is not the same run in two processes: {first.strip()}, {second.strip()}")
        hashes.append(first)
    if len(set(hashes)) != seeds:
        sys.exit("different seeds gave equal runs")
    if "--thread-sanitizer" in sys.argv:
        done = run(program, "1", "--race")
        if done.returncode != 66 or "data race" not in done.stderr or "work(" not in names_in(done.stderr, program):
            sys.exit(f"the race was not reported (exit {done.returncode}):\n{done.stderr}")
    print(f"{seeds} seeds, each the same run twice")


main()
