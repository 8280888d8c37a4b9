#!/usr/bin/env python3
"""Judges each hostile program as a learner's file is judged: the right verdict, and nothing left behind.

PERCORE_HOSTILE=pattern  only the programs whose name has it
"""
import concurrent.futures
import ctypes
import hashlib
import json
import os
import pathlib
import re
import shutil
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tutor" / "tests"))

from fixture import BUILD, FIXTURE, make_root, percore  # noqa: E402

ROOT = BUILD / "hostile-tests"
ANSWER = FIXTURE / "solutions" / "90-fixture"
HEADER = re.compile(r"// (kind|says|file): (.*)")
IPC_KEY = str(0x70637031)  # what the programs use, so that other people's are not mistaken for theirs
# The compiler's limit is what the programs that explode take: an ordinary one needs a second.
COMPILE_SECONDS = "6"


def expectations(program):
    return dict(HEADER.match(line).groups() for line in program.read_text().splitlines() if HEADER.match(line))


def contents(folder):
    """Path -> kind, mode and hash of everything in a folder, links not followed."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or path.is_dir():
            found[str(path)] = ("other", path.lstat().st_mode)
        else:
            found[str(path)] = (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mode)
    return found


def outside():
    """What a program could leave on this machine."""
    found = [str(path) for folder in ("/tmp", "/dev/shm", "/dev/mqueue") if os.path.isdir(folder)
             for path in pathlib.Path(folder).glob("percore-hostile*")]
    for kind in ("shm", "sem", "msg"):
        lines = pathlib.Path(f"/proc/sysvipc/{kind}").read_text().splitlines() if os.path.isdir("/proc/sysvipc") else []
        found += [f"{kind} {line}" for line in lines if line.split()[0] == IPC_KEY]
    return found


def adopted():
    """Processes that outlived the tutor: they are ours now, because we asked for orphans."""
    try:
        while True:
            child, _ = os.waitpid(-1, os.WNOHANG)
            if child == 0:
                return pathlib.Path("/proc/thread-self/children").read_text().split() or ["one that cannot be named"]
    except ChildProcessError:
        return []


def judge(name):
    """Runs in a process of its own. Returns the verdict and what stayed behind."""
    program = HERE / "programs" / f"{name}.cpp"
    sources = ROOT / "hostile" / name
    shutil.copytree(ANSWER, sources)
    shutil.copy(HERE / "programs" / "macro.inc", sources / "counter" / "percore")
    shutil.copy(program, sources / expectations(program).get("file", "counter/counter.cpp"))
    objects = ROOT / "build" / "check" / f"from-{fnv1a(str(sources))}"
    shutil.rmtree(objects, ignore_errors=True)
    before = contents(sources)
    # ccache may make __FILE__, by which the programs find themselves, a relative path.
    result = percore(ROOT, "check", "counter", "--from", sources, "--json", "--no-sanitizers", timeout=300,
                     env={"PERCORE_COMPILE_SECONDS": COMPILE_SECONDS, "CCACHE_DISABLE": "1"})
    left = [f"process {one}" for one in adopted()]
    after = contents(sources)
    left += [f"changed: {path}" for path in sorted(before.keys() | after.keys()) if before.get(path) != after.get(path)]
    left += [f"outside: {one}" for one in outside()]
    left += [f"beside the objects: {path}" for path in objects.rglob("*") if path.name.startswith("run-") or path.name == "core"]
    if not objects.exists() and "compile_error" not in result.stdout:
        left.append(f"{objects} is not there: this test looks for remains in the wrong place")
    shutil.rmtree(objects, ignore_errors=True)
    return {"stdout": result.stdout, "stderr": result.stderr, "status": result.returncode, "left": left}


def fnv1a(text):
    """As tools/tutor/files.cpp names the folder of other sources."""
    value = 0xcbf29ce484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001b3 % 2**64
    return f"{value:016x}"


def as_subreaper():
    PR_SET_CHILD_SUBREAPER = 36
    if ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError("orphans cannot be asked for")


NAMES = sorted(path.stem for path in (HERE / "programs").glob("*.cpp")
               if re.search(os.environ.get("PERCORE_HOSTILE", ""), path.stem))


class Hostile(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        make_root(ROOT)
        # What all checks share is compiled once, before two of them want it.
        right = percore(ROOT, "check", "counter", "--from", ANSWER, "--json", "--no-sanitizers", timeout=300)
        assert json.loads(right.stdout)["status"] == "pass", right.stdout + right.stderr
        cls.before = contents_outside_build()
        cls.pool = concurrent.futures.ProcessPoolExecutor(2, initializer=as_subreaper)
        cls.judged = {name: cls.pool.submit(judge, name) for name in NAMES}

    @classmethod
    def tearDownClass(cls):
        cls.pool.shutdown(cancel_futures=True)

    def verdict_of(self, name):
        expected = expectations(HERE / "programs" / f"{name}.cpp")
        ran = self.judged[name].result()
        self.assertEqual(ran["stderr"], "")
        verdict = json.loads(ran["stdout"])
        self.assertRegex(verdict["kind"], rf"^({expected['kind']})$", verdict["message"])
        self.assertEqual((verdict["status"], ran["status"]), ("pass", 0) if expected["kind"] == "passed" else ("fail", 1))
        if "says" in expected:
            self.assertRegex(verdict["message"], expected["says"])
        if expected["kind"] != "passed":
            self.assertTrue(verdict["message"].strip())
        # What a program prints must not reach the terminal as a command to it.
        for check in verdict["checks"]:
            self.assertNotRegex(check["detail"] + check["message"], "[\x00-\x08\x0b-\x1f\x7f]")
        self.assertEqual(ran["left"], [])

    def test_nothing_of_the_repository_changed(self):
        concurrent.futures.wait(self.judged.values())
        self.assertEqual(contents_outside_build(), self.before)


def contents_outside_build():
    return {path: what for folder in ("exercises", "solutions", "tools", "runtime")
            for path, what in contents(ROOT / folder).items()}


for _name in NAMES:
    setattr(Hostile, f"test_{_name}", lambda self, name=_name: self.verdict_of(name))

if __name__ == "__main__":
    unittest.main()
