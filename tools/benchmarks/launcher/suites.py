"""What is measured, what it is to reach, and what others reached elsewhere."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    name: str
    unit: str
    what: str
    of_best_peer_max: float = None  # the goal, as a share of the best peer's figure
    absolute_max: float = None  # or as a figure
    of_floor_max: float = None  # or as a share of the floor's figure
    of_device_max: float = None  # or as a share of what fio takes
    of_metric: tuple = None  # or (another metric, share): of percore's own figure there
    rate: str = None  # where the unit is microseconds for a million of something: shown as so many of it a second


SUITES = {
    "spawn100": [Metric("spawn100", "ns", "spawn 100 tasks, await them all: a task", 1 / 3)],
    "spawn": [Metric("spawn", "ns", "spawn 1,000 tasks, await them all: a task", 1 / 3)],
    "spawn10k": [Metric("spawn10k", "ns", "spawn 10,000 tasks, await them all: a task", 1 / 3)],
    "yield1": [Metric("yield1", "ns", "one task yields: a yield", 0.6)],
    "yield2": [Metric("yield2", "ns", "two tasks yield to each other: a yield")],
    "yield1k": [Metric("yield1k", "ns", "1,000 tasks yield in turn: a yield", 0.5)],
    "latency": [
        Metric("latency_p50", "ns", "from a spawn to the task's first instruction, median", 0.5),
        Metric("latency_p99", "ns", "the same, 99th percentile", 0.5),
    ],
    "timer": [
        Metric("timer_p50", "us", "2,000 sleeps of 100 us, one after the other: how late, median", 0.5),
        Metric("timer_p99", "us", "the same, 99th percentile", 0.5),
    ],
    "concurrent": [
        Metric("concurrent100", "ns", "100 tasks at once, each yields ten times, await them all: a task"),
        Metric("concurrent1k", "ns", "1,000 tasks at once, the same: a task"),
        Metric("concurrent10k", "ns", "10,000 tasks at once, the same: a task"),
    ],
    "cpu": [Metric("cpu", "ms", "primes below 200,000 in 64 chunks on two executors: half of their CPU time",
                   of_floor_max=1.01)],
    "file_read": [Metric("file_read", "ns", "read 4 KiB that the page cache holds, one after the other: a read, by the clock")],
    "memory": [Metric("memory", "B", "growth of the resident set for each of 10,000 suspended tasks", absolute_max=128)],
    "nop": [
        Metric("nop1", "ns", "a NOP through the ring, one in flight"),
        Metric("nop64", "ns", "the same, 64 in flight: a NOP"),
    ],
    "queues": [
        Metric("queue_yield", "ns", "two tasks of a task queue yield to each other: a yield"),
        Metric("queue_spawn", "ns", "spawn 1,000 tasks into a task queue, await them all: a task"),
        Metric("queue_look", "ns", "yield_if_needed() where it is not needed"),
        Metric("queue_switch", "ns", "a task moves to another, empty queue: a switch"),
    ],
    "file_rand": [
        Metric("file_rand1", "us", "4 KiB read past the page cache at a random place of 1 GiB, one at a time", of_floor_max=1.02),
        Metric("file_rand32", "us", "the same, 32 at once: a read", of_floor_max=1.02),
    ],
    "file_write": [
        Metric("file_write1", "us", "64 MiB written in order by 4 KiB, one at a time, and synced: a write", 1),
        Metric("file_write32", "us", "the same, 32 at once: a write", 1),
    ],
    "file_copy": [
        Metric("file_copy_read", "us/MB", "256 MiB read in order by 128 KiB past the page cache", rate="MB"),
        Metric("file_copy_write", "us/MB", "the same, written over what was there, and synced", rate="MB"),
        Metric("file_copy", "us/MB", "one file copied over another, and synced", of_device_max=1 / 0.95, rate="MB"),
        Metric("file_copy_new", "us/MB", "the same into a file that is made", rate="MB"),
    ],
    "mesh_rtt": [
        Metric("mesh_rtt_awake", "us", "a u64 to an executor on the other CPU and back, both awake: median", 0.75),
        Metric("mesh_rtt_asleep", "us", "the same, where each is asleep when its message comes", of_floor_max=1.05),
    ],
    "mesh_tput": [
        Metric("mesh_tput", "ns", "a stream of u64 to the other CPU, at most 1,024 on their way: a message", 1 / 8),
        Metric("mesh_tput_64B", "ns", "the same, messages of 64 bytes", 1 / 8),
        Metric("mesh_tput_256B", "ns", "the same, messages of 256 bytes", 1 / 8),
        Metric("mesh_tput_each", "ns", "a stream of u64, each on its way before the next: a message", 1 / 2),
    ],
    "mesh_peers": [
        Metric("mesh_peers_1", "ns", "an executor with one peer, each message on its way before the next: a message"),
        Metric("mesh_peers_16", "ns", "the same with 16 peers, of which one speaks", of_metric=("mesh_peers_1", 1.1)),
        Metric("mesh_peers_64", "ns", "the same with 64 peers", of_metric=("mesh_peers_1", 1.1)),
    ],
    # None at all is the goal: the timer that ends the second takes tens of microseconds, one who spins all of it.
    "mesh_idle": [Metric("mesh_idle", "us", "CPU time of two executors that wait for each other, in a second",
                         absolute_max=1000)],
    "echo": [
        Metric("echo1", "us", "64 bytes to a TCP server on the other CPU and back, one connection", of_floor_max=1.02),
        Metric("echo64", "us", "the same, 64 connections: an echo", of_floor_max=1.02),
        Metric("echo500", "us", "the same, 500 connections: an echo", of_floor_max=1.02),
    ],
    "build": [Metric("build", "s", "compile the file of the task suites at -O0: CPU time", absolute_max=2.0)],
}

# The best peers are not packaged. In one sitting on another machine (2-core VM, AMD EPYC, Linux 6.18; Tokio 1.53,
# Asio 1.38) they stood to Asio and Tokio as follows, both in the form named here. Not paired with anything measured here.
# The other suites are not listed: Asio's and Tokio's yields, and what stands around a spawn in `latency`, were not the
# same there.
RECORDED_FORMS = {"asio": "threads", "tokio": "spawn"}
RECORDED = {
    "spawn100": {"best": ("monoio 0.2.4", 47), "asio": 390, "tokio": 199},
    "spawn": {"best": ("monoio 0.2.4", 49), "asio": 431, "tokio": 275},
    "spawn10k": {"best": ("monoio 0.2.4", 48), "asio": 409, "tokio": 281},
}


def metrics_of(suites):
    return [metric for suite in suites for metric in SUITES[suite]]


# The six by which users of Glommio compare runtimes, and what they are called there.
GLOMMIO_SUITES = ["spawn", "concurrent", "cpu", "file_read", "latency", "memory"]
GLOMMIO_NAMES = {
    "spawn": "Task creation (1,000): a task",
    "file_read": "File I/O (4 KB): a read",
    "concurrent100": "Concurrent tasks (100): a task",
    "concurrent1k": "Concurrent tasks (1,000): a task",
    "concurrent10k": "Concurrent tasks (10,000): a task",
    "cpu": "CPU-bound (primes on two executors): in all",
    "latency_p50": "Latency, p50: from spawn to the first instruction",
    "latency_p99": "Latency, p99",
    "memory": "Memory (10,000 tasks): a task",
}
