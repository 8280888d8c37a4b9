"""The programs of docs/reference/runtime-comparison.md do what it says they do: percore's, and Tokio's where Debian's
packages are installed. Glommio's and Seastar's are not built here."""

import os
import socket
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "launcher"))
sys.dont_write_bytecode = True

import programs  # noqa: E402

BUILD = programs.ROOT / "build"
SECONDS_MAX = 60


class Programs:
    """What holds for the three programs of each runtime. A subclass says where they are."""

    folder = None
    executor = ""

    def run_program(self, name):
        done = subprocess.run([self.folder / name], text=True, capture_output=True, timeout=SECONDS_MAX)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_hello_from_each_core(self):
        cpus = len(os.sched_getaffinity(0))
        lines = sorted(self.run_program("hello").splitlines())
        self.assertEqual(lines, sorted(f"Hello from {self.executor} {number} of {cpus}" for number in range(cpus)))

    def test_concurrent_tasks(self):
        self.assertEqual(self.run_program("concurrent"), f"1000 tasks, sum {sum(range(1000))}\n")

    def test_the_server_sends_back_what_it_gets_to_many_at_once(self):
        server = subprocess.Popen([self.folder / "tcp_server", "0"], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE)
        self.addCleanup(server.stdout.close)
        self.addCleanup(server.stderr.close)
        self.addCleanup(server.kill)
        said = server.stdout.readline()
        self.assertRegex(said, r"^listening on port \d+\n$")
        port = int(said.split()[-1])
        clients = [socket.create_connection(("127.0.0.1", port), timeout=SECONDS_MAX) for _ in range(20)]
        messages = [bytes([number]) * 10_000 for number in range(20)]  # more than a buffer of a server
        for client, message in zip(clients, messages):
            client.sendall(message)
        for client, message in zip(clients, messages):
            got = b""
            while len(got) < len(message):
                part = client.recv(65536)
                self.assertTrue(part, "the server has closed the connection")
                got += part
            self.assertEqual(got, message)
        clients[0].shutdown(socket.SHUT_WR)
        self.assertEqual(clients[0].recv(1), b"")  # the server closes when the client has
        server.stdin.close()
        self.assertEqual(server.wait(timeout=SECONDS_MAX), 0)  # with nineteen connections open
        for client in clients:
            client.close()


class Percore(Programs, unittest.TestCase):
    folder = BUILD / "tools/benchmarks/comparison"
    executor = "executor"

    def setUp(self):
        if not (self.folder / "tcp_server").exists():
            self.skipTest(f"{self.folder} is not built: ninja -C build")
        probe = subprocess.run([self.folder / "concurrent"], text=True, capture_output=True, timeout=SECONDS_MAX)
        if probe.returncode != 0 and "RingUnavailable" in probe.stderr:
            self.skipTest(f"no ring here: {probe.stderr.strip()}")


class Tokio(Programs, unittest.TestCase):
    executor = "runtime"

    @classmethod
    def setUpClass(cls):
        try:
            cls.folder = programs.build_rust_programs("comparison/tokio", "Tokio", "tokio-1.*", "librust-tokio-dev",
                                                      BUILD / "comparison-tokio")
        except programs.Unavailable as missing:
            raise unittest.SkipTest(str(missing)) from missing


if __name__ == "__main__":
    unittest.main()
