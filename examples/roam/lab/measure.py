# SPDX-License-Identifier: Apache-2.0
"""From what was recorded to figures: packets in the captures, kernel events.

All times are CLOCK_MONOTONIC seconds. A capture's wall-clock time stamps are shifted by an offset taken during the run.
"""
import socket
import struct

from .topology import SITES, site_prefix

ICMPV6, TCP, UDP, DESTINATION_OPTIONS = 58, 6, 17, 60


class Capture:
    """Packets of a pcap file (Ethernet, nanoseconds) that carry data: TCP or UDP, with or without an option header."""

    def __init__(self, path, wall_minus_monotonic):
        self.packets = []  # (time, source prefix, destination prefix, protocol)
        with open(path, "rb") as file:
            data = file.read()
        if len(data) < 24:
            return
        magic = struct.unpack_from("<I", data)[0]
        scale = {0xa1b23c4d: 1e-9, 0xa1b2c3d4: 1e-6}.get(magic)
        if scale is None:
            raise ValueError(f"{path}: not a pcap file")
        at, header = 24, struct.Struct("<IIII")
        while at + 16 <= len(data):
            seconds, fraction, captured, _ = header.unpack_from(data, at)
            packet, at = at + 16, at + 16 + captured
            if captured < 54 or data[packet + 12:packet + 14] != b"\x86\xdd" or at > len(data):
                continue
            protocol = data[packet + 20]
            if protocol == DESTINATION_OPTIONS:
                protocol = data[packet + 54] if captured > 54 else 0
            self.packets.append((seconds + fraction * scale - wall_minus_monotonic, data[packet + 22:packet + 30],
                                 data[packet + 38:packet + 46], protocol))

    def first(self, since, source=None, destination=None, protocols=(TCP, UDP)):
        """Time of the first packet at or after `since` from / to a site, or None."""
        source, destination = (SITE_OCTETS.get(site) for site in (source, destination))
        for time, a, b, protocol in self.packets:
            if time >= since and protocol in protocols and (source is None or a == source) and \
                    (destination is None or b == destination):
                return time
        return None


SITE_OCTETS = {site: socket.inet_pton(socket.AF_INET6, site_prefix(site))[:8] for site in SITES}


class Retransmissions:
    """Octets retransmitted in a namespace, from cumulative counters per connection sampled as time goes on."""

    def __init__(self):
        self.samples = []  # (time, {connection: octets})

    def add(self, when, connections):
        self.samples.append((when, connections))

    def between(self, since, until):
        before, after = {}, {}
        for when, connections in self.samples:
            for name, octets in connections.items():
                if when <= since:
                    before[name] = max(before.get(name, 0), octets)
                if when <= until:
                    after[name] = max(after.get(name, 0), octets)
        return sum(octets - before.get(name, 0) for name, octets in after.items())
