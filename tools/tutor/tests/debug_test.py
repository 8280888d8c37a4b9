"""`percore debug`: a run step by step, printed and by keys; rings, run queue, and who awaits whom."""

import fcntl
import os
import pty
import re
import select
import shutil
import struct
import subprocess
import termios
import time
import unittest

from fixture import BUILD, FIXTURE, REPOSITORY, TUTOR, make_root, percore

LESSON = "90-fixture"
CHECK = """#include <percore/check.hpp>
#include <percore/io.hpp>

unsigned nop_batch(unsigned count);

namespace {
percore::Task<int> leaf(int number) {
  co_await percore::yield();
  // co_await in a remark is none, nor is it in a "co_await".
  const auto result = co_await percore::nop();
  co_return number + static_cast<int>(*result);
}
// Ready at the end of a turn, which is 256 resumes long.
percore::Task<> busy() {
  for (int i = 0; i < 300; ++i) co_await percore::yield();
}
percore::Task<> root() {
  auto third = percore::spawn(busy());
  auto other = percore::spawn(leaf(7));
  const int mine = co_await leaf(1);
  const int others = co_await other;
  co_await third;
  percore::check::require(mine + others == 9, "the sum is {}", mine + others);
}
}  // namespace

PERCORE_CHECK("", tasks, "N1", "tasks add up", "Lesson 90, *Batches*", .faults = false) {
  percore::Executor executor;
  executor.run(root());
}
"""


def line_of(text, wanted):
    return next(number for number, line in enumerate(text.splitlines(), 1) if wanted in line)


