"""tools/gdb/percore.py: the suspended tasks of a live program, as each compiler and optimisation level lays them out."""

import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]
SCRIPT = REPOSITORY / "tools" / "gdb" / "percore.py"
PROGRAM = """#include <percore/io.hpp>
#include <csignal>
#include <unistd.h>
using namespace percore;
int pipe_ends[2];
Task<int> leaf(int number) {
  co_await yield();
  const auto result = co_await nop();
  co_return number + static_cast<int>(*result);
}
Task<int> reader() {
  std::byte bytes[4];
  co_await yield();
  const auto got = co_await read(pipe_ends[0], bytes);
  co_return static_cast<int>(*got);
}
Task<> never_begun() { co_return; }
Task<int> middle() { co_return co_await reader(); }
Task<> root() {
  const int sum = co_await leaf(1);
  auto spawned = spawn(middle());
  auto unused = never_begun();
  co_await yield();
  co_await spawned;
  static_cast<void>(sum);
}
int main() {
  if (pipe(pipe_ends) != 0) return 1;
  alarm(1);
  Executor executor;
  executor.run(root());
}
"""
SOURCES = ["base/assert.cpp", "clock/clock.cpp", "ring_setup/ring_setup.cpp", "ring/ring.cpp",
           "frame_pool/frame_pool.cpp", "executor/executor.cpp"]
FOLDERS = ["contracts", "base", "clock", "ring_setup", "ring", "frame_pool", "task", "executor", "io"]


def line_of(wanted):
    return next(number for number, line in enumerate(PROGRAM.splitlines(), 1) if wanted in line)


@unittest.skipUnless(shutil.which("gdb"), "gdb is not installed")
class Script(unittest.TestCase):
    def look(self, compiler, level, *more):
        """What both commands say of the program while it waits for its pipe."""
        if shutil.which(compiler) is None:
            self.skipTest(f"{compiler} is not installed")
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            (folder / "tasks.cpp").write_text(PROGRAM)
            subprocess.run([compiler, "-std=c++23", "-g", level, *more, *(f"-I{REPOSITORY}/runtime/{one}" for one in FOLDERS),
                            folder / "tasks.cpp", *(REPOSITORY / "runtime" / one for one in SOURCES), "-luring",
                            "-pthread", "-o", folder / "tasks"], check=True, timeout=300)
            ran = subprocess.run(["gdb", "-q", "-nx", "-batch", "-ex", "set debuginfod enabled off",
                                  "-ex", "handle SIGALRM stop nopass", "-ex", f"source {SCRIPT}", "-ex", "run",
                                  "-ex", "percore tasks", "-ex", "percore ring", "-ex", "kill", folder / "tasks"],
                                 capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL)
        if "RingUnavailable" in ran.stdout + ran.stderr:
            self.skipTest("the kernel gives no ring here")
        if "SIGALRM" not in ran.stdout:
            self.skipTest(f"gdb cannot run a program here: {ran.stderr[:300]}")
        return ran.stdout + ran.stderr

    def test_without_debug_information(self):
        said = self.look("clang++-19", "-O0", "-g0")
        self.assertIn("this program was built without -g", said)
        self.assertNotIn("Python", said)

    def expect(self, compiler, level):
        said = self.look(compiler, level)
        self.assertRegex(said, rf"(?m)^  T\d root +tasks\.cpp:{line_of('co_await spawned')} +awaits T\d middle$")
        self.assertRegex(said, rf"(?m)^    T\d middle +tasks\.cpp:{line_of('co_await reader()')} +awaits T\d reader$")
        self.assertRegex(said, rf"(?m)^      T\d reader +tasks\.cpp:{line_of('co_await read(')} +suspended$")
        self.assertRegex(said, r"thread \d: 0 ready, 2 tasks alive, 1 operations in flight\n"
                         r"  submission queue: 0 of \d+ filled   completion queue: 0 of \d+ ready")
        self.assertIsNone(re.search(r"T\d leaf", said), said)
        return said

    def test_clang(self):
        self.assertRegex(self.expect("clang++-19", "-O0"), r"T\d never_begun +tasks\.cpp:\d+ +not begun")

    def test_clang_release(self):
        self.expect("clang++-19", "-O3")

    def test_gnu(self):
        self.assertRegex(self.expect("g++", "-O0"), r"T\d never_begun +tasks\.cpp:\d+ +not begun")

    def test_gnu_release(self):
        self.expect("g++", "-O2")


if __name__ == "__main__":
    unittest.main()
