#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The data path of ilnp-sbr against the kernel's forwarding, and against its own mechanism without ILNP, in one run.

  border.py [--build build/dev] [--rounds 5] [--seconds 3] [--unpinned] [--json]

    a --- kernel --- b      two links that the kernel forwards between
    a --- relay ---- b      the same with a relay that exchanges one prefix, and knows nothing of ILNP (relay.cpp)
    a --- sbr ------ b      the same with ilnp-sbr: `a` is inside, `b` the provider's router and the correspondent

`a` and `b` have a processor each, and what is between them runs where the scheduler likes; with --unpinned all do. The
measurements of the paths alternate. Ratios are taken round by round; the median to the kernel is printed beside its
target. Exit status 1 when a median misses its target. Needs root; removes what it made, also when it is interrupted.
"""
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from pair import Network, clean_up_when_terminated, options_of, report_paths  # noqa: E402

TARGETS = {
    "tcp_1_stream": (0.70, "min"),
    "tcp_2_streams": (0.70, "min"),
    "udp_64": None,
    "udp_64_uso": None,
    "rtt_p50": None,
}
PORT = "7007"
KERNEL = {"a": "2001:db8:be:a::", "b": "2001:db8:be:b::"}  # the router is <prefix>1, the end <prefix>2
INSIDE, TRANSIT, OUTSIDE = "2001:db8:100:1::", "2001:db8:f0:1::", "2001:db8:a1::/48"
RELAY = {"inside": "fd00:3176::", "outside": "2001:db8:be::", "far": "2001:db8:f0:2::"}  # relay.cpp
HOSTS = {"kernel": f"{KERNEL['b']}2", "relay": f"{RELAY['far']}2", "sbr": f"{TRANSIT}1"}
SETTINGS = f"""
[site]
name = "bench"
[[inside]]
interface = "lan"
locators = ["{INSIDE}/64"]
[[uplink]]
name = "isp"
interface = "wan"
gateway = "{TRANSIT}1"
[[mapping]]
uplink = "isp"
inside = "2001:db8:100::/48"
outside = "{OUTSIDE}"
"""


class Lab(Network):
    def __init__(self, build, pin):
        super().__init__(build, ("a", "b", "kernel", "relay", "sbr"), pin)

    def build_network(self):
        self.inside("kernel", "sysctl", "-qw", "net.ipv6.conf.all.forwarding=1")
        for end, other in ("ab", "ba"):
            self.join(end, "eth0", f"{KERNEL[end]}2", "kernel", f"to-{end}", f"{KERNEL[end]}1")
            self.inside(end, "ip", "-6", "route", "add", f"{KERNEL[other]}/64", "via", f"{KERNEL[end]}1")
        for end, address, to in (("a", "inside", f"{RELAY['far']}/64"), ("b", "far", f"{RELAY['outside']}/64")):
            self.join(end, "eth2", f"{RELAY[address]}2", "relay", f"to-{end}", "fe80::1")
            self.inside(end, "ip", "-6", "route", "add", to, "via", "fe80::1", "dev", "eth2")
        self.join("a", "eth1", f"{INSIDE}2", "sbr", "lan", f"{INSIDE}1")
        self.join("b", "eth1", f"{TRANSIT}1", "sbr", "wan", f"{TRANSIT}2")
        self.inside("a", "ip", "-6", "route", "add", f"{TRANSIT}/64", "via", f"{INSIDE}1")
        self.inside("b", "ip", "-6", "route", "add", OUTSIDE, "via", f"{TRANSIT}2")

    def set_up(self):
        self.serve_traffic("b", PORT)
        links = ((f"to-{end}", self.mac("relay", f"to-{end}"), self.mac(end, "eth2")) for end in "ab")
        self.start_relay("relay", "router", *(argument for link in links for argument in link))
        self.start_sbr("sbr", SETTINGS)
        deadline = time.monotonic() + 20
        while True:  # until it answers, and the uplink is up
            try:
                self.traffic("rtt", HOSTS["sbr"], PORT, "0.2")
                return
            except subprocess.CalledProcessError:
                if time.monotonic() > deadline:
                    raise RuntimeError("nothing passes the border router") from None
            time.sleep(0.2)


def main():
    parser = options_of(__doc__, seconds=3)
    parser.add_argument("--unpinned", action="store_true")
    options = parser.parse_args()
    clean_up_when_terminated()
    lab = None
    try:
        lab = Lab(options.build, not options.unpinned)
        rounds = lab.measure_in_turn(HOSTS, PORT, options)
    finally:
        if lab is not None:
            lab.close()
    return report_paths(options, "border", rounds, TARGETS, "sbr", "kernel")


if __name__ == "__main__":
    sys.exit(main())
