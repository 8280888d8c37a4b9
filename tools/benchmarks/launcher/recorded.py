"""`bench recorded`: what was measured once and is kept in docs/reference/results, as Markdown tables. It measures nothing.

    recorded peers      the runtimes beside one another, one sitting
    recorded meaning    what its suites measure
    recorded ours       percore beside the floor and the packaged peers, a record of `bench --json`
    recorded claims     what is said of runtimes, beside what was measured of them
    recorded machines   whose figures these are
"""

import argparse
import json
import re
from pathlib import Path

import programs
import report
from paired import compare

FOLDER = Path("docs/reference/results")
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


def our_rows(record, wanted):
    """As the table that `bench` prints, of the better form of each runtime."""
    samples, names = {}, []
    for result in record["results"]:
        if result["suite"] not in names:
            names.append(result["suite"])
        if result["better_form"]:
            samples.setdefault(result["suite"], {})[result["runtime"]] = result
    shown = chosen({name: name for name in names}, wanted, "runtimes.json")
    runtimes = [runtime for runtime in report.NAMES if any(runtime in samples[name] for name in shown)]
    yield ["suite", "unit", *(report.NAMES[runtime] for runtime in runtimes), "percore of floor", "of best peer here"]
    for name in shown:
        of = samples[name]
        figures = [report.figure(of[runtime]["samples"]) if runtime in of else "-" for runtime in runtimes]
        ratios = {runtime: compare(of["percore"]["samples"], of[runtime]["samples"]) for runtime in of if runtime != "percore"}
        peers = {runtime: ratio for runtime, ratio in ratios.items() if runtime not in report.NO_PEERS}
        best = max(peers, key=lambda peer: peers[peer].ratio) if peers else None
        of_best = f"{report.ratio(peers[best])} ({report.NAMES[best]})" if best else "-"
        yield [name, of["percore"]["unit"], *figures, report.ratio(ratios.get("raw")), of_best]


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


def machine_rows(peers, ours):
    yield ["figures", "machine", "how"]
    versions = ", ".join(f"{name} {version}" for name, version in peers["versions"].items())
    yield ["of all nine peers", f"{peers['machine']}; {versions}", peers["how"]]
    yield ["of percore", report.machine_sentence(ours["machine"], ours["runs"]), f"`{ours['command']}`"]


def main(arguments, name, root):
    parser = argparse.ArgumentParser(prog=f"{name} recorded", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["peers", "meaning", "ours", "claims", "machines"])
    parser.add_argument("--suite", action="append", metavar="SUITE", help="this one; may be repeated; default all")
    options = parser.parse_args(arguments)
    rows = {
        "peers": lambda: peer_rows(load(root, "peers"), options.suite),
        "meaning": lambda: meaning_rows(load(root, "peers"), options.suite),
        "ours": lambda: our_rows(load(root, "runtimes"), options.suite),
        "claims": lambda: claim_rows(load(root, "claims"), load(root, "peers")),
        "machines": lambda: machine_rows(load(root, "peers"), load(root, "runtimes")),
    }
    print(report.markdown_table(rows[options.what]()))
    return 0
