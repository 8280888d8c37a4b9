"""`grade` for teachers: a class's folders, hidden cases, JUnit XML."""

import json
import pathlib
import shutil
import tempfile
import unittest
import xml.etree.ElementTree

from fixture import FIXTURE, percore, usual_root

LESSON = "90-fixture"
PASS, WRONG, USAGE = 0, 1, 2

# As JUnit XML is read by those who show it: what each element may hold, and the attributes it must and may have.
ELEMENTS = {
    "testsuites": ({"testsuite"}, {"name", "tests", "failures", "errors", "skipped"}, set()),
    "testsuite": ({"properties", "testcase"}, {"name", "tests", "failures", "errors", "skipped"}, set()),
    "properties": ({"property"}, set(), set()),
    "property": (set(), {"name", "value"}, set()),
    "testcase": ({"failure", "error", "skipped"}, {"classname", "name"}, set()),
    "failure": (set(), {"type", "message"}, set()),
    "error": (set(), {"type", "message"}, set()),
    "skipped": (set(), {"message"}, set()),
}


def validate(test, element):
    children, needed, more = ELEMENTS[element.tag]
    test.assertLessEqual(needed, set(element.attrib))
    test.assertLessEqual(set(element.attrib), needed | more)
    test.assertLessEqual({child.tag for child in element}, children, element.tag)
    if element.tag == "testcase":
        test.assertLessEqual(len(element), 1)
    if element.tag in ("testsuite", "testsuites"):
        cases = list(element.iter("testcase"))
        test.assertEqual(int(element.get("tests")), len(cases))
        for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            test.assertEqual(int(element.get(attribute)), len(list(element.iter(tag))), (element.get("name"), tag))
        names = [(case.get("classname"), case.get("name")) for case in cases]
        test.assertEqual(sorted(names), sorted(set(names)))
    for child in element:
        validate(test, child)


