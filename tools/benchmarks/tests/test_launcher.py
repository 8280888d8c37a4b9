"""The arithmetic and the tables of tools/bench, on made-up samples: nothing here is timed."""

import json
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "launcher"))
sys.dont_write_bytecode = True

import paired  # noqa: E402
import programs  # noqa: E402
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
    def test_each_program_once_a_round_and_each_first_in_its_turn(self):
        order = paired.turns(["a", "b", "c"], 4)
        self.assertEqual(order, [["a", "b", "c"], ["b", "c", "a"], ["c", "a", "b"], ["a", "b", "c"]])


class Comparisons(unittest.TestCase):
    def test_the_ratio_is_taken_turn_by_turn(self):
        # The machine slows down by ten; each pair still says one half.
        comparison = paired.compare([1, 10, 100], [2, 20, 200])
        self.assertEqual((comparison.ratio, comparison.low, comparison.high), (0.5, 0.5, 0.5))

    def test_a_spread_as_large_as_the_difference_is_inconclusive(self):
        self.assertFalse(paired.compare([10, 14, 18], [12, 16, 20]).conclusive)
        self.assertTrue(paired.compare([10, 10, 11], [20, 20, 21]).conclusive)

    def test_no_difference_is_inconclusive(self):
        self.assertFalse(paired.compare([5, 5, 5], [5, 5, 5]).conclusive)

    def test_runs_without_a_partner_are_refused(self):
        self.assertRaises(ValueError, paired.compare, [1, 2], [1])

    def test_a_goal_is_met_missed_or_open(self):
        self.assertIs(paired.goal_met(paired.compare([1, 1, 1], [4, 4, 4]), 0.5), True)
        self.assertIs(paired.goal_met(paired.compare([3, 3, 3], [4, 4, 4]), 0.5), False)
        self.assertIsNone(paired.goal_met(paired.compare([1, 2, 3], [4, 4, 4]), 0.5))


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

    def test_the_floor_is_no_peer(self):
        self.assertIsNone(made_up_lines()[1].best_peer)

    def test_every_line_of_the_table_has_every_column(self):
        rows = list(report.rows(made_up_lines()))
        self.assertEqual({len(row) for row in rows}, {len(rows[0])})
        self.assertIn("0.20 (Tokio)", rows[1])
        self.assertEqual(rows[2][rows[0].index("Asio")], "-")

    def test_figures_keep_three_digits(self):
        self.assertEqual([report.number(value) for value in (0.815, 11.07, 166.6, 4567.8)], ["0.81", "11.1", "167", "4,568"])

    def test_the_estimate_for_peers_not_measured_here(self):
        row = list(report.recorded_rows(made_up_lines()))[1]
        # percore of Asio 0.1 here, monoio of Asio 49/431 there: 0.88; of Tokio's spawn 1/6 and 49/275: 0.94.
        self.assertEqual(row[-2], "0.88 to 0.94")

    def test_docs_are_replaced_between_the_marks_only(self):
        with tempfile.TemporaryDirectory() as folder:
            page = Path(folder) / "page.md"
            page.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
            report.write_docs(page, f"{report.BEGIN}\nnew\n{report.END}")
            self.assertEqual(page.read_text(), f"before\n{report.BEGIN}\nnew\n{report.END}\nafter\n")
            page.write_text("no marks")
            self.assertRaises(ValueError, report.write_docs, page, "x")
            self.assertEqual(page.read_text(), "no marks")

    def test_json_holds_every_sample(self):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "out.json"
            report.write_json(file, made_up_lines(), {"cpu": "made up"}, 3, {"yield": 20})
            document = json.loads(file.read_text())
        tokio = {result["form"]: result for result in document["results"] if result["runtime"] == "tokio"}
        self.assertEqual((tokio["local"]["samples"], tokio["local"]["better_form"]), ([50, 50, 50], True))
        self.assertEqual((tokio["spawn"]["median"], tokio["spawn"]["better_form"]), (60, False))
        self.assertEqual(document["instructions"], {"yield": 20})


class Suites(unittest.TestCase):
    def test_every_recorded_figure_belongs_to_a_metric_with_a_goal(self):
        metrics = {metric.name: metric for metric in suites.metrics_of(suites.SUITES)}
        for name in suites.RECORDED:
            self.assertTrue(metrics[name].of_best_peer_max or metrics[name].absolute_max, name)

    def test_the_compiler_is_called_for_minus_o0_and_writes_nothing(self):
        command = ["c++", "-O3", "-MD", "-MQ", "a.o", "-MF", "a.d", "-o", "a.o", "-c", "a.cpp", "-O0"]
        self.assertEqual(programs.for_timing(command), ["c++", "-o", "/dev/null", "-c", "a.cpp", "-O0"])


if __name__ == "__main__":
    unittest.main()
