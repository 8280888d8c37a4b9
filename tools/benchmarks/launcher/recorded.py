"""`bench recorded`: what was measured once and is kept in docs/reference/results, as Markdown tables. It measures nothing.

    recorded peers      the runtimes beside one another, one sitting
    recorded meaning    what its suites measure
    recorded ours       percore beside the floor and the packaged peers: the records of `bench --json`
    recorded glommio    the same of the six by which users of Glommio compare
    recorded estimates  where percore would stand beside a peer that is not packaged
    recorded instructions   what an operation takes
    recorded claims     what is said of runtimes, beside what was measured of them
    recorded machines   whose figures these are
"""

import argparse
import json
import re
from pathlib import Path

import charts
import programs
import report
from suites import GLOMMIO_NAMES, GLOMMIO_SUITES, SUITES, metrics_of

FOLDER = Path("docs/reference/results")
OURS = ("runtimes", "mesh", "files", "instructions")  # of suites in several the last one counts
PLACE = re.compile(r"\{(\w+) ([\w-]+)(?:/([\w-]+))?\}")


def load(root, name):
    path = root / FOLDER / f"{name}.json"
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as failure:
        raise programs.Unavailable(f"{path} cannot be read: {failure}") from failure


def chosen(available, wanted, where):
    for name in wanted or []:
        if name not in available:
            raise programs.Unavailable(f"{where} has no suite {name}; it has {', '.join(available)}")
    return [available[name] for name in wanted or available]


def plain(value):
    return f"{value:,}"


def peer_figure(suite, runtime):
    """The figure with its note; the best of a suite stands out."""
    figures = suite["figures"]
    best = (max if suite["better"] == "more" else min)(figures.values())
    figure = plain(figures[runtime])
    figure = f"**{figure}**" if figures[runtime] == best else figure
    note = suite.get("notes", {}).get(runtime)
    return f"{figure} ({note})" if note else figure


def peer_rows(record, wanted):
    by_name = {suite["suite"]: suite for suite in record["suites"]}
    shown = chosen(by_name, wanted, "peers.json")
    runtimes = list(shown[0]["figures"])
    yield ["suite", "unit", *runtimes]
    for suite in shown:
        yield [suite["suite"], suite["unit"], *(peer_figure(suite, runtime) for runtime in runtimes)]


def meaning_rows(record, wanted):
    yield ["suite", "what is measured", "better is"]
    for suite in chosen({suite["suite"]: suite for suite in record["suites"]}, wanted, "peers.json"):
        yield [suite["suite"], suite["what"], suite["better"]]


def our_lines(records, wanted=None):
    """A line for each metric, as `bench` shows them. wanted: suites or metrics."""
    measured = {line.metric.name: line for record in records for line in report.lines_of_record(record)}
    by_name = {metric.name: measured[metric.name] for metric in metrics_of(SUITES) if metric.name in measured}
    names = [metric for name in wanted or [] for metric in ([of.name for of in SUITES.get(name, [])] or [name])]
    return chosen(by_name, names, "what is kept of percore")


def instructions(records):
    return {name: value for record in records for name, value in record["instructions"].items()}


def measured_text(template, record):
    """{suite Runtime} is its figure, {suite A/B} A's as a share of B's; a floor may stand for a runtime."""
    floors = record.get("floors", {})
    figures = {suite["suite"]: {**suite["figures"], **floors.get(suite["suite"], {})} for suite in record["suites"]}

    def value(match):
        suite, first, second = match.groups()
        try:
            of = figures[suite]
            return plain(of[first]) if second is None else f"{of[first] / of[second]:.2f}"
        except KeyError as unknown:
            raise programs.Unavailable(f"claims.json asks for {match.group()}, and peers.json has no {unknown}") from unknown

    return PLACE.sub(value, template)


def claim_rows(claims, record):
    yield ["what is said", "by whom", "measured", "so it is"]
    for claim in claims:
        yield [claim["claim"], claim["by"], measured_text(claim["measured"], record), claim["verdict"]]


def sentence_of(record):
    return report.machine_sentence(record["machine"], record["runs"], record.get("turns", 1))


def draw(path, lines, titles, records):
    """The bars that `bench --svg` draws."""
    shown = {line.metric.name for line in lines}
    measured = [record for record in records if shown & {result["suite"] for result in record["results"]}]
    sentences = [sentence_of(record) for record in measured]
    loads = {}  # runs on one machine differ in how busy it was
    for sentence in sentences:
        where, load = sentence.rsplit(", load ", 1)
        loads.setdefault(where, []).append(load.split()[0])
    machines = "; ".join(f"{where}, load {' and '.join(of)} at the start" for where, of in loads.items())
    path.write_text(charts.svg_bars(report.charts(lines, titles), report.BARS_TITLE, f"Medians and quartiles; {machines}."))


def machine_rows(peers, records):
    """peers: None to leave them out."""
    yield ["figures", "machine", "how"]
    if peers is not None:
        versions = ", ".join(f"{name} {version}" for name, version in peers["versions"].items())
        yield ["of all nine peers", f"{peers['machine']}; {versions}", peers["how"]]
    for record in records:
        later = {result["suite"] for newer in records[records.index(record) + 1:] for result in newer["results"]}
        shown = {result["suite"] for result in record["results"]} - later
        names = ", ".join(name for name, metrics in SUITES.items() if metrics[0].name in shown) or "instructions"
        yield [f"of percore: {names}", sentence_of(record), f"`{record['command']}`"]


def main(arguments, name, root):
    parser = argparse.ArgumentParser(prog=f"{name} recorded", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["peers", "meaning", "ours", "glommio", "estimates", "instructions", "claims",
                                         "machines"])
    parser.add_argument("--suite", action="append", metavar="SUITE", help="this one; may be repeated; default all")
    parser.add_argument("--ours", action="store_true", help="of machines: those of percore only")
    parser.add_argument("--svg", type=Path, metavar="FILE", help="of ours and glommio: draw the figures")
    parser.add_argument("--record", metavar="NAME", help="of ours and machines: of results/NAME.json alone")
    options = parser.parse_args(arguments)
    records = lambda: [load(root, name) for name in ([options.record] if options.record else OURS)]
    if options.svg:
        glommio = options.what == "glommio"
        lines = our_lines(records(), GLOMMIO_SUITES if glommio else options.suite)
        draw(options.svg, lines, GLOMMIO_NAMES if glommio else None, records())
    rows = {
        "peers": lambda: peer_rows(load(root, "peers"), options.suite),
        "meaning": lambda: meaning_rows(load(root, "peers"), options.suite),
        "ours": lambda: report.rows(our_lines(records(), options.suite)),
        "glommio": lambda: report.rows(our_lines(records(), GLOMMIO_SUITES), GLOMMIO_NAMES),
        "estimates": lambda: report.recorded_rows(our_lines(records(), options.suite)),
        "instructions": lambda: report.instruction_rows(instructions(records())),
        "claims": lambda: claim_rows(load(root, "claims"), load(root, "peers")),
        "machines": lambda: machine_rows(None if options.ours else load(root, "peers"), records()),
    }
    print(report.markdown_table(rows[options.what]()))
    return 0
