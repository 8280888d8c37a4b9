"""The arithmetic and the tables of tools/bench, on made-up samples: nothing here is timed."""

import contextlib
import importlib.machinery
import importlib.util
import io
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import xml.etree.ElementTree
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "launcher"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.dont_write_bytecode = True

import charts  # noqa: E402
import comparing  # noqa: E402
import fio_copy  # noqa: E402
import growth  # noqa: E402
import keep_instructions  # noqa: E402
import paired  # noqa: E402
import programs  # noqa: E402
import recorded  # noqa: E402
import report  # noqa: E402
import suites  # noqa: E402


class Medians(unittest.TestCase):
    def test_odd_even_and_unsorted(self):
        self.assertEqual(paired.median([3, 1, 2]), 2)
        self.assertEqual(paired.median([4, 1, 3, 2]), 2.5)

    def test_of_nothing_is_refused(self):
        self.assertRaises(ValueError, paired.median, [])
        self.assertRaises(ValueError, paired.quantile, [], 0.5)

    def test_quartiles_lie_between_the_values(self):
        self.assertEqual(paired.quantile([10, 20, 30, 40, 50], 0.25), 20)
        self.assertEqual(paired.quantile([10, 20], 0.75), 17.5)
        self.assertEqual(paired.quantile([7], 0.9), 7)

    def test_one_run_that_was_disturbed_moves_neither_median_nor_quartiles_far(self):
        summary = paired.summarize([10, 10, 11, 10, 500])
        self.assertEqual((summary.median, summary.low, summary.high), (10, 10, 11))


class Turns(unittest.TestCase):
    def test_each_program_once_a_round_and_of_any_two_each_comes_first_in_every_other(self):
        for names in (["a", "b"], ["a", "b", "c"], list("abcdefgh")):
            order = paired.turns(names, 6)
            self.assertEqual([sorted(turn) for turn in order], [names] * 6)
            for one, other in itertools.combinations(names, 2):
                first = [turn.index(one) < turn.index(other) for turn in order]
                self.assertEqual(first, [True, False] * 3, (one, other))


class Comparisons(unittest.TestCase):
    def test_the_ratio_is_taken_turn_by_turn(self):
        # The machine slows down by ten; each pair still says one half.
        comparison = paired.compare([1, 10, 100], [2, 20, 200])
        self.assertEqual((comparison.ratio, comparison.low, comparison.high), (0.5, 0.5, 0.5))

    def test_three_quarters_of_many_pairs_carry_a_claim(self):
        self.assertEqual([paired.pairs_needed(pairs) for pairs in (17, 20, 100)], [13, 15, 75])
        slower = [2] * 75 + [0.5] * 25
        self.assertTrue(paired.compare([1] * 100, slower).conclusive)
        self.assertTrue(paired.compare(slower, [1] * 100).conclusive)
        self.assertFalse(paired.compare([1] * 100, [2] * 74 + [0.5] * 26).conclusive)

    def test_of_few_pairs_so_many_must_agree_that_chance_does_it_once_in_sixteen(self):
        self.assertEqual([paired.pairs_needed(pairs) for pairs in (5, 8, 9, 10)], [5, 8, 8, 9])
        self.assertTrue(paired.compare([10, 11, 12, 30, 40], [11, 12, 13, 31, 41]).conclusive)
        self.assertFalse(paired.compare([10, 11, 12, 30, 40], [11, 12, 13, 31, 39]).conclusive)
        self.assertTrue(paired.compare([1] * 9, [2] * 8 + [1]).conclusive)

    def test_of_three_or_four_runs_all_of_one_are_below_all_of_the_other(self):
        self.assertEqual([paired.pairs_needed(pairs) for pairs in (3, 4)], [None, None])
        self.assertTrue(paired.compare([10, 10, 11], [20, 20, 21]).conclusive)
        self.assertTrue(paired.compare([20, 20, 21, 20], [10, 10, 11, 19]).conclusive)
        self.assertFalse(paired.compare([10, 14, 18], [12, 16, 20]).conclusive)
        self.assertFalse(paired.compare([10, 14, 18, 9], [12, 16, 20, 10]).conclusive)

    def test_fewer_than_three_runs_conclude_nothing(self):
        for runs in (1, 2):
            comparison = paired.compare([1] * runs, [100] * runs)
            self.assertFalse(comparison.conclusive)
            self.assertIsNone(paired.goal_met(comparison, 0.5))
            self.assertIsNone(paired.goal_met(paired.compare([5] * runs, [5] * runs), 1.02))
            self.assertIsNone(paired.maximum_kept([100] * runs, 128))

    def test_no_difference_is_inconclusive(self):
        self.assertFalse(paired.compare([5, 5, 5], [5, 5, 5]).conclusive)
        self.assertFalse(paired.compare([5] * 20, [5] * 20).conclusive)

    def test_runs_without_a_partner_are_refused(self):
        self.assertRaises(ValueError, paired.compare, [1, 2], [1])

    def test_a_goal_is_met_missed_or_open(self):
        self.assertIs(paired.goal_met(paired.compare([1, 1, 1], [4, 4, 4]), 0.5), True)
        self.assertIs(paired.goal_met(paired.compare([3, 3, 3], [4, 4, 4]), 0.5), False)
        self.assertIsNone(paired.goal_met(paired.compare([1, 2, 3], [4, 4, 4]), 0.5))

    def test_what_is_inconclusive_meets_no_goal(self):
        ahead_of_all = paired.compare([90, 96, 90, 97, 101], [100] * 5)
        self.assertFalse(ahead_of_all.conclusive)
        self.assertIsNone(paired.goal_met(ahead_of_all, 1))
        within_noise = paired.compare([90, 95, 101, 101, 94], [100] * 5)  # every one is within the goal
        self.assertIsNone(paired.goal_met(within_noise, 1.02))
        self.assertIsNone(paired.goal_met(paired.compare([100] * 5, [100] * 5), 1))  # ahead is less than level

    def test_what_nobody_can_tell_from_the_floor_to_the_goal_s_margin_meets_it(self):
        comparison = paired.compare([100, 101, 99, 100.5, 100], [100] * 5)
        self.assertFalse(comparison.conclusive)
        self.assertIs(paired.goal_met(comparison, 1.02), True)
        self.assertIsNone(paired.goal_met(comparison, 1.001))

    def test_what_is_inconclusive_can_miss_a_goal_that_is_far_away(self):
        self.assertIs(paired.goal_met(paired.compare([10, 11, 9, 10, 10], [10] * 5), 0.5), False)

    def test_a_figure_by_itself_is_below_its_maximum_above_or_open(self):
        self.assertEqual([paired.maximum_kept(values, 10) for values in ([9, 9, 11, 10, 9], [11, 12, 11], [9, 10, 12])],
                         [True, False, None])


