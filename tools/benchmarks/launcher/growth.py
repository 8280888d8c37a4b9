"""`bench growth`: how the cost of one operation grows with how many there are. A table, and a curve as SVG for each series."""

import argparse
import json
import os
import subprocess
from pathlib import Path

import charts
import paired
import programs
import report

BEGIN = "<!-- growth: written by tools/bench growth --write-docs -->"
END = "<!-- growth: end -->"

# What is counted, the sizes, the title, and what each metric of the program is called. A new series (the members of a mesh)
# is a line here and a word that bench_percore_growth knows, or a program of its own named in `program`.
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
        "sizes": [1, 2, 4, 8, 16, 32, 63],
        "title": "Task queues that are there, of which two take turns", "x": "task queues",
        "metrics": {"queue_switch": "switch to another queue"},
    },
    "shares": {
        "sizes": [1, 2, 4, 10, 32, 100, 320, 1_000],
        "title": "Whose turn is it: those that are ready (fair_share alone)", "x": "ready",
        "metrics": {"pick_and_charge": "pick and charge"},
    },
}


def measure_point(program, what, size, cpu):
    done = subprocess.run([program, what, str(size)], preexec_fn=programs.pin_to(cpu), text=True, capture_output=True)
    if done.returncode != 0:
        raise programs.Unavailable(f"{Path(program).name} {what} {size} failed: {done.stderr.strip()}")
    return {metric["name"]: metric["value"] for metric in json.loads(done.stdout)["metrics"]}


def measure_series(program, what, options):
    """{metric: {size: samples}}: each round goes through all sizes, so that a slow minute slows none of them alone."""
    samples = {}
    sizes = [size for size in SERIES[what]["sizes"] if size <= options.largest]
    for _ in range(options.runs):
        for size in sizes:
            for name, value in measure_point(program, what, size, options.cpu).items():
                samples.setdefault(name, {}).setdefault(size, []).append(value)
    return samples


def rows(measured):
    yield ["series", "of how many", "operation", "ns", "of the cheapest"]
    for what, samples in measured.items():
        for metric, called in SERIES[what]["metrics"].items():
            medians = {size: paired.summarize(values) for size, values in samples[metric].items()}
            least = min(summary.median for summary in medians.values())
            for size, summary in medians.items():
                figure = f"{report.number(summary.median)} ({report.number(summary.low)}..{report.number(summary.high)})"
                yield [what, f"{size:,}", called, figure, f"{summary.median / least:.2f}"]


def curves(what, samples):
    return [(called, [(size, paired.median(values)) for size, values in samples[metric].items()])
            for metric, called in SERIES[what]["metrics"].items()]


def draw(folder, measured, machine, runs):
    folder.mkdir(parents=True, exist_ok=True)
    for what, samples in measured.items():
        series = SERIES[what]
        picture = charts.svg_curves(series["title"], series["x"], "ns an operation, CPU time", curves(what, samples),
                                    f"Medians; {report.machine_sentence(machine, runs)}.")
        (folder / f"growth-{what}.svg").write_text(picture)


def write_docs(path, table, machine, runs):
    text = path.read_text()
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise programs.Unavailable(f"{path} must hold the lines {BEGIN} and {END} once each.")
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    said = f"Measured on {report.machine_sentence(machine, runs)}."
    path.write_text(f"{before}{BEGIN}\n\n{said}\n\n{table}\n\n{END}{after}")


def parse(arguments, name, root):
    parser = argparse.ArgumentParser(prog=f"{name} growth", description=__doc__)
    parser.add_argument("--series", action="append", choices=SERIES, help="this one; may be repeated; default all")
    parser.add_argument("--runs", type=int, default=3, help="how many rounds (default 3)")
    parser.add_argument("--cpu", type=int, default=min(os.sched_getaffinity(0)), help="the CPU to pin to")
    parser.add_argument("--largest", type=int, default=1_000_000, metavar="N", help="no size above this (default 1000000)")
    parser.add_argument("--svg", type=Path, metavar="FOLDER", help="draw growth-SERIES.svg into this folder")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all samples")
    parser.add_argument("--build-dir", type=Path, default=root / "build-bench", metavar="FOLDER", help="default build-bench")
    parser.add_argument("--write-docs", action="store_true", help="write the table and the pictures into docs/reference")
    options = parser.parse_args(arguments)
    if options.runs < 1 or options.largest < 10:
        parser.error("--runs must be at least 1, and --largest at least 10")
    options.build_dir = options.build_dir.resolve()
    return options


def main(arguments, name, root):
    options = parse(arguments, name, root)
    programs.configure(options.build_dir)
    program = programs.build_targets(options.build_dir, "bench_percore_growth")["bench_percore_growth"]
    machine = programs.machine(options.build_dir)
    print(f"On {report.machine_sentence(machine, options.runs)}.\n")
    measured = {what: measure_series(str(program), what, options) for what in options.series or SERIES}
    print(report.aligned(rows(measured)))
    if options.svg:
        draw(options.svg, measured, machine, options.runs)
    if options.json:
        options.json.write_text(json.dumps({"machine": machine, "runs": options.runs, "samples": measured}, indent=2) + "\n")
    if options.write_docs:
        draw(root / "docs/reference/pictures", measured, machine, options.runs)
        write_docs(root / "docs/reference/benchmarks.md", report.markdown_table(rows(measured)), machine, options.runs)
    return 0
