"""`bench compare old.json new.json`: what two recorded runs say of each other, and where they say nothing.

Runs of different hours are not paired: the machine may have become slower by itself. So beside each figure stands its ratio
to the floor, which was taken in turn within its own run, and a difference counts only where it is larger than both spreads.
"""

import json

from paired import CONCLUDING_RUNS_MIN, compare, summarize


class Unreadable(Exception):
    """A file is no record of tools/bench; the sentence says which and why."""


def load(path):
    try:
        document = json.loads(path.read_text())
        document["machine"], document["results"]
    except OSError as failure:
        raise Unreadable(f"{path} cannot be read: {failure.strerror}.") from None
    except (ValueError, KeyError, TypeError):
        raise Unreadable(f"{path} is no record of a run: `bench --json FILE` writes one.") from None
    return document


def best_samples(document):
    """{suite: (unit, {runtime: samples of its better form})}"""
    out = {}
    for result in document["results"]:
        if result["better_form"]:
            out.setdefault(result["suite"], (result["unit"], {}))[1][result["runtime"]] = result["samples"]
    return out


def verdict(old, new):
    """Says that something changed only where the change is larger than either record's spread. A few runs have none."""
    if min(len(old), len(new)) < CONCLUDING_RUNS_MIN:
        return "inconclusive"
    before, after = summarize(old), summarize(new)
    if max(before.spread, after.spread) >= abs(after.median - before.median):
        return "inconclusive"
    return "better" if after.median < before.median else "worse"


def of_floor(runtimes, runtime):
    if runtime == "raw" or len(runtimes[runtime]) != len(runtimes.get("raw", [])):
        return None
    return compare(runtimes[runtime], runtimes["raw"]).ratio


def rows(old, new, names, figure):
    """The lines of the table: every runtime of every suite that both records have."""
    yield ["suite", "unit", "runtime", "old", "new", "new / old", "", "of floor, old and new"]
    before, after = best_samples(old), best_samples(new)
    for suite, (unit, runtimes) in after.items():
        if suite not in before:
            continue
        for runtime, samples in runtimes.items():
            if runtime not in before[suite][1]:
                continue
            earlier = before[suite][1][runtime]
            ratio = summarize(samples).median / summarize(earlier).median
            floors = [of_floor(record[suite][1], runtime) for record in (before, after)]
            yield [suite, unit, names.get(runtime, runtime), figure(earlier), figure(samples), f"{ratio:.2f}",
                   verdict(earlier, samples), "-" if None in floors else f"{floors[0]:.2f}, {floors[1]:.2f}"]


def instruction_rows(old, new):
    """Instructions need no spread: a difference is one."""
    before, after = old.get("instructions", {}), new.get("instructions", {})
    for name in (name for name in after if name in before):
        change = after[name] - before[name]
        yield [name, f"{before[name]:.1f}", f"{after[name]:.1f}", f"{change:+.1f}" if abs(change) >= 0.5 else "same"]


def machines_sentence(old, new):
    parts = ("cpu", "cpus", "kernel", "files_on", "compiler")
    here, there = ({part: record["machine"].get(part) for part in parts} for record in (old, new))
    different = [part for part in parts if None not in (here[part], there[part]) and here[part] != there[part]]
    if not different:
        versions = [record["machine"].get("versions", {}) for record in (old, new)]
        moved = [f"{name} {versions[0][name]} and {versions[1][name]}" for name in sorted(versions[0].keys() & versions[1].keys())
                 if versions[0][name] != versions[1][name]]
        others = f" Of other versions: {', '.join(moved)}." if moved else ""
        turns = [record.get("turns", 1) for record in (old, new)]
        if turns[0] != turns[1]:
            others += f" Turns a run: {turns[0]} and {turns[1]}, so the spreads are not alike."
        return f"Both on {here['cpus']} CPUs, {here['cpu']}, Linux {here['kernel']}.{others}"
    words = "; ".join(f"{part}: {here[part]} and {there[part]}" for part in different)
    return f"NOT THE SAME MACHINE ({words}): only the ratios to the floor can be set side by side."
