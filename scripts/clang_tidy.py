#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""clang_tidy.py BUILD_DIRECTORY [--jobs N]

Runs clang-tidy (the checks in .clang-tidy, all of them errors) on every translation unit of the programs and libraries.
A unit that was clean is not looked at again until it, a header of ours that it includes, the checks or its compiler
command change: the marks of clean units lie in BUILD_DIRECTORY/tidy. Exit status 1 when there is a finding.
"""
import argparse
import concurrent.futures
import hashlib
import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDERS = ("core/", "io/", "ilnp-host/", "sbr/", "gateway/", "dns/", "ctl/", "bpf/", "examples/")


def units(build):
    """(file, command, object) of every translation unit that is looked at."""
    for entry in json.loads((build / "compile_commands.json").read_text()):
        path = pathlib.Path(entry["directory"], entry["file"]).resolve()
        if not path.is_relative_to(ROOT):
            continue
        name = path.relative_to(ROOT).as_posix()
        if name.startswith(FOLDERS):
            yield name, entry["command"], entry["output"] if "output" in entry else object_of(entry["command"])


def object_of(command):
    words = command.split()
    return words[words.index("-o") + 1]


def dependencies(build):
    """What the last build says each object was made from (our own files only)."""
    listing = subprocess.run(["ninja", "-C", str(build), "-t", "deps"], capture_output=True, text=True, check=True).stdout
    found, current = {}, None
    for line in listing.splitlines():
        if line.startswith("    "):
            path = (build / line.strip()).resolve()
            if current is not None and path.is_relative_to(ROOT) and not path.is_relative_to(build):
                found[current].append(path)
        elif ":" in line and not line.startswith("ninja:"):
            current = line.split(":", 1)[0]
            found[current] = []
    return found


class Digests:
    def __init__(self):
        self.known = {}

    def of(self, path):
        if path not in self.known:
            self.known[path] = hashlib.sha256(path.read_bytes()).digest()
        return self.known[path]


def fingerprint(name, command, files, digests, version):
    mark = hashlib.sha256(version + command.encode() + digests.of(ROOT / ".clang-tidy"))
    for path in sorted({ROOT / name, *files}):
        mark.update(str(path.relative_to(ROOT)).encode() + digests.of(path))
    return mark.hexdigest()


def look_at(name, build):
    outcome = subprocess.run(
        ["clang-tidy", "--quiet", "-p", str(build), "--extra-arg=-Wno-unknown-warning-option", str(ROOT / name)],
        capture_output=True, text=True, stdin=subprocess.DEVNULL)
    return outcome.returncode, outcome.stdout + ("" if outcome.returncode == 0 else outcome.stderr)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("build", type=pathlib.Path)
    arguments.add_argument("--jobs", type=int, default=os.cpu_count())
    options = arguments.parse_args()
    build = options.build.resolve()
    marks = build / "tidy"
    marks.mkdir(exist_ok=True)
    version = subprocess.run(["clang-tidy", "--version"], capture_output=True, check=True).stdout

    digests, made_from, todo, kept = Digests(), dependencies(build), [], set()
    for name, command, output in units(build):
        mark = fingerprint(name, command, made_from.get(output, []), digests, version)
        kept.add(mark)
        if not (marks / mark).exists():
            todo.append((name, mark))
    for stale in marks.iterdir():
        if stale.name not in kept:
            stale.unlink()

    print(f"{len(kept)} units, {len(todo)} to look at", flush=True)
    findings = 0
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        running = {pool.submit(look_at, name, build): (name, mark) for name, mark in todo}
        for done in concurrent.futures.as_completed(running):
            name, mark = running[done]
            status, text = done.result()
            if status == 0:
                (marks / mark).touch()
            else:
                findings += 1
                print(f"{name}:\n{text}", flush=True)
    print(f"{findings} units with findings")
    return 1 if findings or not kept else 0


if __name__ == "__main__":
    sys.exit(main())
