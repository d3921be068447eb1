# SPDX-License-Identifier: Apache-2.0
"""What happened when in one move: steps of the orchestrator, events of the programs and frames in the captures, all in ms
after the guest ran again. All programs but the guest's have one clock; the guest's own is found by what it both logs and
sends, its first Locator Update."""
import os

# pylint: disable=import-error
from moments import seconds
from wire import packed, packets_of

IPV6, DESTINATION_OPTIONS, ICMPV6, UDP = b"\x86\xdd", 60, 58, 17
ROUTER_SOLICITATION, LOCATOR_UPDATE = 133, 156
ADVERTISES, ACKNOWLEDGES = 1, 2
LATEST = 4.0  # s after the guest ran again
CLOCK_IS_LATE = 5.0  # s that a guest may have been stopped in a run
LISP_DATA = 4341
RECORD = b"ROAM" + bytes((0, 0, 0, 2))  # examples/roam/counter: a datagram with data; its number follows
MAY_BE_UNDER_WAY = 0.05  # s; who was told that the guest leaves may have sent something there right before
IN_DNS = "DNS shows the new locator"
STEPS = (("prepare", "libvirt's hook: the move is prepared"), ("told", "network is told"),
         ("activated", "network has activated"), ("stopped", "hypervisor: guest stops (STOP)"),
         ("resumed", "hypervisor: guest runs (RESUME)"), ("heard", "border router has heard the guest"),
         ("release", "libvirt's hook: the move is released"), ("rehomed", "its home follows (rehome)"),
         ("published", "DNS is told (dynamic update)"), ("in_dns", IN_DNS))
NOTICES = ("host_notice", "host_moved", "clock_jump")


class Frame:
    """The headers of an IPv6 packet in a capture."""

    def __init__(self, when, octets):
        self.when, self.octets, self.mac = when, octets, octets[6:12]
        self.ip = octets[12:14] == IPV6 and len(octets) >= 54
        self.source, self.header, self.at = octets[22:38], octets[20] if self.ip else None, 54
        while self.ip and self.header == DESTINATION_OPTIONS and self.at + 2 <= len(octets):
            self.header, self.at = octets[self.at], self.at + 8 * (octets[self.at + 1] + 1)

    def kind(self):
        """Of an ICMPv6 message."""
        return self.octets[self.at] if self.header == ICMPV6 and self.at < len(self.octets) else None

    def update(self):
        """The operation of a Locator Update."""
        return self.octets[self.at + 5] if self.kind() == LOCATOR_UPDATE and self.at + 6 <= len(self.octets) else None

    def port(self):
        """The source port of a datagram."""
        return int.from_bytes(self.octets[self.at:self.at + 2], "big") if self.header == UDP else None

    def target(self):
        """The destination port of a datagram."""
        return int.from_bytes(self.octets[self.at + 2:self.at + 4], "big")

    def record(self, port):
        """The number of a counter's datagram to this port."""
        is_one = self.header == UDP and self.target() == port and self.octets[self.at + 8:self.at + 16] == RECORD
        return int.from_bytes(self.octets[self.at + 16:self.at + 24], "big") if is_one else None


class Captures:
    """Read once. `folder`: where the files are; without captures all of them are empty."""

    def __init__(self, folder):
        self.folder, self.known = folder, {}

    def frames(self, namespace, interface):
        name = f"{namespace}-{interface}.pcap"
        if name not in self.known:
            path = os.path.join(self.folder, name)
            self.known[name] = [Frame(*each) for each in packets_of(path)] if os.path.exists(path) else []
        return self.known[name]


