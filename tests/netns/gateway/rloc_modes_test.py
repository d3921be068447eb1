#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Mode N with RLOCs that follow the node: a Locator Update of an ILNP node becomes a registration, the LISP client is
solicited and sends to the other RLOC of the gateway. A TCP transfer and datagrams go on."""
import sys

from gateway_lab import ping
from ilnp_side import IlnpSide, PLACES

# pylint: disable=wrong-import-order
from flows import Counter, Stream, go_on
from lab import Failure, Lab, check, wait_until

EID = "2001:db8:ee:1:200::a"
RLOCS = {"eth0": "2001:db8:a1::2", "eth1": "2001:db8:a1::3"}


def prepare(lab, mode):
    more = f'[[mobile]]\nprefix = "2001:db8:ee:1::/64"\ninterface = "lan0"\n[[rloc]]\naddress = "{RLOCS["eth1"]}"\n'
    for interface, place in PLACES.items():
        more += f'[[gateway_of]]\nlocator = "{place}::/64"\nrlocs = ["{RLOCS[interface]}"]\n'
    side = IlnpSide(lab, more, EID)
    side.gateway.text = side.gateway.text.replace("[ilnp]\n", f'[ilnp]\nrloc_mode = "{mode}"\n')
    side.gateway.ns.ip("addr", "add", f"{RLOCS['eth1']}/64", "dev", "wan0", "nodad")
    side.sites.ms.text = side.sites.ms.text.replace('"10.1.0.0/16"', '"10.1.0.0/16", "2001:db8:ee:1::/64"')
    return side.start()


def at_client(side):
    """RLOC: priority, as the client's router sends."""
    mapping = side.sites.gateways[2].mapping(f"{EID}/128")
    return {r["rloc"]: r["priority"] for r in mapping["rlocs"]} if mapping else {}


def best_at_client(side):
    rlocs = at_client(side)
    return min(rlocs, key=rlocs.get) if rlocs else None


def follows(mode):
    with Lab() as lab:
        side = prepare(lab, mode)
        check(ping(side.client, EID), "the client does not reach the node")
        wait_until(lambda: best_at_client(side) == RLOCS["eth0"], lambda: f"{mode}: {at_client(side)}")
        flows = [Stream(side.client, side.vm.ns, EID, rate=2_000_000),
                 Counter(side.client, side.vm.ns, EID, hertz=200)]
        go_on(*flows)
        for _ in range(2):
            side.move()
            # While it leaves it is at both places; then at one.
            other = next(rloc for name, rloc in RLOCS.items() if name != side.at)
            wanted = {RLOCS[side.at]: 1, other: 101 if mode == "hybrid" else 255}
            wait_until(lambda w=wanted: at_client(side) == w, lambda w=wanted: f"{mode}: {at_client(side)}, not {w}")
            go_on(*flows)
        flows[0].stop(f"{mode}: TCP")
        figures = flows[1].stop()
        check(EID not in side.gateway.ns.ip("-6", "route", "show", "proto", "107"), "a host route to a node of mode N")
        check(not side.gateway.events("host_route_not_set"), "a host route was tried")
        print(f"{mode}: two moves, {figures['there']['lost']} + {figures['back']['lost']} of {figures['sent']} lost")


try:
    for wanted_mode in ("hybrid", "per_site"):
        follows(wanted_mode)
except Failure as failure:
    sys.exit(f"FAILED: {failure}")
