#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Scenario b: guests go to the other site and come back, and their correspondents see nothing of it: one with ilnp-host
and one without, each with a correspondent that opens sessions and one that has them opened, with ILNP and without."""
import time

from two_sites import NID_PEER, OUT, TwoSites

# pylint: disable=wrong-import-order
from flows import Counter, Stream, longest_gap, now
from lab import check, test_main, wait_until
from wire import packed, packets_of

STALL = 1.5  # s; the machine may be busy


class Flows:
    def __init__(self, sites, guest, plain):
        p, q, g = sites.peer, sites.lab.namespaces["q"], guest.ns
        address = p.resolve_peer(guest)
        plain_name = sites.outside_name(plain.address)
        self.udp = {"ILNP": Counter(p.ns, g, address), "no ILNP": Counter(q, plain, plain_name, port=7011)}
        self.tcp = {"ILNP, in": Stream(p.ns, g, address, rate=2_000_000),
                    "ILNP, out": Stream(g, p.ns, p.identity(), 7003, rate=1_000_000),
                    "no ILNP, in": Stream(q, plain, plain_name, 7012, rate=1_000_000),
                    "no ILNP, out": Stream(plain, q, OUT, 7013, rate=1_000_000)}

    def end(self, marks):
        for name, counter in self.udp.items():
            figures = counter.stop()
            gaps = [longest_gap(figures["there"], since, since + 0.7) for _, since in marks]
            print(f"UDP {name}: {figures['sent']} sent, lost {figures['there']['lost']} there, {figures['back']['lost']} "
                  f"back; stalls " + ", ".join(f"{what} {gap * 1e3:.0f} ms" for (what, _), gap in zip(marks, gaps)))
            check(max(gaps) < STALL, f"{name} stalls for {max(gaps)} s")
            check(not figures["there"]["twice"] and not figures["back"]["twice"], f"{name}: datagrams came twice")
        for name, stream in self.tcp.items():
            print(f"TCP {name}: {stream.stop(what=name)['octets'] >> 10} KiB intact")


def names_on_the_wire(path, nids):
    """The locators under which guests are seen in a capture."""
    seen = {nid: set() for nid in nids}
    for _, frame in packets_of(path):
        if frame[12:14] != b"\x86\xdd":
            continue
        for at in (22, 38):
            locator, nid = frame[at:at + 8], frame[at + 8:at + 16]
            if nid in seen:
                seen[nid].add(locator)
    return seen


def nothing_lost(sites, guest):
    """Packets under way: from activate until it is heard the destination holds what comes."""
    udp = Counter(sites.peer.ns, guest.ns, sites.peer.resolve_peer(guest), port=7031, hertz=100)
    time.sleep(0.3)
    home = sites.place("dc1")
    sites.step("dc1", "prepare", sites.node("g"), "--home", home, "--to", "dc2")
    sites.step("dc2", "activate", sites.node("g"))
    sites.wait_presence("g", "dc1", "away")
    sites.unplug("g")
    time.sleep(0.3)
    held = sites.sites["dc2"].router.counters()["table.held_octets"]
    sites.plug("g", "dc2")
    sites.wait_presence("g", "dc2", "visiting")
    sites.step("dc2", "release", sites.node("g"))
    time.sleep(0.5)
    figures = udp.stop()
    print(f"held for 300 ms: {held} octets; of {figures['sent']} datagrams {figures['there']['lost']} were lost")
    check(held > 0 and figures["there"]["lost"] == 0 and figures["there"]["late"] == 0, "packets under way were lost")


def test(lab):
    sites = TwoSites(lab)
    sites.start()
    guest, plain = sites.guest("g"), sites.plain_guest("h", 10)
    captures = [lab.capture(lab.namespaces["r"], f"{peer}-eth0") for peer in "pq"]
    flows = Flows(sites, guest, plain)
    wait_until(lambda: (guest.session(NID_PEER) or {}).get("state") == "established", "no session")
    time.sleep(0.5)
    marks = []
    for to in ("dc2", "dc1"):
        for name in ("g", "h"):
            marks.append((f"{name} to {to}", now()))
            sites.move(name, to)
            time.sleep(0.7)
    wait_until(lambda: guest.session(NID_PEER)["lu"]["state"] == "idle",
               lambda: f"updates of the guest are not acknowledged: {guest.session(NID_PEER)}")
    flows.end(marks)
    home = packed(sites.outside_name("::"))[:8]
    for path in lab.end_captures():
        for nid, seen in names_on_the_wire(path, [packed(a)[8:] for a in (f"::{guest.nid}", plain.address)]).items():
            check(seen <= {home}, f"seen under other names: {nid.hex()} {[each.hex() for each in seen]}")
    nothing_lost(sites, guest)


test_main(test, 60)
