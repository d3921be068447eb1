#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A guest goes from an ILNP data centre to another one, to one that knows LISP only, and back; a LISP client and an ILNP
correspondent have TCP and UDP sessions with it, which each of them began, and which go on. Clients hear by
Change-Priority; then once by Solicit-Map-Request, and once by publications."""
import time

from lisp_sites import PLACES, Q, RLOC, LispSites

# pylint: disable=wrong-import-order
from lab import check, test_main, wait_until
from sessions import Sessions


def expect_path(sites, name, place):
    wait_until(lambda: sites.mapping_at_client(name) == [RLOC[place]],
               lambda: f"lx sends to {sites.mapping_at_client(name)}, the guest is at {place}")


def test(lab):
    sites = LispSites(lab)
    sites.start()
    guest, q = sites.guest("g"), lab.namespaces["q"]
    sites.wait_here("dc1", "g")
    address = sites.peer.resolve_peer(guest)
    sessions = Sessions()
    sessions.counter("LISP", q, guest.ns, sites.eid_of("g"))
    sessions.counter("ILNP", sites.peer.ns, guest.ns, address)
    sessions.stream("LISP, in", q, guest.ns, sites.eid_of("g"), rate=2_000_000)
    sessions.stream("LISP, out", guest.ns, q, Q, rate=2_000_000)
    sessions.stream("ILNP, in", sites.peer.ns, guest.ns, address, rate=2_000_000)
    sessions.go_on()
    expect_path(sites, "g", "dc1")
    for to in ("dc2", "dc3", "dc1"):
        sessions.mark(f"to {to}")
        sites.carry("g", to)
        time.sleep(0.7)
        sessions.go_on()
        expect_path(sites, "g", to)
        sites.wait_here(to, "g")
        for other in PLACES:
            check(other == to or sites.presence_of(other, "g") != "here", f"{other} keeps the guest")
    sessions.end()


test_main(test)
