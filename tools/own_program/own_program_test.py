#!/usr/bin/env python3
"""The program of docs/guide/your-own-program.md is set up, built and run as that page says, with one layer swapped."""
import pathlib
import shutil
import subprocess
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]


class OwnProgram(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="percore-own-"))
        self.addCleanup(shutil.rmtree, self.folder)
        for name in ("meson.build", "count_lines.cpp"):
            shutil.copy(HERE / name, self.folder)
        (self.folder / "subprojects").mkdir()
        (self.folder / "subprojects/percore").symlink_to(ROOT)

    def run_in_folder(self, *argv, status=0):
        ran = subprocess.run([str(a) for a in argv], cwd=self.folder, capture_output=True, text=True, timeout=900,
                             stdin=subprocess.DEVNULL)
        self.assertEqual(ran.returncode, status, ran.stdout[-4000:] + ran.stderr[-4000:])
        return ran

    def test_the_page_is_true(self):
        # In one piece and not optimised, as that takes seconds; all else is as on the page.
        self.run_in_folder("meson", "setup", "build", "-Dbuildtype=plain", "-Doptimization=0", "-Dpercore:one_unit=true",
                           "-Dpercore:mine_root=solutions", "-Dpercore:mine=spsc_queue")
        self.run_in_folder("ninja", "-C", "build", "count_lines")
        text = self.folder / "text"
        text.write_text("a line\n" * 100_000)
        self.assertEqual(self.run_in_folder("build/count_lines", text).stdout, "100000\n")
        missing = self.run_in_folder("build/count_lines", self.folder / "none", status=1)
        self.assertIn("cannot be opened: No such file or directory", missing.stderr)
        compiled = (self.folder / "build/compile_commands.json").read_text()
        self.assertIn("solutions/05-mesh/spsc_queue", compiled)  # the learner's layer,
        self.assertNotIn("runtime/spsc_queue", compiled)  # and not ours


if __name__ == "__main__":
    unittest.main()
