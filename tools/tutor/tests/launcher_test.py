"""tools/percore and tools/setup.sh: what is missing is found, named for each package manager, and installed only when
told to; the compiler is chosen by what it does to coroutines. With programs of our own in place of the system's."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from fixture import REPOSITORY

USUAL = ("bash", "sh", "awk", "basename", "cat", "cut", "dirname", "env", "grep", "head", "id", "ls", "mkdir", "mktemp",
         "readlink", "rm", "stat", "sort", "tail", "timeout", "cp", "chmod", "printf", "nice")
MANAGERS = ("apt-get", "dnf", "pacman", "zypper")
PARTS = ("meson", "ninja", "pkg-config", "c++", "liburing", "fmt", "CLI11", "doctest", "clang")


class Launcher(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.bin = self.folder / "bin"
        self.bin.mkdir()
        for name in USUAL:
            (self.bin / name).symlink_to(shutil.which(name))
        self.program("apt-cache", "exit 0")
        # A repository of links, so that the build folder is our own.
        self.root = self.folder / "percore"
        self.root.mkdir()
        for entry in ("tools", "meson.build"):
            (self.root / entry).symlink_to(REPOSITORY / entry)

    def program(self, name, body):
        path = self.bin / name
        if path.is_symlink() or path.exists():
            path.unlink()
        path.write_text(f"#!{shutil.which('bash')}\n{body}\n")
        path.chmod(0o755)
        return path

    def compiler(self, name, good, version="1.0"):
        """What it makes exits with 0, or as a miscompiled coroutine with a word and 1."""
        made = "exit 0" if good else "echo 'the task never ends'; exit 1"
        return self.program(name, f"""
