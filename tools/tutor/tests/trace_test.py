"""`percore trace`: lesson programs, failed cases and records of one's own, as text, SVG and JSON."""

import json
import pathlib
import shutil
import tempfile
import unittest
import xml.etree.ElementTree

from fixture import FIXTURE, REPOSITORY, percore, usual_root

LESSON = "90-fixture"
PASS, WRONG, USAGE, ENVIRONMENT = 0, 1, 2, 3
SVG = "{http://www.w3.org/2000/svg}"

# Two executors, of which one wakes the other; kinds that only some programs have, and one that nobody knows.
TWO_EXECUTORS = """{"record":1,"run":1,"seed":11}
{"time":0,"kind":"ring_opened","ring":1,"length":8,"offset":16}
{"time":0,"kind":"thread_started","executor":1}
{"time":0,"kind":"ring_opened","executor":1,"ring":2,"length":8,"offset":16}
{"time":100,"kind":"mark","what":"begin","lane":"task 1"}
{"time":400,"kind":"enter","executor":1,"ring":2,"result":1,"length":1}
{"time":400,"kind":"submitted","executor":1,"ring":2,"operation":1,"opcode":"IORING_OP_READ","fd":7,"length":8}
{"time":400,"kind":"slept","executor":1,"ring":2,"result":1}
{"time":400,"kind":"blocked","executor":1,"ring":2,"text":"io_uring_enter"}
{"time":400,"kind":"switched","executor":1}
{"time":500,"kind":"blocked","text":"pthread_join"}
{"time":600,"kind":"woken","executor":0}
{"time":700,"kind":"switched","offset":4096,"result":1}
{"time":700,"kind":"stalled","offset":1,"length":900}
{"time":800,"kind":"enter","ring":1,"length":1}
{"time":800,"kind":"submitted","ring":1,"operation":2,"opcode":"IORING_OP_MSG_RING","fd":5}
{"time":800,"kind":"posted","ring":1,"operation":2}
{"time":800,"kind":"enter_returned","ring":1,"result":1}
{"time":900,"kind":"mark","what":"end","lane":"task 1"}
{"time":900,"kind":"woken","offset":1}
{"time":900,"kind":"glimmered","executor":1,"operation":1}
{"time":900,"kind":"posted","executor":1,"ring":2,"operation":1,"result":8}
{"time":900,"kind":"enter_returned","executor":1,"ring":2,"result":1}
"""


def check_events(test, trace):
    """The Trace Event Format, as much of it as we write: phases and their fields, spans and arrows that pair up."""
    needed = {"M": {"args"}, "X": {"dur"}, "i": {"s"}, "b": {"cat", "id"}, "e": {"cat", "id"}, "s": {"cat", "id"},
              "f": {"cat", "id", "bp"}, "C": {"args"}}
    open_spans, arrows, last = {}, set(), {}
    for event in trace["traceEvents"]:
        test.assertLessEqual({"ph", "pid", "tid", "ts", "name"} | needed[event["ph"]], set(event), event)
        test.assertIsInstance(event["name"], str)
        test.assertIsInstance(event["ts"], (int, float))
        key = (event.get("cat"), event.get("id"), event["name"])
        if event["ph"] == "M":
            continue
        test.assertGreaterEqual(event["ts"], last.get(event["tid"], 0), event)
        last[event["tid"]] = event["ts"]
        if event["ph"] == "X":
            test.assertGreater(event["dur"], 0)
        elif event["ph"] == "b":
            test.assertNotIn(key, open_spans)
            open_spans[key] = event["ts"]
        elif event["ph"] == "e":
            test.assertLessEqual(open_spans.pop(key), event["ts"])
        elif event["ph"] == "s":
            arrows.add(key)
        elif event["ph"] == "f":
            arrows.remove(key)
    test.assertEqual(open_spans, {})
    test.assertEqual(arrows, set())


def check_drawing(test, text):
    """Well-formed, needs nothing else, holds what screen readers and pointers ask for, in light and dark."""
    top = xml.etree.ElementTree.fromstring(text)
    test.assertEqual(top.tag, SVG + "svg")
    test.assertEqual(top.get("role"), "img")
    for tag in ("title", "desc", "style"):
        test.assertIsNotNone(top.find(SVG + tag))
    test.assertIn("prefers-color-scheme: dark", top.find(SVG + "style").text)
    for alien in ("<script", "href=", "src=", "url("):
        test.assertFalse(alien in text, alien)
    height, width = int(top.get("height")), int(top.get("width"))
    for rect in top.iter(SVG + "rect"):
        x, y = int(rect.get("x")), int(rect.get("y"))
        test.assertTrue(0 <= x <= x + int(rect.get("width")) <= width, rect.attrib)
        test.assertTrue(0 <= y <= y + int(rect.get("height")) <= height, rect.attrib)
    return top


