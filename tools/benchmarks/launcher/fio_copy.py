#!/usr/bin/env python3
"""What fio says the device does for the suite file_copy, as the other programs say it: the same files, pieces and number of
them in flight. A copy cannot be faster than both directions at once, nor than the slower one alone.

    fio_copy.py file_copy FOLDER [KIBIBYTES_A_PIECE [PIECES]]
"""

import json
import statistics
import subprocess
import sys

COPIED_BYTES = 256 << 20
ROUNDS = 3  # and one before them that warms up
READS = ["--name=reads", "--filename=percore_bench.copy_from", "--rw=read"]
WRITES = ["--name=writes", "--filename=percore_bench.copy_to", "--rw=write", "--end_fsync=1"]


def us_a_megabyte(fio, folder, common, jobs):
    """Of the job that took longest."""
    done = subprocess.run([fio, *common, *jobs], cwd=folder, text=True, capture_output=True)
    if done.returncode != 0:
        sys.exit(f"fio failed: {done.stderr.strip() or done.stdout.strip()}")
    report = json.loads(done.stdout[done.stdout.index("{"):])  # it may say something before
    took_ms = max(job[way]["runtime"] for job in report["jobs"] for way in ("read", "write"))
    return took_ms * 1000 / (COPIED_BYTES / 1e6)


def main(suite, folder, kibibytes="128", pieces="4", fio="fio"):
    common = ["--output-format=json", "--ioengine=io_uring", "--direct=1", f"--bs={kibibytes}k", f"--iodepth={pieces}",
              f"--size={COPIED_BYTES}", "--fallocate=none"]
    rounds = []
    for _ in range(ROUNDS + 1):
        reads, writes, both = (us_a_megabyte(fio, folder, common, jobs) for jobs in (READS, WRITES, READS + WRITES))
        rounds.append({"file_copy_read": reads, "file_copy_write": writes, "file_copy": max(reads, writes, both)})
    print(json.dumps({"metrics": [{"name": name, "value": statistics.median(of[name] for of in rounds[1:]), "unit": "us/MB"}
                                  for name in rounds[0]]}))


if __name__ == "__main__":
    main(*sys.argv[1:])
