"""The tutor in a terminal: keys, saves, colours, and that it leaves nothing behind whatever ends it."""

import fcntl
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import termios
import time
import unittest

from fixture import FIXTURE, TUTOR, percore, usual_root

LESSON = "90-fixture"
ENOUGH_SECONDS = 60  # a limit for a lost test, no measurement


class Terminal:
    """The tutor behind a pseudo-terminal of 100 columns."""

    def __init__(self, root, *words):
        self.master, self.slave = pty.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
        self.before = termios.tcgetattr(self.slave)
        environment = dict(os.environ, TERM="xterm")
        environment.pop("NO_COLOR", None)

        def own_terminal():
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen([TUTOR, "--root", root, *words], stdin=self.slave, stdout=self.slave,
                                        stderr=self.slave, env=environment, preexec_fn=own_terminal)
        self.text = self.raw = ""

    def wait_for(self, pattern, since=0):
        """Reads until `pattern` appears behind `since`; returns where the match ends."""
        end = time.monotonic() + ENOUGH_SECONDS
        while True:
            match = re.compile(pattern, re.S).search(self.text, since)
            if match:
                return match.end()
            if not select.select([self.master], [], [], max(0, end - time.monotonic()))[0]:
                raise AssertionError(f"{pattern!r} did not come; the terminal shows:\n{self.text[-3000:]}")
            try:
                block = os.read(self.master, 65536)
            except OSError:
                block = b""
            if not block:
                raise AssertionError(f"the tutor ended before {pattern!r}:\n{self.text[-3000:]}")
            self.raw += block.decode(errors="replace")
            self.text += re.sub(r"\x1b\[[0-9;]*m", "", block.decode(errors="replace"))

    def press(self, key):
        os.write(self.master, key.encode())

    def end(self):
        """Waits for its end; returns the status as the shell would say it."""
        end = time.monotonic() + ENOUGH_SECONDS
        while self.process.poll() is None and time.monotonic() < end:
            if select.select([self.master], [], [], 0.05)[0]:
                try:
                    self.text += os.read(self.master, 65536).decode(errors="replace")
                except OSError:
                    break
        return self.process.wait(timeout=ENOUGH_SECONDS)

    def settings_are_restored(self):
        return termios.tcgetattr(self.slave)[:4] == self.before[:4]

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.master)
        os.close(self.slave)


def descendants_in(folder):
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().decode(errors="replace")
                state = (entry / "stat").read_text().rsplit(")", 1)[1].split()[0]
            except OSError:
                continue
            if str(folder) in words and state != "Z" and "percore-tutor" not in words.split("\0")[0]:
                found.append(words)
    return found


