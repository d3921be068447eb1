#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Scenario b: guests go to the other site and come back, and their correspondents see nothing of it: one with ilnp-host
and one without, each with a correspondent that opens sessions and one that has them opened, with ILNP and without."""
import time

from two_sites import NID_PEER, OUT, TwoSites

# pylint: disable=wrong-import-order
from flows import Counter, go_on
from lab import check, test_main, wait_until
from sessions import Sessions, names_on_the_wire
from wire import packed


def all_sessions(sites, guest, plain):
    p, q, g = sites.peer, sites.lab.namespaces["q"], guest.ns
    address, plain_name = p.resolve_peer(guest), sites.outside_name(plain.address)
    sessions = Sessions()
    sessions.counter("ILNP", p.ns, g, address)
    sessions.counter("no ILNP", q, plain, plain_name)
    sessions.stream("ILNP, in", p.ns, g, address, rate=2_000_000)
    sessions.stream("ILNP, out", g, p.ns, p.identity())
    sessions.stream("no ILNP, in", q, plain, plain_name)
    sessions.stream("no ILNP, out", plain, q, OUT)
    return sessions


def nothing_lost(sites, guest):
    """Packets under way: from activate until it is heard the destination holds what comes."""
    udp = Counter(sites.peer.ns, guest.ns, sites.peer.resolve_peer(guest), port=7031, hertz=100)
    go_on(udp)
    home = sites.place("dc1")
    sites.step("dc1", "prepare", sites.node("g"), "--home", home, "--to", "dc2")
    sites.step("dc2", "activate", sites.node("g"))
    sites.wait_presence("g", "dc1", "away")
    sites.unplug("g")
    time.sleep(0.3)
    held = wait_until(lambda: sites.sites["dc2"].router.counters()["table.held_octets"], "nothing is held")
    sites.plug("g", "dc2")
    sites.wait_presence("g", "dc2", "visiting")
    sites.step("dc2", "release", sites.node("g"))
    go_on(udp)
    figures = udp.stop()
    print(f"held for 300 ms: {held} octets; of {figures['sent']} datagrams {figures['there']['lost']} were lost")
    check(figures["there"]["lost"] == 0 and figures["there"]["late"] == 0, "packets under way were lost")


def test(lab):
    sites = TwoSites(lab)
    sites.start()
    guest, plain = sites.guest("g"), sites.plain_guest("h", 10)
    captures = [lab.capture(lab.namespaces["r"], f"{peer}-eth0") for peer in "pq"]
    sessions = all_sessions(sites, guest, plain)
    wait_until(lambda: (guest.session(NID_PEER) or {}).get("state") == "established", "no session")
    sessions.go_on()
    for to in ("dc2", "dc1"):
        for name in ("g", "h"):
            sessions.mark(f"{name} to {to}")
            sites.move(name, to)
            time.sleep(0.7)
            sessions.go_on()
    wait_until(lambda: guest.session(NID_PEER)["lu"]["state"] == "idle",
               lambda: f"updates of the guest are not acknowledged: {guest.session(NID_PEER)}")
    sessions.end()
    home = packed(sites.outside_name("::"))[:8]
    for path in lab.end_captures():
        for nid, seen in names_on_the_wire(path, [packed(a)[8:] for a in (f"::{guest.nid}", plain.address)]).items():
            check(seen <= {home}, f"seen under other names: {nid.hex()} {[each.hex() for each in seen]}")
    nothing_lost(sites, guest)


test_main(test)
