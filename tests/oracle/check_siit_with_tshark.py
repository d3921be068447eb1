#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""check_siit_with_tshark.py GENERATOR TSHARK [COUNT]: does tshark read in packets that were translated between IPv4 and
IPv6 what they say in the other family?

The outer header has the values that the generator noted, ports and ICMP types too; every checksum that tshark verifies
is good, also that of a datagram which it put together of its pieces; nothing looks malformed.
"""
import collections
import ipaddress

from tshark import BAD, GOOD, dissect, finish, generated

OUTER = ["ip.src", "ip.dst", "ip.ttl", "ip.dsfield", "ipv6.src", "ipv6.dst", "ipv6.hlim", "ipv6.tclass"]
UPPER = ["udp.srcport", "tcp.srcport", "icmp.type", "icmpv6.type"]
CHECKSUMS = [f"{what}.checksum.status" for what in ("ip", "tcp", "udp", "icmp", "icmpv6")]
PREFERENCES = ("udp.check_checksum:TRUE", "tcp.check_checksum:TRUE", "ip.check_checksum:TRUE",
               "tcp.desegment_tcp_streams:FALSE")
FIELDS = OUTER + UPPER + CHECKSUMS + ["_ws.malformed"]


def plain(field, value):
    """Numbers and addresses, however they are spelled."""
    return ipaddress.ip_address(value) if field.endswith((".src", ".dst")) else int(str(value), 0)


def problems_of(frame, meant, counts):
    """What tshark sees that the generator did not mean."""
    for field, value in meant["outer"].items():
        if not frame[field] or plain(field, frame[field][0]) != plain(field, value):
            yield f"{field}: {frame[field]}, meant {value}"
    for field, value in meant["upper"].items():
        if not frame[field] or plain(field, frame[field][0]) != value[0]:
            yield f"{field}: {frame[field]}, meant {value}"
        protocol = field.split(".")[0]
        counts[protocol + (" in pieces" if meant["pieces"] > 1 else "")] += 1
        if frame[f"{protocol}.checksum.status"][:1] != [GOOD]:
            yield f"checksum of {protocol}: {frame[protocol + '.checksum.status']}"
    for field in CHECKSUMS:
        # What it quotes it does not know to be cut.
        if BAD in frame[field] and not (meant["quote is cut"] and field.startswith("tcp")):
            yield f"{field}: {frame[field]}"
    if frame["_ws.malformed"]:
        yield "malformed"


def main():
    with generated(5000) as (tshark, capture, meant):
        frames = dissect(tshark, capture, FIELDS, PREFERENCES, ["udp.port==40000-41000", "tcp.port==40000-41000"])
    counts = collections.Counter()
    problems = [f"{len(frames)} packets, meant {len(meant)}"] if len(frames) != len(meant) else []
    for number, (frame, what) in enumerate(zip(frames, meant), 1):
        problems += [f"packet {number}: {problem}" for problem in problems_of(frame, what, counts)]
    wanted = {"udp", "tcp", "icmp", "icmpv6", "udp in pieces", "tcp in pieces", "icmpv6 in pieces"}
    if set(counts) != wanted:
        problems.append(f"kinds: {sorted(counts)}, meant {sorted(wanted)}")
    finish(counts, problems, frames)


if __name__ == "__main__":
    main()
