"""Builds the benchmark programs and runs them: which there are, which are missing and why."""

import datetime
import json
import os
import re
import resource
import shlex
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
CARGO_REGISTRY = Path("/usr/share/cargo/registry")
TASK_SUITES = ["spawn100", "spawn", "spawn10k", "yield1", "yield2", "yield1k", "latency", "memory", "concurrent"]
MESH_SUITES = ["mesh_rtt", "mesh_tput"]
FILE_SUITES = ["file_rand", "file_write"]
# A program for each family, named bench_<runtime>_<family>, and the suites that it knows.
FAMILIES = {"tasks": TASK_SUITES, "nop": ["nop"], "timer": ["timer"], "queues": ["queues"], "mesh": MESH_SUITES,
            "silence": ["mesh_peers", "mesh_idle"], "file": FILE_SUITES, "cpu": ["cpu"], "file_read": ["file_read"],
            "echo": ["echo"], "copy": ["file_copy"]}
# How a file is written: into blocks that were allocated before, or so that it grows; the floor also all at once as one,
# which percore does by itself. The better form counts. The Rust peers have one form, as they say.
WRITE_FORMS = {"raw": ["grow", "preallocate", "grow-merge", "preallocate-merge"], "percore": ["grow", "preallocate"],
               "asio": ["grow", "preallocate"], "libuv": ["grow", "preallocate"]}
# How the floor wakes who sleeps. Forms, and not the best of all in each turn: the least of some noisy figures lies below what any
# of them takes.
WAKE_FORMS = ["eventfd", "eventfd-polled", "msg_ring", "msg_ring-merged"]
TWO_CPU_SUITES = ["cpu"]  # not pinned to one
PROGRAM_SECONDS_MAX = 600  # of one run; the longest of ours takes a minute, on a slow disk some more


class Unavailable(Exception):
    """The machine lacks something; the sentence says what, and what to do."""


@dataclass(frozen=True)
class Program:
    """One runtime in one form. Forms of the same runtime compete, and the better one counts in each suite."""

    runtime: str
    form: str
    commands: dict  # suite -> command
    compile_command: list = None  # of its file of the task suites, for the suite `build`

    @property
    def name(self):
        return f"{self.runtime} ({self.form})" if self.form else self.runtime


def follow(lines, words):
    """All of `lines`, as one text. Where that takes more than two seconds who waits is told `words`, and on a terminal how
    far ninja is."""
    from_then = time.monotonic()
    output, said = [], False
    for line in lines:
        output.append(line)
        if words is None or time.monotonic() - from_then < 2:
            continue
        if not said:
            print(words, file=sys.stderr, flush=True)
        said = True
        step = re.match(r"\[\d+/\d+\]", line)
        if step and sys.stderr.isatty():
            print(f"\r\033[K{step[0]}", end="", file=sys.stderr, flush=True)
    if said and sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)
    return "".join(output)