def made_up_samples():
    return {
        "spawn": {
            ("percore", ""): [10, 10, 11],
            ("raw", ""): [8, 8, 8],
            ("asio", "threads"): [100, 100, 100],
            ("asio", "single"): [70, 70, 70],
            ("tokio", "spawn"): [60, 60, 60],
            ("tokio", "local"): [50, 50, 50],
        },
        "memory": {("percore", ""): [130, 130, 130], ("raw", ""): [80, 80, 80]},
    }


def made_up_lines():
    return report.lines_of(suites.metrics_of(["spawn", "memory"]), made_up_samples())


class Reports(unittest.TestCase):
    def test_the_better_form_of_a_peer_counts_and_the_best_peer_is_the_fastest(self):
        spawn = made_up_lines()[0]
        self.assertEqual(spawn.forms["tokio"], "local")
        self.assertEqual(spawn.best_peer, "tokio")
        self.assertAlmostEqual(spawn.of_peer["tokio"].ratio, 0.2)
        self.assertAlmostEqual(spawn.of_floor.ratio, 1.25)

    def test_goals_as_a_share_and_as_a_figure(self):
        spawn, memory = made_up_lines()
        self.assertEqual(report.verdict(spawn), "met")
        self.assertEqual(report.verdict(memory), "missed")

    def test_a_goal_may_be_a_share_of_the_floor(self):
        metrics = suites.metrics_of(["file_rand"])
        for figure, verdict in ((101, "met"), (110, "missed")):
            samples = {metric.name: {("percore", ""): [figure] * 3, ("raw", ""): [100] * 3} for metric in metrics}
            self.assertEqual([report.verdict(line) for line in report.lines_of(metrics, samples)], [verdict] * 2)

    def lines(self, *chosen, **of_percore):
        """Of samples of percore by metric."""
        samples = {name: {("percore", ""): values} for name, values in of_percore.items()}
        return report.lines_of(suites.metrics_of(chosen), samples)

    def test_what_computes_is_held_to_the_floor_and_one_per_cent(self):
        for figure, word in ((100.9, "met"), (101.2, "missed")):
            samples = {"cpu": {("percore", ""): [figure] * 5, ("raw", ""): [100] * 5}}
            (line,) = report.lines_of(suites.metrics_of(["cpu"]), samples)
            self.assertEqual((report.goal_text(line.metric), report.verdict(line)), ("1.01 of the floor", word))

    def test_who_waits_uses_no_cpu(self):
        for figures, word in (([46, 45, 48], "met"), ([46, 1200, 1300], "open"), ([9e5, 1e6, 1e6], "missed")):
            (line,) = self.lines("mesh_idle", mesh_idle=figures)
            self.assertEqual((report.goal_text(line.metric), report.verdict(line)), ("1,000 us", word))

    def test_silent_peers_are_held_to_what_one_peer_costs(self):
        for of_64, cell, word in (([9.0, 9.1, 8.9, 9, 9], "1.00 level", "met"), ([9.5] * 5, "1.06", "met"),
                                  ([10.1] * 5, "1.12", "missed"), ([8, 8, 8, 12, 13], "0.89 inconclusive", "open")):
            lines = self.lines("mesh_peers", mesh_peers_1=[9] * 5, mesh_peers_16=[9] * 5, mesh_peers_64=of_64)
            header, one, _, many = report.rows(lines)
            self.assertEqual((many[header.index("goal")], many[-1]), (f"1.10 of mesh_peers_1: {cell}", word))
            self.assertEqual((one[header.index("goal")], one[-1]), ("-", "-"))
        with tempfile.TemporaryDirectory() as folder:
            report.write_json(Path(folder) / "out.json", lines, {}, 5, {})
            document = json.loads((Path(folder) / "out.json").read_text())
        self.assertEqual([comparison["with"] for comparison in document["comparisons"]], ["mesh_peers_1"] * 2)

    def test_a_copy_is_held_to_what_the_device_does_and_shown_as_a_rate(self):
        # Of the same metric in microseconds for a megabyte: 1,000 is 1,000 MB/s, and less is better.
        for took, share, word in (([1040] * 5, "0.96", "met"), ([1060] * 5, "0.94", "missed"), ([900] * 5, "1.11", "met"),
                                  ([1000, 990, 1010, 1000, 1000], "1.00 level", "met"),
                                  ([800, 1200, 1200, 800, 900], "1.11 inconclusive", "open")):
            samples = {"file_copy": {("percore", ""): took, ("raw", ""): [2000] * 5, ("fio", ""): [1000] * 5}}
            lines = report.lines_of(suites.metrics_of(["file_copy"]), samples)
            header, row = report.rows(lines)
            self.assertEqual((row[header.index("goal")], row[-1]), (f"0.95 of fio: {share}", word))
            self.assertIsNone(lines[0].best_peer)
        self.assertEqual((row[1], row[header.index("fio")]), ("MB/s", "1,000 (1,000..1,000)"))
        self.assertEqual(row[header.index("floor")], "500 (500..500)")
        self.assertEqual(row[header.index("percore")], "1,111 (833..1,250)")
        self.assertEqual(row[header.index("of floor")], "2.22")

    def test_without_fio_a_copy_is_beside_the_floor_and_has_no_verdict(self):
        samples = {"file_copy": {("percore", ""): [1000] * 3, ("raw", ""): [500] * 3}}
        header, row = report.rows(report.lines_of(suites.metrics_of(["file_copy"]), samples))
        self.assertEqual((row[header.index("of floor")], row[header.index("goal")], row[-1]), ("0.50", "0.95 of fio", "-"))
        with mock.patch.object(programs.shutil, "which", return_value=None):
            self.assertRaisesRegex(programs.Unavailable, "apt install fio", programs.fio_program, Path("build"))

    def test_met_never_stands_beside_inconclusive(self):
        metrics = suites.metrics_of(["echo", "file_write"])[:4]
        for noise in ([90, 95, 101, 101, 94], [100, 100.5, 99.5, 100, 100], [80] * 5, [100] * 5, [130, 90, 90, 90, 90], [50]):
            samples = {metric.name: {("percore", ""): noise, ("raw", ""): [100] * len(noise), ("asio", ""): [100] * len(noise)}
                       for metric in metrics}
            header, *rows = report.rows(report.lines_of(metrics, samples))
            for row in rows:
                judged = row[header.index("of floor" if "floor" in row[header.index("goal")] else "of best peer here")]
                self.assertFalse(row[-1] == "met" and "inconclusive" in judged, row)
                self.assertEqual(row[-1], "met" if "level" in judged or "0.80" in judged else "open")

    def test_the_floor_is_no_peer(self):
        self.assertIsNone(made_up_lines()[1].best_peer)

    def test_every_line_of_the_table_has_every_column(self):
        rows = list(report.rows(made_up_lines()))
        self.assertEqual({len(row) for row in rows}, {len(rows[0])})
        self.assertIn("0.20 (Tokio)", rows[1])
        self.assertEqual(rows[2][rows[0].index("Asio")], "-")

    def test_a_learner_s_modules_are_set_beside_ours_where_they_took_part(self):
        samples = made_up_samples()
        samples["spawn"][("mine", "")] = [15, 15, 16.5]
        header, spawn, memory = report.rows(report.lines_of(suites.metrics_of(["spawn", "memory"]), samples))
        column = header.index("mine of percore")
        self.assertEqual((spawn[column], memory[column]), ("1.50", "-"))
        self.assertEqual(len(memory), len(header))
        self.assertNotIn("mine of percore", list(report.rows(made_up_lines()))[0])

    def test_figures_keep_three_digits(self):
        self.assertEqual([report.number(value) for value in (0.815, 11.07, 166.6, 4567.8)], ["0.81", "11.1", "167", "4,568"])

    def test_the_estimate_for_peers_not_measured_here(self):
        row = list(report.recorded_rows(made_up_lines()))[1]
        # percore of Asio 0.1 here, monoio of Asio 49/431 there: 0.88; of Tokio's spawn 1/6 and 49/275: 0.94.
        self.assertEqual(row[-2], "0.88 to 0.94")

    def test_json_holds_every_sample(self):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "out.json"
            report.write_json(file, made_up_lines(), {"cpu": "made up"}, 3, {"yield": 20})
            document = json.loads(file.read_text())
        tokio = {result["form"]: result for result in document["results"] if result["runtime"] == "tokio"}
        self.assertEqual((tokio["local"]["samples"], tokio["local"]["better_form"]), ([50, 50, 50], True))
        self.assertEqual((tokio["spawn"]["median"], tokio["spawn"]["better_form"]), (60, False))
        self.assertEqual(document["instructions"], {"yield": 20})


