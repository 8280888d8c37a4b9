"""Every kind of verdict, from a program that asks for it. The programs are the hostile ones: each must be told as what
it is, nothing may stay behind, and none may look like a pass."""

import json
import os
import pathlib
import platform
import re
import shutil
import subprocess
import unittest

from fixture import BUILD, CONF, FIXTURE, REPOSITORY, make_root, percore, usual_root

LESSON = "90-fixture"


def children_of(folder):
    """Processes whose executable lies in `folder`: what a check may have left behind."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if os.readlink(entry / "exe").startswith(str(folder)):
                found.append(entry.name)
        except OSError:
            pass
    return found


def answers_of(root):
    """The answers, in a folder of their own that is made anew."""
    sources = root / "other"
    shutil.rmtree(sources, ignore_errors=True)
    shutil.copytree(FIXTURE / "solutions" / LESSON, sources)
    return sources


class Verdicts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = usual_root()

    def counter(self, up, top=""):
        """Judges a counter whose up() has the body `up`; returns the verdict and what a learner reads."""
        sources = answers_of(self.root)
        (sources / "counter" / "counter.cpp").write_text(
            f"#include <percore/counter.hpp>\n{top}\nnamespace percore {{\n"
            f"void Counter::up() {{ {up} }}\nvoid Counter::down() {{ --value_; }}\n}}\n")
        result = percore(self.root, "check", "counter", "--from", sources, "--json", "--no-sanitizers")
        self.assertEqual(result.stderr, "")
        verdict = json.loads(result.stdout)
        self.assertEqual(result.returncode, 0 if verdict["status"] == "pass" else 1)
        self.assertEqual(children_of(self.root), [])
        return verdict

    def expect(self, kind, pattern, up, top=""):
        verdict = self.counter(up, top)
        self.assertEqual(verdict["kind"], kind, verdict["message"])
        self.assertEqual(verdict["status"], "fail")
        self.assertRegex(verdict["message"], pattern)
        return verdict

    def test_right_answer_passes(self):
        verdict = self.counter("++value_;")
        self.assertEqual((verdict["status"], verdict["points"], verdict["steps_passed"]),
                         ("pass", 25, ["count up", "count down"]))

    def test_wrong_names_invariant_and_seed(self):
        verdict = self.expect("wrong", r"^I1 broken: after 1 times up the counter shows 2 \(seed 0\)\.$", "value_ += 2;")
        self.assertEqual(verdict["checks"][0]["lesson"], "Lesson 90, *Counting*")

    def test_one_check_alone_is_compiled_where_a_header_has_changed(self):
        sources = answers_of(self.root)
        checks = self.root / "tools" / "checks" / LESSON / "counter_count_up.cpp"
        before = checks.read_text()
        self.addCleanup(checks.write_text, before)
        other = ('PERCORE_CHECK("count up", the_other_one, "I1", "", "Lesson 90, *Counting*", .ring = false) {\n'
                 '  percore::check::require(run.seed() < 1000, "what only the other one says");\n}\n')
        checks.write_text(before + other)
        header = sources / "counter" / "percore" / "counter.hpp"

        def check(*words):
            result = percore(self.root, "check", "counter", "--from", sources, "--no-sanitizers", "--json", *words)
            self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
            return [check["name"] for check in json.loads(result.stdout)["checks"]]

        check("--only", "up_adds_one")  # of other tests' counters all checks may be there
        self.assertEqual(check(), ["up_adds_one", "the_other_one", "down_takes_one"])
        whole = max(self.root.glob("build/check/from-*/counter/fast/counter_count_up.check.o"),
                    key=lambda path: path.stat().st_mtime_ns)
        alone = whole.with_name("counter_count_up.only.check.o")
        whole_was = whole.stat().st_mtime_ns
        header.write_text(header.read_text() + "// changed\n")
        self.assertEqual(check("--only", "up_adds_one"), ["up_adds_one"])
        self.assertEqual(whole.stat().st_mtime_ns, whole_was, "all checks were compiled")
        self.assertIn(b"the_other_one", alone.read_bytes())  # the list is whole
        self.assertNotIn(b"what only the other one says", alone.read_bytes())
        self.assertEqual(check("--only", "the_other_one"), ["the_other_one"])
        self.assertIn(b"what only the other one says", alone.read_bytes())
        self.assertEqual(check(), ["up_adds_one", "the_other_one", "down_takes_one"])
        self.assertGreater(whole.stat().st_mtime_ns, whole_was)
        # With all of them there, one more program would be of no use.
        alone_was = alone.stat().st_mtime_ns
        module = sources / "counter" / "counter.cpp"
        module.write_text(module.read_text() + "// changed\n")
        self.assertEqual(check("--only", "up_adds_one"), ["up_adds_one"])
        self.assertEqual(alone.stat().st_mtime_ns, alone_was)

    def test_another_invariant_than_the_check_s_own_comes_without_what_the_check_demands(self):
        def told(down):
            sources = answers_of(self.root)
            module = sources / "counter" / "counter.cpp"
            module.write_text(module.read_text().replace("--value_;", down))
            return percore(self.root, "check", "counter", "--from", sources, "--no-sanitizers").stdout

        own = told("value_ -= 2;")
        self.assertIn("I2 broken: once down from zero shows -2", own)
        self.assertIn("Demanded: down takes one off.", own)
        other = told("++value_;")
        self.assertIn("I1 broken: once down from zero shows 1", other)
        self.assertNotIn("Demanded", other)

    def test_all_points_beside_something_broken_are_not_had_yet(self):
        of_no_step = self.root / "tools" / "checks" / LESSON / "counter.cpp"
        self.addCleanup(of_no_step.unlink)
        of_no_step.write_text(
            '#include <percore/check.hpp>\n#include <percore/counter.hpp>\n'
            'PERCORE_CHECK("", whole, "I3", "it is whole", "Lesson 90, *Counting*", .ring = false) {\n'
            '  static_cast<void>(run);\n  percore::check::require(percore::Counter().value() == 1, "it is not whole");\n}\n')
        sources = answers_of(self.root)
        told = percore(self.root, "check", "counter", "--from", sources, "--no-sanitizers").stdout
        self.assertIn("I3 broken: it is not whole", told)
        self.assertIn("  All 25 points, once this holds, too.\n", told)
        self.assertNotIn("so far", told)

    def test_checks_that_demand_the_same_are_told_apart_by_their_names(self):
        checks = self.root / "tools" / "checks" / LESSON / "counter_count_down.cpp"
        text = checks.read_text()
        self.addCleanup(checks.write_text, text)
        checks.write_text(text + "\n" + text[text.index("PERCORE_CHECK"):].replace("down_takes_one", "down_again"))
        sources = answers_of(self.root)
        told = percore(self.root, "check", "counter", "--from", sources, "--no-sanitizers", "--verbose").stdout
        self.assertIn("I2  down takes one off (down takes one)\n", told)
        self.assertIn("I2  down takes one off (down again)\n", told)
        self.assertIn("I1  up adds one\n", told)

    def test_failure_is_shrunk(self):
        # Breaks at the fifth; sizes are drawn up to 30, so the shrunk case is not longer than a few more.
        verdict = self.expect("wrong", r"after 5 times", "if (++value_ == 5) ++value_;")
        self.assertNotIn("history", verdict["message"])

    def test_partial_credit(self):
        sources = answers_of(self.root)
        (sources / "counter" / "counter.cpp").write_text(
            "#include <percore/counter.hpp>\nnamespace percore {\nvoid Counter::up() { ++value_; }\n"
            "void Counter::down() {}\n}\n")
        verdict = json.loads(
            percore(self.root, "check", "counter", "--from", sources, "--json", "--no-sanitizers").stdout)
        self.assertEqual((verdict["points"], verdict["steps_passed"]), (10, ["count up"]))
        self.assertRegex(verdict["message"], r"^I2 broken: once down from zero shows 0")

    def test_a_step_is_judged_though_a_later_one_does_not_compile(self):
        def judged(up):
            sources = answers_of(self.root)
            header = sources / "counter" / "percore" / "counter.hpp"
            header.write_text(header.read_text().replace("void down();", "private: void down(); public:"))
            module = sources / "counter" / "counter.cpp"
            module.write_text(f"#include <percore/counter.hpp>\nnamespace percore {{\nvoid Counter::up() {{ {up} }}\n"
                              "void Counter::down() { --value_; }\n}\n")
            verdict = json.loads(
                percore(self.root, "check", "counter", "--from", sources, "--json", "--no-sanitizers").stdout)
            self.assertEqual(children_of(self.root), [])
            return verdict

        first = judged("value_ += 2;")  # told before the compiler has seen the second step, or after: it is the first
        self.assertEqual((first["kind"], first["points"]), ("wrong", 0), first["message"])
        self.assertIn("I1 broken", first["message"])
        second = judged("++value_;")
        self.assertEqual((second["kind"], second["steps_passed"]), ("compile_error", ["count up"]), second["message"])
        self.assertIn("private", second["message"])
        self.assertGreater(second["points"], 0)

    def test_why_no_function_fits_is_told_with_the_error(self):
        if "compiler_id=clang" not in CONF.read_text():
            self.skipTest("g++ words its notes in another way")
        self.expect("compile_error", r"counter\.cpp:\d+: .*no matching function for call to 'f'\n  because .*8 < 4.* false",
                    "f(1L);", "template <typename T> requires (sizeof(T) < 4) void f(T) {}\n"
                    "template <typename T> requires (sizeof(T) == 77) void f(T) {}")
        self.expect("compile_error", r"function for call to 'f'\n  because .*type 'int' cannot be used prior to '::'",
                    "f(1);", "template <typename T> typename T::type f(T);")
        with_or = "template <typename T> requires requires(T t) { t.foo(); } || (sizeof(T) == 77) void f(T) {}"
        self.expect("compile_error", r"function for call to 'f'\n  because 't\.foo\(\)' would be invalid", "f(1);", with_or)
        said = self.expect("compile_error", r"invalid operands to binary", "std::string() + 3;", "#include <string>")
        self.assertNotIn("because", said["message"])
        self.expect("compile_error", r"function for call to 'f'\n  because .*8 < 4", "f(1L);",
                    "template <typename T> requires (sizeof(T) < 4) void f(T) {}")
        self.expect("compile_error", r"no matching function for call to 'g'\n  because it requires 2 arguments, but 1 was",
                    "g(1);", "inline void g(int, int) {}\ninline void g(int, int, int) {}")

    def test_compile_error_is_the_first_with_its_line(self):
        verdict = self.expect("compile_error", r"counter\.cpp:4: .*undeclared.*missing", "missing = 1;")
        self.assertNotIn("In file included", verdict["message"])

    def test_template_noise_is_folded(self):
        verdict = self.expect("compile_error", r"counter\.cpp:5", "std::vector<std::string> v; v.push_back(3);\n",
                              "#include <string>\n#include <vector>")
        self.assertNotIn("allocator", verdict["message"])

    def test_missing_definition(self):
        verdict = self.expect("compile_error", r"missing\(int\) is declared and used, but nowhere written",
                              "value_ = missing(1);", "int missing(int);")
        self.assertEqual(verdict["points"], 0)

    def test_crash_names_signal_and_line(self):
        self.expect("crash", r"crashed at other/counter/counter\.cpp:4, in percore::Counter::up\(\) "
                             r"\(SIGSEGV.*\(operation 0, seed 0\)", "volatile int* p = (int*)8; *p = 1;")

    def test_crash_in_a_header_of_the_learners(self):
        sources = answers_of(self.root)
        header, module = sources / "counter/percore/counter.hpp", sources / "counter/counter.cpp"
        crash = "  void crash() const {\n    volatile int* p = (int*)8;\n    *p = 1;\n  }\n"
        text = header.read_text().replace("  void down();\n", "  void down();\n" + crash)
        header.write_text(text.replace("return value_;", "crash(); return value_;"))
        line = 1 + header.read_text().splitlines().index("    *p = 1;")
        # Called by the checks alone, and by the learner's file, too: the linker takes what was compiled with the checks.
        for up in ("++value_;", "++value_; (void)value();"):
            module.write_text(module.read_text().replace("++value_;", up))
            told = percore(self.root, "check", "counter", "--from", sources, "--no-sanitizers").stdout
            self.assertIn(f"crashed at other/counter/percore/counter.hpp:{line}, in percore::Counter::crash() const (SIG", told)

    def test_division_by_zero(self):
        self.expect("crash", r"SIGFPE, a division by zero", "volatile int zero = 0; value_ = 1 / zero;")

    def test_uncaught_exception(self):
        self.expect("crash", r"stopped at .*counter\.cpp:4.*an exception left the program: too far",
                    'throw std::runtime_error("too far");', "#include <stdexcept>")

    def test_stack_overflow(self):
        self.expect("crash", r"stack overflowed at other/counter/counter\.cpp:4",
                    "volatile char block[256]; block[0] = 1; up(); block[1] = block[0];")

    def test_spin_names_the_line(self):
        self.expect("hang_spinning", r"spins at other/counter/counter\.cpp:[56], in percore::Counter::up\(\)",
                    "volatile bool go = true;\nwhile (go) {\n}")

    def test_wait_names_the_call_and_line(self):
        self.expect("hang_waiting", r"waits in pause at other/counter/counter\.cpp:4.* nothing will wake it",
                    "pause();", "#include <unistd.h>")

    def test_flood(self):
        verdict = self.expect("output_flood", r"printed more than 1 MiB",
                              'for (;;) std::puts("round and round");', "#include <cstdio>")
        self.assertLess(len(verdict["checks"][0]["detail"]), 1000)

    def test_fork(self):
        self.expect("forking", r"tried to start a process at other/counter/counter\.cpp:4",
                    "while (fork() >= 0) {}", "#include <unistd.h>")

    def test_system(self):
        self.expect("forking", r"tried to start a process", 'value_ = system("sleep 100");', "#include <cstdlib>")

    def test_exec(self):
        self.expect("forking", r"tried to start a process", 'execl("/bin/true", "true", nullptr);',
                    "#include <unistd.h>")

    def test_threads_are_allowed(self):
        verdict = self.counter("std::thread([this] { ++value_; }).join();", "#include <thread>")
        self.assertEqual(verdict["status"], "pass", verdict["message"])

    def test_early_exit(self):
        self.expect("early_exit", r"ended with exit status 0 before the check was done", "_exit(0);",
                    "#include <unistd.h>")

    def test_exit_before_main(self):
        verdict = self.expect("early_exit", r"before the check was done", "++value_;",
                              "#include <unistd.h>\nstatic int early = (_exit(0), 1);")
        self.assertEqual(verdict["points"], 0)

    def test_printed_pass_is_none(self):
        self.expect("early_exit", r"ended with exit status 0",
                    r'''for (int fd = 1; fd < 256; ++fd) dprintf(fd, "\n{\"event\":\"passed\",\"name\":\"up_adds_one\",'''
                    r'''\"seeds\":200,\"nonce\":0}\n"); _exit(0);''', "#include <cstdio>\n#include <unistd.h>")

    def test_memory(self):
        self.expect("out_of_memory", r"more than 512 MiB",
                    "for (;;) { char* p = new char[1 << 24]; for (int i = 0; i < 1 << 24; i += 4096) p[i] = 1; }")

    def test_file_without_end(self):
        self.expect("crash", r"SIGXFSZ",
                    'FILE* f = fopen("big", "w"); static char block[1 << 20]; for (;;) fwrite(block, 1, sizeof block, f);',
                    "#include <cstdio>")

    def test_closes_every_descriptor(self):
        verdict = self.counter("for (int fd = 0; fd < 256; ++fd) close(fd);", "#include <unistd.h>")
        self.assertEqual(verdict["status"], "fail")

    def test_sanitizers_find_what_checks_cannot(self):
        sources = answers_of(self.root)
        (sources / "counter" / "counter.cpp").write_text(
            "#include <percore/counter.hpp>\nnamespace percore {\nvoid Counter::up() {\n  int* p = new int(1);\n"
            "  delete p;\n  volatile int x = *p;\n  (void)x;\n  ++value_;\n}\nvoid Counter::down() { --value_; }\n}\n")
        result = percore(self.root, "check", "counter", "--from", sources)
        self.assertEqual(result.returncode, 1, result.stdout)
        self.assertRegex(result.stdout, r"AddressSanitizer found a heap-use-after-free at other/counter/counter\.cpp:6")

    def test_sanitizers_are_asked_who_broke_the_heap(self):
        sources = answers_of(self.root)
        (sources / "counter" / "counter.cpp").write_text(
            "#include <percore/counter.hpp>\nnamespace percore {\nvoid Counter::up() {\n  char* p = new char[24];\n"
            "  for (volatile int i = 0; i < 40; ++i) p[i] = 1;\n  delete[] p;\n  delete[] new char[100000];\n  ++value_;\n}\n"
            "void Counter::down() { --value_; }\n}\n")
        result = percore(self.root, "check", "counter", "--from", sources)
        self.assertRegex(result.stdout, r"AddressSanitizer found a heap-buffer-overflow at other/counter/counter\.cpp:5")
        self.assertNotIn("corrupted", result.stdout)
        result = percore(self.root, "check", "counter", "--from", sources, "--no-sanitizers")
        self.assertRegex(result.stdout, r"The heap was found broken at other/counter/counter\.cpp:7.*: before that, memory was "
                                        r"written past its end")

    def test_an_abort_is_no_broken_heap(self):
        self.expect("crash", r"SIGABRT", 'std::puts("malloc is not to blame"); std::abort();',
                    "#include <cstdio>\n#include <cstdlib>")


class Kinds(unittest.TestCase):
    """The other kinds of exercise, through the learner's own folder."""

    @classmethod
    def setUpClass(cls):
        cls.root = usual_root()

    def setUp(self):
        shutil.rmtree(self.root / "my", ignore_errors=True)

    def write(self, file, text):
        path = self.root / "my" / LESSON / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def check(self, exercise):
        result = percore(self.root, "check", exercise, "--json")
        return json.loads(result.stdout)

    def test_predict(self):
        self.assertRegex(self.check("sum")["message"], "no answer yet")
        self.write("sum.txt", "two and three: 6\n")
        self.assertRegex(self.check("sum")["message"], r"^S1 broken: two and three are not 6")
        self.write("sum.txt", "# so\nTwo and three :  5  # fingers\n")
        self.assertEqual(self.check("sum")["status"], "pass")

    def test_starters_compile_and_fail(self):
        for exercise in ("sum", "nop_batch", "counter", "catch_counter"):
            verdict = self.check(exercise)
            self.assertEqual((verdict["status"], verdict["kind"]), ("fail", "wrong"), (exercise, verdict["message"]))

    def test_ring_oracles_speak(self):
        answer = (FIXTURE / "solutions" / LESSON / "nop_batch.cpp").read_text()
        self.write("nop_batch.cpp", answer.replace("io_uring_cq_advance(&ring, harvested);", ""))
        verdict = self.check("nop_batch")
        self.assertEqual(verdict["status"], "fail")
        self.assertRegex(verdict["message"], r"\(seed \d+\)")

    def test_no_wrong_module_is_built_until_the_right_one_passes(self):
        folder = self.root / "build" / "check" / "90.4-catch_counter"
        shutil.rmtree(folder, ignore_errors=True)

        def built():
            return {path.name for path in folder.glob("fast/*") if path.is_file() and os.access(path, os.X_OK)}

        answer = (FIXTURE / "solutions" / LESSON / "catch_counter.cpp").read_text()
        # It leaves the others time to be built.
        self.write("catch_counter.cpp", "#include <unistd.h>\n" + answer +
                   'PERCORE_CHECK("", never, "I1", "nothing", "", .ring = false) '
                   '{ (void)run; for (int i = 0; i < 80; ++i) usleep(10000); percore::check::require(false, "never"); }\n')
        self.assertRegex(self.check("catch_counter")["message"], "your check `never` rejects the right module")
        self.assertEqual(built(), {"right"})
        self.write("catch_counter.cpp", answer)
        self.assertEqual(self.check("catch_counter")["status"], "pass")
        self.assertGreater(len(built()), 1)

    def test_a_run_of_one_check_is_drawn_without_the_others_where_a_header_has_changed(self):
        for name in ("counter/percore/counter.hpp", "counter/counter.cpp"):
            self.write(name, (FIXTURE / "solutions" / LESSON / name).read_text())
        self.assertEqual(self.check("counter")["status"], "pass")
        everything = self.root / "build" / "check" / "90.3-counter" / "fast" / "counter_count_up.check.o"
        before = everything.stat().st_mtime_ns
        header = (FIXTURE / "solutions" / LESSON / "counter/percore/counter.hpp").read_text()
        self.write("counter/percore/counter.hpp", header.replace("return value_;", "return value_ + 1;"))
        drawn = percore(self.root, "trace", "counter", "--check", "up_adds_one")
        self.assertEqual(everything.stat().st_mtime_ns, before, drawn.stdout + drawn.stderr)
        self.assertGreater(everything.with_name("counter_count_up.only.check.o").stat().st_mtime_ns, before)

    def test_catch(self):
        self.assertRegex(self.check("catch_counter")["message"], "there is no check yet")
        always = ('#include <percore/check.hpp>\nPERCORE_CHECK("", always, "I1", "nothing", "", .ring = false) '
                  "{ percore::check::require(%s, \"always\"); (void)run; }\n")
        self.write("catch_counter.cpp", always % "true")
        self.assertRegex(self.check("catch_counter")["message"], "your checks pass a module that forgets every third up")
        self.write("catch_counter.cpp", always % "false")
        self.assertRegex(self.check("catch_counter")["message"], "your check `always` rejects the right module")
        shutil.copy(FIXTURE / "solutions" / LESSON / "catch_counter.cpp", self.root / "my" / LESSON)
        self.assertEqual(self.check("catch_counter")["status"], "pass")

    def test_seed_shows_it_again(self):
        self.write("counter/percore/counter.hpp",
                   (FIXTURE / "solutions" / LESSON / "counter/percore/counter.hpp").read_text())
        self.write("counter/counter.cpp", "#include <percore/counter.hpp>\nnamespace percore {\n"
                   "void Counter::up() { if (++value_ == 25) ++value_; }\nvoid Counter::down() { --value_; }\n}\n")
        first = percore(self.root, "check", "counter")
        match = re.search(r"`(\./tools/percore check 90\.3 --seed (\d+))` shows it again", first.stdout)
        self.assertTrue(match, first.stdout)
        headline = next(line for line in first.stdout.splitlines() if line.startswith("I1 broken"))
        again = percore(self.root, "check", "90.3", "--seed", match[2])
        self.assertEqual(again.returncode, 1)
        self.assertIn(headline, again.stdout)

    def test_a_check_that_leaves_a_ring_open_takes_any_number_of_seeds(self):
        # Programs that are ended by their mistakes: six rings a seed, more than a process may have of 60.
        judged = percore(REPOSITORY, "check", "dma_buffer", "--from", REPOSITORY / "solutions/06-dma-io",
                         "--only", "a_slice_lies_within", "--seeds", "60", "--no-sanitizers")
        self.assertEqual(judged.returncode, 0, judged.stdout + judged.stderr)

    def test_as_many_seeds_as_are_asked_for(self):
        """2,500 cases pass where the mistake lies behind them, and stop at it where it lies before."""
        header = (FIXTURE / "solutions" / LESSON / "counter/percore/counter.hpp").read_text()
        self.write("counter/percore/counter.hpp", header.replace("void up();", "void up();\n  Counter();"))
        late = ("#include <percore/counter.hpp>\nnamespace percore {\nstatic int made = 0;\n"
                "Counter::Counter() { if (++made > %d) value_ = 1; }\n"
                "void Counter::up() { ++value_; }\nvoid Counter::down() { --value_; }\n}\n")
        self.write("counter/counter.cpp", late % 700)  # of one process, and each runs at most a thousand
        usual = percore(self.root, "check", "counter", "--no-sanitizers")
        self.assertEqual(usual.returncode, 0, usual.stdout)
        more = percore(self.root, "check", "counter", "--seeds", "2500")
        self.assertEqual(more.returncode, 1, more.stdout)
        self.assertRegex(more.stdout, r"I1 broken: after 1 times up the counter shows 2 \(seed 700")
        self.write("counter/counter.cpp", late % 5000)
        more = percore(self.root, "check", "counter", "--seeds", "2500")
        self.assertEqual((more.returncode, more.stderr), (0, ""), more.stdout)
        self.assertRegex(more.stdout, r"Holds for 5000 cases\.")  # two checks
        verdict = json.loads(percore(self.root, "check", "counter", "--seeds", "2500", "--json").stdout)
        self.assertEqual([check["seeds"] for check in verdict["checks"]], [2500, 2500])

    def test_the_kernels_ring_alone(self):
        shutil.copytree(FIXTURE / "solutions" / LESSON, self.root / "my" / LESSON, dirs_exist_ok=True)
        verdict = json.loads(percore(self.root, "check", "nop_batch", "--real", "--json").stdout)
        self.assertEqual([(check["program"], check["seeds"] or check["skipped"]) for check in verdict["checks"]],
                         [("nop_batch_real", 20 if not verdict["checks"][0]["skipped"] else True)])
        refused = percore(self.root, "check", "counter", "--real")
        self.assertEqual(refused.returncode, 2)
        self.assertIn("90.3 counter has no checks on the kernel's ring", refused.stderr)

    def test_an_include_that_the_quick_verdict_hides_is_missed(self):
        if "compiler_id=clang" not in CONF.read_text():
            self.skipTest("g++ cannot stack precompiled headers")
        # What the starting file includes of ours is read beforehand, for all of the exercise's files.
        starter = self.root / "exercises" / LESSON / "nop_batch.cpp"
        before = starter.read_text()
        self.addCleanup(starter.write_text, before)
        starter.write_text("#include <percore/executor.hpp>\n" + before)
        sources = answers_of(self.root)
        with open(sources / "nop_batch.cpp", "a") as file:
            file.write("percore::Time zero{0};\n")
        quick = percore(self.root, "check", "nop_batch", "--from", sources, "--no-sanitizers")
        self.assertEqual(quick.returncode, 0, quick.stdout + quick.stderr)
        whole = percore(self.root, "check", "nop_batch", "--from", sources)
        self.assertEqual(whole.returncode, 1, whole.stdout)
        self.assertRegex(whole.stdout, r"nop_batch\.cpp:\d+: .*Time")
        self.assertIn("an #include is missing", whole.stdout)
        # Nor is it graded as right, where no sanitizers follow.
        shutil.rmtree(self.root / "submitted", ignore_errors=True)
        shutil.copytree(sources, self.root / "submitted" / LESSON)
        graded = json.loads(percore(self.root, "grade", "--from", self.root / "submitted", "--json").stdout)
        of_nop = [one for one in graded["exercises"] if one["exercise"] == "90.2"]
        self.assertEqual(of_nop[0]["kind"], "compile_error", of_nop)

    def test_options_that_contradict_one_another(self):
        for options, words in ((("--seed", "1", "--seeds", "5"), "give one of the two"),
                               (("--seed", "1", "--real"), "Leave one of the two"),
                               (("--seeds", "0"), "--seeds")):
            refused = percore(self.root, "check", "counter", *options)
            self.assertEqual(refused.returncode, 2, options)
            self.assertIn(words, refused.stdout + refused.stderr)

    def test_what_the_program_printed_is_shown_and_how_to_debug_it(self):
        self.write("counter/percore/counter.hpp",
                   (FIXTURE / "solutions" / LESSON / "counter/percore/counter.hpp").read_text())
        self.write("counter/counter.cpp", "#include <percore/counter.hpp>\n#include <cstdio>\n"
                   "namespace percore {\nvoid Counter::up() {\n  std::printf(\"looking at %d\", 4);\n"
                   "  std::fprintf(stderr, \" and 5\\n\");\n  value_ += 2;\n}\n"
                   "void Counter::down() { --value_; }\n}\n")
        first = percore(self.root, "check", "counter")
        self.assertIn("Your program said:", first.stdout)
        self.assertIn("looking at 4", first.stdout)
        self.assertIn("and 5", first.stdout)
        self.assertNotIn("gdb", first.stdout)
        again = percore(self.root, "check", "counter", "--seed", "0")
        self.assertIn("looking at 4", again.stdout)
        debugger = re.search(r"Under a debugger: gdb --args (\S+) (--check \S+ --seeds 0\.\.0( --\S+ \S+)*)\n", again.stdout)
        self.assertTrue(debugger, again.stdout)
        # As a learner types it: from the folder in which the tutor said it.
        alone = subprocess.run([debugger[1], *debugger[2].split()], capture_output=True, text=True, timeout=60)
        self.assertIn('"event":"broken"', alone.stdout)

    def test_the_program_for_a_debugger_is_that_of_the_check_that_was_asked_for(self):
        for name in ("counter/percore/counter.hpp", "counter/counter.cpp"):
            self.write(name, (FIXTURE / "solutions" / LESSON / name).read_text())
        self.assertEqual(self.check("counter")["status"], "pass")
        header = (FIXTURE / "solutions" / LESSON / "counter/percore/counter.hpp").read_text()
        self.write("counter/percore/counter.hpp", header.replace("return value_;", "return value_ + 1;"))
        told = percore(self.root, "check", "counter", "--only", "up_adds_one", "--no-sanitizers").stdout
        debugger = re.search(r"Under a debugger: gdb --args (\S+) (--check .*)\n", told)
        self.assertTrue(debugger, told)
        alone = subprocess.run([debugger[1], *debugger[2].split()], capture_output=True, text=True, timeout=60)
        self.assertIn('"event":"broken"', alone.stdout)
        lines = subprocess.run(["readelf", "--debug-dump=decodedline", debugger[1]], capture_output=True, text=True).stdout
        self.assertIn("counter.hpp", lines)

    def test_a_file_restored_with_its_old_date_is_judged_anew(self):
        right = (FIXTURE / "solutions" / LESSON / "counter/counter.cpp").read_text()
        self.write("counter/percore/counter.hpp",
                   (FIXTURE / "solutions" / LESSON / "counter/percore/counter.hpp").read_text())
        self.write("counter/counter.cpp", right)
        self.assertEqual(self.check("counter")["status"], "pass")
        self.write("counter/counter.cpp", right.replace("++", "--"))
        self.assertEqual(self.check("counter")["status"], "fail")
        self.write("counter/counter.cpp", right)
        os.utime(self.root / "my" / LESSON / "counter/counter.cpp", (1_000_000_000, 1_000_000_000))
        self.assertEqual(self.check("counter")["status"], "pass")

    @unittest.skipUnless(platform.machine() == "x86_64", "only there a program can step through itself")
    def test_instructions_are_counted_in_optimised_code(self):
        counted = self.root / "tools" / "checks" / LESSON / "counter_count_down_counted.cpp"
        counted.write_text("""
            #include <percore/check_instructions.hpp>
            #include <percore/counter.hpp>
            #ifndef __OPTIMIZE__
            #error "compiled as other checks are"
            #endif
            PERCORE_CHECK("count down", down_is_short, "I2", "down is short", "Lesson 90, *Counting*", .ring = false) {
              percore::Counter counter;
              const auto took = checks::instructions_of([&] { counter.down(); });
              percore::check::require(took > 0 && took <= 20, "down() takes {} instructions", took);
            }
            """)
        self.addCleanup(counted.unlink)
        right = (FIXTURE / "solutions" / LESSON / "counter/counter.cpp").read_text()
        self.write("counter/counter.cpp", right)
        verdict = self.check("counter")
        self.assertEqual((verdict["status"], verdict["points"]), ("pass", 25), verdict["message"])
        self.write("counter/counter.cpp", "static void wait_a_little() { for (volatile int i = 0; i < 30;) i = i + 1; }\n" +
                   right.replace("--value_", "wait_a_little(); --value_"))
        verdict = self.check("counter")
        self.assertRegex(verdict["message"], r"^I2 broken: down\(\) takes \d\d+ instructions")
        self.assertEqual(verdict["points"], 10)

    def test_after_a_pass_the_costs_beside_ours(self):
        shutil.rmtree(self.root / "my", ignore_errors=True)
        self.write("nop_batch.cpp", (FIXTURE / "solutions" / LESSON / "nop_batch.cpp").read_text())
        result = percore(self.root, "check", "nop_batch")
        self.assertEqual(result.returncode, 0, result.stdout)
        self.assertRegex(result.stdout, r"Passed: 10 of 10 points, if the sanitizers see nothing\.\n(.*\n)*  sanitizers: clean")
        self.assertRegex(result.stdout, r"a NOP of ten +\d+\.\d\d \(\d+\.\d\d\) .* \d+ \(\d+\)")