def run_quietly(command, cwd=ROOT, environment=None, words=None):
    """Returns what the command printed. `words` are for who waits, as follow() has it."""
    with subprocess.Popen(command, cwd=cwd, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as run:
        output = follow(run.stdout, words)
    if run.returncode != 0:
        sys.stderr.write(output)
        raise Unavailable(f"This failed, see above: {' '.join(map(str, command))}")
    return output


def configure(build_dir, mine=None, mine_root=None):
    """A release build of its own, so that no debug build is ever measured. The compiler: $CXX, clang 19, or the default."""
    for tool in ("meson", "ninja"):
        if shutil.which(tool) is None:
            raise Unavailable(f"{tool} is missing. Run ./tools/percore doctor, or: apt install meson ninja-build")
    environment = dict(os.environ)
    if "CXX" not in environment and shutil.which("clang++-19"):
        environment["CXX"] = "clang++-19"
    options = ["--buildtype=release"]
    if mine:
        options += [f"-Dmine={mine}", f"-Dmine_root={mine_root}"]
    if (build_dir / "build.ninja").exists():
        run_quietly(["meson", "configure", str(build_dir), *options], environment=environment)
    else:
        run_quietly(["meson", "setup", str(build_dir), *options], environment=environment)
    return build_dir


def build_targets(build_dir, prefix="bench_", of=""):
    """Builds what is there of the benchmark programs, named bench_<runtime>_<family>. Returns them by name."""
    run_quietly(["ninja", "-C", str(build_dir), "build.ninja"])  # the list of targets may be older than meson.build
    targets = json.loads(run_quietly(["meson", "introspect", str(build_dir), "--targets"]))
    paths = {
        target["name"]: Path(target["filename"][0])
        for target in targets
        if target["name"].startswith(prefix) and target["type"] == "executable"
    }
    run_quietly(["ninja", "-C", str(build_dir), *(str(path.relative_to(build_dir)) for path in paths.values())],
                words=f"Builds the benchmark programs{of}; from nothing that takes a minute or two.")
    return paths


def compile_command_of(build_dir, source):
    """As a program of one's own would be compiled: without our precompiled header."""
    for entry in json.loads((build_dir / "compile_commands.json").read_text()):
        if entry["file"].endswith(source):
            words = entry["command"].split()
            if "-include-pch" in words:
                at = words.index("-include-pch")
                del words[at:at + 2]
            return [*words, "-O0"], entry["directory"]
    return None


def meson_program(runtime, build_dir, paths, form="", mine=False):
    """The program of a runtime that Meson builds, or None where it was not built."""
    name = f"bench_{runtime}-{form}" if form == "single" else f"bench_{runtime}"
    if f"{name}_tasks" not in paths:
        return None
    commands = {}
    for family, suites in FAMILIES.items():
        program = paths.get(f"{name}_{family}")
        if program is not None:
            folder = [str(build_dir)] if family in ("file", "copy") else []  # on a disk, as /tmp may not be
            in_forms = ["file_write", *(["mesh_rtt"] if runtime == "raw" else [])]
            commands |= {suite: [str(program), suite, *folder] for suite in suites if suite not in in_forms}
    if runtime == "libuv":
        commands["timer"] = [str(paths[f"{name}_tasks"]), "timer"]
    timed = not mine and form != "single" and runtime != "libuv"  # the same source a second time
    command = compile_command_of(build_dir, f"tools/benchmarks/{runtime}/tasks.cpp") if timed else None
    return Program("mine" if mine else runtime, form, commands, command)


def write_programs(runtime, build_dir, paths, mine=False):
    program = paths.get(f"bench_{runtime}_file")
    return [Program("mine" if mine else runtime, form, {"file_write": [str(program), "file_write", str(build_dir), form]})
            for form in WRITE_FORMS[runtime] if program is not None]


def wake_programs(paths):
    program = paths.get("bench_raw_mesh")
    return [Program("raw", form, {"mesh_rtt": [str(program), "mesh_rtt", form]}) for form in WAKE_FORMS if program is not None]


def epoll_program(paths):
    """No peer and no floor: what echo costs without a ring, to be shown beside it."""
    return Program("epoll", "", {"echo": [str(paths["bench_epoll_echo"]), "echo"]})


def fio_program(build_dir):
    """No runtime: what a device does, for the suite that is to reach it."""
    if shutil.which("fio") is None:
        raise Unavailable("fio is left out, and with it what the device does in file_copy: not installed (apt install fio).")
    script = ROOT / "tools/benchmarks/launcher/fio_copy.py"
    return Program("fio", "", {"file_copy": [sys.executable, str(script), "file_copy", str(build_dir)]})


def asio_programs(build_dir, paths):
    found = [meson_program("asio", build_dir, paths, form) for form in ("threads", "single")]
    if None in found:
        raise Unavailable("Asio is left out: it is not installed (apt install libasio-dev).")
    return found + write_programs("asio", build_dir, paths)


def libuv_programs(build_dir, paths):
    found = meson_program("libuv", build_dir, paths)
    if found is None:
        raise Unavailable("libuv is left out: it is not installed (apt install libuv1-dev).")
    return [found, *write_programs("libuv", build_dir, paths)]


def build_rust_programs(folder, name, packaged, package, target_dir):
    """Builds a package of tools/benchmarks from the distribution's crates, without the network. Returns where its programs
    are."""
    cargo = shutil.which("cargo")
    if cargo is None or not sorted(CARGO_REGISTRY.glob(packaged)):
        raise Unavailable(f"{name} is left out: it needs cargo and its packaged source (apt install cargo {package}).")
    sources = target_dir.parent / "rust-source"  # a copy, because cargo writes a lock file beside the manifest
    for part in (folder, "rust"):
        shutil.copytree(ROOT / "tools/benchmarks" / part, sources / part, dirs_exist_ok=True)
    run_quietly(
        [cargo, "build", "--release", "--offline", "--quiet", "--jobs", "2"]
        + ["--config", 'source.crates-io.replace-with="packaged"']
        + ["--config", f'source.packaged.directory="{CARGO_REGISTRY}"'],
        cwd=sources / folder,
        environment={**os.environ, "CARGO_TARGET_DIR": str(target_dir)},
        words=f"Builds the programs of {name}; from nothing that takes half a minute.",
    )
    return target_dir / "release"


def build_rust(name, packaged, package, build_dir):
    """A peer from the distribution's packages. Returns its program."""
    return build_rust_programs(name, name, packaged, package, build_dir / name) / f"bench_{name.replace('-', '_')}"


def forms_of(name, binary, suites, forms=("spawn", "local")):
    return [Program(name, form, {suite: [str(binary), suite, form] for suite in suites}) for form in forms]


def add_files_and_echo(program, binary, build_dir, paths):
    """Those suites have programs of their own beside the runtime's main one."""
    program.commands.update({suite: [f"{binary}_file", suite, str(build_dir)] for suite in [*FILE_SUITES, "file_read"]})
    program.commands["echo"] = [f"{binary}_echo", "echo", str(paths["bench_echo_load"])]


def tokio_programs(build_dir, paths):
    binary = build_rust("tokio", "tokio-1.*", "librust-tokio-dev", build_dir)
    spawn, local = forms_of("tokio", binary, [*TASK_SUITES, "timer", "cpu", *MESH_SUITES])
    add_files_and_echo(spawn, binary, build_dir, paths)
    return [spawn, local]


def smol_programs(build_dir, paths):
    binary = build_rust("smol", "smol-1.*", "librust-smol-dev", build_dir)
    spawn, local = forms_of("smol", binary, [*TASK_SUITES, "timer", "cpu"])
    local.commands.update({suite: [str(binary), suite, "local"] for suite in MESH_SUITES})
    add_files_and_echo(local, binary, build_dir, paths)
    return [spawn, local]


def async_std_programs(build_dir, paths):
    binary = build_rust("async-std", "async-std-1.*", "librust-async-std-dev", build_dir)
    programs = forms_of("async-std", binary, [*TASK_SUITES, "timer", "cpu", *MESH_SUITES], ["local"])
    add_files_and_echo(programs[0], binary, build_dir, paths)
    return programs


def start_as_child(cpu):
    """Between fork and exec of a program: on `cpu` alone, unless None, and below the launcher where that runs with real-time
    priority. A program that spins would keep the launcher from the CPU otherwise, and nobody would end it."""
    policy = os.sched_getscheduler(0)
    if policy in (os.SCHED_FIFO, os.SCHED_RR):
        priority = os.sched_getparam(0).sched_priority
        os.sched_setscheduler(0, policy, os.sched_param(max(priority - 1, os.sched_get_priority_min(policy))))
    if cpu is not None:
        os.sched_setaffinity(0, {cpu})


def metrics_of(command, cpu=None, called=None):
    """Runs one program once, on `cpu` where it is given. Returns {metric: value}. Ended, with all that it started, are one
    that takes too long and one that somebody no longer waits for."""
    called = called or f"{Path(command[0]).name} {command[1]}"
    with subprocess.Popen(command, preexec_fn=lambda: start_as_child(cpu), start_new_session=True, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        try:
            printed, said = child.communicate(timeout=PROGRAM_SECONDS_MAX)
        except BaseException as failure:
            os.killpg(child.pid, signal.SIGKILL)
            if isinstance(failure, subprocess.TimeoutExpired):
                raise Unavailable(f"{called} did not end within {PROGRAM_SECONDS_MAX} seconds") from None
            raise
    if child.returncode != 0:
        how = f"signal {-child.returncode}" if child.returncode < 0 else f"status {child.returncode}"
        raise Unavailable(f"{called} ended with {how}: {said.strip()}")
    return {metric["name"]: metric["value"] for metric in json.loads(printed)["metrics"]}


def measure(program, suite, cpu):
    """Runs one program once on `cpu`. Returns {metric: value}."""
    if suite == "build":
        return {"build": measure_build(program, cpu)}
    return metrics_of(program.commands[suite], None if suite in TWO_CPU_SUITES else cpu)


def for_timing(command):
    """A compile command that writes neither an object nor a dependency file, and does not optimise twice."""
    kept = []
    parts = iter(command)
    for part in parts:
        if part in ("-MQ", "-MF"):
            next(parts)
        elif part == "-o":
            next(parts)
            kept += ["-o", "/dev/null"]
        elif part not in ("-MD", "-O3"):
            kept.append(part)
    return kept


def measure_build(program, cpu):
    """The compiler's own CPU time: on an idle machine the time one waits, and the same on a busy one."""
    command, directory = program.compile_command
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        for_timing(command), cwd=directory, preexec_fn=lambda: start_as_child(cpu), text=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        raise Unavailable(f"The benchmark of {program.runtime} did not compile at -O0:\n{done.stdout}")
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def runs(program, suite):
    return program.compile_command is not None if suite == "build" else suite in program.commands


def count_instructions(paths):
    done = subprocess.run([str(paths["bench_percore_instructions"])], text=True, capture_output=True)
    if done.returncode != 0:
        raise Unavailable(done.stderr.strip())
    return {metric["name"]: metric["value"] for metric in json.loads(done.stdout)["metrics"]}


def first_match(pattern, text, otherwise):
    found = re.search(pattern, text, re.MULTILINE)
    return found.group(1).strip() if found else otherwise


def as_typed(words):
    """The command of this process, with the real-time priority that it was given."""
    urgent = ["chrt", "-f", str(os.sched_getparam(0).sched_priority)] if os.sched_getscheduler(0) == os.SCHED_FIFO else []
    return shlex.join([*urgent, *words])


def revision():
    """The last commit that touched what is measured, with a + where it has been changed since; empty outside of git."""
    measured = ["--", "runtime", "tools/benchmarks/percore", "tools/benchmarks/common"]
    last = subprocess.run(["git", "-C", str(ROOT), "log", "-1", "--format=%h", "--abbrev=10", *measured],
                          text=True, capture_output=True)
    if last.returncode != 0:
        return ""
    changed = subprocess.run(["git", "-C", str(ROOT), "diff", "--quiet", "HEAD", *measured], capture_output=True)
    return last.stdout.strip() + ("+" if changed.returncode != 0 else "")


def machine(build_dir):
    """What the figures belong to."""
    cpuinfo = Path("/proc/cpuinfo").read_text()
    compiler, _ = compile_command_of(build_dir, "tools/benchmarks/percore/tasks.cpp")
    compiler_version = run_quietly([compiler[0], "--version"]).splitlines()[0]
    asio = Path("/usr/include/asio/version.hpp")
    asio_number = first_match(r"^#define ASIO_VERSION (\d+)", asio.read_text() if asio.exists() else "", "")
    versions = {"liburing": run_quietly(["pkg-config", "--modversion", "liburing"]).strip()}
    if asio_number:
        number = int(asio_number)
        versions["asio"] = f"{number // 100000}.{number // 100 % 1000}.{number % 100}"
    for crate in ("tokio", "smol", "async-std"):
        if packaged := sorted(CARGO_REGISTRY.glob(f"{crate}-1.*")):
            versions[crate] = packaged[-1].name.removeprefix(f"{crate}-")
    libuv = subprocess.run(["pkg-config", "--modversion", "libuv"], text=True, capture_output=True)
    if libuv.returncode == 0:
        versions["libuv"] = libuv.stdout.strip()
    if shutil.which("fio"):
        versions["fio"] = run_quietly(["fio", "--version"]).strip().removeprefix("fio-")
    mounted = subprocess.run(["findmnt", "--noheadings", "--output", "FSTYPE,SOURCE", "--target", str(build_dir)],
                             text=True, capture_output=True)
    return {
        "date": datetime.date.today().isoformat(),
        "revision": revision(),
        "files_on": " on ".join(mounted.stdout.split()) if mounted.returncode == 0 else "",
        "cpu": first_match(r"^(?:model name|Hardware|CPU part)\s*:\s*(.+)$", cpuinfo, os.uname().machine),
        "cpus": os.cpu_count(),
        "virtual": "hypervisor" in first_match(r"^flags\s*:\s*(.+)$", cpuinfo, ""),
        "kernel": os.uname().release,
        "compiler": compiler_version,
        "load": round(os.getloadavg()[0], 2),
        "versions": versions,
    }