class TheSameWork(unittest.TestCase):
    """The Rust programs cannot include the headers that give the others their numbers."""

    def numbers(self, file, pattern):
        text = (programs.ROOT / "tools/benchmarks" / file).read_text()
        found = re.search(pattern, text)
        self.assertIsNotNone(found, f"{file}: {pattern}")
        return [int(re.sub("['_]", "", number)) for number in found.groups()]

    def test_round_trips_of_the_rust_programs_are_those_of_the_others(self):
        asleep = self.numbers("common/mesh.hpp", r"trips_asleep\{([\d']+), ([\d']+), ([\d']+)000\}")
        self.assertEqual(asleep, self.numbers("rust/mesh.rs", r"ASLEEP: .*warm_up: ([\d_]+), count: ([\d_]+), "
                                                              r"pause: Duration::from_micros\((\d+)\)"))
        awake = self.numbers("common/mesh.hpp", r"trips_awake\{([\d']+), ([\d']+), 0\}")
        self.assertEqual(awake, self.numbers("rust/mesh.rs", r"AWAKE: .*warm_up: ([\d_]+), count: ([\d_]+), "
                                                             r"pause: Duration::ZERO"))

    def test_streams_and_files_of_the_rust_programs_are_those_of_the_others(self):
        for common, name, rust, other in [("mesh.hpp", "channel_capacity", "rust/mesh.rs", "CAPACITY"),
                                          ("mesh.hpp", "messages_a_round", "rust/mesh.rs", "MESSAGES_A_ROUND"),
                                          ("mesh.hpp", "message_rounds", "rust/mesh.rs", "ROUNDS"),
                                          ("file.hpp", "block_bytes", "rust/file.rs", "BLOCK"),
                                          ("file.hpp", "blocks", "rust/file.rs", "CACHED_BLOCKS"),
                                          ("file.hpp", "reads_a_round", "rust/file.rs", "READS_A_ROUND"),
                                          ("file.hpp", "read_rounds", "rust/file.rs", "READ_ROUNDS"),
                                          ("file_work.hpp", "write_rounds", "rust/file.rs", "WRITE_ROUNDS"),
                                          ("file_work.hpp", "depth_max", "rust/file.rs", "DEPTH_MAX")]:
            self.assertEqual(self.numbers(f"common/{common}", rf" {name} = ([\d']+)"),
                             self.numbers(rust, rf"const {other}: \w+ = ([\d_]+)"), name)


class Suites(unittest.TestCase):
    def test_every_recorded_figure_belongs_to_a_metric_with_a_goal(self):
        metrics = {metric.name: metric for metric in suites.metrics_of(suites.SUITES)}
        for name in suites.RECORDED:
            self.assertTrue(metrics[name].of_best_peer_max or metrics[name].absolute_max, name)

    def test_the_six_of_glommio_are_suites_with_a_name_each(self):
        self.assertEqual({metric.name for metric in suites.metrics_of(suites.GLOMMIO_SUITES)}, set(suites.GLOMMIO_NAMES))

    def test_a_file_is_written_in_each_form_and_by_no_program_besides(self):
        paths = {f"bench_{runtime}_{family}": Path(family) for runtime in ("raw", "percore") for family in ("tasks", "file")}
        with mock.patch.object(programs, "compile_command_of", return_value=None):
            found = [programs.meson_program(runtime, Path("b"), paths) for runtime in ("raw", "percore")]
            for runtime in ("raw", "percore"):
                found += programs.write_programs(runtime, Path("b"), paths)
        writing = {program.name: program.commands for program in found if programs.runs(program, "file_write")}
        self.assertEqual(list(writing), ["raw (grow)", "raw (preallocate)", "raw (grow-merge)", "raw (preallocate-merge)",
                                         "percore (grow)", "percore (preallocate)"])
        self.assertEqual(writing["raw (grow-merge)"], {"file_write": ["file", "file_write", "b", "grow-merge"]})
        self.assertEqual([program.name for program in found if programs.runs(program, "file_rand")], ["raw", "percore"])

    def test_the_compiler_is_called_for_minus_o0_and_writes_nothing(self):
        command = ["c++", "-O3", "-MD", "-MQ", "a.o", "-MF", "a.d", "-o", "a.o", "-c", "a.cpp", "-O0"]
        self.assertEqual(programs.for_timing(command), ["c++", "-o", "/dev/null", "-c", "a.cpp", "-O0"])


