#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Mode N with RLOCs that follow the node: a Locator Update of an ILNP node becomes a registration, the LISP client is
solicited and sends to the other RLOC of the gateway. A TCP transfer and datagrams go on."""
import sys

from gateway_lab import ping
from ilnp_side import MOBILE_EID as EID, RLOCS, with_mobile_eid

# pylint: disable=wrong-import-order
from flows import Counter, Stream, go_on
from lab import Failure, Lab, check, wait_until


def at_client(side):
    """RLOC: priority, as the client's router sends."""
    mapping = side.sites.gateways[2].mapping(f"{EID}/128")
    return {r["rloc"]: r["priority"] for r in mapping["rlocs"]} if mapping else {}


def best_at_client(side):
    rlocs = at_client(side)
    return min(rlocs, key=rlocs.get) if rlocs else None


def follows(mode):
    with Lab() as lab:
        side = with_mobile_eid(lab, mode).start()
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
