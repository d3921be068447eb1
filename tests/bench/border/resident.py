#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What 100,000 nodes cost a running ilnp-sbr: resident memory, and how long it takes from its start until it knows them.

  resident.py [--build build/dev] [--json]

The truth is a file store, filled through the program's own code (truth_client). The last record is of a node that is away:
when it is among the moves that ilnp-sbr shows, all have been read. Exit status 1 when a target is missed. Needs root;
removes what it made, also when it is interrupted.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from pair import Network, clean_up_when_terminated, options_of  # noqa: E402

NODES = 100_000
LIMIT_MIB = 200
LOCATOR = {"dc1": "2001-0db8-0100-0001", "dc2": "2001-0db8-0200-0001"}
UNANSWERED = 256  # changes under way at a time
SETTINGS = """
[site]
name = "dc1"
number = 1
[[inside]]
interface = "lan"
locators = ["2001:db8:100:1::/64"]
[[uplink]]
name = "isp"
interface = "wan"
gateway = "2001:db8:f0::1"
[[mapping]]
uplink = "isp"
inside = "2001:db8:100::/48"
outside = "2001:db8:a1::/48"
[[site_link]]
name = "dc2"
number = 2
inside = ["2001:db8:200::/48"]
interface = "other"
router = "2001:db8:f1::2"
"""


def fill(build, directory, store):
    """All but the last are at home. `directory` is in memory: each change is one that a disk would have to keep."""
    options = os.path.join(directory, "fill.json")
    filled = os.path.join(directory, "truth.db")
    with open(options, "w", encoding="ascii") as out:
        json.dump({"store": "file", "path": filled}, out)
    client = subprocess.Popen([f"{build}/tests/netns/truth/truth_client", options], text=True, stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE)

    def wait_for_answers(count):
        while count:
            line = client.stdout.readline()
            if not line:
                raise RuntimeError("the store was not filled")
            answer = json.loads(line)
            if "outcome" in answer:
                if answer["outcome"] != "done":
                    raise RuntimeError(f"the store refused a record: {answer}")
                count -= 1

    for first in range(0, NODES, UNANSWERED):
        numbers = range(first, min(first + UNANSWERED, NODES))
        for number in numbers:
            nid = f"0200+0000+{number >> 16:04x}+{number & 0xffff:04x}"
            at = "dc2" if number == NODES - 1 else "dc1"
            record = {"schema": "ilnp.ownership/1", "nid": nid, "phase": "settled",
                      "home": {"site": "dc1", "locator": LOCATOR["dc1"]}, "at": {"site": at, "locator": LOCATOR[at]}}
            client.stdin.write(json.dumps({"do": "replace", "id": number, "key": f"nid/{nid}", "record": record,
                                           "expected": 0}) + "\n")
        client.stdin.flush()
        wait_for_answers(len(numbers))
    client.stdin.close()
    client.wait(10)
    shutil.copy(filled, store)  # closed: its log is empty


class Lab(Network):
    def __init__(self, build):
        super().__init__(build, ("sbr", "site"))

    def build_network(self):
        self.join("sbr", "lan", "2001:db8:100:1::1", "site", "lan", "2001:db8:100:1::2")
        self.join("sbr", "wan", "2001:db8:f0::2", "site", "wan", "2001:db8:f0::1")
        self.join("sbr", "other", "2001:db8:f1::1", "site", "other", "2001:db8:f1::2")

    def knows_the_last(self):
        try:
            return bool(self.control("sbr", "moves")["records"])
        except OSError:  # it does not listen yet
            return False

    def start_router(self):
        """Seconds until it knows all nodes, and its process."""
        begin = time.monotonic()
        router = self.start_sbr("sbr", SETTINGS)
        while not self.knows_the_last():
            if router.poll() is not None or time.monotonic() - begin > 60:
                raise RuntimeError("the border router ended, or does not know its nodes after a minute")
            time.sleep(0.05)
        return time.monotonic() - begin, router


def resident_mib(process):
    with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) / 1024


def main():
    options = options_of(__doc__, seconds=0).parse_args()
    clean_up_when_terminated()
    lab = None
    try:
        lab = Lab(options.build)
        with tempfile.TemporaryDirectory(prefix="ilnp-bench-", dir="/dev/shm") as directory:
            fill(options.build, directory, os.path.join(lab.home("sbr"), "truth.db"))
        seconds, router = lab.start_router()
        time.sleep(1)
        resident = resident_mib(router)
    finally:
        if lab is not None:
            lab.close()
    met = resident <= LIMIT_MIB
    if options.json:
        print(json.dumps({"schema": "ilnp.bench.resident/1", "nodes": NODES, "resident_mib": resident,
                          "limit_mib": LIMIT_MIB, "met": met, "start_s": seconds}, indent=1))
    else:
        print(f"{NODES} nodes: resident {resident:.1f} MiB   <= {LIMIT_MIB} MiB {'met' if met else 'MISSED'}")
        print(f"known {seconds:.2f} s after the start")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
