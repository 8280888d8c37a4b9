"""A repository in small for the tutor's tests: own exercises, everything else linked to the real one."""

import functools
import os
import pathlib
import re
import shutil
import subprocess

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]
FIXTURE = pathlib.Path(__file__).resolve().parent / "fixture"
BUILD = pathlib.Path(os.environ.get("PERCORE_BUILD", REPOSITORY / "build"))
TUTOR = BUILD / "tools" / "tutor" / "percore-tutor"
CONF = BUILD / "tools" / "tutor" / "percore.conf"


if not CONF.exists() or not TUTOR.exists():
    subprocess.run([REPOSITORY / "tools" / "percore", "--version"], check=True, stdin=subprocess.DEVNULL)


def make_root(folder):
    """Lays out `folder` as a repository. What an earlier run compiled there (build/check) is kept: it saves minutes."""
    root = pathlib.Path(folder)
    root.mkdir(parents=True, exist_ok=True)
    for old in root.iterdir():
        if old.is_symlink() or old.is_file():
            old.unlink()
        elif old.name != "build":
            shutil.rmtree(old)
    shutil.copytree(FIXTURE / "exercises", root / "exercises")
    shutil.copytree(FIXTURE / "solutions", root / "solutions")
    (root / "tools").mkdir()
    shutil.copytree(FIXTURE / "checks", root / "tools" / "checks")
    for name in ("check", "explore", "pch", "simring", "tree"):
        (root / "tools" / name).symlink_to(REPOSITORY / "tools" / name)
    (root / "runtime").mkdir()
    for module in (REPOSITORY / "runtime").iterdir():
        if module.is_dir() and module.name != "contracts":
            (root / "runtime" / module.name).symlink_to(module)
    shutil.copytree(REPOSITORY / "runtime" / "contracts", root / "runtime" / "contracts")
    contract = root / "runtime" / "contracts" / "percore" / "contract" / "counter.hpp"
    contract.write_text("#pragma once\ninline constexpr int counter_contract_version = 1;\n")
    shutil.copytree(FIXTURE / "solutions" / "90-fixture" / "counter", root / "runtime" / "counter")
    (root / "build" / "tools" / "tutor").mkdir(parents=True, exist_ok=True)
    # The layers that the fixture's exercises stand on; each more would be compiled for every root and variant.
    conf = re.sub("^layers=.*", "layers=counter base clock ring_setup ring frame_pool task executor io",
                  CONF.read_text(), flags=re.M)
    (root / "build" / "tools" / "tutor" / "percore.conf").write_text(conf)
    return root


@functools.cache
def prepare(root):
    """Compiles what all checks share, once: on a slow machine that takes longer than any verdict may."""
    percore(root, "prepare", timeout=900)


def usual_root():
    """The repository that most tests share, one after the other."""
    root = make_root(BUILD / "tutor-tests")
    prepare(root)
    return root


def percore(root, *words, timeout=120, **options):
    """Runs the tutor without a terminal; returns the finished process with its output as text."""
    environment = dict(os.environ, NO_COLOR="1")
    environment.update(options.pop("env", {}))
    return subprocess.run([TUTOR, "--root", root, *words], capture_output=True, text=True, timeout=timeout,
                          stdin=subprocess.DEVNULL, env=environment, **options)