class Grade(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = usual_root()

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.work = self.folder / "ada"
        shutil.copytree(FIXTURE / "solutions", self.work)
        self.teacher = self.folder / "hidden"
        self.teacher.mkdir()

    def grade(self, status, *words):
        result = percore(self.root, "grade", "--from", self.work, *words)
        self.assertEqual(result.returncode, status, result.stdout + result.stderr)
        return result

    def junit(self, status, *words):
        self.grade(status, "--junit", self.folder / "result.xml", *words)
        top = xml.etree.ElementTree.parse(self.folder / "result.xml").getroot()
        self.assertEqual(top.tag, "testsuites")
        validate(self, top)
        return {suite.get("name"): suite for suite in top}

    def test_another_folder_is_graded_and_nothing_recorded(self):
        shutil.rmtree(self.root / "my", ignore_errors=True)
        self.assertIn("50 of 50 points", self.grade(PASS).stdout)
        self.assertFalse((self.root / "my").exists())

    def test_junit_of_a_full_score(self):
        suites = self.junit(PASS)
        self.assertEqual(list(suites), ["90.1 sum", "90.2 nop_batch", "90.3 counter", "90.4 catch_counter"])
        counter = suites["90.3 counter"]
        self.assertEqual([case.get("name") for case in counter.iter("testcase")],
                         ["I1: up adds one", "I2: down takes one off"])
        self.assertEqual({one.get("name"): one.get("value") for one in counter.iter("property")},
                         {"points": "25", "points_all": "25"})

    def test_junit_of_everything_that_can_go_wrong(self):
        counter = self.work / LESSON / "counter/counter.cpp"
        counter.write_text("#include <percore/counter.hpp>\n#include <cstdio>\nnamespace percore {\nvoid Counter::up() {\n"
                           '  std::puts("<&\\"\\x01\\xff\\xc3\\xa9 ]]>");\n  value_ += 2;\n}\nvoid Counter::down() {}\n}\n')
        (self.work / LESSON / "nop_batch.cpp").write_text("int f() { return missing; }\n")
        (self.work / LESSON / "sum.txt").unlink()
        suites = self.junit(WRONG)
        broken = suites["90.3 counter"].find("testcase/failure")
        self.assertEqual(broken.get("type"), "wrong")
        self.assertIn("I1 broken: after 1 times up the counter shows 2", broken.get("message"))
        self.assertIn('<&"??\u00e9 ]]>', broken.text)
        self.assertTrue(broken.text.endswith("./tools/percore check 90.3 --seed 0\n"), broken.text)
        self.assertIn("nop_batch.cpp:1", suites["90.2 nop_batch"].find("testcase/error").get("message"))
        self.assertEqual(suites["90.1 sum"].find("testcase/skipped").get("message"), "not begun")

    def test_hidden_cases_find_what_the_usual_seeds_do_not(self):
        batch = self.work / LESSON / "nop_batch.cpp"
        # Gives up where the kernel has no memory for a moment: in no usual seed.
        batch.write_text(batch.read_text().replace(
            "io_uring_submit_and_wait(&ring, 1);",
            "if (io_uring_submit_and_wait(&ring, 1) == -ENOMEM) return io_uring_queue_exit(&ring), seen;"))
        self.assertIn("50 of 50 points", self.grade(PASS).stdout)
        (self.teacher / "nop_batch.txt").write_text("# mine\n[other seeds]\nseeds: 1000..1009, 77\npoints: 2\n\n"
                                                    "[no memory]\nseeds: 0..9\npoints: 3\n"
                                                    "fault: enter 1, result -ENOMEM\n")
        result = self.grade(WRONG, "--teacher", self.teacher)
        self.assertRegex(result.stdout, r"90\.2 +nop_batch +12 of +15 points +\[no memory\] \S+ broken")
        self.assertIn("52 of 55 points", result.stdout)
        case = self.junit(WRONG, "--teacher", self.teacher)["90.2 nop_batch"].findall("testcase")
        self.assertEqual([(one.get("classname"), one.get("name"), len(one)) for one in case[-2:]],
                         [("percore.90.2.nop_batch.hidden", "other seeds", 0),
                          ("percore.90.2.nop_batch.hidden", "N1: no memory", 1)])
        shutil.copy(FIXTURE / "solutions" / LESSON / "nop_batch.cpp", batch)
        self.assertIn("55 of 55 points", self.grade(PASS, "--teacher", self.teacher).stdout)

    def test_junit_of_a_broken_run_has_its_command(self):
        batch = self.work / LESSON / "nop_batch.cpp"
        batch.write_text(batch.read_text().replace("io_uring_submit_and_wait(&ring, 1);", "io_uring_submit(&ring);"))
        suites = self.junit(WRONG)
        broken = suites["90.2 nop_batch"].find("testcase/failure")
        self.assertRegex(broken.text, r"\./tools/percore check 90\.2 --seed \d+\n")

    def test_junit_of_checks_that_demand_the_same(self):
        checks = self.root / "tools" / "checks" / LESSON / "counter_count_up.cpp"
        text = checks.read_text()
        self.addCleanup(checks.write_text, text)
        begin = text.index("PERCORE_CHECK")
        checks.write_text(text + "\n" + text[begin:].replace("up_adds_one", "up_again"))
        names = [case.get("name") for case in self.junit(PASS)["90.3 counter"].iter("testcase")]
        self.assertEqual(names, ["I1: up adds one [up_adds_one]", "I1: up adds one [up_again]", "I2: down takes one off"])

    def test_options_reach_the_ring(self):
        # With a submission queue of one entry ten NOPs need ten enters: the check that counts them is calm and stays so,
        # the other must not mind.
        (self.teacher / "90.2.txt").write_text("[a small ring]\nseeds: 4..23\noption: sq_entries_max = 1\npoints: 1\n")
        grade = json.loads(self.grade(PASS, "--teacher", self.teacher, "--json").stdout)
        self.assertEqual((grade["points"], grade["points_all"]), (51, 51))
        batch = self.work / LESSON / "nop_batch.cpp"
        batch.write_text(batch.read_text().replace("while (entry == nullptr)", "if (entry == nullptr) return 0;\n"
                                                   "    while (entry == nullptr)"))
        grade = json.loads(self.grade(WRONG, "--teacher", self.teacher, "--json").stdout)
        hidden = grade["exercises"][1]["checks"][-1]
        self.assertEqual((hidden["step"], hidden["name"], hidden["kind"]), ("hidden", "a small ring", "wrong"))

    def test_mistakes_in_the_teachers_folder_are_told(self):
        for name, text, words in (
                ("nop.txt", "[x]\nseeds: 1\n", "belongs to no exercise"),
                ("counter.txt", "seeds: 1\n", "counter.txt:1: 'seeds: 1' is not understood: a case begins with"),
                ("counter.txt", "[x]\nseeds: 9..1\n", "counter.txt:2: '9..1' is not understood"),
                ("counter.txt", "[x]\noption: short = 1\n", "options are inline_percent, "),
                ("counter.txt", "[x]\noption: cq_entries_max = few\n", "an option is `name = number`"),
                ("counter.txt", "[x]\nfault: result -EIO\n", "names the enter or the operation"),
                ("counter.txt", "[x]\nfault: operation 1, result -EWRONG\n", "'result -EWRONG' is not understood"),
                ("counter.txt", "[x]\ncolour: red\n", "'colour' is not understood"),
                ("counter.txt", "[x]\npoints: 1\n", "the case [x] names no seeds")):
            for old in self.teacher.iterdir():
                old.unlink()
            (self.teacher / name).write_text(text)
            result = self.grade(USAGE, "--teacher", self.teacher)
            self.assertIn(words, result.stderr)
            self.assertEqual(result.stdout, "")
        self.assertIn("there is no such folder", self.grade(USAGE, "--teacher", self.folder / "none").stderr)


if __name__ == "__main__":
    unittest.main()
