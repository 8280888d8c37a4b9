#!/usr/bin/env python3
"""Runs a check program that explores schedules as the tutor does, and compares its report."""
import json
import os
import subprocess
import sys

PROGRAM = sys.argv[1]


def report(*words, **environment):
    ran = subprocess.run([PROGRAM, *words], text=True, capture_output=True, env={**os.environ, **environment})
    return ran.returncode, [json.loads(line) for line in ran.stdout.splitlines() if line.startswith("{")]


def expect(held, words):
    if not held:
        sys.exit(f"failed: {words}")


status, lines = report("--list")
expect(status == 0 and [line.get("name") for line in lines] ==
       ["slot_before_tail", "relaxed_publish", "nobody_rings", None], f"the manifest: {lines}")

status, lines = report("--check", "slot_before_tail")
expect(status == 0 and lines[0]["event"] == "passed" and lines[0]["seeds"] == 1, f"a right module passes: {lines}")

status, (broken,) = report("--check", "relaxed_publish")
expect(status == 1 and broken["event"] == "broken", "a relaxed publish is broken")
expect((broken["invariant"], broken["lesson"], broken["oracle"]) == ("Q1", "Lesson 05, *Publishing*", "race"),
       f"it names invariant and lesson: {broken}")
expect(broken["sentence"] == "consumer writes memory that producer uses, with nothing that orders the two",
       f"it says what happened: {broken['sentence']}")
expect("writes tail_ = 1 (relaxed)" in broken["history"], f"it shows the execution: {broken['history']}")

schedule = broken["history"].splitlines()[-1].split()[0].split("=")[1]
status, (again,) = report("--check", "relaxed_publish", PERCORE_SCHEDULE=schedule)
expect(status == 1 and again["history"] == broken["history"], "the schedule shows the same execution again")

status, (broken,) = report("--check", "nobody_rings")
expect((broken["invariant"], broken["oracle"]) == ("D1", "lost_wakeup"),
       f"a lost wake-up is told by the invariant that it is tied to: {broken}")
