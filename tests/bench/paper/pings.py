# SPDX-License-Identifier: Apache-2.0
"""Echo requests at a steady rate, as the papers measure: nothing but a kernel has to answer."""
import os
from typing import NamedTuple, Optional

PINGER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "pinger.py")
INTERVAL = 0.005  # s
THEIRS = 4        # one of so many is a ping of the thesis, which sent one in 20 ms


class Ping(NamedTuple):
    """Times in s of the monotonic clock; came: None when it did not come back."""
    number: int
    sent: float
    came: Optional[float]


class Pings:
    """From a namespace to an address, until end()."""

    def __init__(self, namespace, address):
        self.path = os.path.join(namespace.lab.directory, f"{namespace.name}.pings")
        with open(self.path, "wb") as out:
            self.process = namespace.start("/usr/bin/python3", PINGER, address, INTERVAL, stdout=out)

    def so_far(self):
        with open(self.path, encoding="ascii") as lines:
            return parsed(lines)

    def end(self):
        self.process.terminate()
        self.process.wait(10)


def parsed(lines):
    """What pinger.py wrote, as Ping, in the order in which they were sent. Of a request that came back twice the first reply
    counts; the last line may be cut off."""
    sent, came = {}, {}
    for line in lines:
        if line.endswith("\n"):
            kind, number, when = line.split()
            (sent if kind == ">" else came).setdefault(int(number), float(when))
    return [Ping(number, when, came.get(number)) for number, when in sent.items()]


def downtime(pings, since, until):
    """s: the longest time without a reply, of those that touch the window; None: there were none at all."""
    times = sorted(ping.came for ping in pings if ping.came is not None)
    return max((b - a for a, b in zip(times, times[1:]) if b > since and a < until), default=None)


def sent_between(pings, since, until):
    return [ping for ping in pings if since <= ping.sent <= until]


def lost(pings):
    """(requests that did not come back, those of them that the thesis would have sent)."""
    missing = [ping for ping in pings if ping.came is None]
    return len(missing), sum(ping.number % THEIRS == 0 for ping in missing)


def wait_for_reply(namespace, address, wait_until):
    """What is asked for by a first packet is no part of a move."""
    wait_until(lambda: namespace.run("ping", "-c", "1", "-W", "2", address, check_status=False).returncode == 0,
               f"{namespace.name} does not reach {address}", timeout=40)
