"""A failure is told as the smallest run that still fails: of every way to fail, and the same one each time."""

import json
import shutil
import unittest

from fixture import FIXTURE, percore, usual_root

LESSON = "90-fixture"
PLAIN = (FIXTURE / "solutions" / LESSON / "nop_batch.cpp").read_text()
WAIT = "io_uring_submit_and_wait(&ring, 1);"
TWO_SHORTS = "return shorts >= 2 ? seen - 1 : seen;"
CLOSE = "  io_uring_queue_exit(&ring);\n  return seen;"


def planted(in_loop="", at_end="return seen;"):
    """The plain answer with a mistake: `eintr` and `shorts` count what went wrong."""
    assert WAIT in PLAIN and CLOSE in PLAIN
    text = PLAIN.replace("#include <liburing.h>", "#include <liburing.h>\n#include <cerrno>\n#include <cstdlib>")
    text = text.replace("  unsigned seen = 0;", "  unsigned seen = 0, eintr = 0, shorts = 0;")
    text = text.replace(WAIT, f"const int handed = static_cast<int>(io_uring_sq_ready(&ring));\n"
                              f"    const int result = {WAIT}\n"
                              "    if (result == -EINTR) ++eintr;\n    if (result > 0 && result < handed) ++shorts;")
    text = text.replace("    seen += harvested;", f"    seen += harvested;\n    {in_loop}")
    return text.replace(CLOSE, f"  io_uring_queue_exit(&ring);\n  {at_end}")


class Shrinking(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = usual_root()

    def lose(self, text, *words):
        """Puts `text` into the learner's file and checks it; returns the broken check as JSON."""
        mine = self.root / "my" / LESSON
        mine.mkdir(parents=True, exist_ok=True)
        (mine / "nop_batch.cpp").write_text(text)
        result = percore(self.root, "check", "nop_batch", "--json", "--no-sanitizers", *words)
        verdict = json.loads(result.stdout)
        self.assertEqual(verdict["status"], "fail", result.stdout)
        return next(check for check in verdict["checks"] if check["kind"] != "passed")

    def loss(self):
        state = json.loads((self.root / "my" / ".percore" / "state.json").read_text())
        return state["exercises"]["90.2"].get("loss")

    def test_size_and_no_fault(self):
        broken = self.lose(planted(at_end="return seen >= 7 ? seen + 1 : seen;"))
        self.assertEqual(broken["smallest"], "7 operations and no fault")
        self.assertIn("7 NOPs were asked for and 8", broken["message"])

    def test_two_faults_of_many(self):
        broken = self.lose(planted(at_end=TWO_SHORTS))
        self.assertRegex(broken["smallest"], r"^[34] operations and 2 faults "
                         r"\(the \w+ enter takes only \d entr\w+, the \w+ enter takes only \d entr\w+\)$")
        self.assertEqual(len(broken["case"][-1].split(",")), 2, broken["case"])

    def test_the_same_case_again(self):
        text = planted(at_end=TWO_SHORTS)
        first = self.lose(text)
        loss = self.loss()
        self.assertEqual((loss["check"], loss["seed"]), ("all_seen", first["seed"]))
        again = self.lose(text, "--seed", str(first["seed"]))
        for field in ("message", "smallest", "case", "history"):
            self.assertEqual(first[field], again[field])
        self.assertEqual(self.loss(), loss)
        shutil.copyfile(FIXTURE / "solutions" / LESSON / "nop_batch.cpp", self.root / "my" / LESSON / "nop_batch.cpp")
        percore(self.root, "check", "nop_batch", "--no-sanitizers")
        self.assertIsNone(self.loss())

    def test_crash(self):
        broken = self.lose(planted("if (eintr == 1 && seen > 3) *reinterpret_cast<volatile int*>(8) = 1;"))
        self.assertEqual(broken["kind"], "crash")
        self.assertRegex(broken["smallest"], r"^\d+ operations and 1 fault \(EINTR at the \w+ enter\)$")

    def test_abort(self):
        broken = self.lose(planted("if (seen >= 5) std::abort();"))
        self.assertEqual(broken["kind"], "crash")
        self.assertEqual(broken["smallest"], "5 operations and no fault")

    def test_hang(self):
        broken = self.lose(planted("while (seen >= 4) asm volatile(\"\");"))
        self.assertEqual(broken["kind"], "hang_spinning")
        self.assertRegex(broken["smallest"], r"^[4-8] operations and no fault$")

    def test_early_exit(self):
        broken = self.lose(planted("if (seen >= 3) std::exit(0);"))
        self.assertEqual(broken["kind"], "early_exit")
        self.assertEqual(broken["smallest"], "3 operations and no fault")

    def test_the_learner_reads_it(self):
        self.lose(planted(at_end=TWO_SHORTS))
        told = percore(self.root, "check", "nop_batch", "--no-sanitizers").stdout
        self.assertRegex(told, r"(?m)^  It takes \d operations? and 2 faults \(the 1st enter takes only")


if __name__ == "__main__":
    unittest.main()