def as_record(lines, machine=None, instructions=None):
    """What --json writes of these lines, read again."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "out.json"
        machine = machine or {"cpu": "made up", "cpus": 2, "kernel": "6", "compiler": "c++"}
        report.write_json(file, lines, machine, 3, instructions or {}, "tools/bench --suite spawn")
        return comparing.load(file)


class Charts(unittest.TestCase):
    def test_bars_are_in_proportion_and_never_vanish(self):
        self.assertEqual(charts.bar(1, 8), "█" * 8)
        self.assertEqual(charts.bar(0.5, 8), "█" * 4)
        self.assertEqual(charts.bar(0.00001, 8), "▏")
        self.assertEqual(charts.bar(0, 8), "")
        self.assertEqual(charts.bar(7, 8), "█" * 8)
        self.assertEqual([charts.round_step(least) for least in (1, 9.9, 553, 2000)], [1, 10, 750, 2000])

    def test_a_long_footer_has_room_below_its_curves(self):
        for words in (1, 30, 60, 200):
            drawn = charts.svg_curves("Title", "tasks", "ns", [("a", [(1, 2.0), (10, 3.0)])], "machine " * words)
            height = int(re.search(r'viewBox="0 0 880 (\d+)"', drawn)[1])
            self.assertLess(max(float(y) for y in re.findall(r'<text class="small" x="24" y="([\d.]+)"', drawn)), height - 5)

    def test_every_runtime_has_a_bar(self):
        text = charts.text_bars(report.charts(made_up_lines()))
        for word in ("spawn: spawn 1,000 tasks", "floor", "percore", "Asio", "70.0", "Tokio"):
            self.assertIn(word, text)
        self.assertNotIn("100", text.split("memory")[0].replace("1,000", ""))  # the worse form of Asio is no bar

    def test_a_title_stands_in_place_of_the_suite(self):
        self.assertEqual(report.charts(made_up_lines(), {"spawn": "Task creation"})[0][0], "Task creation")

    def test_svg_is_well_formed_light_and_dark_and_says_its_figures(self):
        for picture in (
            charts.svg_bars(report.charts(made_up_lines()), "a < b", "on a machine & its kernel"),
            charts.svg_curves("growth", "tasks", "ns", [("spawn", [(1, 10), (1000, 12)]), ("yield", [(1, 2), (1000, 3)])], "x"),
            charts.svg_curves("one point", "tasks", "ns", [("spawn", [(10, 0)])], ""),
        ):
            root = xml.etree.ElementTree.fromstring(picture)
            self.assertIn("prefers-color-scheme: dark", picture)
            described = root.find("{http://www.w3.org/2000/svg}desc").text
            self.assertTrue(any(word in described for word in ("percore", "tasks")), described)


class Comparing(unittest.TestCase):
    def setUp(self):
        self.old = as_record(made_up_lines(), instructions={"yield": 20.0, "spawn": 133.2})

    def rows(self, change):
        samples = made_up_samples()
        samples["spawn"][("percore", "")] = change
        new = as_record(report.lines_of(suites.metrics_of(["spawn", "memory"]), samples))
        rows = {(row[0], row[2]): row for row in comparing.rows(self.old, new, report.NAMES, report.figure)}
        return rows[("spawn", "percore")]

    def test_a_difference_larger_than_the_spreads_is_one(self):
        self.assertEqual(self.rows([20, 20, 21])[6], "worse")
        self.assertEqual(self.rows([5, 5, 5])[6], "better")
        self.assertEqual(self.rows([20, 20, 21])[5], "2.00")
        self.assertEqual(self.rows([20, 20, 21])[7], "1.25, 2.50")

    def test_a_spread_as_large_as_the_difference_refuses_to_conclude(self):
        self.assertEqual(self.rows([9, 12, 15])[6], "inconclusive")
        self.assertEqual(self.rows([10, 10, 11])[6], "inconclusive")

    def test_fewer_than_three_runs_conclude_nothing(self):
        self.assertEqual(comparing.verdict([10], [20]), "inconclusive")
        self.assertEqual(comparing.verdict([10, 10, 10], [20, 20]), "inconclusive")
        self.assertEqual(comparing.verdict([10, 10, 10], [20, 20, 20]), "worse")

    def test_the_better_form_of_each_record_counts(self):
        rows = list(comparing.rows(self.old, self.old, report.NAMES, report.figure))
        self.assertEqual([row[3] for row in rows if row[2] == "Asio"], ["70.0 (70.0..70.0)"])

    def test_instructions_need_no_spread(self):
        new = as_record(made_up_lines(), instructions={"yield": 20.1, "spawn": 140.0, "nop": 5})
        self.assertEqual([row[-1] for row in comparing.instruction_rows(self.old, new)], ["same", "+6.8"])

    def test_another_machine_is_named(self):
        other = as_record(made_up_lines(), {"cpu": "another", "cpus": 2, "kernel": "6", "compiler": "c++"})
        self.assertIn("NOT THE SAME MACHINE (cpu: made up and another)", comparing.machines_sentence(self.old, other))
        self.assertTrue(comparing.machines_sentence(self.old, self.old).startswith("Both on 2 CPUs"))

    def test_what_is_no_record_is_refused_with_a_sentence(self):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "x.json"
            self.assertRaisesRegex(comparing.Unreadable, "cannot be read", comparing.load, file)
            for text in ("{", "[]", '{"machine": 1}'):
                file.write_text(text)
                self.assertRaisesRegex(comparing.Unreadable, "is no record", comparing.load, file)

    def test_a_record_says_how_it_was_made(self):
        self.assertEqual(self.old["command"], "tools/bench --suite spawn")
        self.assertEqual([goal["verdict"] for goal in self.old["goals"]], ["met", "missed"])


MACHINE = {"cpu": "made up", "cpus": 2, "virtual": True, "kernel": "6", "compiler": "c++", "load": 0, "versions": {}}


class Growth(unittest.TestCase):
    MEASURED = {"depth": {"nop": {1: [100, 100, 100], 64: [50, 49, 51]}}}

    def test_each_point_is_set_beside_the_cheapest(self):
        rows = list(growth.rows(self.MEASURED))
        self.assertEqual([row[1] for row in rows[1:]], ["1", "64"])
        self.assertEqual([row[5] for row in rows[1:]], ["2.00", "1.00"])
        self.assertEqual(rows[2][3:5], ["ns", "50.0 (49.5..50.5)"])

    def test_sizes_take_turns_there_and_back(self):
        asked = []

        def measure_point(program, what, size, cpu):
            asked.append(size)
            return {"nop": float(size)}

        with mock.patch.object(growth, "measure_point", measure_point):
            samples = growth.measure_series("p", "depth", growth.parse(["--runs", "3", "--largest", "10"], "bench", Path(".")))
        self.assertEqual(asked, [1, 2, 4, 8, 8, 4, 2, 1, 1, 2, 4, 8])
        self.assertEqual(samples, {"nop": {1: [1.0] * 3, 2: [2.0] * 3, 4: [4.0] * 3, 8: [8.0] * 3}})

    def test_what_is_counted_has_its_unit_and_no_spread(self):
        rows = list(growth.rows({"mesh": {"mesh_message": {2: [1126.25]}, "mesh_turn": {2: [164.0]}}}))
        self.assertEqual([row[3:5] for row in rows[1:]], [["instructions", "1,126"], ["instructions", "164"]])

    def test_pictures_are_drawn_with_their_unit(self):
        with tempfile.TemporaryDirectory() as folder:
            growth.draw(Path(folder), self.MEASURED, MACHINE, 3)
            picture = (Path(folder) / "growth-depth.svg").read_text()
        self.assertIn("NOPs in flight", picture)
        self.assertIn("CPU time", picture)
        self.assertIn("bytes a channel", growth.picture("mesh_memory", {"mesh_channel_bytes": {2: [9], 64: [8]}}, MACHINE, 1))

    def test_a_series_that_is_kept_replaces_its_own_and_no_other(self):
        with tempfile.TemporaryDirectory() as folder:
            record = Path(folder) / "results/growth.json"
            growth.keep(record, self.MEASURED, MACHINE, 3, "first")
            mesh = {"mesh_threads": {"mesh_threads": {2: [8.0], 64: [9.0]}}}
            growth.keep(record, mesh, {**MACHINE, "cpu": "another"}, 5, "second")
            growth.keep(record, {"depth": {"nop": {1: [70]}}}, MACHINE, 1, "third")
            kept = growth.load_record(record)
        self.assertEqual(list(kept), ["depth", "mesh_threads"])  # in the order of SERIES, whenever they were measured
        self.assertEqual(kept["depth"]["samples"], {"nop": {1: [70]}})
        self.assertEqual((kept["mesh_threads"]["machine"]["cpu"], kept["mesh_threads"]["runs"]), ("another", 5))
        said = report.markdown_table(growth.machine_rows(kept))
        self.assertIn("| `third` |", said)
        self.assertIn("another, Linux 6", said)

    def test_every_metric_has_a_name_and_every_series_three_sizes(self):
        for series in growth.SERIES.values():
            self.assertTrue(series["metrics"])
            self.assertGreaterEqual(len(series["sizes"]), 3)
            self.assertEqual(series["sizes"], sorted(series["sizes"]))

    def test_every_series_is_kept_and_shown_with_its_picture(self):
        kept = growth.load_record(programs.ROOT / growth.RECORD)
        page = (programs.ROOT / "docs/reference/benchmarks.md").read_text()
        self.assertEqual(list(kept), list(growth.SERIES))
        for name, series in kept.items():
            self.assertLessEqual(set(growth.SERIES[name]["metrics"]), set(series["samples"]))
            for sizes in series["samples"].values():
                self.assertEqual(list(sizes), growth.SERIES[name]["sizes"])
            self.assertIn(f"(pictures/growth-{name}.svg)", page)
            self.assertIn(f"<!-- picture: pictures/growth-{name}.svg; tools/bench growth --recorded --series {name} ", page)


class Recorded(unittest.TestCase):
    """The tables of docs/reference/runtime-comparison.md, and that they are all made of records."""

    PEERS = {"suites": [
        {"suite": "memory", "unit": "B", "what": "a task", "better": "less", "figures": {"One": 176, "Two": 8659},
         "notes": {"Two": "with a stack"}},
        {"suite": "echo64", "unit": "k/s", "what": "echoes", "better": "more", "figures": {"One": 74.0, "Two": 79.1}}]}

    def test_the_best_of_a_suite_stands_out_whichever_way_is_better(self):
        rows = list(recorded.peer_rows(self.PEERS, None))
        self.assertEqual(rows, [["suite", "unit", "One", "Two"], ["memory", "B", "**176**", "8,659 (with a stack)"],
                                ["echo64", "k/s", "74.0", "**79.1**"]])
        self.assertEqual(len(list(recorded.peer_rows(self.PEERS, ["echo64"]))), 2)

    def test_a_suite_that_is_not_there_is_refused(self):
        self.assertRaisesRegex(programs.Unavailable, "no suite mesh; it has memory, echo64",
                               lambda: list(recorded.peer_rows(self.PEERS, ["mesh"])))

    def test_what_was_measured_of_a_claim_is_looked_up(self):
        self.assertEqual(recorded.measured_text("{memory Two} B, {echo64 One/Two} of it", self.PEERS), "8,659 B, 0.94 of it")
        self.assertRaisesRegex(programs.Unavailable, "asks for {memory Three}",
                               lambda: recorded.measured_text("{memory Three}", self.PEERS))

    def test_our_table_is_the_one_that_bench_showed_when_it_made_the_record(self):
        shown = list(report.rows(made_up_lines()))
        record = as_record(made_up_lines())
        self.assertEqual(list(report.rows(recorded.our_lines([record]))), shown)
        self.assertEqual([line.metric.name for line in recorded.our_lines([record], ["memory"])], ["memory"])

    def test_records_of_several_runs_make_one_table(self):
        spawn, memory = (as_record([line]) for line in made_up_lines())
        self.assertEqual([line.metric.name for line in recorded.our_lines([memory, spawn])], ["spawn", "memory"])
        self.assertRaisesRegex(programs.Unavailable, "no suite echo1; it has spawn, memory",
                               lambda: recorded.our_lines([memory, spawn], ["echo"]))

    def test_every_table_of_figures_on_the_page_is_made_of_a_record(self):
        page = (programs.ROOT / "docs/reference/runtime-comparison.md").read_text()
        figures = page.split("## Figures")[1].split("\n## ")[0]
        tables = re.findall(r"(.*)\n\|(?: [^|\n]* \|)+\n\|(?: --- \|)+", figures)
        self.assertGreaterEqual(len(tables), 5)
        for before in tables:
            self.assertRegex(before, r"^<!-- table: tools/bench recorded ")

    def test_every_suite_of_the_peers_is_shown(self):
        page = (programs.ROOT / "docs/reference/runtime-comparison.md").read_text()
        for suite in recorded.load(programs.ROOT, "peers")["suites"]:
            self.assertRegex(page, rf"recorded peers [^\n]*--suite {suite['suite']}\b")

    def test_a_figure_changed_on_the_page_fails_the_check_of_the_tree(self):
        page = programs.ROOT / "docs/reference/runtime-comparison.md"
        text = page.read_text()
        changed = re.sub(r"(\| memory \| B \| \*\*)176", r"\g<1>128", text)
        self.assertNotEqual(changed, text)
        with tempfile.NamedTemporaryFile("w", suffix=".md", dir=programs.ROOT / "build") as copy:
            copy.write(changed)
            copy.flush()
            done = subprocess.run([sys.executable, programs.ROOT / "tools/tree/markdown.py", "--no-outputs", copy.name],
                                  text=True, capture_output=True, timeout=120)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn("differs from what is recorded, which `tools/bench recorded peers", done.stdout)


class ManyCores(unittest.TestCase):
    """What docs/reference/many-cores.md takes for granted."""

    def test_what_an_executor_does_by_itself_has_no_atomic_and_no_lock(self):
        for module in ("task", "executor", "frame_pool", "timer", "sync", "task_queue", "fair_share"):
            sources = sorted((programs.ROOT / "runtime" / module).rglob("*.[ch]pp"))
            self.assertTrue(sources, module)
            for source in sources:
                code = re.sub(r"//.*", "", source.read_text())
                if source.name == "frame_pool.cpp":  # what threads that have ended leave to others
                    self.assertEqual(code.count("lock_guard lock("), 2)
                    code = code.replace("std::mutex mutex;", "").replace("const std::lock_guard lock(shared.mutex);", "")
                    code = code.replace("#include <mutex>", "")
                self.assertNotRegex(code, r"atomic|mutex|lock_guard|fence", source.name)


class Commands(unittest.TestCase):
    """tools/bench as it is typed; nothing of this measures."""

    def bench(self, *arguments, **environment):
        return subprocess.run([sys.executable, programs.ROOT / "tools/bench", *arguments], capture_output=True, text=True,
                              env={**os.environ, **environment}, timeout=60)

    def test_help_names_the_commands_and_the_user_s_own_word_for_it(self):
        said = self.bench("--help", PERCORE_BENCH_NAME="./tools/percore bench").stdout
        for word in ("./tools/percore bench glommio", "growth", "compare old.json new.json", "--mine"):
            self.assertIn(word, said)

    def test_what_cannot_be_written_or_is_not_there_is_told_before_anything_is_measured(self):
        for option, file in (("--json", "/nowhere/kept.json"), ("--svg", "/nowhere/drawn.svg")):
            refused = self.bench("--suite", "spawn", option, file)
            self.assertEqual(refused.returncode, 2)
            self.assertIn(f"{file} cannot be written", refused.stderr)
        with tempfile.TemporaryDirectory() as empty:
            refused = self.bench("--mine", "--mine-root", empty)
        self.assertEqual(refused.returncode, 2)
        self.assertIn("there is no module of yours in that folder", refused.stderr)

    def test_an_even_number_of_turns_is_refused(self):
        for turns in ("0", "2"):
            refused = self.bench("--suite", "spawn", "--turns", turns)
            self.assertEqual(refused.returncode, 2)
            self.assertIn("--turns must be", refused.stderr)

    def test_compare_says_where_runs_are_of_other_numbers_of_turns(self):
        machine = {"cpu": "x", "cpus": 1, "kernel": "6", "compiler": "c"}
        records = [{"machine": machine}, {"machine": machine, "turns": 3}]
        self.assertIn("Turns a run: 1 and 3", comparing.machines_sentence(*records))
        self.assertNotIn("Turns", comparing.machines_sentence(records[0], records[0]))

    def test_an_unknown_command_and_an_unknown_suite_are_usage(self):
        self.assertEqual(self.bench("glomio").returncode, 2)
        self.assertIn("there are compare, glommio, growth, recorded, verdict", self.bench("glomio").stderr)
        self.assertEqual(self.bench("--suite", "spwan").returncode, 2)

    def test_every_option_is_there_to_be_completed(self):
        offered = {line.split("\t")[0] for line in self.bench("--words").stdout.splitlines()}
        options = set(re.findall(r"(?<![\w-])--[a-z-]+", self.bench("--help").stdout.split("commands, in place")[0])) - {"--help"}
        self.assertEqual({word for word in offered if word.startswith("--")}, options)
        self.assertTrue({"glommio", "growth", "compare", "spawn", "asio"} <= offered)

    def test_compare_reads_two_records(self):
        with tempfile.TemporaryDirectory() as folder:
            files = []
            for name in ("old", "new"):
                file = Path(folder) / f"{name}.json"
                report.write_json(file, made_up_lines(), {"cpu": "x", "cpus": 1, "kernel": "6", "compiler": "c"}, 3, {"a": 1})
                files.append(file)
            said = self.bench("compare", *files)
            self.assertEqual((said.returncode, said.stderr), (0, ""))
            self.assertIn("inconclusive", said.stdout)
            self.assertEqual(self.bench("compare", files[0], Path(folder) / "none.json").returncode, 3)


def load_bench():
    """tools/bench as a module."""
    loader = importlib.machinery.SourceFileLoader("bench", str(programs.ROOT / "tools/bench"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("bench", loader))
    loader.exec_module(module)
    return module


bench = load_bench()

# Says where it may run as its figure, and writes its name and suite down. `breaks` is what the learner's module does.
FAKE_PROGRAM = f"""#!{sys.executable}
import json, os, pathlib, sys
here, name = pathlib.Path(__file__).parent, pathlib.Path(__file__).name
with (here / "log").open("a") as log:
    log.write(name + "\\n")
