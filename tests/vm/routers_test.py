#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The routers of two data centres have one link-local address and different link-layer addresses. What the guest sends before it
notices that it was moved goes to a router that is not there; everything else is as ever: nothing that is sent to the guest is
lost, sessions go on, and the guest uses the new router."""
from vm_sites import VmSites

# pylint: disable=wrong-import-order
from counters import Counted, go_on
from lab import check, test_main, wait_until
from operators import sessions_of

GUEST_RATE = 100  # records/s to each client
NOTICED = 1.5     # s, under emulation


def mac_of(namespace, interface):
    return namespace.ip("-br", "link", "show", interface).split()[2]


def uses_router_of(sites, machine):
    """Its kernel knows the router by the link-layer address that it has there, and by no other."""
    mac = mac_of(sites.sites[sites.where["guest"]].ns, "lan0")
    known = [line for line in machine.run("ip -6 neigh show dev eth0").stdout.splitlines() if line.startswith("fe80::1 ")]
    return len(known) == 1 and mac in known[0]


def test(lab):
    sites = VmSites(lab, router_mac=None)
    macs = {mac_of(site.ns, "lan0") for site in sites.sites.values()}
    check(len(macs) == len(sites.sites), f"routers look the same: {macs}")
    guest = sites.machine("guest")
    machine, sessions = guest.machine, sessions_of(sites, "guest")
    counted = {client: Counted(f"datagrams of {client}", lab.namespaces[client], machine, address, "udp", 500, GUEST_RATE)
               for client, address in sites.addresses("guest").items()}
    with machine.needed():
        for moves in (1, 2):
            sites.migrate("guest", visible=True)
            go_on([*sessions, *counted.values()])
            wait_until(lambda: uses_router_of(sites, machine), lambda: machine.run("ip -6 neigh show dev eth0").stdout)
            print(f"{moves} moves: sessions go on")
        for session in sessions:
            session.end()
        for client, stream in counted.items():
            mine, its = stream.end()
            print(f"{client}: lost {its['lost']} to the guest, {mine['lost']} from it in {moves} moves")
            check(not its["lost"], f"{client}: lost on the way to the guest: {its}")
            check(mine["lost"] <= moves * NOTICED * GUEST_RATE, f"{client}: the guest did not notice for long: {mine}")


test_main(test)
