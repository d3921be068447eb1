#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A TCP stream as fast as it goes, from the guest (curl) to a namespace, and when its octets arrived.

    bulk.py PORT PROTOCOL       takes one connection: a line for each piece that came, TIME OCTETS; s of the monotonic clock
"""
import os
import socket
import sys
import time

MPTCP = 262  # IPPROTO_MPTCP
PRELOAD = "/usr/lib/libmptcpwrap.so"  # in the guest: makes a program's TCP sockets sockets of MPTCP
AROUND, ENOUGH = 2.0, 2.0  # s before a move, and at the end of what is looked at, that a rate is taken of


class Bulk:
    """Runs until end(). `to`: how the guest calls the namespace."""
    ports = 7600

    def __init__(self, machine, namespace, to, mptcp=False):
        Bulk.ports += 1
        self.machine, port = machine, Bulk.ports
        self.path = os.path.join(namespace.lab.directory, f"bulk-{port}")
        with open(self.path, "wb") as out:
            self.sink = namespace.start("/usr/bin/python3", os.path.abspath(__file__), port, MPTCP if mptcp else 0, stdout=out)
        preload = f"LD_PRELOAD={PRELOAD} " if mptcp else ""
        # Asked again until the sink listens.
        machine.run(f"{preload}curl -sS -g -T - -H Expect: --retry 20 --retry-connrefused --retry-delay 1 http://{to}:{port}/ "
                    "</dev/zero >/dev/null 2>/run/bulk.err &")

    def arrivals(self):
        with open(self.path, encoding="ascii") as lines:
            return parsed(lines)

    def end(self):
        self.machine.run("killall curl", check_status=False)
        self.sink.kill()
        self.sink.wait(10)


def parsed(lines):
    """[(time, octets)]; the last line may be cut off."""
    return [(float(when), int(octets)) for when, octets in (line.split() for line in lines if line.endswith("\n"))]


def rate(arrivals, since, until):
    """Mbit/s"""
    return 8e-6 * sum(octets for when, octets in arrivals if since <= when < until) / (until - since)


def felt(arrivals, begin, end):
    """Of a move that began at `begin` and was looked at until `end`; gap_ms None: nothing came any more in the end."""
    times = [when for when, _ in arrivals if when <= end]
    after = rate(arrivals, end - ENOUGH, end)
    gap = max((b - a for a, b in zip(times, times[1:]) if b > begin), default=None) if after else None
    return {"gap_ms": gap and round(1000 * gap, 1), "before_mbit": round(rate(arrivals, begin - AROUND, begin), 1),
            "after_mbit": round(after, 1)}


def sink(port, protocol):
    listener = socket.socket(socket.AF_INET6, socket.SOCK_STREAM, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("::", port))
    listener.listen(1)
    connection, _ = listener.accept()
    while data := connection.recv(1 << 18):
        print(f"{time.monotonic():.6f} {len(data)}", flush=True)


if __name__ == "__main__":
    sink(int(sys.argv[1]), int(sys.argv[2]))
