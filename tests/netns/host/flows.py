# SPDX-License-Identifier: Apache-2.0
"""The flows that a test keeps alive, and what they say afterwards."""
import json
import random
import select
import signal
import socket
import subprocess
import time

from lab import check, wait_until

LATE = 3.0  # s; no machine is busy for longer


class Process:
    def __init__(self, namespace, *arguments):
        self.process = namespace.python("traffic.py", *arguments, stdout=subprocess.PIPE, text=True)
        self.words = " ".join(str(a) for a in arguments)
        check(self.line(35) == "ready", f"traffic.py {self.words} does not start")

    def line(self, timeout):
        ready, _, _ = select.select([self.process.stdout], [], [], timeout)
        check(ready, f"traffic.py {self.words} says nothing")
        return self.process.stdout.readline().strip()

    def figures(self, timeout=30):
        text = self.line(timeout)
        check(text.startswith("{"), f"traffic.py {self.words} ended early: {text}")
        return json.loads(text)

    def so_far(self, what):
        self.process.send_signal(signal.SIGUSR1)
        figures = self.figures()
        check("gaps" not in figures, f"traffic.py {self.words} ended early: {figures}")
        return figures[what]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        figures = self.figures()
        self.process.wait(30)  # its port is free again
        return figures


class Counter:
    """Datagrams at 1 kHz from one namespace to the other and back."""
    enough = 100  # echoes, to say that it goes on

    def __init__(self, client, server, address, port=7001, hertz=1000):
        self.server = Process(server, "count-serve", port)
        self.client = Process(client, "count", address, port, hertz)

    def so_far(self):
        return self.client.so_far("count")

    def stop(self):
        """Figures of both directions: there (arrivals at the server), back (echoes)."""
        back = self.client.stop()
        there = self.server.stop()
        there["lost"] = back["sent"] - there["count"]
        back["lost"] = there["count"] - back["count"]
        return {"there": there, "back": back, "sent": back["sent"], "errors": back["errors"]}


class Stream:
    """A TCP transfer whose octets are compared."""
    enough = 1 << 16

    def __init__(self, client, server, address, port=7002, rate=0):
        self.server = Process(server, "stream-serve", port)
        self.client = Process(client, "stream", address, port, rate)

    def so_far(self):
        return self.server.so_far("octets")

    def stop(self, what="TCP"):
        sent = self.client.stop()
        received = self.server.figures()
        self.server.process.send_signal(signal.SIGTERM)
        self.server.process.wait(30)
        check(sent["error"] is None and received["error"] is None,
              f"{what}: the stream broke: {sent['error']} / {received['error']} after {received['octets']} octets")
        check(sent["sha256"] == received["sha256"] and sent["octets"] == received["octets"] > 0,
              f"{what}: {sent['octets']} octets sent, {received['octets']} received, or others")
        return {"octets": received["octets"], "gaps": received["gaps"], "connect_s": sent["connect_s"]}


def go_on(*flows, more=None):
    """Waits until each of them has got further by `more` (enough of them): datagrams there and back, or octets."""
    for flow, begin in [(flow, flow.so_far()) for flow in flows]:
        wait_until(lambda f=flow, b=begin: f.so_far() >= b + (more or f.enough),
                   lambda f=flow, b=begin: f"traffic.py {f.client.words} stopped at {b}")


def longest_gap(figures, since=None, until=None):
    """Seconds; of those that overlap [since, until] on the monotonic clock."""
    found = [length for length, begin in figures["gaps"]
             if (since is None or begin + length > since) and (until is None or begin < until)]
    return max(found, default=0.0)


def promise(words, found, allowed):
    """Seconds that several tries took: the best one is held to the promise, since a busy machine is late by itself, and every
    one to a bound that no timer of ours and no busy machine explains."""
    check(max(found) < allowed + LATE, f"{words}: {max(found):.3f} s")
    check(min(found) < allowed, f"{words}: the best of {len(found)} took {min(found):.3f} s, {allowed} s are promised")


def best_of(words, allowed, attempt, tries=5):
    """attempt() says how long it took, and is called again only when that was too long."""
    found = []
    while not found or (min(found) >= allowed and len(found) < tries):
        found.append(attempt())
    promise(words, found, allowed)


def echoes(client, server, address, sizes, port=7400, timeout=20.0):
    """Datagrams of these sizes there and back, each sent again until its echo is here; what comes must be what was sent, now or before."""
    with server.socket(socket.AF_INET6, socket.SOCK_DGRAM) as listener, client.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
        listener.bind(("::", port))
        listener.settimeout(0.3)
        s.settimeout(0.3)
        s.connect((address, port))
        sent = set()

        def receive(end, wanted, words):
            """The address that `wanted` came from; what was late comes before it."""
            while True:
                got, peer = end.recvfrom(65536)
                check(got in sent, f"{words} {len(wanted)} octets is another: {len(got)}")
                if got == wanted:
                    return peer

        for size in sizes:
            data = random.randbytes(size)
            sent.add(data)
            end = time.monotonic() + timeout
            while True:
                check(time.monotonic() < end, f"no echo of {size} octets from {address}")
                try:
                    s.send(data)  # too large for what the kernel knows of the path: it cuts
                    listener.sendto(data, receive(listener, data, "what arrived of"))
                    receive(s, data, "the echo of")
                    break
                except (socket.timeout, OSError):
                    continue


def now():
    return time.monotonic()
