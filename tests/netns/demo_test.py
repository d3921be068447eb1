#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the demo shortened and checks its verdict, its result and that it leaves nothing behind.

    roam_demo_test.py BUILD_DIRECTORY [options of roam.py]
"""
import json
import os
import re
import subprocess
import sys
import tempfile

ROAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../examples/roam/roam.py")


def leftovers(pid):
    listing = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout
    found = re.findall(rf"\broam-{pid}-\S+", listing)
    for directory in ("/etc/netns", tempfile.gettempdir()):
        if os.path.isdir(directory):
            found += [name for name in os.listdir(directory) if name.startswith(f"roam-{pid}-")]
    return found


def check(condition, words):
    if not condition:
        sys.exit(f"roam_demo_test: {words}")


def main():
    build, options = sys.argv[1], sys.argv[2:]
    with tempfile.TemporaryDirectory() as out:
        run = subprocess.Popen([sys.executable, ROAM, "--build", build, "--json", "--out", out, *options],
                               stdout=subprocess.PIPE, text=True)
        text, _ = run.communicate(timeout=150)
        check(run.returncode in (0, 1), f"exit status {run.returncode}")
        result = json.loads(text)
        check(result["schema"] == "ilnp.roam/1", "another schema")
        check(result["verdict"]["ok"] == (run.returncode == 0), "exit status and verdict disagree")
        check(result["verdict"]["ok"] == all(each["ok"] for each in result["checks"]), "verdict and checks disagree")
        failed = [f"{each['name']}: {each['detail']}" for each in result["checks"] if not each["ok"]]
        check(not failed, "\n".join(failed))
        wanted = options[options.index("--moves") + 1].split(",")
        check([move["kind"] for move in result["moves"]] == wanted, "not the moves that were asked for")
        # A place where nobody goes has a capture without packets: 24 octets.
        visited = ["guest-net1.pcap", "guest-net2.pcap", "client-net1.pcap"]
        check(set(visited) <= set(result["files"]["captures"]), "a capture is missing")
        for name in [result["files"]["report"], "result.json", *visited]:
            check(os.path.getsize(os.path.join(out, name)) > 24, f"{name} is empty")
        check(not leftovers(run.pid), f"left behind: {leftovers(run.pid)}")
    print(result["verdict"]["text"])


if __name__ == "__main__":
    main()
