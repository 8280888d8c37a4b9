"""`bench growth`: how the cost of one operation grows with how many there are. A table, and a curve as SVG for each series.

What was measured last is kept in docs/reference/results/growth.json, each series with its machine. The table and the
pictures of docs/reference/benchmarks.md are made of it: --recorded shows it and measures nothing.
"""

import argparse
import json
import os
from pathlib import Path

import charts
import paired
import programs
import report

RECORD = "docs/reference/results/growth.json"
TIMED = "ns an operation, CPU time"
ONE_PROGRAM = "bench_percore_growth"

# What is counted, the sizes, the title, and what each metric of the program is called. A series has one unit. Its program
# is bench_percore_growth where none is named; it gets the name of the series and a size.
SERIES = {
    "tasks": {
        "sizes": [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000],
        "title": "Tasks alive at once", "x": "tasks", "metrics": {"spawn": "spawn and join", "yield": "yield"},
    },
    "timers": {
        "sizes": [100, 1_000, 10_000, 100_000, 1_000_000],
        "title": "Timers armed at once", "x": "timers",
        "metrics": {"timer_arm": "spawn and arm", "timer_fire": "fire and join",
                    "timer_fire_in_order": "the same, armed in order"},
    },
    "depth": {
        "sizes": [1, 2, 4, 8, 16, 32, 64, 128, 256],
        "title": "NOPs in flight", "x": "in flight", "metrics": {"nop": "a NOP through the ring"},
    },
    "queues": {
        "sizes": [1, 2, 4, 8, 16, 32, 64, 100, 320, 1_000],
        "title": "Task queues that are there", "x": "task queues",
        "metrics": {"queue_switch": "switch, two take turns", "queue_turn_one": "a turn, one is ready",
                    "queue_turn_all": "a turn, all are ready"},
    },
    "shares": {
        "sizes": [1, 2, 4, 10, 32, 100, 320, 1_000],
        "title": "Whose turn is it: fair_share alone", "x": "holders of shares",
        "metrics": {"pick_and_charge": "choose, all are ready", "pick_and_charge_one": "choose, one is ready"},
    },
    "mesh": {
        "sizes": [2, 4, 8, 16, 32, 64, 128],
        "title": "Members of a mesh, of which one speaks: counted", "x": "members", "y": "instructions",
        "program": "bench_percore_growth_mesh",
        "metrics": {"mesh_message": "a message and its answer", "mesh_turn": "a turn, nothing comes"},
    },
    "mesh_threads": {
        "sizes": [2, 4, 8, 16, 32, 64],
        "title": "Members of a mesh, each with a thread, of which one speaks", "x": "members", "y": "ns a message, by the clock",
        "program": "bench_percore_silence",
        "metrics": {"mesh_threads": "a message, sent by itself"},
    },
    "mesh_made": {
        "sizes": [2, 4, 8, 16, 32, 64],
        "title": "A full mesh is made, joined and destroyed", "x": "members", "y": "ns a channel, CPU time",
        "program": "bench_percore_growth_mesh",
        "metrics": {"mesh_made": "a channel of 64 numbers"},
    },
    "mesh_memory": {
        "sizes": [2, 4, 8, 16, 32, 64, 128],
        "title": "What a full mesh keeps allocated", "x": "members", "y": "bytes a channel",
        "program": "bench_percore_growth_mesh",
        "metrics": {"mesh_channel_bytes": "a channel of 64 numbers"},
    },
}


def measure_point(program, what, size, cpu):
    return programs.metrics_of([program, what, str(size)], cpu, f"{Path(program).name} {what} {size}")


def measure_series(program, what, options):
    """{metric: {size: samples}}: each round goes through all sizes, there and back, so that a slow minute slows none of them
    alone."""
    samples = {}
    sizes = [size for size in SERIES[what]["sizes"] if size <= options.largest]
    for turn in paired.turns(sizes, options.runs):
        for size in turn:
            for name, value in measure_point(program, what, size, options.cpu).items():
                samples.setdefault(name, {}).setdefault(size, []).append(value)
    return samples


def unit_of(what):
    return SERIES[what].get("y", "ns").split()[0]


def rows(measured):
    yield ["series", "of how many", "operation", "unit", "figure", "of the cheapest"]
    for what, samples in measured.items():
        for metric, called in SERIES[what]["metrics"].items():
            medians = {size: paired.summarize(values) for size, values in samples[metric].items()}
            least = min(summary.median for summary in medians.values())
            for size, summary in medians.items():
                figure = report.number(summary.median)
                if unit_of(what) == "ns":  # what is counted has no spread
                    figure += f" ({report.number(summary.low)}..{report.number(summary.high)})"
                yield [what, f"{size:,}", called, unit_of(what), figure, f"{summary.median / least:.2f}"]