[[ $1 == --version ]] && {{ echo '{name} {version}'; exit 0; }}
while [[ $# -gt 0 ]]; do [[ $1 == -o ]] && out=$2; shift; done
printf '#!{shutil.which('bash')}\\n%s\\n' "{made}" > "$out"; chmod +x "$out"
""")

    def shell(self, commands, **environment):
        script = f"set -u; root={self.root}; . {REPOSITORY}/tools/setup.sh; {commands}"
        return subprocess.run(["bash", "-c", script], capture_output=True, text=True, stdin=subprocess.DEVNULL,
                              timeout=60, env={"PATH": str(self.bin), "HOME": "/", **environment})

    def test_every_manager_has_a_name_for_every_part(self):
        for manager in MANAGERS:
            for part in PARTS:
                name = self.shell(f"package_of {manager} {part}").stdout.strip()
                self.assertTrue(name, (manager, part))
            self.assertTrue(self.shell(f"install_command {manager}").stdout.strip())

    def test_debian_gets_a_compiler_with_its_sanitizers_and_editor(self):
        self.assertEqual(self.shell("package_of apt-get clang").stdout.split(),
                         ["clang-19", "libclang-rt-19-dev", "lld-19", "clangd-19"])

    def test_without_root_the_one_command_is_printed(self):
        self.program("id", "echo 1000")
        self.program("apt-get", "echo must not run; exit 9")
        result = self.shell("setup_packages yes")
        self.assertEqual(result.returncode, 3)
        self.assertRegex(result.stderr, r"sudo sh -c 'apt-get install -y .*meson ninja-build .*g\+\+.* clang-19 ")
        self.assertNotIn("must not run", result.stdout)

    def test_nobody_to_ask(self):
        self.program("id", "echo 0")
        self.program("dnf", "echo must not run; exit 9")
        result = self.shell("setup_packages ask")
        self.assertEqual(result.returncode, 3)
        self.assertIn("dnf install -y meson ninja-build", result.stdout)
        self.assertIn("start again with --yes", result.stderr)
        self.assertNotIn("must not run", result.stdout)

    def test_yes_installs(self):
        self.program("id", "echo 0")
        self.compiler("installed", good=True)
        self.program("pacman", f"echo pacman \"$@\"; cp {self.bin}/installed {self.bin}/clang++; "
                               f"cp {self.bin}/installed {self.bin}/meson")
        result = self.shell('setup_packages yes; echo "compiler is $compiler"')
        self.assertIn("pacman -S --needed --noconfirm", result.stdout)
        self.assertIn("compiler is clang++", result.stdout, result.stderr)

    def test_failed_install(self):
        self.program("id", "echo 0")
        self.program("zypper", "echo no network >&2; exit 4")
        result = self.shell("setup_packages yes")
        self.assertEqual(result.returncode, 3)
        self.assertIn("The packages could not be installed", result.stderr)

    def test_no_manager(self):
        result = self.shell("setup_packages yes")
        self.assertEqual(result.returncode, 3)
        self.assertIn("no apt, dnf, pacman or zypper was found", result.stderr)

    def test_the_first_good_compiler_is_taken(self):
        self.compiler("g++", good=False)
        self.compiler("clang++", good=False)
        self.compiler("clang++-18", good=True)
        self.compiler("clang++-19", good=True)
        self.compiler("g++-9", good=False)
        result = self.shell('choose_compiler; echo "$compiler"; printf "%s" "$probe_text"')
        lines = result.stdout.splitlines()
        self.assertEqual(lines[0], "clang++-19")
        self.assertEqual(lines[1], "bad g++ 1.0: the task never ends (at -O0)")
        self.assertEqual(lines[-1], "ok clang++-19 1.0")

    def test_a_compiler_asked_for_comes_first(self):
        self.compiler("g++", good=True)
        self.compiler("mine", good=True)
        self.assertEqual(self.shell('choose_compiler; echo "$compiler"', CXX="mine").stdout.strip(), "mine")

    def test_a_bad_compiler_asked_for_is_warned_of(self):
        self.compiler("g++", good=True)
        self.compiler("mine", good=False)
        result = self.shell('choose_compiler; echo "$compiler"', CXX="mine")
        self.assertEqual(result.stdout.strip(), "g++")
        self.assertIn("mine miscompiles coroutines or lacks C++23: the task never ends", result.stderr)
        insisted = self.shell('choose_compiler; echo "$compiler"; printf "%s" "$probe_text"', CXX="mine",
                              PERCORE_CXX_ANYWAY="1")
        self.assertTrue(insisted.stdout.startswith("mine\n"))
        self.assertIn("insisted mine", insisted.stdout)

    def test_the_probe_sees_a_hang(self):
        self.program("g++", f"""[[ $1 == --version ]] && exit 0
while [[ $# -gt 0 ]]; do [[ $1 == -o ]] && out=$2; shift; done
printf '#!{shutil.which('bash')}\\nsleep 100\\n' > "$out"; chmod +x "$out" """)
        (self.bin / "sleep").symlink_to(shutil.which("sleep"))
        result = self.shell("probe_compiler g++")
        self.assertIn("runs wrong (at -O0)", result.stdout)

    def test_build_folder_that_cannot_be_made(self):
        blocked = self.folder / "file"
        blocked.write_text("")
        result = self.shell("compiler=g++; probe_text=; setup_build", PERCORE_BUILD=str(blocked / "build"))
        self.assertEqual(result.returncode, 3)
        self.assertIn("cannot be made: is the folder read-only?", result.stderr)

    def test_help_before_the_set_up_sets_nothing_up(self):
        build = self.folder / "none"
        for word in ("--help", "-h"):
            result = subprocess.run([REPOSITORY / "tools" / "percore", word], capture_output=True, text=True, timeout=60,
                                    stdin=subprocess.DEVNULL, env={**os.environ, "PERCORE_BUILD": str(build)})
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            self.assertIn("not set up here yet", result.stdout)
            self.assertFalse(build.exists())

    def test_second_start_looks_at_nothing_again(self):
        build = self.folder / "build"
        build.mkdir()
        compiler = self.compiler("g++", good=True)
        for name in ("build.ninja", "compiler_probe.txt"):
            (build / name).write_text("")
        (build / "percore.compiler").write_text("g++\n" + self.shell("stamp_of g++").stdout)
        ready = "build_is_ready && echo ready || echo again"
        self.assertEqual(self.shell(ready, PERCORE_BUILD=str(build)).stdout.strip(), "ready")
        self.assertEqual(self.shell(ready, PERCORE_BUILD=str(build), CXX="clang++").stdout.strip(), "again")
        os.utime(compiler, (1, 1))  # the compiler was upgraded, by one of an older date: it is probed again
        self.assertEqual(self.shell(ready, PERCORE_BUILD=str(build)).stdout.strip(), "again")

    def test_what_an_older_compiler_of_that_name_has_built_goes(self):
        build = self.folder / "build"
        self.program("meson", 'mkdir -p "$2"; echo set up >> "$2/build.ninja"')
        compiler = self.compiler("g++", good=True)
        set_up = "compiler=g++; probe_text=; setup_build"
        self.assertEqual(self.shell(set_up, PERCORE_BUILD=str(build)).returncode, 0)
        (build / "precompiled").write_text("")
        self.assertEqual(self.shell(set_up, PERCORE_BUILD=str(build)).returncode, 0)
        self.assertTrue((build / "precompiled").exists())  # by the same compiler
        os.utime(compiler, (1, 1))
        self.assertEqual(self.shell(set_up, PERCORE_BUILD=str(build)).returncode, 0)
        self.assertFalse((build / "precompiled").exists())
        self.assertEqual((build / "build.ninja").read_text(), "set up\n")


if __name__ == "__main__":
    unittest.main()
