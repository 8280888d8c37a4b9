"""A repository in small for the tutor's tests: own exercises, everything else linked to the real one."""

import os
import pathlib
import shutil
import subprocess

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]
FIXTURE = pathlib.Path(__file__).resolve().parent / "fixture"
BUILD = pathlib.Path(os.environ.get("PERCORE_BUILD", REPOSITORY / "build"))
TUTOR = BUILD / "tools" / "tutor" / "percore-tutor"
CONF = BUILD / "tools" / "tutor" / "percore.conf"


def make_root(folder, shared=None):
    """Lays out `folder` as a repository. `shared` is a build/check/shared folder to take over: it saves seconds."""
    root = pathlib.Path(folder)
    shutil.copytree(FIXTURE / "exercises", root / "exercises")
    shutil.copytree(FIXTURE / "solutions", root / "solutions")
    (root / "tools").mkdir()
    shutil.copytree(FIXTURE / "checks", root / "tools" / "checks")
    for name in ("check", "simring", "tree"):
        (root / "tools" / name).symlink_to(REPOSITORY / "tools" / name)
    (root / "runtime").mkdir()
    for module in (REPOSITORY / "runtime").iterdir():
        if module.is_dir() and module.name != "contracts":
            (root / "runtime" / module.name).symlink_to(module)
    shutil.copytree(REPOSITORY / "runtime" / "contracts", root / "runtime" / "contracts")
    contract = root / "runtime" / "contracts" / "percore" / "contract" / "counter.hpp"
    contract.write_text("#pragma once\ninline constexpr int counter_contract_version = 1;\n")
    shutil.copytree(FIXTURE / "solutions" / "90-fixture" / "counter", root / "runtime" / "counter")
    (root / "build" / "tools" / "tutor").mkdir(parents=True)
    conf = CONF.read_text().replace("layers=", "layers=counter ")
    (root / "build" / "tools" / "tutor" / "percore.conf").write_text(conf)
    return root


def percore(root, *words, timeout=120, **options):
    """Runs the tutor without a terminal; returns the finished process with its output as text."""
    environment = dict(os.environ, NO_COLOR="1")
    environment.update(options.pop("env", {}))
    return subprocess.run([TUTOR, "--root", root, *words], capture_output=True, text=True, timeout=timeout,
                          stdin=subprocess.DEVNULL, env=environment, **options)
