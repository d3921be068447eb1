#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What ilnp-host adds to the stall of a move: the demo examples/roam, several times, medians beside their targets.

  stall.py [--build build/dev] [--rounds 5] [--seconds 22] [--json]

A hard move: from the moment when the kernel has a usable address at the new place until the first packet from there
reaches the peer, less the one-way delay of that path. A soft move: datagrams of a 1 kHz stream that are lost, and those
out of order beyond what a shorter path brings by nature. Exit status 1 when a target is missed. Needs root.
"""
import json
import os
import statistics
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from pair import options_of  # noqa: E402

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../..")
STREAMS = ("udp to_client", "udp to_guest")
HARD_LIMIT_MS = 15


def total(move, key, by_nature=0):
    """Over both directions, without what each has by nature; None when a stream died."""
    values = [move["streams"][name].get(key) for name in STREAMS]
    return None if None in values else sum(max(0, value - by_nature) for value in values)


def one_run(options):
    """The figures of both moves, and whether every session survived with the right octets."""
    with tempfile.TemporaryDirectory(prefix="ilnp-bench-stall-") as out:
        done = subprocess.run([sys.executable, os.path.join(ROOT, "examples/roam/roam.py"), "--json", "--out", out,
                               "--build", os.path.abspath(options.build), "--moves", "hard,soft",
                               "--seconds", str(options.seconds)], text=True, capture_output=True, check=False)
    if done.returncode not in (0, 1):
        raise RuntimeError(f"the demo failed:\n{done.stderr}")
    figures = json.loads(done.stdout)
    hard, soft = figures["moves"]
    # One datagram of the stream per ms of the difference, and of what the emulated wire itself was late.
    shorter = sum(node["shorter_by_ms"] for node in soft["nodes"].values()) + figures["machine_late_ms"]
    return {
        "survived": figures["verdict"]["ok"],
        "verdict": figures["verdict"]["text"],
        "hard_above_one_way_ms": hard["nodes"]["guest"]["above_one_way_ms"],
        "hard_first_packet_in_ms": hard["nodes"]["guest"]["usable_to_first_packet_in_ms"],
        "one_way_ms": hard["nodes"]["guest"]["one_way_ms"],
        "hard_out_of_order": total(hard, "out_of_order"),
        "soft_lost": total(soft, "lost"),
        "soft_out_of_order_beyond_nature": total(soft, "out_of_order", shorter),
    }


def main():
    parser = options_of(__doc__, seconds=22)
    options = parser.parse_args()
    runs = [one_run(options) for _ in range(options.rounds)]
    if options.json:
        print(json.dumps({"schema": "ilnp.bench.stall/1", "runs": runs}, indent=1))
    rows = [
        ("hard move: ms above the one-way delay, median", "hard_above_one_way_ms", HARD_LIMIT_MS, statistics.median),
        ("hard move: out of order, most", "hard_out_of_order", 0, max),
        ("soft move: datagrams lost, most", "soft_lost", 0, max),
        ("soft move: out of order beyond nature, most", "soft_out_of_order_beyond_nature", 0, max),
    ]
    missed = sum(not run["survived"] for run in runs)
    for words, key, limit, of in rows:
        values = [run[key] for run in runs]
        figure = of(values) if None not in values else float("inf")  # None: no session was left to look at
        missed += figure > limit
        if not options.json:
            print(f"{words:50}{figure:8.1f}   <= {limit:g} {'met' if figure <= limit else 'MISSED'}   {values}")
    if not options.json:
        print(f"hard move: ms until the peer's first packet came: {[run['hard_first_packet_in_ms'] for run in runs]} "
              f"(one way is {runs[0]['one_way_ms']:g})")
        print(f"every session survived in {sum(run['survived'] for run in runs)} of {len(runs)} runs")
        for run in runs:
            if not run["survived"]:
                print(run["verdict"])
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
