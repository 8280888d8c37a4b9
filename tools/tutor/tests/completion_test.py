"""Shell completion, asked of the shells themselves where they are installed; and the commands that list things."""

import pathlib
import shutil
import subprocess
import tempfile
import unittest

from fixture import REPOSITORY, TUTOR, percore, usual_root

PASS, USAGE = 0, 2


class Completion(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = usual_root()

    def script(self, shell):
        result = percore(self.root, "completion", shell)
        self.assertEqual((result.returncode, result.stderr), (PASS, ""))
        return result.stdout

    def offered_by_bash(self, *words):
        """What bash offers behind these words; the last is the one that is being typed."""
        quoted = " ".join(f"'{word}'" for word in words)
        asked = (f"{self.script('bash')}\ncomplete -p percore >/dev/null || exit 1\nCOMP_WORDS=({quoted})\n"
                 f"COMP_CWORD={len(words) - 1}\n_percore\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"\n")
        shell = subprocess.run(["bash", "--norc", "-c", asked], capture_output=True, text=True, timeout=60)
        self.assertEqual((shell.returncode, shell.stderr), (0, ""))
        return shell.stdout.split()

    def test_bash(self):
        self.assertIn("check", self.offered_by_bash("percore", ""))
        self.assertEqual(self.offered_by_bash("percore", "che"), ["check"])
        self.assertNotIn("prepare", self.offered_by_bash("percore", ""))
        self.assertEqual(self.offered_by_bash("percore", "check", "cou"), ["counter"])
        self.assertEqual(self.offered_by_bash("percore", "hint", "90.3"), ["90.3"])
        self.assertEqual(set(self.offered_by_bash("percore", "check", "--se")), {"--seed", "--seeds"})
        self.assertEqual(set(self.offered_by_bash("percore", "completion", "")) - {"--help"}, {"bash", "zsh", "fish"})
        self.assertEqual(self.offered_by_bash("percore", "run", "01", "--", ""), [])
        self.assertEqual(self.offered_by_bash("percore", "mine", "cou"), [])

    def test_bash_completes_files_where_one_is_wanted(self):
        with tempfile.TemporaryDirectory() as folder:
            (pathlib.Path(folder) / "handed-in").mkdir()
            self.assertEqual(self.offered_by_bash("percore", "grade", "--from", f"{folder}/hand"), [f"{folder}/handed-in"])

    def test_lesson_programs(self):
        (self.root / "lessons" / "90-fixture").mkdir(parents=True, exist_ok=True)
        (self.root / "lessons" / "90-fixture" / "hello.cpp").write_text("int main() {}\n")
        self.assertEqual(self.offered_by_bash("percore", "run", "90", "hel"), ["hello"])
        self.assertEqual(self.offered_by_bash("percore", "run", "9"), ["90"])

    def test_bench_offers_what_tools_bench_takes(self):
        self.assertEqual(self.offered_by_bash("percore", "bench", "--su"), [])  # no tools/bench in this small repository
        (self.root / "tools" / "bench").symlink_to(REPOSITORY / "tools" / "bench")
        self.assertEqual(self.offered_by_bash("percore", "bench", "--su"), ["--suite"])
        self.assertEqual(self.offered_by_bash("percore", "bench", "glom"), ["glommio"])
        self.assertEqual(self.offered_by_bash("percore", "bench", "--suite", "yield1"), ["yield1", "yield1k"])
        self.assertIn("-a growth", self.script("fish"))

    def test_debug_and_docs(self):
        (self.root / "docs").mkdir(exist_ok=True)
        (self.root / "docs" / "quick-start.md").write_text("# Quick start\n")
        self.assertEqual(self.offered_by_bash("percore", "debug", "cou"), ["counter"])
        self.assertEqual(self.offered_by_bash("percore", "docs", "quick"), ["quick-start"])

    @unittest.skipUnless(shutil.which("zsh"), "zsh is not installed")
    def test_zsh(self):
        asked = f"compdef() {{ }}\ncompadd() {{ shift; print -l -- $@ }}\n{self.script('zsh')}\n" \
                "words=(percore check cou); CURRENT=3; _percore"
        shell = subprocess.run(["zsh", "-f", "-c", asked], capture_output=True, text=True, timeout=60)
        self.assertEqual((shell.returncode, shell.stderr), (0, ""))
        self.assertIn("counter", shell.stdout.split())

    @unittest.skipUnless(shutil.which("fish"), "fish is not installed")
    def test_fish(self):
        asked = f"{self.script('fish')}\ncomplete -C 'percore check cou'"
        shell = subprocess.run(["fish", "--no-config", "-c", asked], capture_output=True, text=True, timeout=60)
        self.assertEqual((shell.returncode, shell.stderr), (0, ""))
        self.assertIn("counter", shell.stdout.split())

    def test_every_shell_knows_commands_options_and_exercises(self):
        for shell in ("bash", "zsh", "fish"):
            text = self.script(shell)
            for word in ("check", "grade", "seeds", "junit", "90.3", "catch_counter"):
                self.assertIn(word, text, shell)

    def test_another_shell_is_refused(self):
        result = percore(self.root, "completion", "tcsh")
        self.assertEqual(result.returncode, USAGE)
        self.assertIn("bash, zsh and fish", result.stderr)


class Lists(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = usual_root()

    def test_next_goes_where_it_is_told(self):
        self.assertIn("90.3 counter", percore(self.root, "next", "counter").stdout)
        self.assertIn("> 90.3  counter", percore(self.root, "list").stdout)
        self.assertEqual(percore(self.root, "next", "cuonter").returncode, USAGE)

    def test_unknown_check_names_those_there_are(self):
        percore(self.root, "next", "counter")
        result = percore(self.root, "check", "counter", "--only", "up")
        self.assertEqual(result.returncode, USAGE)
        self.assertIn("90.3 has no check 'up'; it has up_adds_one, down_takes_one.", result.stderr)

    def test_docs(self):
        (self.root / "docs").mkdir(exist_ok=True)
        (self.root / "docs" / "quick-start.md").write_text("# Quick start\n\nGo.\n")
        self.assertRegex(percore(self.root, "docs").stdout, r"quick-start +docs/quick-start\.md +Quick start")
        self.assertEqual(percore(self.root, "docs", "quick-start").stdout, "# Quick start\n\nGo.\n")
        result = percore(self.root, "docs", "quick-strat")
        self.assertEqual(result.returncode, USAGE)
        self.assertIn("Did you mean quick-start?", result.stderr)

    def test_a_reader_that_has_seen_enough(self):
        for words in ("docs long", "completion fish"):
            (self.root / "docs").mkdir(exist_ok=True)
            (self.root / "docs" / "long.md").write_text("a line\n" * 100_000)
            pipe = subprocess.run(f"{TUTOR} --root {self.root} {words} | head -n1", shell=True, capture_output=True,
                                  text=True, timeout=60)
            self.assertEqual(pipe.stderr, "")
            self.assertEqual(pipe.stdout.count("\n"), 1)


if __name__ == "__main__":
    unittest.main()