class Debug(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = make_root(BUILD / "tutor-tests-debug")
        (cls.root / "tools" / "checks" / LESSON / "nop_batch.cpp").write_text(CHECK)
        mine = cls.root / "my" / LESSON
        mine.mkdir(parents=True)
        (mine / "nop_batch.cpp").write_bytes((FIXTURE / "solutions" / LESSON / "nop_batch.cpp").read_bytes())
        cls.whole = percore(cls.root, "debug", "nop_batch", timeout=300)

    def steps(self):
        self.assertEqual(self.whole.returncode, 0, self.whole.stderr)
        return re.split(r"(?m)^(?=step \d+ of )", self.whole.stdout)[1:]

    def step_with(self, words):
        found = [step for step in self.steps() if words in step]
        self.assertTrue(found, self.whole.stdout)
        return found[0]

    def test_a_lost_case_is_told(self):
        self.assertRegex(self.whole.stdout, r"^90\.2 nop_batch, check tasks, seed 0\n"
                         r"N1 broken: the sum is 8 \(seed 0\)\.\n")

    def test_steps_are_numbered_and_whole(self):
        steps = self.steps()
        for number, step in enumerate(steps, 1):
            self.assertTrue(step.startswith(f"step {number} of {len(steps)} "), step)
        self.assertIn("ring opened", steps[0])

    def test_who_awaits_whom_and_where(self):
        step = self.step_with("operation 1: done")
        self.assertIn("run queue   empty", step)
        self.assertRegex(step, rf"T\d root +nop_batch\.cpp:{line_of(CHECK, 'co_await leaf(1)')} +awaits T\d leaf\n")
        self.assertRegex(step, rf"(?m)^    T\d leaf +nop_batch\.cpp:{line_of(CHECK, 'co_await percore::nop')} +waits for")
        self.assertRegex(step, rf"(?m)^  T\d leaf +nop_batch\.cpp:{line_of(CHECK, 'co_await percore::nop')} +waits for")

    def test_operations_belong_to_tasks(self):
        step = self.step_with("operation 1: done")
        self.assertRegex(step, r"operation 1 +NOP +done +for [\d.]+ us, result 0   <- T\d leaf\n")
        self.assertRegex(step, r"submission queue: 0 of \d+ filled, 0 handed over   completion queue: 0 of \d+ ready")
        entries = self.step_with("io_uring_enter: submits 2")
        self.assertRegex(entries, r"submission queue: 2 of \d+ filled, 2 handed over")
        self.assertEqual(len(re.findall(r"entry +NOP +filled   <- T\d leaf", entries)), 2)

    def test_run_queue(self):
        step = self.step_with("io_uring_enter: submits 2")
        self.assertRegex(step, r"run queue   T\d busy\n")
        self.assertRegex(step, r"T\d busy +nop_batch\.cpp:\d+ +ready, 1 in the run queue\n")

    def test_the_same_twice(self):
        again = percore(self.root, "debug", "nop_batch")
        without_addresses = [re.sub(r"user_data 0x\w+", "", run.stdout) for run in (self.whole, again)]
        self.assertEqual(*without_addresses)

    def test_one_step(self):
        one = percore(self.root, "debug", "nop_batch", "--step", "3")
        self.assertEqual(one.stdout.count("step 3 of"), 1)
        self.assertNotIn("step 4 of", one.stdout)
        many = percore(self.root, "debug", "nop_batch", "--step", "9999")
        self.assertEqual(many.returncode, 2)
        self.assertRegex(many.stderr, r"^--step 9999: there are steps 1 to \d+\.\n$")

    def test_what_passes_needs_a_seed(self):
        (self.root / "my" / LESSON / "counter" / "percore").mkdir(parents=True, exist_ok=True)
        answer = FIXTURE / "solutions" / LESSON / "counter"
        for file in ("counter.cpp", "percore/counter.hpp"):
            (self.root / "my" / LESSON / "counter" / file).write_bytes((answer / file).read_bytes())
        refused = percore(self.root, "debug", "counter")
        self.assertEqual(refused.returncode, 2, refused.stdout)
        self.assertIn("90.3 counter passes: name a case to look at, as in `--seed 7`.", refused.stderr)
        answers = percore(self.root, "debug", "sum")
        self.assertIn("asks for answers", answers.stderr)

    def test_nothing_stays(self):
        left = [path for path in (self.root / "build" / "check").rglob("steps")]
        self.assertEqual(left, [])

    def test_small_terminal(self):
        rows, columns = 14, 80
        terminal, own = pty.openpty()
        fcntl.ioctl(own, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        child = subprocess.Popen([TUTOR, "--root", self.root, "debug", "nop_batch"], stdin=own, stdout=own,
                                 stderr=own, env=dict(os.environ, TERM="dumb"), start_new_session=True)
        os.close(own)
        screens = []

        def press(keys):
            """Reads a screen, and presses these keys then."""
            seen = ""
            end = time.monotonic() + 60
            while not seen.endswith("q quit: "):
                self.assertLess(time.monotonic(), end, seen)
                if select.select([terminal], [], [], 1)[0]:
                    seen += os.read(terminal, 65536).decode()
            screens.append(seen.replace("\r", ""))
            os.write(terminal, keys)

        steps = len(self.steps())
        for _ in range(steps - 1):
            press(b"\x1b[C")
        press(b"\x1b[D")
        press(b"q")
        self.assertEqual(child.wait(timeout=60), 0)
        os.close(terminal)
        for number, screen in enumerate(screens[:-1], 1):
            lines = screen.split("\n")
            self.assertLessEqual(len(lines), rows, screen)
            self.assertLessEqual(max(map(len, lines)), columns, screen)
            self.assertIn(f"step {number} of {steps} ", screen)
            if "run queue" in self.steps()[number - 1]:
                self.assertIn("run queue", screen)
        self.assertIn(f"step {steps - 1} of", screens[-1])
        self.assertTrue(any("more (`--step " in screen for screen in screens), screens[-1])
        self.assertIn("the end: N1 broken: the sum is 8", screens[-2])

    def test_who_runs(self):
        # While a task is resumed it is in no queue and nothing waits for it.
        self.assertNotIn("not in the run queue", self.whole.stdout)
        self.assertNotIn(" linked ", self.whole.stdout)
        self.assertRegex(self.whole.stdout, r"operation 1 +NOP +handed over for ")
        self.assertIn("the end: N1 broken: the sum is 8", self.steps()[-1])

    def test_keys(self):
        terminal, own = pty.openpty()
        child = subprocess.Popen([TUTOR, "--root", self.root, "debug", "nop_batch"], stdin=own, stdout=own,
                                 stderr=own, env=dict(os.environ, TERM="dumb"), start_new_session=True)
        os.close(own)
        seen = ""

        def until(words):
            nonlocal seen
            end = time.monotonic() + 60
            while words not in seen:
                self.assertLess(time.monotonic(), end, f"{words!r} did not come:\n{seen}")
                if select.select([terminal], [], [], 1)[0]:
                    seen += os.read(terminal, 65536).decode()
            seen = seen[seen.index(words) + len(words):]

        def press(keys, words):
            until("q quit: ")
            os.write(terminal, keys.encode())
            until(words)

        press("n", "step 2 of")
        press("\r", "step 3 of")
        press("p", "step 2 of")
        press("g5\r", "step 5 of")
        press("?", "right arrow")
        press("\x1b[D", "step 4 of")
        press("g0\r", "There are steps 1 to")
        press("/done, result\r", "done, result")
        press("/no such words\r", "No step shows 'no such words'")
        press("g1\r", "step 1 of")
        press("p", "This is the first step.")
        until("q quit: ")
        os.write(terminal, b"q")
        self.assertEqual(child.wait(timeout=60), 0)
        os.close(terminal)


class RunQueueView(unittest.TestCase):
    def test_an_executor_that_does_not_show_its_run_queue(self):
        header = REPOSITORY / "exercises" / "01-hello-world" / "executor"
        self.assertNotIn("void for_each(", (header / "percore" / "executor.hpp").read_text())
        folders = [header, *(REPOSITORY / "tools" / name for name in ("check", "simring")),
                   *(REPOSITORY / "runtime" / name for name in
                     ("contracts", "base", "clock", "ring_setup", "ring", "frame_pool", "task"))]
        view = REPOSITORY / "tools" / "check" / "stepped" / "queue_view.cpp"
        for compiler in ("clang++-19", "g++"):
            if shutil.which(compiler) is None:
                continue
            built = subprocess.run([compiler, "-std=c++23", "-fsyntax-only", *(f"-I{folder}" for folder in folders),
                                    view], capture_output=True, text=True, timeout=120)
            self.assertEqual((built.returncode, built.stderr), (0, ""), compiler)


class LessonProgram(unittest.TestCase):
    def test_ten_tasks(self):
        build = REPOSITORY / "build"
        if not (build / "build.ninja").exists():
            self.skipTest("build/ is not set up: tools/percore does that")
        run = percore(REPOSITORY, "debug", "01", "ten_tasks", "--seed", "3", timeout=600)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertRegex(run.stdout, r"(?m)^  T1 .*many_tasks .*awaits T2 .*greet$")
        self.assertRegex(run.stdout, r"operation 1 +WRITE +flying .* <- T2 .*greet")
        self.assertIn("run queue   empty", run.stdout)
        self.assertRegex(run.stdout, r"completion of operation 2: result 18   <- T3 greet\n")


if __name__ == "__main__":
    unittest.main()