if (here / (name + ".breaks")).exists():
    sys.exit("a word about it")
cpus = sorted(os.sched_getaffinity(0))
print(json.dumps({{"metrics": [{{"name": sys.argv[1], "value": sum(1 << cpu for cpu in cpus), "unit": "ns"}}]}}))
"""


class Launching(unittest.TestCase):
    """What tools/bench does with programs: these print where they may run, and measure nothing."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.samples = {}
        self.said = ""
        self.cpu = max(os.sched_getaffinity(0))

    def program(self, name):
        path = self.folder / name
        path.write_text(FAKE_PROGRAM)
        path.chmod(0o755)
        return path

    def options(self, *arguments):
        return bench.parse(["--cpu", str(self.cpu), "--build-dir", str(self.folder), *arguments])

    def run_suite(self, suite, *names, runs=3, turns=1):
        found = [programs.Program(name.removeprefix("bench_"), "", {suite: [str(self.program(name)), suite]}) for name in names]
        with contextlib.redirect_stderr(io.StringIO()) as said:
            self.samples = bench.run_suite(suite, found, self.options("--runs", str(runs), "--turns", str(turns)))
        self.said = said.getvalue()

    def order(self):
        return (self.folder / "log").read_text().split()

    def test_each_program_is_pinned_to_the_cpu_that_was_said(self):
        self.run_suite("spawn", "percore", "raw")
        self.assertEqual(self.samples["spawn"], {("percore", ""): [1 << self.cpu] * 3, ("raw", ""): [1 << self.cpu] * 3})

    def test_what_needs_two_cpus_may_run_on_all(self):
        self.run_suite("cpu", "percore", runs=1)
        everywhere = sum(1 << cpu for cpu in os.sched_getaffinity(0))
        self.assertEqual(self.samples["cpu"], {("percore", ""): [everywhere]})

    def test_they_take_turns_there_and_back(self):
        self.run_suite("spawn", "a", "b", "c", runs=4)
        self.assertEqual(self.order(), list("abc" "cba" "abc" "cba"))

    def test_a_run_of_several_turns_goes_there_and_back_as_well(self):
        self.run_suite("spawn", "a", "b", runs=2, turns=3)
        self.assertEqual(self.order(), list("ab" "ba" "ab" "ba" "ab" "ba"))

    def test_who_does_not_know_a_suite_takes_no_part_in_it(self):
        other = programs.Program("other", "", {"spawn": [str(self.program("other")), "spawn"]})
        self.assertEqual(bench.run_suite("nop", [other], self.options()), {})

    def test_a_learner_s_module_that_breaks_is_left_out_with_a_word_and_the_others_go_on(self):
        (self.folder / "mine.breaks").touch()
        self.run_suite("spawn", "percore", "mine", "raw")
        self.assertEqual({runtime: len(values) for (runtime, _), values in self.samples["spawn"].items()},
                         {"percore": 3, "raw": 3})
        self.assertEqual(self.order().count("mine"), 1)
        self.assertIn("Your modules are left out of spawn: mine spawn ended with status 1: a word about it", self.said)

    def test_a_peer_that_breaks_is_left_out_of_that_suite_with_a_word(self):
        (self.folder / "asio.breaks").touch()
        self.run_suite("spawn", "percore", "asio", "raw")
        self.assertEqual({runtime: len(values) for (runtime, _), values in self.samples["spawn"].items()},
                         {"percore": 3, "raw": 3})
        self.assertIn("asio is left out of spawn: asio spawn ended with status 1: a word about it", self.said)

    def test_one_that_does_not_end_is_ended_with_all_that_it_started(self):
        hangs = self.folder / "hangs"
        hangs.write_text(f"""#!{sys.executable}
import os, pathlib, signal
child = os.fork()
if child != 0:
    pathlib.Path(__file__).with_suffix(".child").write_text(str(child))
signal.pause()
""")
        hangs.chmod(0o755)
        child_file = hangs.with_suffix(".child")

        def once_it_hangs(_, timeout):
            self.assertEqual(timeout, programs.PROGRAM_SECONDS_MAX)
            while not (child_file.exists() and child_file.read_text()):
                time.sleep(0.01)
            raise subprocess.TimeoutExpired("hangs", timeout)

        with mock.patch.object(subprocess.Popen, "communicate", once_it_hangs):
            with self.assertRaisesRegex(programs.Unavailable, "^hangs spawn did not end within 600 seconds$"):
                programs.metrics_of([str(hangs), "spawn"])
        child = int(child_file.read_text())
        self.addCleanup(lambda: self.runs(child) and os.kill(child, signal.SIGKILL))
        for _ in range(3000):  # it is killed, which takes a moment
            if not self.runs(child):
                return
            time.sleep(0.01)
        self.fail("what the program had started still runs")

    @staticmethod
    def runs(process):
        try:
            return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        except (FileNotFoundError, ProcessLookupError):
            return False

    def test_a_suite_that_percore_breaks_in_is_left_out_and_what_was_measured_is_kept(self):
        found = [programs.Program("percore", "", {suite: [str(self.program(f"percore-{suite}")), suite]})
                 for suite in ("spawn", "nop")]
        (self.folder / "percore-spawn.breaks").touch()
        kept = self.folder / "kept.json"
        with contextlib.ExitStack() as stack:
            for name, value in (("collect_programs", lambda _: (found, {})),):
                stack.enter_context(mock.patch.object(bench, name, value))
            stack.enter_context(mock.patch.object(programs, "machine", lambda _: MACHINE))
            said = stack.enter_context(contextlib.redirect_stderr(io.StringIO()))
            stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
            status = bench.measure_suites(["--suite", "spawn", "--suite", "nop", "--cpu", str(self.cpu), "--runs", "2",
                                           "--json", str(kept), "--no-bars"])
        self.assertEqual(status, 3)
        self.assertIn("spawn is left out: ", said.getvalue())
        self.assertTrue(kept.exists())

    def test_a_run_is_the_median_of_its_turns_and_the_record_has_both(self):
        figures = iter([10.0, 90.0, 11.0, 30.0, 31.0, 2.0])
        found = [programs.Program("percore", "", {"nop": ["percore", "nop"]})]
        kept = self.folder / "kept.json"
        with contextlib.ExitStack() as stack:
            stack.enter_context(mock.patch.object(bench, "collect_programs", lambda _: (found, {})))
            stack.enter_context(mock.patch.object(programs, "machine", lambda _: MACHINE))
            stack.enter_context(mock.patch.object(programs, "measure", lambda *_: {"nop1": next(figures)}))
            said = stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
            bench.measure_suites(["--suite", "nop", "--runs", "2", "--turns", "3", "--json", str(kept), "--no-bars"])
        record = json.loads(kept.read_text())
        self.assertEqual((record["runs"], record["turns"]), (2, 3))
        (result,) = record["results"]
        self.assertEqual(result["samples"], [11.0, 30.0])
        self.assertEqual(result["turns"], [10.0, 90.0, 11.0, 30.0, 31.0, 2.0])
        self.assertIn("2 runs in turn, each the median of 3", said.getvalue())

    def test_one_of_ours_that_breaks_ends_it_with_a_word(self):
        (self.folder / "percore.breaks").touch()
        with self.assertRaisesRegex(programs.Unavailable, "percore spawn ended with status 1: a word"):
            self.run_suite("spawn", "percore")

    def collect(self, *arguments, built=(), mine=None):
        """The names of what takes part where Meson has built these, and `mine` raises what building the learner's does."""
        names = [f"bench_{runtime}_{family}" for runtime in ("percore", "raw", *built) for family in ("tasks", "file")]
        paths = {name: self.program(name) for name in [*names, "bench_epoll_echo", "bench_echo_load"]}

        def build_targets(build_dir, prefix="bench_", of=""):
            if build_dir.name.endswith("-mine") and mine is not None:
                raise programs.Unavailable(mine)
            return paths

        with contextlib.ExitStack() as stack:
            for name, value in (("configure", mock.DEFAULT), ("build_targets", build_targets), ("CARGO_REGISTRY", self.folder),
                                ("compile_command_of", lambda *_: (["c++"], "."))):
                stack.enter_context(mock.patch.object(programs, name, value))
            said = stack.enter_context(contextlib.redirect_stderr(io.StringIO()))
            found, _ = bench.collect_programs(self.options(*arguments))
        self.said = said.getvalue()
        return sorted({program.runtime for program in found} - {"fio"})

    def test_a_peer_that_is_missing_is_left_out_with_what_brings_it(self):
        self.assertEqual(self.collect(built=["asio", "asio-single"]), ["asio", "epoll", "percore", "raw"])
        for word in ("libuv is left out", "apt install libuv1-dev", "librust-tokio-dev", "librust-smol-dev"):
            self.assertIn(word, self.said)
        self.assertNotIn("Asio", self.said)
        self.assertEqual(self.collect("--peer", "asio"), ["epoll", "percore", "raw"])
        self.assertIn("Asio is left out: it is not installed (apt install libasio-dev).", self.said)
        self.assertNotIn("libuv", self.said)

    def test_a_learner_s_module_that_does_not_build_is_left_out_with_a_word(self):
        self.assertIn("mine", self.collect("--peer", "none", "--mine", "ring", "--mine-root", "solutions"))
        self.assertEqual(self.collect("--peer", "none", "--mine", "ring", "--mine-root", "solutions",
                                      mine="This failed, see above: ninja"),
                         ["epoll", "percore", "raw"])
        self.assertIn("Your modules are left out: This failed, see above: ninja", self.said)


