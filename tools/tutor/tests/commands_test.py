"""The tutor's commands without a terminal: the learner's files and progress, and what happens when the environment or
the input is bad. One clear sentence, the right exit status, nothing lost."""

import json
import os
import pathlib
import resource
import shutil
import subprocess
import tempfile
import unittest

from fixture import CONF, FIXTURE, TUTOR, percore, usual_root

LESSON = "90-fixture"
PASS, WRONG, USAGE, ENVIRONMENT = 0, 1, 2, 3


class Commands(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = usual_root()
        cls.my = cls.root / "my"

    def setUp(self):
        shutil.rmtree(self.my, ignore_errors=True)

    def run_for(self, status, *words, **options):
        result = percore(self.root, *words, **options)
        self.assertEqual(result.returncode, status, result.stdout + result.stderr)
        self.assertNotIn("terminate called", result.stderr)
        return result.stdout + result.stderr

    def state(self):
        return json.loads((self.my / ".percore" / "state.json").read_text())

    def solve(self, *files):
        for file in files:
            target = self.my / LESSON / file
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(FIXTURE / "solutions" / LESSON / file, target)

    COUNTER = ("counter/percore/counter.hpp", "counter/counter.cpp")

    # --- where one is ---

    def test_without_words_tells_where_one_is(self):
        text = self.run_for(PASS)
        self.assertIn("Made my/90-fixture/sum.txt for you to edit.", text)
        self.assertIn("90.1 sum: an answer foretold", text)
        self.assertIn("0 of 50 points so far. Next: edit the file above", text)

    def test_list_and_progress(self):
        self.solve("sum.txt")
        self.run_for(PASS, "check", "sum")
        text = self.run_for(PASS, "list")
        self.assertRegex(text, r"90\.1 +sum +predict +5 points .*✓ solved")
        self.assertIn("5 of 50 points", text)

    def test_next_goes_to_the_first_unsolved(self):
        self.assertIn("90.1 sum", self.run_for(PASS, "next"))
        self.assertIn("90.2 nop_batch", self.run_for(PASS, "next"))
        self.assertEqual(self.state()["current"], "90.2")

    def test_steps_are_kept(self):
        self.solve(*self.COUNTER)
        source = self.my / LESSON / "counter/counter.cpp"
        source.write_text(source.read_text().replace("--value_", ""))
        self.assertIn("10 of 25 points so far", self.run_for(WRONG, "check", "counter"))
        self.assertIn("1 of 2 steps", self.run_for(PASS, "list"))

    def test_of_broken_steps_the_first_is_told_whichever_is_judged_first(self):
        self.solve(*self.COUNTER)
        source = self.my / LESSON / "counter/counter.cpp"
        right = source.read_text()
        source.write_text(right.replace("--value_", ""))
        self.assertIn("I2 broken", self.run_for(WRONG, "check", "counter"))
        # The second is at hand. It holds or not: the first is broken now, and hides it.
        for second in ("", "--value_"):
            source.write_text(right.replace("++value_", "value_ += 2").replace("--value_", second))
            told = self.run_for(WRONG, "check", "counter")
            self.assertIn("I1 broken", told)
            self.assertNotIn("I2 broken", told)
            self.assertNotIn("points so far", told)
            self.assertIn("I1 broken", self.run_for(WRONG, "check", "counter", "--seed", "0"))
            self.assertIn("I1 broken", self.run_for(WRONG, "check", "counter", "--verbose"))
            graded = json.loads(self.run_for(WRONG, "grade", "--json"))
            self.assertEqual([one["points"] for one in graded["exercises"] if one["exercise"] == "90.3"], [0])
            source.write_text(right.replace("--value_", ""))
            self.assertIn("10 of 25 points so far", self.run_for(WRONG, "check", "counter"))

    def test_a_file_that_does_not_compile_takes_no_step_away(self):
        self.solve(*self.COUNTER)
        source = self.my / LESSON / "counter/counter.cpp"
        source.write_text(source.read_text().replace("--value_", ""))
        self.run_for(WRONG, "check", "counter")
        source.write_text("nonsense")
        for word in ("--no-sanitizers", "--verbose"):
            self.assertIn("It does not compile", self.run_for(WRONG, "check", "counter", word))
            self.assertIn("1 of 2 steps", self.run_for(PASS, "list"))

    def test_a_step_that_passes_counts_though_the_next_does_not_compile(self):
        self.solve(*self.COUNTER)
        header = self.my / LESSON / "counter/percore/counter.hpp"
        header.write_text(header.read_text().replace("void down();", "private: void down(); public:"))
        told = self.run_for(WRONG, "check", "counter")
        self.assertIn("It does not compile", told)
        self.assertIn("1 of 2 steps", self.run_for(PASS, "list"))

    def test_what_only_the_sanitizers_saw_is_the_case_to_look_at(self):
        self.solve(*self.COUNTER)
        source = self.my / LESSON / "counter/counter.cpp"
        source.write_text(source.read_text().replace(
            "++value_", "int* freed = new int(1); delete freed; value_ += *freed == 1 ? 1 : 1"))
        told = self.run_for(WRONG, "check", "counter")
        self.assertIn("not under the sanitizers", told)
        self.assertIn("heap-use-after-free", told)
        self.assertEqual(self.state()["exercises"]["90.3"]["loss"]["check"], "up_adds_one", self.state())

    def test_one_step_alone(self):
        self.solve(*self.COUNTER)
        source = self.my / LESSON / "counter/counter.cpp"
        source.write_text(source.read_text().replace("++value_", "value_ += 2"))
        told = self.run_for(WRONG, "check", "counter", "--step", "count up", "--no-sanitizers")
        self.assertIn("I1 broken", told)
        self.assertNotIn("I2", told)
        self.assertIn("check 90.3 --step 'count up' --seed 0` shows it again", told)
        self.assertIn("90.3 counter has no step 'up'; it has count up, count down.",
                      self.run_for(USAGE, "check", "counter", "--step", "up"))
        verdict = json.loads(self.run_for(PASS, "check", "counter", "--step", "count down", "--json"))
        self.assertEqual(verdict["points"], 15)  # the first step has none
        self.assertIn("leave --real or --step out", self.run_for(USAGE, "check", "counter", "--real", "--step", "count up"))
        self.assertIn("90.2 nop_batch has no steps: leave --step out.",
                      self.run_for(USAGE, "check", "nop_batch", "--step", "up"))

    def test_what_is_solved_stays_so_while_one_goes_on_with_it(self):
        self.solve(*self.COUNTER)
        self.run_for(PASS, "check", "counter", "--no-sanitizers")
        source = self.my / LESSON / "counter/counter.cpp"
        solved = source.read_text()
        source.write_text(solved.replace("--value_", ""))
        self.run_for(WRONG, "check", "counter")
        text = self.run_for(PASS, "list")
        self.assertIn("✓ solved, changed since", text)
        self.assertIn("25 of 50 points", text)
        self.assertIn("None of the layers is yours yet", self.run_for(USAGE, "bench", "--mine"))
        source.write_text(solved)
        self.assertRegex(self.run_for(PASS, "list"), r"counter +build.*✓ solved\n")

    def test_files_that_were_solved_and_fail_are_not_solved(self):
        self.solve(*self.COUNTER)
        self.run_for(PASS, "check", "counter", "--no-sanitizers")
        # The check of after an update that sees more.
        check = self.root / "tools" / "checks" / LESSON / "counter_count_down.cpp"
        before = check.read_text()
        check.write_text(before.replace('PERCORE_CHECK("', 'static const bool more = (abort(), true);\nPERCORE_CHECK("', 1))
        try:
            self.run_for(WRONG, "check", "counter", "--no-sanitizers")
        finally:
            check.write_text(before)
        self.assertIn("1 of 2 steps", self.run_for(PASS, "list"))

    def test_after_the_last_exercise_the_open_ones_are_named(self):
        self.solve("catch_counter.cpp", "sum.txt")
        self.assertIn("Nothing comes after it; still open: 90.1 sum", self.run_for(PASS, "check", "catch_counter"))
        self.assertIn("Next: 90.2 nop_batch", self.run_for(PASS, "check", "sum"))

    def test_the_linker_is_started_as_clang_would_and_found_again_when_it_has_moved(self):
        if "compiler_id=clang" not in CONF.read_text():
            self.skipTest("what g++ starts cannot be told")
        self.solve("nop_batch.cpp")
        self.run_for(PASS, "check", "nop_batch", "--no-sanitizers")
        record = self.root / "build" / "check" / "shared" / "fast" / "linker.txt"
        kept = record.read_text()
        linker = kept.splitlines()[1]
        self.assertRegex(linker, r"^/\S*ld\S* .* -o \$out .* \$in \$libraries ")
        record.write_text(kept.replace("crtbegin.o", "gone.o"))
        program = self.my / LESSON / "nop_batch.cpp"
        program.write_text(program.read_text() + "// saved\n")
        self.run_for(PASS, "check", "nop_batch", "--no-sanitizers")
        self.assertEqual(record.read_text(), kept)

    def test_hints_come_one_by_one(self):
        self.assertIn("What comes after one?", self.run_for(PASS, "hint", "counter"))
        first = self.run_for(PASS, "hint", "nop_batch")
        self.assertIn("a question", first)
        self.assertIn("1 of 3 seen", first)
        self.assertIn("an idea", self.run_for(PASS, "hint", "nop_batch"))
        self.assertIn("io_uring_submit_and_wait(&ring, count);", self.run_for(PASS, "hint", "nop_batch"))
        self.assertIn("There is no hint 9" .lower(), self.run_for(USAGE, "hint", "nop_batch", "9").lower())

    def test_grade(self):
        self.solve("sum.txt", *self.COUNTER)
        text = self.run_for(WRONG, "grade", "--json")
        grade = json.loads(text)
        self.assertEqual((grade["points"], grade["points_all"]), (30, 50))
        self.assertEqual([one["status"] for one in grade["exercises"]], ["pass", "fail", "pass", "fail"])
        self.assertIn("30 of 50 points", self.run_for(WRONG, "grade"))

    def test_grade_goes_on_past_a_file_that_cannot_be_judged(self):
        self.solve("sum.txt", *self.COUNTER)
        (self.my / LESSON / "sum.txt").unlink()
        (self.my / LESSON / "sum.txt").mkdir()
        text = self.run_for(WRONG, "grade")
        self.assertRegex(text, r"90\.1 +sum +0 of +5 points +\S")
        self.assertRegex(text, r"90\.3 +counter .*passed")

    def test_bench_hands_its_words_on_and_measures_what_is_solved(self):
        script = self.root / "tools" / "bench"
        script.write_text("import os, sys\nprint(os.environ['PERCORE_BENCH_NAME'], sys.argv[1:])\n"
                          "sys.exit(len(sys.argv) - 1)\n")
        said = self.run_for(3, "bench", "--help", "--json", "a b")
        self.assertIn("./tools/percore bench ['--help', '--json', 'a b']", said)
        self.assertIn("['growth']", self.run_for(1, "bench", "growth"))
        self.assertIn("None of the layers is yours yet", self.run_for(USAGE, "bench", "--mine"))
        said = self.run_for(2, "bench", "--mine=task", "--mine-root=solutions")
        self.assertIn("['--mine=task', '--mine-root=solutions']", said)
        self.solve(*self.COUNTER)
        self.run_for(PASS, "check", "counter", "--no-sanitizers")
        for words in (["--mine"], ["--mine", "all"], ["--mine=counter"], ["--mine", "counter"]):
            self.assertIn("['--mine=counter', '--runs', '3']", self.run_for(3, "bench", *words, "--runs", "3"))
        self.assertIn("'ring' is not one of your layers; these are: counter", self.run_for(USAGE, "bench", "--mine", "ring"))

    def test_mine_shows_the_layers(self):
        self.assertRegex(self.run_for(PASS, "mine"), r"counter +ours +exercise 90\.3")
        self.solve(*self.COUNTER)
        self.run_for(PASS, "check", "counter", "--no-sanitizers")
        self.assertRegex(self.run_for(PASS, "mine"), r"counter +mine +my/90-fixture/counter")
        with open(self.my / LESSON / "counter/counter.cpp", "a") as file:
            file.write("// later\n")
        self.assertRegex(self.run_for(PASS, "mine"), r"counter +ours +changed since it was solved")

    def test_version_and_help(self):
        self.assertRegex(self.run_for(PASS, "--version"), r"^percore \d+\.\d+\.\d+\n$")
        text = self.run_for(PASS, "--help")
        self.assertIn("Examples:", text)
        self.assertIn("percore check 01.4 --seed 7", text)

    def test_doctor(self):
        result = percore(self.root, "doctor")
        self.assertIn(result.returncode, (PASS, ENVIRONMENT))
        for line in ("kernel", "io_uring", "memlock", "CPUs", "O_DIRECT", "sandbox", "compiler", "sanitizers"):
            self.assertRegex(result.stdout, rf"(good|warning|bad) +{line} ")
        self.assertEqual(result.returncode == ENVIRONMENT, "  bad " in result.stdout)

    # --- the learner's files ---

    def test_reset_keeps_a_copy(self):
        self.solve(*self.COUNTER)
        text = self.run_for(PASS, "reset", "counter")
        self.assertIn("What was there is kept in my/.percore/backup/", text)
        kept = next((self.my / ".percore" / "backup").rglob("counter.cpp"))
        self.assertEqual(kept.read_text(), (FIXTURE / "solutions" / LESSON / "counter/counter.cpp").read_text())
        self.assertIn("TODO: step 1", (self.my / LESSON / "counter/counter.cpp").read_text())
        self.run_for(PASS, "reset", "counter")
        self.assertEqual(len(list((self.my / ".percore" / "backup").iterdir())), 2)

    def test_solution_is_taken_with_a_copy(self):
        self.run_for(WRONG, "check", "counter")
        (self.my / LESSON / "counter/counter.cpp").write_text("// my own attempt\n")
        self.assertIn("++value_", self.run_for(PASS, "solution", "counter"))
        self.assertEqual((self.my / LESSON / "counter/counter.cpp").read_text(), "// my own attempt\n")
        self.run_for(PASS, "solution", "counter", "--take")
        kept = [path.read_text() for path in (self.my / ".percore" / "backup").rglob("counter.cpp")]
        self.assertEqual(kept, ["// my own attempt\n"])
        self.run_for(PASS, "check", "counter", "--no-sanitizers")

    def test_diff(self):
        self.assertIn("You have not begun", self.run_for(USAGE, "diff", "counter"))
        self.run_for(WRONG, "check", "counter")
        self.assertIn("still the starting files", self.run_for(PASS, "diff", "counter"))
        self.solve(*self.COUNTER)
        self.assertIn("+  ++value_;", self.run_for(PASS, "diff", "counter"))
        self.assertIn("word for word", self.run_for(PASS, "diff", "counter", "--solution"))

    def test_update_of_a_starter_loses_nothing(self):
        self.run_for(WRONG, "check", "counter")
        mine = self.my / LESSON / "counter/counter.cpp"
        mine.write_text(mine.read_text() + "// mine\n")
        starter = self.root / "exercises" / LESSON / "counter/counter.cpp"
        before = starter.read_text()
        starter.write_text(before + "// new in this version\n")
        self.addCleanup(starter.write_text, before)
        text = self.run_for(WRONG, "check", "counter")
        self.assertIn("An update changed the starting file 90-fixture/counter/counter.cpp. Yours stays as it is", text)
        self.assertTrue(mine.read_text().endswith("// mine\n"))
        self.assertNotIn("An update changed", self.run_for(WRONG, "check", "counter"))

    def test_update_of_a_contract_names_the_module(self):
        self.solve(*self.COUNTER)
        self.run_for(PASS, "check", "counter", "--no-sanitizers")
        contract = self.root / "runtime" / "contracts" / "percore" / "contract" / "counter.hpp"
        before = contract.read_text()
        contract.write_text(before.replace("version = 1", "version = 2"))
        self.addCleanup(contract.write_text, before)
        self.assertRegex(self.run_for(PASS, "mine"),
                         r"counter +ours +its contract changed in an update: yours has to be checked again, "
                         r"`./tools/percore check 90\.3`")
        self.assertIn("check again: 90.3 counter", self.run_for(PASS))
        self.run_for(PASS, "check", "counter", "--no-sanitizers")
        self.assertRegex(self.run_for(PASS, "mine"), r"counter +mine")

    def test_what_a_contract_demands_is_compiled_with_the_checks(self):
        self.solve(*self.COUNTER)
        contract = self.root / "runtime" / "contracts" / "counter_contract.cpp"
        contract.write_text("#include <percore/counter.hpp>\n"
                            'static_assert(sizeof(percore::Counter) == 4, "a Counter holds one number");\n')
        self.addCleanup(contract.unlink)
        self.run_for(PASS, "check", "counter", "--no-sanitizers")
        header = self.my / LESSON / "counter/percore/counter.hpp"
        header.write_text(header.read_text().replace("int value_ = 0;", "int value_ = 0, other_ = 0;"))
        self.assertIn("a Counter holds one number", self.run_for(WRONG, "check", "counter", "--no-sanitizers"))

    def test_a_task_is_shown_without_the_marks_of_markdown(self):
        text = self.run_for(PASS, "next", "counter")
        self.assertIn("Write a counter as lesson 90 has it: `up()`, and `*down`.", text)

    # --- bad input ---

    def test_unknown_exercise_gets_the_nearest(self):
        self.assertIn("There is no exercise 'conter'. Did you mean counter?", self.run_for(USAGE, "check", "conter"))
        self.assertIn("Did you mean catch_counter?", self.run_for(USAGE, "hint", "cath_counter"))
        self.assertIn("`./tools/percore list` shows them all", self.run_for(USAGE, "check", "zzzzzzzzzz"))

    def test_unknown_command_and_option(self):
        self.assertIn("There is no command 'chek'. Did you mean check?", self.run_for(USAGE, "chek"))
        self.run_for(USAGE, "check", "--nonsense")
        for no_seed in ("many", "-1", "18446744073709551615"):
            self.run_for(USAGE, "check", "counter", "--seed", no_seed)
            self.run_for(USAGE, "trace", "nop_batch", "--seed", no_seed)

    def test_outside_of_a_repository(self):
        result = subprocess.run([TUTOR, "list"], cwd="/", capture_output=True, text=True,
                                env={k: v for k, v in os.environ.items() if k != "PERCORE_ROOT"})
        self.assertEqual(result.returncode, USAGE)
        self.assertIn("This is not percore's repository", result.stderr)

    def test_from_a_folder_that_is_not_there(self):
        self.assertIn("--from /nowhere: No such file", self.run_for(USAGE, "check", "counter", "--from", "/nowhere"))

    def test_missing_file(self):
        self.run_for(WRONG, "check", "counter")
        (self.my / LESSON / "counter/counter.cpp").unlink()
        self.assertIn("Made my/90-fixture/counter/counter.cpp", self.run_for(WRONG, "check", "counter"))
        other = self.root / "other"
        other.mkdir(exist_ok=True)
        text = self.run_for(ENVIRONMENT, "check", "counter", "--from", other)
        self.assertIn("other/counter/percore/counter.hpp is not there", text)

    def test_unreadable_file(self):
        self.run_for(WRONG, "check", "counter")
        mine = self.my / LESSON / "counter/counter.cpp"
        mine.unlink()
        mine.mkdir()  # root reads everything, but nobody reads a folder
        self.assertRegex(self.run_for(ENVIRONMENT, "check", "counter"), r"counter\.cpp cannot be read: Is a directory")
        mine.rmdir()

    def test_no_ordinary_file(self):
        self.run_for(WRONG, "check", "counter")
        mine = self.my / LESSON / "counter/counter.cpp"
        mine.unlink()
        os.mkfifo(mine)
        self.assertRegex(self.run_for(ENVIRONMENT, "check", "counter"), r"counter\.cpp is no ordinary file: put a file")
        mine.unlink()
        mine.symlink_to("/dev/zero")
        self.assertRegex(self.run_for(ENVIRONMENT, "check", "counter"), r"counter\.cpp is no ordinary file: put a file")

    def test_malformed_readme_names_file_and_line(self):
        readme = self.root / "exercises" / LESSON / "README.md"
        before = readme.read_text()
        readme.write_text(before.replace("kind: use", "kind: useful"))
        self.addCleanup(readme.write_text, before)
        self.assertRegex(self.run_for(ENVIRONMENT, "list"), r"README\.md:\d+: 'useful' is no kind of exercise")

    def test_build_that_is_not_set_up(self):
        conf = self.root / "build" / "tools" / "tutor" / "percore.conf"
        before = conf.read_text()
        self.addCleanup(conf.write_text, before)
        conf.unlink()
        self.assertIn("the build is not set up. Run tools/percore once", self.run_for(ENVIRONMENT, "check", "counter"))

    # --- a bad environment ---

    def test_damaged_state_is_kept_aside(self):
        self.solve("sum.txt")
        self.run_for(PASS, "check", "sum")
        state = self.my / ".percore" / "state.json"
        state.write_text(state.read_text()[:40])
        text = self.run_for(PASS, "list")
        self.assertIn("was damaged (it is not JSON); it is kept as", " ".join(text.split()))
        self.assertEqual(len(list(state.parent.glob("state.json.damaged-1"))), 1)
        self.assertIn("0 of 50 points", text)
        self.run_for(PASS, "check", "sum")
        self.assertIn("5 of 50 points", self.run_for(PASS, "list"))

    def test_state_of_another_version_is_kept_aside(self):
        self.run_for(PASS, "next")
        state = self.my / ".percore" / "state.json"
        state.write_text(json.dumps({"version": 99}))
        self.assertIn("version 99 is not 1", " ".join(self.run_for(PASS, "list").split()))

    def limited(self):
        # A disk with no room: what is written beyond the limit fails, as ENOSPC would.
        resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))
        import signal
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    def test_full_disk_keeps_the_old_state(self):
        self.run_for(PASS, "next")
        state = self.my / ".percore" / "state.json"
        before = state.read_text()
        text = self.run_for(ENVIRONMENT, "next", preexec_fn=self.limited)
        self.assertRegex(text, r"cannot be written: the file size limit is reached")
        self.assertEqual(state.read_text(), before)
        self.assertEqual(list(self.my.rglob("*.new")), [])

    def mounted(self, options):
        """A small file system in place of my/; skipped where mounting is not allowed."""
        folder = tempfile.mkdtemp()
        self.addCleanup(os.rmdir, folder)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", folder], capture_output=True).returncode:
            self.skipTest("mounting is not allowed here")
        self.addCleanup(subprocess.run, ["umount", "-l", folder], capture_output=True)
        self.my.symlink_to(folder)
        self.addCleanup(self.my.unlink)
        return pathlib.Path(folder)

    @unittest.skipUnless(shutil.which("mount") and os.geteuid() == 0, "needs a mount")
    def test_really_full_disk(self):
        small = self.mounted("size=16k")
        try:
            with open(small / "fill", "wb", buffering=0) as file:
                while file.write(b"x" * 4096):
                    pass
        except OSError:
            pass
        text = self.run_for(ENVIRONMENT, "next")
        self.assertIn("the disk is full; free some space and try again, nothing of yours was changed", text)
        self.assertEqual(text.count("\n"), 1, text)

    @unittest.skipUnless(shutil.which("mount") and os.geteuid() == 0, "needs a mount")
    def test_read_only_tree(self):
        self.mounted("ro")
        text = self.run_for(ENVIRONMENT, "next")
        self.assertIn("the file system is read-only; clone percore into a folder that you may write to", text)

    def test_no_colours_into_a_file(self):
        self.assertNotIn("\x1b", self.run_for(PASS, "list", env={"TERM": "xterm", "NO_COLOR": ""}))

    def test_watch_wants_a_terminal(self):
        self.assertIn("Watching needs a terminal; `./tools/percore check` gives one verdict without it.",
                      self.run_for(USAGE, "watch"))

    def test_compile_commands_cover_the_learners_files(self):
        meson = {"directory": str(self.root), "file": "lesson.cpp",
                 "command": "clang++ -O3 -include-pch '/a - folder/system.hpp.pch' -MD -c lesson.cpp"}
        (self.root / "build/compile_commands.json").write_text(json.dumps([meson]))
        self.run_for(WRONG, "check", "counter")
        entries = json.loads((self.root / "compile_commands.json").read_text())
        self.assertEqual(entries[0]["command"], "clang++ -O3 -MD -c lesson.cpp")
        own = [entry for entry in entries if entry["file"].endswith("my/90-fixture/counter/counter.cpp")]
        self.assertEqual(len(own), 1)
        self.assertIn("-std=c++23", own[0]["command"])


if __name__ == "__main__":
    unittest.main()