class Trace(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = usual_root()
        cls.my = cls.root / "my"
        for program in ("ten_tasks", "hello", "smallest"):  # a build takes what it takes; the tests may not
            percore(REPOSITORY, "trace", "01", program, timeout=900)
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="percore-trace-"))

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def setUp(self):
        shutil.rmtree(self.my, ignore_errors=True)

    def run_for(self, status, *words, root=None, **options):
        result = percore(root or self.root, *words, **options)
        self.assertEqual(result.returncode, status, result.stdout + result.stderr)
        return result

    def lesson(self, *words):
        return self.run_for(PASS, "trace", *words, root=REPOSITORY).stdout

    def drawn(self, *words, root=REPOSITORY, status=PASS):
        """Both files that a trace writes, checked."""
        drawing, trace = self.folder / "drawing.svg", self.folder / "trace.json"
        self.run_for(status, "trace", "--svg", drawing, "--json", trace, *words, root=root)
        events = json.loads(trace.read_text())
        check_events(self, events)
        return check_drawing(self, drawing.read_text()), events["traceEvents"]

    # --- lessons ---

    def test_the_lesson_s_own_program(self):
        text = self.lesson("01", "--seed", "7")
        self.assertTrue(text.startswith("ten_tasks on the simulated ring, seed 7\n10 operations, "), text)
        for words in ("tasks 0-9 begin", "enter 1: hands over 10, waits for 1", "1-10, each: WRITE of 18 bytes",
                      "ring 1 closes"):
            self.assertIn(words, text)
        self.assertNotIn("\x1b", text)

    def test_the_same_seed_gives_the_same_picture(self):
        first = self.lesson("01", "--seed", "5", "--rough", "--", "--tasks", "3")
        self.assertEqual(first, self.lesson("01", "--seed", "5", "--rough", "--", "--tasks", "3"))
        self.assertNotEqual(first, self.lesson("01", "--seed", "6", "--rough", "--", "--tasks", "3"))
        drawings = []
        for _ in range(2):
            self.drawn("01", "--seed", "7")
            drawings.append((self.folder / "drawing.svg").read_bytes() + (self.folder / "trace.json").read_bytes())
        self.assertEqual(*drawings)

    def test_another_program_of_the_lesson(self):
        text = self.lesson("01", "hello", "--", "--lines", "600")
        self.assertIn("600 operations, 3 enters", text)
        self.assertEqual(text, self.lesson("01", "--program", "hello", "--", "--lines", "600"))
        self.assertIn("name 17", self.lesson("01", "smallest"))

    def test_files_of_a_lesson_s_run(self):
        top, events = self.drawn("01", "--seed", "7")
        self.assertIn("ten_tasks", top.find(SVG + "title").text)
        words = [text.text for text in top.iter(SVG + "text")]
        self.assertEqual(words.count("WRITE"), 10)
        self.assertIn("task 3", words)
        names = [event["name"] for event in events if event["ph"] == "b"]
        self.assertEqual(len(names), 20)
        self.assertIn("WRITE 4", names)
        self.assertIn("task 9", names)

    def test_a_long_run_is_folded_and_a_full_one_is_not(self):
        short = self.lesson("01", "--", "--one", "--tasks", "500")
        self.assertLess(len(short.splitlines()), 60)
        self.assertRegex(short, r"\.\.\. \d+ turns like this one: operations \d+ to \d+, until")
        self.assertGreater(len(self.lesson("01", "--full", "--", "--one", "--tasks", "500").splitlines()), 2000)
        self.drawn("01", "--", "--one", "--tasks", "500")
        self.drawn("01", "hello", "--seed", "3", "--", "--lines", "600")

    def test_a_run_that_ends_badly_is_drawn_up_to_there(self):
        result = self.run_for(WRONG, "trace", "01", "--seed", "7", "--rough", "--", "--sabotage", "blocking-call",
                              root=REPOSITORY)
        self.assertIn("the program was ended by signal 6", result.stdout)
        self.assertIn("Its last words: percore: a detached task ended with an exception", result.stderr)

    def test_a_program_without_a_ring(self):
        self.assertIn("coroutine uses no ring", self.run_for(USAGE, "trace", "01", "coroutine", root=REPOSITORY).stderr)
        # A ring is found through what a program includes; not all of them are built on the simulated one.
        self.assertIn("copy is not made for the simulated ring; of lesson 06 smallest_save is",
                      self.run_for(USAGE, "trace", "06", "copy", root=REPOSITORY).stderr)
        self.assertIn("fsync", self.lesson("06").lower())
        refused = self.run_for(USAGE, "trace", "01", "--", "--nonsense", root=REPOSITORY).stderr
        self.assertIn("ten_tasks does not take these arguments. It said:", refused)
        self.assertIn("--nonsense", refused)
        self.assertIn("opened no ring", self.run_for(ENVIRONMENT, "trace", "01", "--", "--help", root=REPOSITORY).stderr)

    def test_nothing_is_left_behind(self):
        self.lesson("01")
        self.assertEqual(list((REPOSITORY / "build" / "trace").iterdir()), [])

    # --- exercises ---

    def break_nop_batch(self):
        target = self.my / LESSON / "nop_batch.cpp"
        target.parent.mkdir(parents=True)
        target.write_text((FIXTURE / "exercises" / LESSON / "nop_batch.cpp").read_text())

    def test_a_failed_check_offers_its_picture(self):
        self.break_nop_batch()
        told = self.run_for(WRONG, "check", "nop_batch", "--no-sanitizers").stdout
        offer = next(line for line in told.splitlines() if "draws this run" in line)
        words = offer.split("`")[1].split()
        self.assertEqual(words[:3], ["./tools/percore", "trace", "90.2"])
        text = self.run_for(WRONG, *words[1:]).stdout
        self.assertIn("90.2 nop_batch, check ", text)
        self.assertIn(" broken: ", text)
        self.assertIn("BROKEN" if "BROKEN" in text else " broken: ", text)
        self.drawn(*words[2:], root=self.root, status=WRONG)

    def test_a_crash_and_a_hang_are_drawn_up_to_there(self):
        self.break_nop_batch()
        target = self.my / LESSON / "nop_batch.cpp"
        whole = (FIXTURE / "solutions" / LESSON / "nop_batch.cpp").read_text()
        for mistake, words in (("*reinterpret_cast<volatile int*>(8) = 1;", "crashed"),
                               ("for (volatile int i = 0;; i = i) {}", "spins")):
            with self.subTest(words):
                target.write_text(whole.replace("io_uring_submit_and_wait(", mistake + " io_uring_submit_and_wait("))
                text = self.run_for(WRONG, "trace", "nop_batch").stdout
                self.assertIn("ring 1 opens", text)
                self.assertIn(words, " ".join(text.split()))

    def test_an_exercise_that_holds(self):
        self.break_nop_batch()
        shutil.copy(FIXTURE / "solutions" / LESSON / "nop_batch.cpp", self.my / LESSON)
        self.assertIn("nop_batch passes: name a case", self.run_for(USAGE, "trace", "90.2").stderr)
        text = self.run_for(PASS, "trace", "90.2", "--seed", "5").stdout
        self.assertIn("on the simulated ring, seed 5", text)
        self.assertIn("ring 1 closes", text)
        self.assertNotIn("broken", text)
        self.assertIn("it has no run of its own", self.run_for(USAGE, "trace", "sum").stderr)

    # --- records ---

    def test_several_executors(self):
        record = self.folder / "two.record"
        record.write_text(TWO_EXECUTORS)
        text = self.run_for(PASS, "trace", "--record", record).stdout
        self.assertIn("2 executors", text)
        self.assertIn("glimmered 1", text)
        for words in ("0·    enter 2: hands over 1", "executor 1 starts", "waits in pthread_join", "wakes executor 1",
                      "is interrupted; executor 1 goes on", "executor 0 wakes\n", "core of executor 1 stalls for 0.90 us",
                      "sleeps 0.50 us until", "1 unforced switch,"):
            self.assertIn(words, text)
        self.assertNotIn("waits in io_uring_enter", text)  # the sleep is told already
        top, events = self.drawn("--record", record, root=self.root)
        words = [text.text for text in top.iter(SVG + "text")]
        self.assertIn("executor 0", words)
        self.assertIn("executor 1", words)
        lines = [line.get("class") for line in top.iter(SVG + "line")]
        self.assertEqual(lines.count("wake"), 1)  # who wakes by time alone, is woken by nobody
        self.assertIn("waits in pthread_join", [event["name"] for event in events if event["ph"] == "X"])
        self.assertEqual({event["tid"] for event in events if event["ph"] == "X"}, {1, 2})

    def test_a_file_that_is_no_record(self):
        self.assertIn("cannot be read", self.run_for(USAGE, "trace", "--record", self.folder / "none").stderr)
        (self.folder / "empty").write_text("")
        self.assertIn("holds no record", self.run_for(USAGE, "trace", "--record", self.folder / "empty").stderr)
        self.assertIn("at least 60 columns", self.run_for(USAGE, "trace", "--width", "20").stderr)


if __name__ == "__main__":
    unittest.main()