FAKE_FIO = """#!/bin/sh
case "$*" in
  *reads*writes*) echo 'note: something'; echo '{"jobs": [%s, %s]}' ;;
  *reads*) echo '{"jobs": [%s]}' ;;
  *) echo '{"jobs": [%s]}' ;;
esac
echo "$*" >> asked
"""


class Building(unittest.TestCase):
    def followed(self, seconds, terminal, words="Builds."):
        """What who waits is told of four steps, which end at these seconds."""
        told = io.StringIO()
        told.isatty = lambda: terminal
        steps = [f"[{step}/4] Linking target a\n" for step in range(1, 5)]
        with mock.patch("sys.stderr", told), mock.patch("time.monotonic", side_effect=[0, *seconds]):
            self.assertEqual(programs.follow(steps, words), "".join(steps))
        return told.getvalue()

    def test_a_short_build_says_nothing(self):
        self.assertEqual(self.followed([0.1, 0.2, 0.3, 1.9], terminal=True), "")

    def test_a_long_one_says_once_what_it_does_and_on_a_terminal_how_far_it_is(self):
        self.assertEqual(self.followed([1, 2, 3, 4], terminal=False), "Builds.\n")
        self.assertEqual(self.followed([1, 2, 3, 4], terminal=True),
                         "Builds.\n\r\033[K[2/4]\r\033[K[3/4]\r\033[K[4/4]\r\033[K")

    def test_without_words_nobody_is_told(self):
        self.assertEqual(self.followed([1, 20, 30, 40], terminal=True, words=None), "")