class Timeline:
    """Of one move of `run` (LiveMigration). `locator` and `rloc`: the outside locator, as octets, and the RLOC of the site where
    the guest is now."""

    def __init__(self, run, captures, event, times, locator, rloc):
        self.run, self.captures, self.times, self.locator, self.rloc = run, captures, times, locator, packed(rloc)
        self.source, self.to, self.mac = event["from"], event["kind"], bytes.fromhex(run.machine.guest.mac.replace(":", ""))
        self.begin, self.resumed = times["begin"] + event["wall"], times["resumed"] + event["wall"]
        self.link = captures.frames(*run.lans[self.to])  # the guest's new one

    def _first(self, frames, wanted):
        return next((frame.when for frame in frames if self.resumed <= frame.when < self.resumed + LATEST and wanted(frame)), None)

    def _of_guest(self, wanted=lambda frame: True):
        return self._first(self.link, lambda frame: frame.ip and frame.mac == self.mac and wanted(frame))

    def after(self, when):
        """ms after the guest ran again."""
        return None if when is None else round(1000 * (when - self.resumed), 1)

    def guest_ms(self):
        """How long the guest took from RESUME to its first packet: what a hypervisor announces for it is none."""
        return self.after(self._of_guest())

    def own_gap_ms(self, port):
        """The longest silence of a stream where it leaves the guest, here and there together."""
        times = sorted(frame.when for lan in self.run.lans.values() for frame in self.captures.frames(*lan)
                       if frame.mac == self.mac and self.begin - 1 < frame.when < self.resumed + LATEST and frame.port() == port)
        gaps = [b - a for a, b in zip(times, times[1:]) if b > self.begin]
        return round(1000 * max(gaps), 1) if gaps else None

    def lost_by_network(self, stream, port):
        """Datagrams to the guest that neither came nor were brought to a hypervisor while the guest could be there. `stream`:
        what the guest received."""
        sent = range(stream.number_at(self.times["begin"] - 1), stream.number_at(self.times["resumed"] + LATEST))
        told = self.times.get("activated", self.times["resumed"]) - self.times["resumed"] + self.resumed
        here, there = (self.captures.frames(*self.run.lans[site]) for site in (self.source, self.to))
        brought = [frame for frame in here if frame.when < told + MAY_BE_UNDER_WAY] + there
        return len(set(sent) - set(stream.sequence) - {frame.record(port) for frame in brought})

    def steps(self):
        """{step: ms}, those that happened, in their order."""
        orders = {words: self.resumed - self.times["resumed"] + self.times[step] for step, words in STEPS if self.times.get(step)}
        found = {**orders, **self._frames(), **self._guest_says(), **self._gateways_say()}
        return {step: self.after(when) for step, when in sorted(
            ((step, when) for step, when in found.items() if when is not None), key=lambda item: item[1])}

    def _frames(self):
        clients = {name: self.captures.frames(*place) for name, place in self.run.clients.items()}
        nid = packed(f"::{self.run.nid}")[8:]
        return {
            "guest: first packet": self._of_guest(),
            "guest: solicits routers": self._of_guest(lambda frame: frame.kind() == ROUTER_SOLICITATION),
            "guest: Locator Update": self._of_guest(lambda frame: frame.update() == ADVERTISES),
            "ILNP client: Locator Update comes": self._first(clients["p"], lambda frame: frame.update() == ADVERTISES),
            "guest: acknowledgement comes": self._first(self.link, lambda frame: frame.update() == ACKNOWLEDGES),
            "ILNP client: first datagram on the new path": self._first(
                clients["p"], lambda frame: frame.source == self.locator + nid and frame.port()),
            "IP-only client: first datagram": self._first(clients["o"], lambda frame: frame.source[8:] == nid and frame.port()),
            "LISP client: first datagram on the new path": self._first(
                clients["q"], lambda frame: frame.source == self.rloc and frame.port() and frame.target() == LISP_DATA)}

    def _guest_says(self):
        """By the guest's clock, which stood still while the guest was stopped."""
        since = self.resumed - CLOCK_IS_LATE
        events = [(seconds(event), event) for event in self.run.guest_events]
        sent, left = next((when for when, event in events if when > since and event.get("event") == "locator_update_sent"
                           and same_locator(event, self.locator)), None), self._of_guest(lambda frame: frame.update() == ADVERTISES)
        if sent is None or left is None:
            return {}
        offset, since = left - sent, self.resumed - left + sent

        def first(*names, own=lambda event: True):
            return next((when + offset for when, event in events if when >= since and event.get("event") in names and own(event)),
                        None)
        return {"guest: notices": first(*NOTICES),
                "guest: new locator usable": first("own_locator_up", own=lambda event: same_locator(event, self.locator)),
                "guest: hears of the acknowledgement": first("locator_update_acknowledged")}

    def _gateways_say(self):
        sites = self.run.sites
        eid, here = f"{sites.eid_of(self.run.name_of_guest)}/128", sites.gateways[self.to]

        def first(gateways, name):
            times = [seconds(event) for gateway in gateways for event in gateway.events(name) if event.get("eid") == eid]
            return min((when for when in times if self.begin <= when < self.resumed + LATEST), default=None)
        both = [here, sites.gateways[self.source]]
        return {"Map-Server: EID registered by the new gateway": first([here], "registered"),
                "LISP site: told (Change-Priority)": first(both, "client_updated"),
                "LISP site: solicited (SMR)": first(both, "client_solicited"),
                "LISP site: sends to the new gateway": first([sites.gateways["lx"]], "mapping_changed")}


def same_locator(event, octets):
    text = event.get("locator", "").replace("-", ":")
    return text != "" and packed(f"{text}::")[:8] == octets
