#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Moves of every kind with a TCP transfer (octets compared) and a 1 kHz counter in both directions."""
import datetime
import time

from flows import Counter, Stream, now
from lab import check, standard, test_main, wait_until
from leaks import identity_leaks, resets

# The kernel reports a change of carrier at once or up to a second later (it batches them): the gap as a whole is bounded
# with that in mind, and the part that comes after the daemon knows is bounded by itself. Both are printed.
WHOLE_GAP = 1.7
OWN_PART = 0.25
FLAPPING = 1.0  # ten times 0.1 s, in which there is no link to speak of


class Moving:
    def __init__(self, lab, a, b):
        self.lab, self.a, self.b = lab, a, b
        self.marks = []
        address = a.resolve_peer(b)
        self.udp = Counter(a.ns, b.ns, address)
        self.stream = Stream(a.ns, b.ns, address, rate=4_000_000)
        self.back = Stream(b.ns, a.ns, a.identity(), port=7003, rate=1_000_000)
        wait_until(lambda: (b.session(a.nid) or {}).get("state") == "established", "no session")

    def using(self, host, peer, wanted):
        """Waits until `host` sends to the peer's locator `wanted` (2001:db8:a2)."""
        words = "-".join(w.zfill(4) for w in (wanted + ":0").split(":"))
        wait_until(lambda: host.session(peer.nid)["using"]["remote"] == words,
                   lambda: f"{host.name} does not use {words}: {host.session(peer.nid)}")

    def mark(self, words, host):
        self.marks.append([words, host, now(), None])

    def settled(self, pause=0.5):
        time.sleep(pause)
        self.marks[-1][3] = now()

    def end(self, what):
        figures = self.udp.stop()
        octets = self.stream.stop(what=what)["octets"] + self.back.stop(what=what)["octets"]
        for words, host, begin, end in self.marks:
            self.judge(what, words, host, begin, end, figures)
        late = figures["there"]["late"] + figures["back"]["late"]
        print(f"{what}: {figures['sent']} sent, lost {figures['there']['lost']} + {figures['back']['lost']}, late {late}; "
              f"{octets >> 20} MiB of TCP intact")
        check(not figures["there"]["twice"] and not figures["back"]["twice"], f"{what}: datagrams came twice")
        for host in (self.a, self.b):
            check('"session_ended"' not in host.log_text(), f"{what}: {host.name} lost a session")
        return figures


    @staticmethod
    def judge(what, words, host, begin, end, figures):
        offset = time.time() - now()
        known = [e for e in (event_time(event) - offset for name in ("own_locator_up", "own_locator_down")
                             for event in host.events(name)) if begin <= e <= end]
        gaps = [(length, at) for way in ("there", "back") for length, at in figures[way]["gaps"]
                if at + length > begin and at < end]
        whole = max((length for length, _ in gaps), default=0.0)
        # Of a gap, what is left of it when the last thing that the daemon had to know about it has come.
        own = max((at + length - max([k for k in known if k < at + length] + [at]) for length, at in gaps), default=0.0)
        # Where the sender itself did not get the processor, so much of a gap is the machine's.
        machine = sum(length for length, at in figures["back"]["late_sending"] if begin < at + length and at < end)
        print(f"{what}: {words:34} UDP gap {whole * 1e3:4.0f} ms, {own * 1e3:3.0f} ms of it after the daemon knew"
              + (f", the machine late by {machine * 1e3:.0f} ms" if machine else ""))
        check(known, f"{what}: {words}: the daemon noticed nothing")
        # While a link flaps, events are too many to be written all.
        apart = machine + (FLAPPING if "flaps" in words else 0)
        check(whole <= WHOLE_GAP + apart and (own <= OWN_PART + machine or "flaps" in words),
              f"{what}: {words}: gap {whole:.3f} s, own part {own:.3f} s, machine {machine:.3f} s")


def event_time(event):
    return datetime.datetime.fromisoformat(event["time"].replace("Z", "+00:00")).timestamp()


def link(host, interface, state):
    host.ns.ip("link", "set", interface, state)


def hard_and_soft(lab, a, b):
    moving = Moving(lab, a, b)
    for host, peer, old, new, places in ((a, b, "eth0", "eth1", "2001:db8:a2"), (b, a, "eth0", "eth1", "2001:db8:c2"),
                                         (a, b, "eth1", "eth0", "2001:db8:a1"), (b, a, "eth1", "eth0", "2001:db8:c1")):
        hard = old == "eth0"
        moving.mark(f"{host.name} {'hard' if hard else 'soft'} to {places}", host)
        if hard:
            link(host, old, "down")
            link(host, new, "up")
        else:
            link(host, new, "up")
            wait_until(lambda h=host: len(h.locators()) == 2, f"{host.name}: two locators")
            time.sleep(0.3)
            link(host, old, "down")
        moving.using(peer, host, places)
        moving.settled()
    moving.end("moves")


def flapping(lab, a, b):
    moving = Moving(lab, a, b)
    moving.mark("eth0 of a flaps ten times", a)
    for _ in range(10):
        link(a, "eth0", "down")
        time.sleep(0.05)
        link(a, "eth0", "up")
        time.sleep(0.05)
    begin = now()
    wait_until(lambda: a.locators(), "no locator after the flapping", 8)
    moving.using(b, a, "2001:db8:a1")
    wait_until(lambda: a.session(b.nid)["lu"]["state"] == "idle", "no acknowledgement after the flapping")
    moving.settled(1.0)
    print(f"flapping: usable {now() - begin - 1:.2f} s after the last flap")
    moving.end("flapping")


def carrier_only(lab, a, b):
    """The cable is pulled at the other end: the interface stays up."""
    router = lab.namespaces["r"]
    link(a, "eth1", "up")
    wait_until(lambda: len(a.locators()) == 2, "two locators")
    moving = Moving(lab, a, b)
    for gone, place in (("a-eth0", "2001:db8:a2"), ("a-eth1", "2001:db8:a1")):
        if gone == "a-eth1":
            router.ip("link", "set", "a-eth0", "up")
            router.ip("addr", "replace", "2001:db8:a1::1/64", "dev", "a-eth0", "nodad")
            wait_until(lambda: len(a.locators()) == 2, "two locators again")
            time.sleep(0.6)
        moving.mark(f"carrier of {gone} lost", a)
        router.ip("link", "set", gone, "down")
        wait_until(lambda: len(a.locators()) == 1, "the lost carrier is noticed")
        moving.using(b, a, place)
        moving.settled()
    router.ip("link", "set", "a-eth1", "up")
    router.ip("addr", "replace", "2001:db8:a2::1/64", "dev", "a-eth1", "nodad")
    moving.end("carrier")
    link(a, "eth1", "down")


def test(lab):
    a, b = standard(lab)
    a.start()
    b.start()
    router = lab.namespaces["r"]
    captures = [lab.capture(router, f"{host}-{interface}") for host in "ab" for interface in ("eth0", "eth1")]
    hard_and_soft(lab, a, b)
    flapping(lab, a, b)
    carrier_only(lab, a, b)
    captures = lab.end_captures()
    check(not resets(captures, [a.nid, b.nid]), f"resets: {resets(captures, [a.nid, b.nid])[:3]}")
    check(not identity_leaks(captures), f"identity addresses on the wire: {identity_leaks(captures)[:3]}")


test_main(test, 90)
