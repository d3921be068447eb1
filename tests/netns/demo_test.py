#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs a demo of examples/ shortened and checks its verdict, its result and that it leaves nothing behind.

    demo_test.py BUILD_DIRECTORY EXAMPLE SCRIPT [options of the script]
"""
import json
import os
import re
import subprocess
import sys
import tempfile

EXAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../examples")
SKIPPED = 77  # as CMakeLists.txt says


def leftovers(example, pid):
    name = rf"(?:{example}|ilnp)-{pid}-\S+"
    listing = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout
    found = re.findall(rf"^{name}", listing, re.MULTILINE)
    for directory in ("/etc/netns", "/run", tempfile.gettempdir()):
        if os.path.isdir(directory):
            found += [each for each in os.listdir(directory) if re.match(name, each)]
    return found


def check(condition, words):
    if not condition:
        sys.exit(f"demo_test: {words}")


def check_files(result, out, options):
    """Those of a run with roam."""
    wanted = options[options.index("--moves") + 1].split(",")
    check([move["kind"] for move in result["moves"]] == wanted, "not the moves that were asked for")
    # A place where nobody goes has a capture without packets: 24 octets.
    visited = ["guest-net1.pcap", "guest-net2.pcap", "client-net1.pcap"]
    check(set(visited) <= set(result["files"]["captures"]), "a capture is missing")
    return [result["files"]["report"], *visited]


def run(build, example, script, options, out):
    """Its result, and the process id that its things are named after."""
    process = subprocess.Popen([sys.executable, os.path.join(EXAMPLES, example, script), "--build", build, "--json", "--out",
                                out, *options], stdout=subprocess.PIPE, text=True)
    text, _ = process.communicate(timeout=150)
    check(process.returncode in (0, 1), f"exit status {process.returncode}")
    result = json.loads(text)
    check(result["verdict"]["ok"] == (process.returncode == 0), "exit status and verdict disagree")
    return result, process.pid


def skip_without_qemu():
    """QEMU has to begin, and to come to its monitor, with no guest at all."""
    command = ["qemu-system-x86_64", "-nodefaults", "-machine", "none", "-display", "none", "-monitor", "stdio"]
    try:
        done = subprocess.run(command, input="quit\n", capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired) as reason:
        print(f"skipped: QEMU does not start: {reason}")
        sys.exit(SKIPPED)
    if done.returncode != 0:
        print(f"skipped: QEMU does not start: {done.stderr.strip()}")
        sys.exit(SKIPPED)


def main():
    build, example, script, *options = sys.argv[1:]
    if example == "live-migration":
        skip_without_qemu()
    # Promises about time are kept by one of these runs, everything else by all of them.
    for tries_left in (2, 1, 0):
        with tempfile.TemporaryDirectory() as out:
            result, pid = run(build, example, script, options, out)
            check(result["schema"] == f"ilnp.{example}/1", "another schema")
            check(result["verdict"]["ok"] == all(each["ok"] for each in result["checks"]), "verdict and checks disagree")
            failed = [each for each in result["checks"] if not each["ok"]]
            words = "\n".join(f"{each['name']}: {each['detail']}" for each in failed)
            check(tries_left > 0 and all(each["timed"] for each in failed) or not failed, words)
            files = check_files(result, out, options) if example == "roam" else \
                [n for n in os.listdir(out) if n.endswith(".pcap")]
            check(files, "no captures")
            for name in ["result.json", *files]:
                check(os.path.getsize(os.path.join(out, name)) > 24, f"{name} is empty")
            check(not leftovers(example, pid), f"left behind: {leftovers(example, pid)}")
        print(result["verdict"]["text"], words)
        if not failed:
            break


if __name__ == "__main__":
    main()
