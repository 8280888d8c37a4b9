"""Turns samples into tables and JSON, and JSON back into tables."""

import json
from dataclasses import dataclass
from datetime import datetime, timezone

from paired import Comparison, compare, goal_met, level, maximum_kept, summarize
from suites import RECORDED, RECORDED_FORMS, SUITES, metrics_of

BARS_TITLE = "percore beside the floor and the peers: less is better"
NO_PEERS = ("raw", "epoll", "fio", "mine")
NAMES = {"raw": "floor", "epoll": "epoll", "fio": "fio", "percore": "percore", "mine": "mine", "asio": "Asio", "libuv": "libuv",
         "tokio": "Tokio", "smol": "smol", "async-std": "async-std"}


@dataclass(frozen=True)
class Line:
    """One metric: the samples of each runtime in its better form, and how percore compares."""

    metric: object
    samples: dict  # runtime -> its samples
    forms: dict  # runtime -> the form that was better
    of_floor: Comparison
    of_device: Comparison
    of_peer: dict  # peer -> Comparison
    best_peer: str
    of_form: dict  # (runtime, form) -> Comparison, for every form that was measured
    all_samples: dict  # (runtime, form) -> its samples
    of_metric: Comparison = None  # percore here, beside itself in the metric that its goal is a share of


def lines_of(metrics, samples):
    """samples: {metric name: {(runtime, form): [value, ...]}}, the values in the order of the turns."""
    lines = []
    for metric in metrics:
        by_program = samples.get(metric.name, {})
        best = {}
        for (runtime, form), values in by_program.items():
            if runtime not in best or summarize(values).median < summarize(best[runtime][1]).median:
                best[runtime] = (form, values)
        if "percore" not in best:
            continue
        of = {runtime: compare(best["percore"][1], values) for runtime, (_, values) in best.items() if runtime != "percore"}
        other, _ = metric.of_metric or (None, None)
        of_metric = compare(best["percore"][1], samples[other]["percore", best["percore"][0]]) if other in samples else None
        peers = {runtime: comparison for runtime, comparison in of.items() if runtime not in NO_PEERS}
        lines.append(
            Line(
                metric,
                {runtime: values for runtime, (_, values) in best.items()},
                {runtime: form for runtime, (form, _) in best.items()},
                of.get("raw"),
                of.get("fio"),
                peers,
                max(peers, key=lambda peer: peers[peer].ratio) if peers else None,
                {program: compare(best["percore"][1], values) for program, values in by_program.items()},
                by_program,
                of_metric,
            )
        )
    return lines


def lines_of_record(document):
    """The lines from which write_json() made it."""
    samples = {}
    for result in document["results"]:
        samples.setdefault(result["suite"], {})[result["runtime"], result["form"]] = result["samples"]
    return lines_of([metric for metric in metrics_of(SUITES) if metric.name in samples], samples)


def number(value):
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def figure(values, rate=None):
    """rate: they are microseconds, and shown is how many go into a second."""
    summary = summarize([1e6 / value for value in values] if rate else values)
    return f"{number(summary.median)} ({number(summary.low)}..{number(summary.high)})"


def ratio(comparison, goal=None, rate=None):
    """goal: that of the same two, whose margin may be wider than what nobody can tell apart. rate: as figure() has it."""
    if comparison is None:
        return "-"
    unknown = "level" if goal is not None and level(comparison, goal) else "inconclusive"
    share = 1 / comparison.ratio if rate else comparison.ratio
    return f"{share:.2f}" + ("" if comparison.conclusive else f" {unknown}")


def goal_text(metric):
    if metric.of_best_peer_max is not None:
        return f"{metric.of_best_peer_max:.2f} of the peer"
    if metric.absolute_max is not None:
        return f"{number(metric.absolute_max)} {metric.unit}"
    if metric.of_floor_max is not None:
        return f"{metric.of_floor_max:.2f} of the floor"
    if metric.of_device_max is not None:
        return f"{1 / metric.of_device_max if metric.rate else metric.of_device_max:.2f} of fio"
    if metric.of_metric is not None:
        other, share = metric.of_metric
        return f"{share:.2f} of {other}"
    return "-"


