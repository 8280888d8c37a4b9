#!/usr/bin/env python3
"""Checks that a module can include the modules below it and none above: the table in runtime/meson.build is the order.

Compiles, for each pair of modules, a file that includes one on the include path of the other. Prints `N passed, N failed`.
"""
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def layers():
    text = (ROOT / "runtime/meson.build").read_text()
    table = text[text.index("layers = ["):text.index("\n]\n")]
    return re.findall(r"^  \['(\w+)'", table, re.M)


def compiles(compiler, includes, header):
    command = [compiler, "-std=c++23", "-fsyntax-only", "-x", "c++", "-"] + [f"-I{path}" for path in includes]
    run = subprocess.run(command, input=f"#include <percore/{header}>\n", text=True, capture_output=True, cwd=ROOT)
    return run.returncode == 0, run.stderr


def main():
    compiler = os.environ.get("CXX", "c++")
    modules = layers()
    headers = {m: sorted(p.name for p in (ROOT / f"runtime/{m}/percore").glob("*.hpp")) for m in modules}
    cases = []
    for place, module in enumerate(modules):
        includes = ["runtime/contracts"] + [f"runtime/{m}" for m in modules[:place + 1]]
        for header in headers[module]:
            cases.append((module, header, includes, True))
        for higher in modules[place + 1:]:
            cases.append((module, headers[higher][0], includes, False))
    passed = failed = 0
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        results = pool.map(lambda case: compiles(compiler, case[2], case[1]), cases)
    for (module, header, _, wanted), (ok, words) in zip(cases, results):
        # It must fail because the header is not found, not for another error.
        if ok if wanted else not ok and ("file not found" in words or "No such file" in words):
            passed += 1
        else:
            failed += 1
            print(f"{module}: #include <percore/{header}> " + (f"does not compile:\n{words}" if wanted else
                  "compiles, though it is of a higher layer; see docs/reference/architecture.md"))
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
