#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A host with an address of its own moves between two gateways: its sessions with a host of a third site, which knows
nothing of it, go on. The gateways tell each other by Change-Priority, the client hears by Solicit-Map-Requests."""
import subprocess

from guests import GUEST, mobile_sites, moves

# pylint: disable=wrong-import-order
from lab import check, test_main, wait_until

NEIGHBOUR_QUEUE, HELD_OCTETS = 212992, 32 << 20  # the kernel's default and ours


def waits(sites):
    """What comes for a host that has stopped waits for it, and goes to it when it did not leave after all."""
    gateway, eid = sites.gateways[1], GUEST[6]
    gateway.lisp("leave", eid)
    request = sites.hosts[3].start("ping", "-n", "-c", "1", "-W", "20", eid, stdout=subprocess.DEVNULL)
    wait_until(lambda: gateway.counters()["hold.octets"] > 0, lambda: f"nothing waits: {gateway.counters()}")
    check(request.poll() is None, "the guest has answered")
    gateway.lisp("stay", eid)
    check(request.wait(20) == 0, "what waited is lost")
    check(gateway.counters()["hold.octets"] == 0, "something waits for ever")


def link_returns(sites):
    """The kernel forgets host routes with their link."""
    gateway = sites.gateways[1].ns

    def routes():
        return [eid for family, eid in (("-6", GUEST[6]), ("-4", GUEST[4]))
                if eid in gateway.ip(family, "route", "show", "proto", "107", "dev", "mob0")]
    gateway.ip("link", "set", "mob0", "down")
    check(not routes(), "the kernel keeps routes of a link that is down")
    gateway.ip("link", "set", "mob0", "up")
    wait_until(lambda: len(routes()) == 2, lambda: f"only {routes()} are back")


def queues(sites):
    """What was held comes at once: the kernel's queues for a host that it has yet to find are long enough, for as long as the
    gateway runs."""
    gateway = sites.gateways[1]

    def found():
        return [int(gateway.ns.run("cat", f"/proc/sys/net/{family}/neigh/mob0/unres_qlen_bytes").stdout)
                for family in ("ipv4", "ipv6")]
    check(found() == [HELD_OCTETS] * 2, f"octets that wait for a neighbour: {found()}")
    gateway.stop()
    check(found() == [NEIGHBOUR_QUEUE] * 2, f"octets that wait for a neighbour, after the end: {found()}")


def steps(sites):
    """Every step may be repeated, and one that makes no sense is refused."""
    gateway = sites.gateways[1]
    for _ in range(2):
        for step in ("arrive", "prepare"):
            gateway.lisp(step, GUEST[6])
    check(gateway.presence(GUEST[6]) == "here", gateway.lisp("eids"))
    for eid in ("2001:db8:ee::/64", "nobody", "[9]2001:db8:ee::7", "2001:db8:e1::10"):
        gateway.lisp("arrive", eid, ok=False)
    # One that does not come: nobody had it before.
    gateway.lisp("arrive", "2001:db8:ee::99", "--rloc", "2001:db8:a1::2,3,50")
    wait_until(lambda: gateway.presence("2001:db8:ee::99") == "here", lambda: gateway.lisp("eids"))
    gateway.lisp("abort", "2001:db8:ee::99")
    check(gateway.presence("2001:db8:ee::99") in (None, "unknown"), gateway.lisp("eids"))
    check("2001:db8:ee::99" not in gateway.ns.ip("-6", "route", "show", "proto", "107"), "the host route stays")


def test(lab):
    sites = mobile_sites(lab)
    moves(sites, "Change-Priority between the gateways, SMR to the client")
    check(sites.gateways[1].events("client_solicited"), "the client was not solicited")
    waits(sites)
    steps(sites)
    link_returns(sites)
    queues(sites)


test_main(test)
