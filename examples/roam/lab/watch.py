#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs inside a namespace and prints what its kernel says, one JSON object per line: carrier changes and IPv6
addresses as they come (rtnetlink), and twice a second the retransmission counters of its TCP connections (ss).
Times are CLOCK_MONOTONIC. It is the referee: it knows nothing of ILNP."""
import json
import re
import select
import socket
import struct
import subprocess
import sys
import time

RTMGRP_LINK, RTMGRP_IPV6_IFADDR = 1, 0x100
RTM_NEWLINK, RTM_NEWADDR, RTM_DELADDR = 16, 20, 21
IFF_RUNNING = 0x40
IFA_ADDRESS, IFA_FLAGS, IFLA_IFNAME = 1, 8, 3
IFA_F_OPTIMISTIC, IFA_F_TENTATIVE, IFA_F_DEPRECATED = 0x04, 0x40, 0x20


def say(**fields):
    print(json.dumps({"t": time.monotonic(), **fields}), flush=True)


def attributes(data):
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        if length < 4 or length > len(data):
            return
        yield kind, data[4:length]
        data = data[(length + 3) & ~3:]


def on_link(body, running):
    _, _, index, flags, _ = struct.unpack_from("=BxHiII", body)
    name = next((value.rstrip(b"\0").decode() for kind, value in attributes(body[16:]) if kind == IFLA_IFNAME), str(index))
    carrier = bool(flags & IFF_RUNNING)
    if running.get(name) != carrier:
        running[name] = carrier
        say(kind="carrier", interface=name, up=carrier)


def on_address(kind, body):
    _, _, flags, scope, index = struct.unpack_from("=BBBBI", body)
    address = None
    for attribute, value in attributes(body[8:]):
        if attribute == IFA_ADDRESS and len(value) == 16:
            address = socket.inet_ntop(socket.AF_INET6, value)
        elif attribute == IFA_FLAGS:
            flags = struct.unpack("=I", value)[0]
    if address and scope == 0:
        say(kind="address", interface=socket.if_indextoname(index) if index else "", address=address,
            gone=kind == RTM_DELADDR, tentative=bool(flags & IFA_F_TENTATIVE) and not flags & IFA_F_OPTIMISTIC,
            optimistic=bool(flags & IFA_F_OPTIMISTIC), deprecated=bool(flags & IFA_F_DEPRECATED))


def on_messages(data, running):
    while len(data) >= 16:
        length, kind = struct.unpack_from("=IH", data)
        if length < 16 or length > len(data):
            return
        body = data[16:length]
        try:
            if kind == RTM_NEWLINK:
                on_link(body, running)
            elif kind in (RTM_NEWADDR, RTM_DELADDR):
                on_address(kind, body)
        except OSError:  # the interface is gone already
            pass
        data = data[(length + 3) & ~3:]


def say_retransmitted():
    """Octets retransmitted by each connection so far, as the kernel counts them."""
    text = subprocess.run(["ss", "-tinHO", "state", "established"], capture_output=True, text=True, timeout=5).stdout
    connections = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) >= 4:
            match = re.search(r"bytes_retrans:(\d+)", line)
            connections[f"{words[2]} {words[3]}"] = int(match.group(1)) if match else 0
    say(kind="retransmitted", connections=connections)


def main():
    events = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
    events.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    events.bind((0, RTMGRP_LINK | RTMGRP_IPV6_IFADDR))
    running, next_count = {}, time.monotonic()
    say(kind="watching")
    while True:
        readable, _, _ = select.select([events], [], [], max(0, next_count - time.monotonic()))
        if readable:
            on_messages(events.recv(1 << 16), running)
        if time.monotonic() >= next_count:
            next_count += 0.5
            say_retransmitted()


if __name__ == "__main__":
    try:
        main()
    except (KeyboardInterrupt, BrokenPipeError):
        sys.exit(0)
