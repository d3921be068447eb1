#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A 1 kHz stream into a guest that moves: the destination holds what comes from `activate` until the guest is heard, so
nothing is lost and nothing is overtaken, with an ILNP peer and with one without ILNP, there and back."""
import time

from two_sites import OTHER, TwoSites

# pylint: disable=wrong-import-order
from flows import Counter, go_on
from lab import check, test_main, wait_until

STOPPED = 0.3  # s
PACKET = 40 + 8 + 64  # octets


def enough_held(router):
    """The octets that wait, when half a stop's worth of them is there."""
    held = router.counters()["table.held_octets"]
    return held if held > PACKET * STOPPED * 1000 / 2 else None


def move_with_hold(sites, name):
    """The home sends to the destination before the guest is unplugged: nothing is under way to where it was."""
    node, source = sites.node(name), sites.where[name]
    # While it probes for duplicates it would take it for one that its home answers for it, where it still is.
    host = sites.lab.hosts.get(name)
    wait_until(lambda: host is None or all(each["dad"] == "unique" for each in host.locators()), "probing for duplicates")
    to = OTHER[source]
    home = ("--home", sites.place("dc1")) if sites.nids.get(name) else ()
    sites.step(source, "prepare", node, "--to", sites.place(to) if home else to, *home)
    sites.step(to, "activate", node)
    for site in sites.sites:
        wait_until(lambda s=site: sites.presence(name, s) in ("away", "arriving", None),
                   lambda s=site: f"{s} has not switched: {sites.presence(name, s)}")
    time.sleep(0.2)  # what was under way to the source has arrived there
    sites.unplug(name)
    time.sleep(STOPPED)
    held = wait_until(lambda: enough_held(sites.sites[to].router), f"{name}: hardly anything is held at {to}")
    sites.plug(name, to)
    sites.wait_presence(name, to, sites.inside(name, to))
    sites.step(to, "release", node)
    return held


def test(lab):
    sites = TwoSites(lab)
    sites.start()
    guest, plain = sites.guest("g"), sites.plain_guest("h", 10)
    q = lab.namespaces["q"]
    streams = {"g": Counter(sites.peer.ns, guest.ns, sites.peer.resolve_peer(guest), port=7201),
               "h": Counter(q, plain, sites.outside_name(plain.address), port=7202)}
    go_on(*streams.values())
    held = {name: [] for name in streams}
    for _ in range(2):
        for name in streams:
            held[name].append(move_with_hold(sites, name))
            go_on(streams[name], more=500)
    for name, stream in streams.items():
        figures = stream.stop()
        there = figures["there"]
        print(f"{name}: {figures['sent']} sent, {there['lost']} lost, {there['late']} late, {there['twice']} twice; held "
              f"{held[name]} octets")
        check(there["lost"] == 0 and there["twice"] == 0, f"{name}: {there['lost']} lost, {there['twice']} came twice")
        check(there["late"] == 0, f"{name}: {there['late']} were overtaken")


test_main(test)
