"""Where io_uring is blocked or absent: everything goes on on the simulated ring, and says so."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import unittest

from fixture import FIXTURE, REPOSITORY, TUTOR, percore, usual_root

HERE = pathlib.Path(__file__).resolve().parent
LESSON = "90-fixture"
PASS, USAGE, ENVIRONMENT = 0, 2, 3
ERRORS = ("EPERM", "ENOSYS")


def blocked(error, root, *words):
    return subprocess.run([sys.executable, HERE / "without_io_uring.py", error, TUTOR, "--root", root, *words],
                          capture_output=True, text=True, timeout=600, stdin=subprocess.DEVNULL,
                          env=dict(os.environ, NO_COLOR="1"))


class LessonPrograms(unittest.TestCase):
    """In the repository itself, whose programs Meson builds."""

    def run_blocked(self, error, *words):
        result = blocked(error, REPOSITORY, "run", "01", *words)
        self.assertEqual(result.returncode, PASS, result.stderr)
        told = [line for line in result.stderr.splitlines() if line.startswith("(on the simulated ring: ")]
        self.assertEqual(len(told), 1, result.stderr)
        self.assertIn("Results hold, times and counts of system calls do not", told[0])
        return result

    def test_a_program_on_liburing_alone(self):
        for error in ERRORS:
            with self.subTest(error):
                self.assertEqual(self.run_blocked(error, "smallest").stdout,
                                 blocked(error, REPOSITORY, "run", "01", "smallest", "--simulated").stdout)
        self.assertTrue(self.run_blocked("EPERM", "smallest").stdout.strip())

    def test_a_program_on_the_runtime(self):
        # The order of the lines is the tasks' own; what is printed is the same on either ring.
        simulated = self.run_blocked("EPERM", "ten_tasks").stdout
        self.assertEqual(sorted(simulated.splitlines()),
                         sorted(percore(REPOSITORY, "run", "01", "ten_tasks", "--simulated").stdout.splitlines()))

    def test_it_would_end_badly_on_the_kernels_ring(self):
        # The filter does what it is for: without the simulated ring the program cannot go on.
        self.run_blocked("EPERM", "smallest")
        percore(REPOSITORY, "run", "01", "smallest", timeout=600)
        program = REPOSITORY / "build" / "lessons" / "01-hello-world" / "smallest"
        alone = subprocess.run([sys.executable, HERE / "without_io_uring.py", "EPERM", program], capture_output=True)
        self.assertNotEqual(alone.returncode, 0)

    def test_a_lessons_text_names_its_main_program(self):
        named = percore(REPOSITORY, "run", "07", "ten_thousand", "--", "--help", timeout=600)
        self.assertEqual(named.returncode, PASS, named.stderr)
        self.assertIn("ten_thousand", named.stdout)
        self.assertEqual(percore(REPOSITORY, "run", "07", "--", "--help", timeout=600).stdout, named.stdout)

    def test_a_program_without_a_ring_says_nothing(self):
        result = blocked("EPERM", REPOSITORY, "run", "01", "coroutine")
        self.assertEqual(result.returncode, PASS, result.stderr)
        self.assertNotIn("simulated", result.stderr)

    def test_by_choice_with_a_seed(self):
        words = ("run", "01", "ten_tasks", "--simulated", "--seed", "7")
        first, again = percore(REPOSITORY, *words, timeout=600), percore(REPOSITORY, *words)
        self.assertEqual((first.returncode, first.stdout), (PASS, again.stdout))
        self.assertNotIn("(on the simulated ring:", first.stderr)
        refused = percore(REPOSITORY, "run", "01", "ten_tasks", "--seed", "7")
        self.assertEqual(refused.returncode, USAGE)
        self.assertIn("give --simulated as well", refused.stderr)
        refused = percore(REPOSITORY, "run", "01", "coroutine", "--simulated")
        self.assertEqual(refused.returncode, USAGE)
        self.assertIn("coroutine uses no ring", refused.stderr)

    def test_trace(self):
        result = blocked("EPERM", REPOSITORY, "trace", "01")
        self.assertEqual((result.returncode, result.stderr.count("simulated ring:")), (PASS, 0), result.stderr)
        self.assertTrue(result.stdout)

    def test_doctor(self):
        for error, why in (("EPERM", "A seccomp filter forbids io_uring"), ("ENOSYS", "seccomp")):
            result = blocked(error, REPOSITORY, "doctor")
            self.assertEqual(result.returncode, ENVIRONMENT)
            self.assertRegex(result.stdout, rf"bad +io_uring +.*{why}")
            text = " ".join(result.stdout.split())
            for words in ("every exercise can be solved", "What it cannot show", "kernel.io_uring_disabled",
                          "--security-opt seccomp=", "gVisor", "5.19"):
                self.assertIn(words, text)


class Exercises(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = usual_root()
        shutil.copytree(FIXTURE / "solutions" / LESSON, cls.root / "my" / LESSON)

    def test_checks_on_the_kernel_are_left_out_with_a_word(self):
        for error in ERRORS:
            result = blocked(error, self.root, "check", "nop_batch", "--no-sanitizers")
            self.assertEqual(result.returncode, PASS, result.stdout + result.stderr)
            self.assertIn("Passed: 10 of 10 points.", result.stdout)
            self.assertRegex(result.stdout, r"- N1 .*: not run, the kernel gives no ring here \(.*`./tools/percore doctor`")
        verdict = json.loads(blocked("EPERM", self.root, "check", "nop_batch", "--json").stdout)
        self.assertEqual([check["program"] for check in verdict["checks"] if check["skipped"]], ["nop_batch_real"])

    def test_asked_for_the_kernel_alone(self):
        result = blocked("EPERM", self.root, "check", "nop_batch", "--real")
        self.assertIn("Nothing was checked: the kernel gives no ring here", result.stdout)
        self.assertNotIn("Passed", result.stdout)
        self.assertEqual(result.returncode, ENVIRONMENT)
        for words in ([], ["--from", self.root / "my" / LESSON]):
            result = blocked("EPERM", self.root, "check", "nop_batch", "--real", "--json", *words)
            self.assertEqual(result.returncode, ENVIRONMENT, result.stderr)
            verdict = json.loads(result.stdout)
            self.assertEqual((verdict["status"], verdict["kind"], verdict["points"]), ("skipped", "skipped", 0))
            self.assertEqual({check["kind"] for check in verdict["checks"]}, {"skipped"})

    def test_the_other_commands(self):
        for words in (["list"], ["next"], ["hint", "counter"], ["mine"], ["diff", "counter"], ["--version"], []):
            result = blocked("ENOSYS", self.root, *words)
            self.assertEqual(result.returncode, PASS, (words, result.stderr))
        grade = json.loads(blocked("EPERM", self.root, "grade", "--json").stdout)
        self.assertEqual(grade["points"], grade["points_all"])


if __name__ == "__main__":
    unittest.main()