def goal_cell(line):
    """The other goals have the ratio that they are about in a column."""
    metric = line.metric
    if line.of_metric is not None:
        return f"{goal_text(metric)}: {ratio(line.of_metric, metric.of_metric[1], metric.rate)}"
    if metric.of_device_max is not None and line.of_device is not None:
        return f"{goal_text(metric)}: {ratio(line.of_device, metric.of_device_max, metric.rate)}"
    return goal_text(metric)


def verdict(line):
    """Whether the goal is met, against what was measured beside percore."""
    metric = line.metric
    if metric.absolute_max is not None:
        met = maximum_kept(line.samples["percore"], metric.absolute_max)
    elif metric.of_floor_max is not None and line.of_floor is not None:
        met = goal_met(line.of_floor, metric.of_floor_max)
    elif metric.of_device_max is not None and line.of_device is not None:
        met = goal_met(line.of_device, metric.of_device_max)
    elif line.of_metric is not None:
        met = goal_met(line.of_metric, metric.of_metric[1])
    elif metric.of_best_peer_max is None or line.best_peer is None:
        return "-"
    else:
        met = goal_met(line.of_peer[line.best_peer], metric.of_best_peer_max)
    return {True: "met", False: "missed", None: "open"}[met]


def columns(lines):
    return [runtime for runtime in NAMES if any(runtime in line.samples for line in lines)]


def mine_of_percore(line):
    """None where the learner's modules did not take part."""
    return compare(line.samples["mine"], line.samples["percore"]) if "mine" in line.samples else None


def rows(lines, titles=None):
    runtimes = columns(lines)
    titles = titles or {}
    with_mine = ["mine of percore"] if "mine" in runtimes else []
    names = [NAMES[runtime] for runtime in runtimes]
    yield ["suite", "unit", *names, *with_mine, "of floor", "of best peer here", "goal", "verdict"]
    for line in lines:
        metric, best = line.metric, "-"
        if line.best_peer is not None:
            of_best = ratio(line.of_peer[line.best_peer], metric.of_best_peer_max, metric.rate)
            best = f"{of_best} ({NAMES[line.best_peer]})"
        figures = [figure(line.samples[runtime], metric.rate) if runtime in line.samples else "-" for runtime in runtimes]
        name = titles.get(metric.name, metric.name)
        unit = f"{metric.rate}/s" if metric.rate else metric.unit
        of_ours = [ratio(mine_of_percore(line), rate=metric.rate)] if with_mine else []
        of_floor = ratio(line.of_floor, metric.of_floor_max, metric.rate)
        yield [name, unit, *figures, *of_ours, of_floor, best, goal_cell(line), verdict(line)]


def charts(lines, titles=None):
    """For charts.py: a chart for each metric, a row for each runtime, in the order of NAMES. titles: {metric: its title}."""
    out = []
    for line in lines:
        present = [runtime for runtime in NAMES if runtime in line.samples]
        summaries = {runtime: summarize(line.samples[runtime]) for runtime in present}
        title = (titles or {}).get(line.metric.name) or f"{line.metric.name}: {line.metric.what}"
        out.append((title, line.metric.unit,
                    [(NAMES[name], summaries[name].median, summaries[name].low, summaries[name].high, name) for name in present]))
    return out


def table(lines, titles=None):
    return aligned(rows(lines, titles))


