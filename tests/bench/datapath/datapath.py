#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The data path of ilnp-host, both ends shimmed, against plain IPv6 over the same veth pair, in one run.

  datapath.py [--build build/dev] [--rounds 5] [--seconds 3] [--unpinned] [--json]

Two network namespaces, one veth pair, a small name server for the NID and L64 records. Each end has a processor of its
own, as if it were a machine of its own; with --unpinned the scheduler places both ends as it likes. Plain and shimmed measurements
alternate, and so does a relay that has the same mechanism without ILNP: what it reaches is what any user-space shim can
reach on this machine. Ratios are taken round by round; the median to plain is printed beside its target. Exit status 1 when a median
misses its target. Needs root; removes what it made, also when it is interrupted.
"""
import argparse
import os
import socket
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from pair import Pair, clean_up_when_terminated, options_of, report_paths  # noqa: E402

TARGETS = {  # name: (limit, "min" or "max")
    "tcp_1_stream": (0.70, "min"),
    "tcp_2_streams": (0.35, "min"),
    "udp_64": (0.38, "min"),
    "udp_64_uso": (0.45, "min"),
    "rtt_p50": (2.2, "max"),
}
PREFIX = "2001:db8:be::"
NIDS = {"a": "0200+0000+0000+0b0a", "b": "0200+0000+0000+0b0b"}
PORT = "7007"
RELAY_PREFIX, RELAY_NIDS = "fd00:3176::", {"a": "1a", "b": "1b"}  # relay.cpp
HOSTS = {"plain": f"{PREFIX}b", "relay": f"{RELAY_PREFIX}{RELAY_NIDS['b']}", "shim": "b.bench"}


class NameServer:
    """Answers NID (104), L64 (106) and nothing else for a.bench and b.bench; runs as a child in a namespace."""

    @staticmethod
    def serve():
        server = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        server.bind((f"{PREFIX}b", 53))
        locator = socket.inet_pton(socket.AF_INET6, PREFIX)[:8]
        while True:
            query, peer = server.recvfrom(4096)
            labels, at = [], 12
            while query[at]:
                labels.append(query[at + 1:at + 1 + query[at]].decode())
                at += 1 + query[at]
            kind = struct.unpack("!H", query[at + 1:at + 3])[0]
            question = query[12:at + 5]
            nid = bytes.fromhex(NIDS.get(labels[0].lower(), "").replace("+", ""))
            data = {104: nid, 106: locator}.get(kind, b"") if nid else b""
            answer = b"\xc0\x0c" + struct.pack("!HHIHH", kind, 1, 60, 10, 10) + data if data else b""
            server.sendto(query[:2] + b"\x85\x80" + struct.pack("!HHHH", 1, 1 if data else 0, 0, 0) + question + answer,
                          peer)


class Lab(Pair):
    def set_up(self):
        self.start("b", sys.executable, __file__, "--serve-names")
        self.serve_traffic("b", PORT)
        for end in "ab":
            etc = f"/etc/netns/{self.names[end]}"
            os.makedirs(etc, exist_ok=True)
            with open(f"{etc}/resolv.conf", "w", encoding="ascii") as out:
                out.write("nameserver 127.0.0.106\n")
            self.start_host(end, NIDS[end], f'[dns]\nupstream = ["[{PREFIX}b]:53"]\n')
        mac = {end: self.mac(end, "eth0") for end in "ab"}
        for end, other in ("ab", "ba"):
            self.start_relay(end, "host", "relay0", "eth0", mac[end], mac[other], RELAY_NIDS[end])
            self.inside(end, "ip", "link", "set", "relay0", "up")
            self.inside(end, "ip", "addr", "add", f"{RELAY_PREFIX}{RELAY_NIDS[end]}/64", "dev", "relay0", "nodad")

    def wait_for_names(self):
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            found = subprocess.run(["ip", "netns", "exec", self.names["a"], "getent", "ahostsv6", "b.bench"], text=True,
                                   capture_output=True, check=False).stdout
            if found.startswith("fd"):
                try:
                    self.traffic("rtt", "b.bench", PORT, "0.2")
                    return
                except subprocess.CalledProcessError:
                    pass
            time.sleep(0.2)
        raise RuntimeError("the hosts do not reach each other by name")


def main():
    parser = options_of(__doc__, seconds=3)
    parser.add_argument("--unpinned", action="store_true")
    parser.add_argument("--serve-names", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve_names:
        return NameServer.serve()
    clean_up_when_terminated()
    lab = None
    try:
        lab = Lab(options.build, PREFIX, not options.unpinned)
        lab.wait_for_names()
        rounds = lab.measure_in_turn(HOSTS, PORT, options)
    finally:
        if lab is not None:
            lab.close()
    return report_paths(options, "datapath", rounds, TARGETS, "shim", "plain")


if __name__ == "__main__":
    sys.exit(main())