@unittest.skipUnless(shutil.which("g++"), "needs g++")
class AnotherCompiler(unittest.TestCase):
    """A learner who keeps a compiler that failed the probe."""

    def test_pattern_is_pointed_at(self):
        root = make_root(BUILD / "tutor-tests-gcc")
        conf = root / "build" / "tools" / "tutor" / "percore.conf"
        text = re.sub(r"^compiler=.*$", "compiler=g++", conf.read_text(), flags=re.M)
        text = re.sub(r"^compiler_id=.*$", "compiler_id=gcc", text, flags=re.M)
        conf.write_text(re.sub(r"^linker=.*$", "linker=", text, flags=re.M))
        (root / "build" / "compiler_probe.txt").write_text("bad g++ (12): why\ninsisted g++\n")
        source = root / "my" / LESSON / "counter" / "counter.cpp"
        shutil.copytree(FIXTURE / "solutions" / LESSON / "counter", source.parent)
        result = percore(root, "check", "counter", "--no-sanitizers", timeout=300)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)  # g++ builds and passes all of it
        source.write_text("#include <percore/counter.hpp>\n#include <percore/task.hpp>\nnamespace percore {\n"
                          "Task<bool> f() { co_return true; }\nTask<void> g() {\n  if (co_await f()) {}\n}\n"
                          "void Counter::up() {}\nvoid Counter::down() { --value_; }\n}\n")
        result = percore(root, "check", "counter", "--no-sanitizers")
        self.assertEqual(result.returncode, 1)
        self.assertIn("Your compiler (g++) failed the probe", result.stdout)
        self.assertRegex(result.stdout, r"my/90-fixture/counter/counter\.cpp:6: co_await in the condition of `if`")


if __name__ == "__main__":
    unittest.main()
