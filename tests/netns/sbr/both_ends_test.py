#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Scenario e: three guests that talk to each other, and two of them with a peer outside, all move: one after the other, two
that change places at the same moment, all at once."""
import threading
import time

from two_sites import OTHER, TwoSites

# pylint: disable=wrong-import-order
from lab import Failure, check, test_main, wait_until
from sessions import Sessions

GUESTS = (("x", "200:0:0:a"), ("y", "200:0:0:b"), ("z", "200:0:0:d"))


def move_together(sites, names):
    """Each to the site where it is not, at the same moment."""
    failures = []

    def move(name):
        try:
            sites.move(name, OTHER[sites.where[name]])
        except Failure as failure:
            failures.append(failure)
    threads = [threading.Thread(target=move, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    check(not failures and not any(thread.is_alive() for thread in threads), f"{names}: {failures}")


def one_place_each(sites, names):
    for name in names:
        here = sites.where[name]
        sites.wait_presence(name, here, sites.inside(name, here))
        wait_until(lambda n=name, h=here: sites.presence(n, OTHER[h]) in (None, "away"), f"{name} is active at two sites")


def test(lab):
    sites = TwoSites(lab, guests=GUESTS)
    sites.start()
    x, y, z = guests = [sites.guest(name) for name, _ in GUESTS]
    sessions = Sessions()
    for one, other in ((x, y), (y, z), (z, x), (sites.peer, x), (sites.peer, z)):
        address, what = one.resolve_peer(other), f"{one.name} {other.name}"
        sessions.counter(what, one.ns, other.ns, address, hertz=250)
        sessions.stream(what, one.ns, other.ns, address, rate=500_000)
    sessions.go_on()
    for names in ("x", "y", "xz", "xyz", "zy", "xyz", "z"):
        sessions.mark(names)
        move_together(sites, names)
        time.sleep(0.7)
        sessions.go_on()
        one_place_each(sites, names)
    check(sites.where["z"] == "dc2", "nobody is away")
    time.sleep(2.5)  # longer than the grace period: who is away stays reachable
    for site in sites.sites.values():
        counters = site.router.counters()
        check((counters["directory.records"], counters["directory.not_obeyed"]) == (len(GUESTS), 0), f"truth: {counters}")
    for guest in guests:
        for session in guest.sessions():
            check(session["state"] == "established", f"{guest.name}: {session}")
    sessions.end()


test_main(test)