def curves(what, samples):
    return [(called, [(size, paired.median(values)) for size, values in samples[metric].items()])
            for metric, called in SERIES[what]["metrics"].items()]


def picture(what, samples, machine, runs):
    series = SERIES[what]
    return charts.svg_curves(series["title"], series["x"], series.get("y", TIMED), curves(what, samples),
                             f"Medians; {report.machine_sentence(machine, runs)}.")


def draw(folder, measured, machine, runs):
    folder.mkdir(parents=True, exist_ok=True)
    for what, samples in measured.items():
        (folder / f"growth-{what}.svg").write_text(picture(what, samples, machine, runs))


def load_record(path):
    """{series: {"command", "machine", "runs", "samples"}}, the sizes as numbers, in the order of SERIES."""
    if not path.exists():
        return {}
    kept = json.loads(path.read_text())
    for series in kept.values():
        series["samples"] = {metric: {int(size): values for size, values in by_size.items()}
                             for metric, by_size in series["samples"].items()}
    return {what: kept[what] for what in SERIES if what in kept}


def keep(path, measured, machine, runs, command):
    """Puts these series in place of those of the same names; the others stay."""
    kept = load_record(path)
    for what, samples in measured.items():
        kept[what] = {"command": command, "machine": machine, "runs": runs, "samples": samples}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({what: kept[what] for what in SERIES if what in kept}, indent=1) + "\n")


def machine_rows(kept):
    yield ["series", "command", "machine"]
    for what, series in kept.items():
        yield [what, f"`{series['command']}`", report.machine_sentence(series["machine"], series["runs"])]


def show_record(path, options):
    kept = {what: series for what, series in load_record(path).items() if what in (options.series or SERIES)}
    if not kept:
        raise programs.Unavailable(f"{path} has nothing of this. To measure it: tools/bench growth --keep")
    if options.svg:
        for what, series in kept.items():
            draw(options.svg, {what: series["samples"]}, series["machine"], series["runs"])
    if options.machines:
        print(report.markdown_table(machine_rows(kept)))
    else:
        print(report.markdown_table(rows({what: series["samples"] for what, series in kept.items()})))
    return 0


def parse(arguments, name, root):
    parser = argparse.ArgumentParser(prog=f"{name} growth", description=__doc__.split("\n\n")[0])
    parser.add_argument("--series", action="append", choices=SERIES, help="this one; may be repeated; default all")
    parser.add_argument("--runs", type=int, default=3, help="how many rounds (default 3)")
    parser.add_argument("--cpu", type=int, default=min(os.sched_getaffinity(0)), help="the CPU to pin to")
    parser.add_argument("--largest", type=int, default=1_000_000, metavar="N", help="no size above this (default 1000000)")
    parser.add_argument("--svg", type=Path, metavar="FOLDER", help="draw growth-SERIES.svg into this folder")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all samples")
    parser.add_argument("--build-dir", type=Path, default=root / "build-bench", metavar="FOLDER", help="default build-bench")
    parser.add_argument("--keep", action="store_true", help=f"keep these series in {RECORD}, of which the documentation is made")
    parser.add_argument("--recorded", action="store_true", help="measure nothing: show what is kept there, as Markdown")
    parser.add_argument("--machines", action="store_true", help="of what is kept: which command and machine it is from")
    options = parser.parse_args(arguments)
    if options.runs < 1 or options.largest < 10:
        parser.error("--runs must be at least 1, and --largest at least 10")
    options.build_dir = options.build_dir.resolve()
    return options


def main(arguments, name, root):
    options = parse(arguments, name, root)
    if options.recorded:
        return show_record(root / RECORD, options)
    programs.configure(options.build_dir)
    paths = programs.build_targets(options.build_dir, "bench_percore_")
    machine = programs.machine(options.build_dir)
    print(f"On {report.machine_sentence(machine, options.runs)}.\n")
    measured = {what: measure_series(str(paths[SERIES[what].get("program", ONE_PROGRAM)]), what, options)
                for what in options.series or SERIES}
    print(report.aligned(rows(measured)))
    if options.svg:
        draw(options.svg, measured, machine, options.runs)
    if options.json:
        options.json.write_text(json.dumps({"machine": machine, "runs": options.runs, "samples": measured}, indent=2) + "\n")
    if options.keep:
        keep(root / RECORD, measured, machine, options.runs, programs.as_typed(["tools/bench", "growth", *arguments]))
        print(f"\nKept in {RECORD}; `tools/tree/markdown.py --write` brings it into docs/reference/benchmarks.md.")
    return 0