class Fio(unittest.TestCase):
    """What is asked of fio, and what is made of its answer."""

    def measure(self, reads_ms, writes_ms, both_ms):
        def job(reads, writes):
            return json.dumps({"read": {"runtime": reads}, "write": {"runtime": writes}})

        with tempfile.TemporaryDirectory() as folder:
            fio = Path(folder) / "fio"
            fio.write_text(FAKE_FIO % (job(both_ms[0], 0), job(0, both_ms[1]), job(reads_ms, 0), job(0, writes_ms)))
            fio.chmod(0o755)
            with contextlib.redirect_stdout(io.StringIO()) as said:
                fio_copy.main("file_copy", folder, fio=str(fio))
            metrics = {metric["name"]: metric["value"] for metric in json.loads(said.getvalue())["metrics"]}
            asked = (Path(folder) / "asked").read_text().splitlines()
        return {name: round(value * fio_copy.COPIED_BYTES / 1e9) for name, value in metrics.items()}, asked

    def test_a_copy_takes_what_both_at_once_take_and_at_least_the_slower_direction(self):
        self.assertEqual(self.measure(300, 400, (500, 700))[0], {"file_copy_read": 300, "file_copy_write": 400, "file_copy": 700})
        self.assertEqual(self.measure(300, 400, (350, 380))[0]["file_copy"], 400)

    def test_the_same_files_pieces_and_depth_are_asked_for_past_the_page_cache(self):
        asked = self.measure(1, 1, (1, 1))[1]
        self.assertEqual(len(asked), 3 * (1 + fio_copy.ROUNDS))
        ours = (programs.ROOT / "tools/benchmarks/common/copy.hpp").read_text()
        for words in ("piece_bytes = 128u << 10;", "pieces = 4;", "copied_bytes = 256u << 20;"):
            self.assertIn(words, ours)
        for line in asked:
            for word in ("--direct=1", "--bs=128k", "--iodepth=4", "--size=268435456"):
                self.assertIn(word, line)

    def test_one_that_fails_is_told(self):
        with self.assertRaisesRegex(SystemExit, "fio failed"), tempfile.TemporaryDirectory() as folder:
            fio_copy.main("file_copy", folder, fio="false")


