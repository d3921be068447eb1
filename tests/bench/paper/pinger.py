#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sends echo requests at fixed times, however late replies and processor are, until it is ended.

    pinger.py ADDRESS INTERVAL      lines: > NUMBER TIME (sent), < NUMBER TIME (came back); s of the monotonic clock
"""
import os
import select
import socket
import struct
import sys
import time

ECHO_REQUEST, ECHO_REPLY, FILTER = 128, 129, 1


def echo_socket(address):
    s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
    only_replies = [0xffffffff] * 8
    only_replies[ECHO_REPLY // 32] ^= 1 << ECHO_REPLY % 32
    s.setsockopt(socket.IPPROTO_ICMPV6, FILTER, struct.pack("=8I", *only_replies))
    s.connect((address, 0))
    s.setblocking(False)
    return s


def receive(s, ours):
    """Numbers of the replies that wait."""
    while True:
        try:
            message = s.recv(2048)
        except BlockingIOError:
            return
        except OSError:
            continue  # an ICMP error, reported once
        if len(message) >= 16 and message[4:6] == ours:
            yield struct.unpack("!Q", message[8:16])[0]


def main(address, interval):
    s, ours, number, due = echo_socket(address), struct.pack("!H", os.getpid() & 0xffff), 0, time.monotonic()
    while True:
        now = time.monotonic()
        if now >= due:
            print(f"> {number} {now:.6f}", flush=True)
            try:
                s.send(struct.pack("!BBH2sHQ", ECHO_REQUEST, 0, 0, ours, number & 0xffff, number))
            except OSError:
                pass  # no way at present: it is lost
            number, due = number + 1, due + interval
        select.select([s], [], [], max(0.0, due - time.monotonic()))
        for came in receive(s, ours):
            print(f"< {came} {time.monotonic():.6f}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
