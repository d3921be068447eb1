#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The data path of ilnp-gateway against a plain link, its own mode without super-packets, and the kernel's VXLAN, in one
run.

  lisp.py [--build build/dev] [--rounds 5] [--seconds 3] [--unpinned] [--json]

    a --- b     by the link itself (plain), by VXLAN over it (vxlan), and by a gateway at each end (lisp)
    a --- b     another pair, whose gateways cut super-packets before they enter the tunnel (no_offload)

`a` and `b` have a processor each, and the gateway at each end shares it; with --unpinned all run where the scheduler likes.
The measurements of the paths alternate. Ratios are taken round by round; medians are printed beside their targets. Exit
status 1 when a median misses its target. Needs root; removes what it made, also when it is interrupted.
"""
import os
import statistics
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from pair import Pair, clean_up_when_terminated, options_of, report, target_text  # noqa: E402

PORT = "7007"
LINK, VXLAN = "2001:db8:be:1::", "2001:db8:be:2::"
EID = {"a": "2001:db8:e1::1", "b": "2001:db8:e2::1"}
HOSTS = {"plain": f"{LINK}b", "vxlan": f"{VXLAN}b", "lisp": EID["b"], "no_offload": EID["b"]}
TARGETS = [  # figure, path, baseline, limit
    ("tcp_1_stream", "lisp", "plain", 0.40),
    ("tcp_1_stream", "lisp", "no_offload", 6.0),
    ("tcp_2_streams", "lisp", "plain", None),
    ("tcp_1_stream", "lisp", "vxlan", None),
    ("udp_64", "lisp", "vxlan", None),
    ("udp_64", "lisp", "plain", None),
    ("rtt_p50", "lisp", "plain", None),
]


class Tunnel(Pair):
    """Static mappings: no mapping system is measured."""

    def __init__(self, build, pin, offload):
        self.offload = offload
        super().__init__(build, LINK, pin)

    def set_up(self):
        for end, other in ("ab", "ba"):
            self.inside(end, "ip", "link", "add", "vx0", "type", "vxlan", "id", "7", "dstport", "4789", "dev", "eth0",
                        "local", f"{LINK}{end}", "remote", f"{LINK}{other}", "udp6zerocsumtx", "udp6zerocsumrx")
            self.inside(end, "ip", "addr", "add", f"{VXLAN}{end}/64", "dev", "vx0", "nodad")
            self.inside(end, "ip", "link", "set", "vx0", "up")
            home = self.home(end)
            with open(os.open(f"{home}/key", os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as f:
                f.write("nobody is asked")
            self.start_daemon(end, "gateway/ilnp-gateway", f"""
[[rloc]]
address = "{LINK}{end}"
[[interface]]
name = "lisp0"
addresses = ["{EID[end]}"]
routes = ["{EID[other]}/128"]
[[mapping]]
eid = "{EID[other]}/128"
rlocs = ["{LINK}{other}"]
[data]
offload = {"true" if self.offload else "false"}
[[eid]]
prefix = "{EID[end]}/128"
[[key]]
name = "k"
file = "{home}/key"
[[map_server]]
name = "nobody"
address = "{LINK}ffff"
keys = ["k"]
""")
        self.serve_traffic("b", PORT)
        for path in ("plain", "vxlan", "lisp"):
            self.await_path(HOSTS[path], PORT)


def measure(networks, options):
    rounds = []
    for number in range(options.rounds):
        order = list(HOSTS)[::1 - number % 2 * 2]
        rounds.append({path: networks[path].measure(HOSTS[path], PORT, options.seconds) for path in order})
    return rounds


def results_of(rounds, targets):
    """For each figure, path, baseline and limit of `targets`."""
    results = {}
    for figure, path, baseline, limit in targets:
        ratios = [figures[path][figure] / figures[baseline][figure] for figures in rounds]
        ratio = statistics.median(ratios)
        results[f"{figure}, {path} / {baseline}"] = {
            path: statistics.median(figures[path][figure] for figures in rounds),
            baseline: statistics.median(figures[baseline][figure] for figures in rounds),
            "ratio": ratio, "low": min(ratios), "high": max(ratios), "target": limit, "kind": "min" if limit else None,
            "met": limit is None or ratio >= limit}
    return results


def words(name, result):
    return f"{name:36}  {result['ratio']:6.2f}  ({result['low']:.2f} .. {result['high']:.2f}){target_text(result)}"


def main():
    parser = options_of(__doc__, seconds=3)
    parser.add_argument("--unpinned", action="store_true")
    options = parser.parse_args()
    clean_up_when_terminated()
    pairs = []
    try:
        for offload in (True, False):
            pairs.append(Tunnel(options.build, not options.unpinned, offload))
        networks = {path: pairs[path == "no_offload"] for path in HOSTS}
        rounds = measure(networks, options)
    finally:
        for pair in pairs:
            pair.close()
    return report(options, "lisp", results_of(rounds, TARGETS), words)


if __name__ == "__main__":
    sys.exit(main())
