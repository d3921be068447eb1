#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A machine without ilnp-host behind border routers: it keeps its only address when it moves, and its sessions with an ILNP host
and with a host that has no more than IPv6 go on; also when the border router that it goes to dies while it moves."""
from vm_sites import VmSites

# pylint: disable=wrong-import-order
from counters import go_on
from lab import check, test_main
from operators import Operator, sessions_of


def finished_by_another(operator):
    """Who comes next knows by its address how far the move was."""
    operator.begin().until("stop").kill()
    seen = operator.run("look")[1]["seen"]
    check(seen["record"] == "active", f"the move was activated: {seen}")
    operator.arrived(operator.run("move"))


def test(lab):
    sites = VmSites(lab)
    guest = sites.plain_machine("v", 77, shared=False)
    addresses = guest.machine.run("ip -6 addr show dev eth0 scope global").stdout
    check(guest.address in addresses, f"not its address: {addresses}")
    sessions = sessions_of(sites, "v")
    operator = Operator(sites, "v")
    with guest.machine.needed():
        finished_by_another(operator)
        go_on(sessions)
        print("moved by two, one after the other: sessions go on")
        operator.arrived_though_router_dies()
        go_on(sessions)
        print("back, and the border router died in between: sessions go on")
        operator.destination.end()
        for session in sessions:
            session.end()
        told = [e for site in sites.sites.values() for e in site.router.events("node_claimed")]
        check(not told, f"its own packets are taken for another's: {told}")


test_main(test)
