# SPDX-License-Identifier: Apache-2.0
"""Cables of a wide area: the program `wire` delays what passes them, and loses some of it. What it loses it keeps, so that
each datagram that is missing in the end is known to be the cables' loss, or somebody else's."""
import json
import os
import signal
import struct

from lab import check, text_of, wait_until
from site_lab import wide_area, wide_cable

BETWEEN_SITES = "dc1-x0"
RECORD = struct.pack(">II", 0x524f414d, 2)  # how counter's data begin
DATAGRAM = 8 + 64  # octets of UDP around a record
OWN_FAULTS = ("overflowed", "memory", "missed", "unsent")  # losses that nobody asked for, and that are not kept


class Cables:
    """Between the data centres `delay` ms one way, between each of them and the others half of it; `loss` in percent."""

    def __init__(self, lab, delay, loss):
        self.lab, self.delay, self.loss = lab, delay, loss
        self.pairs, self.process = [], None
        self.log, self.counters, self.lost = (os.path.join(lab.directory, f"wire.{kind}") for kind in ("log", "json", "pcap"))

    def cable(self, left, left_name, right, right_name, mtu=None):
        """For TwoSites."""
        name, pair = wide_cable(left, left_name, right, right_name, mtu)
        delay = self.delay if name == BETWEEN_SITES else self.delay / 2
        self.pairs += ["--pair", f"{pair},delay={delay}ms,loss={self.loss}%"]

    def start(self):
        program = os.path.join(self.lab.build, "examples/roam/wire")
        with open(self.log, "wb") as log, open(self.counters, "wb") as out:
            self.process = wide_area(self.lab).start(program, *self.pairs, "--lost", self.lost, stdout=out, stderr=log)
        wait_until(lambda: "wire: ready" in text_of(self.log), lambda: f"wire does not start: {text_of(self.log)}")

    def end(self):
        """They carry nothing any more; {(cable, direction): counters}."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(10)
        found = {(name, way): each for name, ways in json.loads(text_of(self.counters)).items() for way, each in ways.items()}
        faults = {key: each for key, each in found.items() if any(each[fault] for fault in OWN_FAULTS)}
        check(not faults, f"the cables lost what they were not told to lose: {faults}")
        return found

    def lost_records(self):
        """(source port, destination port, number) of the datagrams of sessions that they lost, one at a time."""
        with open(self.lost, "rb") as file:
            file.read(24)
            while len(head := file.read(16)) == 16:
                frame = file.read(struct.unpack("=IIII", head)[2])
                at = frame.find(RECORD)
                if at < 8 or len(frame) < at + 16:
                    continue
                source, destination, length = struct.unpack(">HHH", frame[at - 8:at - 2])
                if length == DATAGRAM:  # else it is a stream's
                    yield source, destination, struct.unpack(">Q", frame[at + 8:at + 16])[0]