class KeptInstructions(unittest.TestCase):
    KEPT = {"spawn": (100.0, 3.0), "yield": (20.0, 3.0)}

    def test_what_is_within_the_tolerance_is_kept(self):
        self.assertEqual(keep_instructions.differences(self.KEPT, {"spawn": 103, "yield": 19.1}), [])

    def test_more_fewer_missing_and_unknown_are_told_apart(self):
        wrong = keep_instructions.differences(self.KEPT, {"spawn": 104, "yield": 18.9, "nop": 5})
        self.assertEqual(len(wrong), 3)
        self.assertIn("spawn: 104.0 instructions, 100.0 are kept (+4 %)", wrong)
        self.assertIn("it got better", wrong[1])
        self.assertIn("has no row", wrong[2])
        self.assertIn("counts no such thing", keep_instructions.differences(self.KEPT, {"spawn": 100})[0])

    def test_stats_may_add_nothing_that_can_be_seen(self):
        counted = {"spawn": 100, "yield": 20, "with Stats: spawn": 104}
        self.assertIn("with Stats: spawn", keep_instructions.differences(self.KEPT, counted)[0])

    def test_the_file_is_read_and_names_the_hot_paths(self):
        kept = keep_instructions.kept_figures(keep_instructions.KEPT.read_text())
        for name in ("spawn and join", "yield, another task runs", "nop, one in flight"):
            self.assertIn(name, kept)

    def test_elsewhere_it_is_skipped_with_a_word(self):
        if keep_instructions.platform.machine() == "x86_64":
            self.assertIsNone(keep_instructions.reason_to_skip("clang", "3", ""))
        self.assertIn("gcc", keep_instructions.reason_to_skip("gcc", "3", ""))
        self.assertIn("release", keep_instructions.reason_to_skip("clang", "none, with sanitizers", ""))
        self.assertIn("task ring", keep_instructions.reason_to_skip("clang", "3", "task ring"))

    def outcome(self, body):
        """(exit status, what it says) of the test with a program of this body in place of the one that counts."""
        with tempfile.TemporaryDirectory() as folder:
            program = Path(folder) / "counts"
            program.write_text(f"#!/bin/sh\n{body}\n")
            program.chmod(0o755)
            with mock.patch.object(keep_instructions, "reason_to_skip", return_value=None):
                with contextlib.redirect_stdout(io.StringIO()) as said:
                    return keep_instructions.main(str(program), "clang", "3", ""), said.getvalue().strip()

    def test_where_nobody_can_count_it_is_skipped(self):
        self.assertEqual(self.outcome("echo ptrace is blocked >&2; exit 77"), (77, "skipped: ptrace is blocked"))

    def test_a_program_that_crashes_or_fails_is_a_failure(self):
        self.assertEqual(self.outcome("kill -SEGV $$"), (1, "failed: counts ended with signal 11:"))
        self.assertEqual(self.outcome("echo it threw >&2; exit 3"), (1, "failed: counts ended with status 3: it threw"))
        self.assertEqual(self.outcome("exit 1")[0], 1)

    def test_figures_decide_where_they_were_counted(self):
        rows = keep_instructions.kept_figures(keep_instructions.KEPT.read_text())
        metrics = [{"name": name, "value": figure} for name, (figure, _) in rows.items()]
        took = f"{len(rows)} operations take what they took"
        self.assertEqual(self.outcome(f"echo '{json.dumps({'metrics': metrics})}'"), (0, took))
        metrics[0]["value"] *= 1.1
        self.assertEqual(self.outcome(f"echo '{json.dumps({'metrics': metrics})}'")[0], 1)


if __name__ == "__main__":
    unittest.main()