class InATerminal(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = usual_root()
        percore(cls.root, "prepare", timeout=300)

    def setUp(self):
        shutil.rmtree(self.root / "my", ignore_errors=True)

    def start(self, *words):
        terminal = Terminal(self.root, *words)
        self.addCleanup(terminal.close)
        return terminal

    def test_the_step_at_hand_is_told_while_those_before_are_looked_at(self):
        shutil.copytree(FIXTURE / "solutions" / LESSON, self.root / "my" / LESSON)
        source = self.root / "my" / LESSON / "counter" / "counter.cpp"
        source.write_text(source.read_text().replace("--value_", ""))
        self.assertEqual(percore(self.root, "check", "counter").returncode, 1)  # the first step holds
        terminal = self.start("check", "counter")
        at = terminal.wait_for("count down; do the steps before hold\\? I2 broken: ")
        terminal.wait_for(r"I2 broken: .*10 of 25 points so far", at)
        self.assertEqual(terminal.end(), 1)

    def save(self, file, text):
        # As editors do: a new file beside it, renamed over it.
        path = self.root / "my" / LESSON / file
        new = path.with_name("." + path.name + ".swp")
        new.write_text(text)
        new.rename(path)

    def solution(self, file):
        return (FIXTURE / "solutions" / LESSON / file).read_text()

    def spinning_counter(self):
        self.start_counter()
        return self.solution("counter/counter.cpp").replace("++value_;", "volatile bool go = true; while (go) {}")

    def start_counter(self):
        folder = self.root / "my" / LESSON / "counter" / "percore"
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(FIXTURE / "solutions" / LESSON / "counter/percore/counter.hpp", folder)

    def test_the_right_module_is_told_while_the_wrong_ones_are_tried(self):
        terminal = Terminal(self.root, "check", "catch_counter", "--from", FIXTURE / "solutions" / LESSON, "--no-sanitizers")
        told = terminal.wait_for("your checks pass with the right module; 1 wrong one is tried")
        terminal.wait_for("Passed: ", told)
        self.assertEqual(terminal.end(), 0)

    def test_save_gives_a_verdict_and_n_goes_on(self):
        terminal = self.start()
        at = terminal.wait_for(r"there is no answer yet.*Progress: \[-+\]  0/4.*q:quit \? ")
        self.save("sum.txt", "two and three: 6\n")
        at = terminal.wait_for(r"two and three are not 6.*q:quit \? ", at)
        self.save("sum.txt", "two and three: 5\n")
        at = terminal.wait_for(r"Passed: 5 of 5 points\..*Progress: \[#+-+\]  1/4.*n:next.*q:quit \? ", at)
        terminal.press("n")
        at = terminal.wait_for(r"90\.2 nop_batch.*0 completions seen.*q:quit \? ", at)
        terminal.press("q")
        self.assertEqual(terminal.end(), 0)
        self.assertTrue(terminal.settings_are_restored())

    def test_keys(self):
        terminal = self.start("watch", "nop_batch")
        at = terminal.wait_for(r"0 completions seen.*q:quit \? ")
        for key, pattern in (("h", "How many entries"), ("h", "As many as were queued"), ("l", r"90\.4  catch_counter"),
                             ("t", "ten NOPs in one enter.*edit  my"), ("d", "still the starting files"),
                             ("r", "Checking.*0 completions seen"), ("n", "Not solved yet"), ("n", r"90\.3 counter")):
            terminal.press(key)
            at = terminal.wait_for(pattern + r".*q:quit \? ", at)
        terminal.press("q")
        self.assertEqual(terminal.end(), 0)

    def test_colours_in_a_terminal(self):
        terminal = self.start("list")
        terminal.wait_for(r"of 50 points")
        self.assertIn("\x1b[1m90  A lesson", terminal.raw)

    def test_ctrl_c_while_waiting_for_a_save(self):
        terminal = self.start()
        terminal.wait_for(r"q:quit \? ")
        terminal.press("\x03")
        self.assertEqual(terminal.end(), -signal.SIGINT)
        self.assertTrue(terminal.settings_are_restored())
        self.assertEqual(descendants_in(self.root), [])

    def test_ctrl_c_while_a_check_spins(self):
        text = self.spinning_counter()
        (self.root / "my" / LESSON / "counter/counter.cpp").write_text(text)
        terminal = self.start("watch", "counter")
        terminal.wait_for("Checking")
        end = time.monotonic() + ENOUGH_SECONDS
        while not any("counter_count_up" in words for words in descendants_in(self.root)) and time.monotonic() < end:
            time.sleep(0.02)
        terminal.press("\x03")
        self.assertEqual(terminal.end(), -signal.SIGINT)
        self.assertTrue(terminal.settings_are_restored())
        while descendants_in(self.root) and time.monotonic() < end:  # a compiler that was at work ends by itself
            time.sleep(0.02)
        self.assertEqual(descendants_in(self.root), [])

    def test_signals_to_the_tutor_alone(self):
        for number in (signal.SIGTERM, signal.SIGHUP):
            terminal = self.start("watch", "counter")
            terminal.wait_for(r"q:quit \? ")
            terminal.process.send_signal(number)
            self.assertEqual(terminal.end(), -number)
            self.assertTrue(terminal.settings_are_restored())

    def test_a_killed_tutor_leaves_no_check_behind(self):
        text = self.spinning_counter()
        (self.root / "my" / LESSON / "counter/counter.cpp").write_text(text)
        terminal = self.start("watch", "counter")
        end = time.monotonic() + ENOUGH_SECONDS
        while not any("counter_count_up" in words for words in descendants_in(self.root)) and time.monotonic() < end:
            time.sleep(0.02)
        terminal.process.kill()
        terminal.process.wait()
        end = time.monotonic() + 10
        while descendants_in(self.root) and time.monotonic() < end:
            time.sleep(0.02)
        self.assertEqual(descendants_in(self.root), [])

    def test_a_key_ends_the_verdict_under_way(self):
        text = self.spinning_counter()
        (self.root / "my" / LESSON / "counter/counter.cpp").write_text(text)
        terminal = self.start("watch", "counter")
        terminal.wait_for("Checking")
        terminal.press("q")
        self.assertEqual(terminal.end(), 0)
        self.assertEqual(descendants_in(self.root), [])

    def test_idle_watch_uses_no_processor(self):
        terminal = self.start()
        terminal.wait_for(r"q:quit \? ")

        def wakeups():
            threads = pathlib.Path(f"/proc/{terminal.process.pid}/task").glob("*/status")
            return sum(int(n) for status in threads
                       for n in re.findall(r"voluntary_ctxt_switches:\s*(\d+)", status.read_text()))

        # It may still have work to do at first, and longer on a slow machine. Who looks again and again, at least every few
        # seconds, never rests so long.
        end = time.monotonic() + ENOUGH_SECONDS
        counted = None
        while counted != 0 and time.monotonic() < end:
            before = wakeups()
            time.sleep(3.0)
            counted = wakeups() - before
        self.assertEqual(counted, 0)

    def test_terminal_that_goes_away(self):
        terminal = self.start()
        terminal.wait_for(r"q:quit \? ")
        for descriptor in (terminal.master, terminal.slave):
            os.close(descriptor)
        terminal.master, terminal.slave = os.pipe()  # for close() to close
        end = time.monotonic() + ENOUGH_SECONDS
        while terminal.process.poll() is None and time.monotonic() < end:
            time.sleep(0.02)
        self.assertIsNotNone(terminal.process.poll())


if __name__ == "__main__":
    unittest.main()
