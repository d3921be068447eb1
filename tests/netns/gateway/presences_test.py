#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A gateway is killed while a guest is here, moves in, moves out or is away: after the restart nobody has to say anything,
the session of the LISP client goes on, the registration is right, and routes that belong to nobody are gone."""
import os
import signal

from guests import GUEST, Guest, mobile_sites
from gateway_lab import host_of, ping

# pylint: disable=wrong-import-order
from flows import Stream, go_on
from lab import check, test_main, wait_until

EID = GUEST[6]


def state_of(gateway, *wanted):
    wait_until(lambda: gateway.presence(EID) in wanted, lambda: f"not {wanted}: {gateway.lisp('eids')}")


def client_sends_to(sites, number):
    wanted = f"2001:db8:a{number}::2"
    wait_until(lambda: sites.gateways[3].mapping(f"{EID}/128")["rlocs"][0]["rloc"] == wanted,
               lambda: f"the client keeps {sites.gateways[3].lisp('map-cache')}")


def routes(gateway):
    return gateway.ns.ip("-6", "route", "show", "table", "all", "proto", "107")


def deafen(namespace, to=""):
    """The control plane is not heard there."""
    for line in ("add table ip6 deaf", "add chain ip6 deaf in { type filter hook input priority 0; }",
                 f"add rule ip6 deaf in {to} udp dport 4342 drop"):
        namespace.run("nft", line)


def hear(namespace):
    namespace.run("nft", "delete", "table", "ip6", "deaf")


def saved(gateway):
    """What it will find when it starts: of many changes the last ones are on the disk a moment later."""
    path = os.path.join(gateway.directory, "gateway.presences")
    if not os.path.exists(path):
        return ""
    with open(path, encoding="utf-8") as file:
        return file.read()


def killed(gateway, meanwhile=lambda: None):
    gateway.stop(signal.SIGKILL)
    meanwhile()
    gateway.start()


def here(sites, stream):
    g1 = sites.gateways[1]

    def meanwhile():
        check(EID in routes(g1), "the host route went with the process")
        for table in ("main", "77"):  # of EIDs that have left meanwhile, and of another configuration
            g1.ns.ip("-6", "route", "add", "2001:db8:ee::66", "dev", "mob0", "proto", "107", "table", table)
        g1.ns.ip("-6", "route", "add", EID, "dev", "wan0", "proto", "107", "table", "78")
    killed(g1, meanwhile)
    state_of(g1, "here")
    go_on(stream)
    g1.wait_registered()
    check(len(g1.rows("registrations", "registrations")) == 4, g1.lisp("registrations"))
    left = routes(g1)
    check(EID in left and "2001:db8:ee::66" not in left and "table 77" not in left and "table 78" not in left, left)
    g1.stop(signal.SIGUSR2)
    g1.start()
    state_of(g1, "here")
    go_on(stream)


def moving_in(sites, guest, stream):
    """No Map-Notify comes when it arrives."""
    g1, g2 = sites.gateways[1], sites.gateways[2]
    check(ping(sites.hosts[2], host_of(3, 6)), "no way to the client's site")  # g2 cannot ask for it while it hears nothing
    deafen(g2.ns, f"ip6 saddr {sites.ms_address}")
    guest.move(2)
    state_of(g2, "moving_in")
    go_on(stream)
    wait_until(lambda: all(f'"{eid}/' in saved(g2) for eid in GUEST.values()), lambda: f"not saved: {saved(g2)}")
    killed(g2, lambda: hear(g2.ns))
    state_of(g2, "here")
    go_on(stream)
    state_of(g1, "moving_out", "away")
    g2.wait_registered()
    check(len(g2.rows("registrations", "registrations")) == 4, g2.lisp("registrations"))
    client_sends_to(sites, 2)


def gone(sites, guest, stream):
    """The client hears of nothing: what it sends has to be sent after the guest, by the new process and the next one."""
    g1, g2, client = sites.gateways[1], sites.gateways[2], sites.gateways[3].ns
    deafen(client)
    guest.move(1)
    state_of(g1, "here")
    state_of(g2, "moving_out")
    killed(g2)
    state_of(g2, "away")
    go_on(stream)
    killed(g2)
    state_of(g2, "away")
    go_on(stream)
    client_sends_to(sites, 2)
    check(EID not in routes(g2), routes(g2))
    hear(client)
    client_sends_to(sites, 1)
    go_on(stream)
    check(not g1.events("dual_claim") and not g2.events("dual_claim"), "they quarrel")


def ended(sites):
    """An end for good leaves no route, also none of a process before, and nothing to start from."""
    g1 = sites.gateways[1]
    g1.stop(signal.SIGKILL)
    g1.ns.ip("-6", "route", "add", "2001:db8:ee::66", "dev", "mob0", "proto", "107")
    g1.start()
    state_of(g1, "here")
    g1.ns.ip("-6", "route", "add", "2001:db8:ee::66", "dev", "mob0", "proto", "107", "table", "77")
    g1.stop(signal.SIGTERM)
    check(not routes(g1).strip(), routes(g1))
    check(not os.path.exists(os.path.join(g1.directory, "gateway.presences")), "the next one would start from it")
    g1.start()
    check(g1.presence(EID) is None, g1.lisp("eids"))


def test(lab):
    sites = mobile_sites(lab)
    guest, h3 = Guest(sites), sites.hosts[3]
    guest.move(1)
    state_of(sites.gateways[1], "here")
    check(ping(h3, EID), "the guest is not reached")
    stream = Stream(h3, guest.ns, EID, rate=2_000_000)
    go_on(stream)
    here(sites, stream)
    moving_in(sites, guest, stream)
    gone(sites, guest, stream)
    stream.stop("gateways that are killed")
    ended(sites)


test_main(test)
