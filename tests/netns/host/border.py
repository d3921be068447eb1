#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A border router that is just good enough for a test: one node behind it, whose inside address changes while its outside
address stays. Runs in the router's namespace, between two TUN devices:

    border.py OUTSIDE INSIDE...

Packets to OUTSIDE leave for the inside address where the node was heard last, packets from any INSIDE come from OUTSIDE;
checksums by RFC 1624, errors with what they quote. Everything else is dropped.
"""
import fcntl
import os
import select
import signal
import socket
import struct
import sys

ICMPV6, TCP, UDP, FRAGMENT = 58, 6, 17, 44
CHECKSUM_AT = {TCP: 16, UDP: 6, ICMPV6: 2}
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454ca, 1, 0x1000


def tun(name):
    fd = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
    return fd


def ones_sum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total


def update(packet, at, old, new):
    """RFC 1624 equation 3, for the checksum field at `at`."""
    value = ~struct.unpack_from("!H", packet, at)[0] & 0xffff
    total = value + (~ones_sum(old) & 0xffff) + ones_sum(new)
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    struct.pack_into("!H", packet, at, ~total & 0xffff)


def upper_of(packet, begin):
    """Protocol of the packet at `begin` and where its upper layer is; nothing of fragments but the first."""
    protocol, at = packet[begin + 6], begin + 40
    if protocol == FRAGMENT and len(packet) >= at + 8:
        first = struct.unpack_from("!H", packet, at + 2)[0] & 0xfff8 == 0
        protocol, at = packet[at] if first else None, at + 8
    return protocol, at


def rename(packet, begin, field, new):
    """Writes an address of the IPv6 packet at `begin` and the transport checksum that covers it."""
    old = bytes(packet[begin + field:begin + field + 16])
    packet[begin + field:begin + field + 16] = new
    protocol, upper = upper_of(packet, begin)
    at = upper + CHECKSUM_AT.get(protocol, len(packet))
    if at + 2 <= len(packet):
        update(packet, at, old, new)


def is_error(packet):
    return packet[6] == ICMPV6 and len(packet) >= 88 and packet[40] < 128


def pass_on(packet, field, new, quoted_field):
    """The packet with another address; an error with another quote, and a checksum that covers the quote."""
    if is_error(packet):
        before = bytes(packet[48:])
        rename(packet, 48, quoted_field, new)
        padding = b"\0" * (len(before) % 2)
        update(packet, 42, before + padding, bytes(packet[48:]) + padding)
    rename(packet, 0, field, new)
    packet[7] -= 1
    return packet


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    outside, *insides = (socket.inet_pton(socket.AF_INET6, a) for a in sys.argv[1:])
    to_world, to_site, now = tun("world0"), tun("site0"), insides[0]
    print("ready", flush=True)
    while True:
        for fd in select.select([to_world, to_site], [], [])[0]:
            packet = bytearray(os.read(fd, 65536))
            if packet[0] >> 4 != 6 or packet[7] < 2:
                continue
            if fd == to_world and packet[24:40] == outside:
                os.write(to_site, pass_on(packet, 24, now, 8))
            elif fd == to_site and bytes(packet[8:24]) in insides:
                now = bytes(packet[8:24])
                os.write(to_world, pass_on(packet, 8, outside, 24))


main()