def aligned(content):
    content = list(content)
    widths = [max(len(row[column]) for row in content) for column in range(len(content[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in content)


def markdown_table(content):
    header, *body = content
    out = ["| " + " | ".join(header) + " |", "| " + " | ".join("---" for _ in header) + " |"]
    return "\n".join(out + ["| " + " | ".join(row) + " |" for row in body])


def machine_sentence(machine, runs, turns=1):
    """turns: of how many a run is the median."""
    virtual = "a virtual machine with " if machine["virtual"] else ""
    versions = ", ".join(f"{name} {version}" for name, version in sorted(machine["versions"].items()))
    # Records from before these were kept have none of them.
    files = f", files on {machine['files_on']}" if machine.get("files_on") else ""
    of_turns = f", each the median of {turns}" if turns > 1 else ""
    revision = f"percore {machine['revision']}, {machine['date']}; " if machine.get("revision") else ""
    return (
        f"{virtual}{machine['cpus']} CPUs, {machine['cpu']}, Linux {machine['kernel']}{files}, {machine['compiler']}, "
        f"{versions}; "
        f"{revision}{runs} run{'s' * (runs != 1)} in turn{of_turns}, load {machine['load']} at the start"
    )


def recorded_rows(lines):
    """Where percore would stand beside the best peers, by way of the peers measured here and there. An estimate."""
    yield ["suite", "best peer", "of Asio there", "of Tokio there", "percore of Asio here", "percore of Tokio here",
           "so percore of the best peer, about", "goal"]
    for line in lines:
        recorded = RECORDED.get(line.metric.name)
        if recorded is None or any(program not in line.of_form for program in RECORDED_FORMS.items()):
            continue
        name, best = recorded["best"]
        there = {peer: best / recorded[peer] for peer in ("asio", "tokio")}
        here = {peer: line.of_form[peer, RECORDED_FORMS[peer]].ratio for peer in there}
        estimates = sorted(here[peer] / there[peer] for peer in there)
        yield [line.metric.name, f"{name}: {best} {line.metric.unit}", f"{there['asio']:.2f}", f"{there['tokio']:.2f}",
               f"{here['asio']:.2f}", f"{here['tokio']:.2f}", f"{estimates[0]:.2f} to {estimates[1]:.2f}", goal_text(line.metric)]


def instruction_rows(instructions):
    yield ["operation on percore", "instructions"]
    for name, value in instructions.items():
        yield [name, f"{value:.0f}"]


def of_itself(line):
    other, _ = line.metric.of_metric or (None, None)
    return other, line.of_metric


def write_json(path, lines, machine, runs, instructions, command="", turns=1, each_turn=None):
    """each_turn: {metric: {(runtime, form): its figures}}, where a run is the median of several."""
    results = []
    for line in lines:
        for (runtime, form), values in line.all_samples.items():
            summary = summarize(values)
            results.append(
                {"suite": line.metric.name, "unit": line.metric.unit, "what": line.metric.what, "runtime": runtime, "form": form,
                 "better_form": line.forms[runtime] == form, "median": summary.median,
                 "quartiles": [summary.low, summary.high], "samples": values}
                | ({"turns": each_turn[line.metric.name][runtime, form]} if turns > 1 else {})
            )
    comparisons = [
        {"suite": line.metric.name, "with": other, "ratio": comparison.ratio, "quartiles": [comparison.low, comparison.high],
         "conclusive": comparison.conclusive}
        for line in lines
        for other, comparison in [("raw", line.of_floor), ("fio", line.of_device), *line.of_peer.items(), of_itself(line)]
        if comparison is not None
    ]
    goals = [{"suite": line.metric.name, "goal": goal_text(line.metric), "best_peer": line.best_peer, "verdict": verdict(line)}
             for line in lines]
    document = {"command": command, "at": datetime.now(timezone.utc).isoformat(timespec="seconds"), "machine": machine,
                "runs": runs, "turns": turns, "results": results, "comparisons": comparisons, "goals": goals,
                "instructions": instructions}
    beside = path.with_name(path.name + ".new")  # a full disk must not cost the record that was there
    beside.write_text(json.dumps(document, indent=2) + "\n")
    beside.replace(path)
