# SPDX-License-Identifier: Apache-2.0
"""The flows that a test keeps alive, and what they say afterwards."""
import json
import select
import signal
import subprocess
import time

from lab import check


class Process:
    def __init__(self, namespace, *arguments):
        self.process = namespace.python("traffic.py", *arguments, stdout=subprocess.PIPE, text=True)
        self.words = " ".join(str(a) for a in arguments)
        check(self.line(35) == "ready", f"traffic.py {self.words} does not start")

    def line(self, timeout):
        ready, _, _ = select.select([self.process.stdout], [], [], timeout)
        check(ready, f"traffic.py {self.words} says nothing")
        return self.process.stdout.readline().strip()

    def figures(self, timeout=15):
        text = self.line(timeout)
        check(text.startswith("{"), f"traffic.py {self.words} ended early: {text}")
        return json.loads(text)

    def stop(self, timeout=15):
        self.process.send_signal(signal.SIGTERM)
        figures = self.figures(timeout)
        self.process.wait(timeout)  # its port is free again
        return figures


class Counter:
    """Datagrams at 1 kHz from one namespace to the other and back."""

    def __init__(self, client, server, address, port=7001, hertz=1000):
        self.server = Process(server, "count-serve", port)
        self.client = Process(client, "count", address, port, hertz)

    def stop(self):
        """Figures of both directions: there (arrivals at the server), back (echoes)."""
        back = self.client.stop()
        there = self.server.stop()
        there["lost"] = back["sent"] - there["count"]
        back["lost"] = there["count"] - back["count"]
        return {"there": there, "back": back, "sent": back["sent"], "errors": back["errors"]}


class Stream:
    """A TCP transfer whose octets are compared."""

    def __init__(self, client, server, address, port=7002, rate=0):
        self.server = Process(server, "stream-serve", port)
        self.client = Process(client, "stream", address, port, rate)

    def stop(self, timeout=20, what="TCP"):
        sent = self.client.stop(timeout)
        received = self.server.figures(timeout)
        self.server.process.send_signal(signal.SIGTERM)
        self.server.process.wait(timeout)
        check(sent["error"] is None and received["error"] is None,
              f"{what}: the stream broke: {sent['error']} / {received['error']} after {received['octets']} octets")
        check(sent["sha256"] == received["sha256"] and sent["octets"] == received["octets"] > 0,
              f"{what}: {sent['octets']} octets sent, {received['octets']} received, or others")
        return {"octets": received["octets"], "gaps": received["gaps"], "connect_s": sent["connect_s"]}


def longest_gap(figures, since=None, until=None):
    """Seconds; of those that overlap [since, until] on the monotonic clock."""
    found = [length for length, begin in figures["gaps"]
             if (since is None or begin + length > since) and (until is None or begin < until)]
    return max(found, default=0.0)


def now():
    return time.monotonic()
