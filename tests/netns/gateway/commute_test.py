#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A LISP data centre takes the EID of a node of mode N. While the client's router has not heard of it, the session goes on
through the gateway, wherever the node is; everything else goes after the EID. A Locator Update from a place of the gateway
takes the EID back."""
from gateway_lab import ping
from ilnp_side import MOBILE_EID as EID, MOBILE_EIDS, with_mobile_eid

# pylint: disable=wrong-import-order
from flows import Stream, go_on
from lab import check, test_main, wait_until

GATEWAY, DATA_CENTRE = "2001:db8:a1::2", "2001:db8:a3::2"


def peer(name, address, more=""):
    return (f'[[peer]]\nname = "{name}"\naddresses = ["{address}"]\nkeys = ["between"]\nscope = ["{MOBILE_EIDS}"]\n'
            f'{more}')


def prepare(lab):
    side = with_mobile_eid(lab, "hybrid", more=peer("dc", DATA_CENTRE), numbers=(1, 2, 3))
    server, centre = side.sites.ms, side.sites.gateways[3]
    side.gateway.text += side.gateway.key("between", "secret of the two")
    centre.text += (centre.key("between", "secret of the two") + peer("g1", GATEWAY, "gateway = true\n")
                    + f'[[mobile]]\nprefix = "{MOBILE_EIDS}"\ninterface = "lan0"\n')
    server.text = server.text.replace(f', "{MOBILE_EIDS}"', "")
    server.text += f'[[site]]\nname = "mobile"\nkeys = ["site1", "site3"]\nprefixes = ["{MOBILE_EIDS}"]\n'
    return side.start()


def deafen(namespace):
    """It does not hear that it should ask again."""
    for line in ("add table ip6 deaf", "add chain ip6 deaf in { type filter hook input priority 0; }",
                 "add rule ip6 deaf in udp dport 4342 drop"):
        namespace.run("nft", line)


def state_of(gateway, *wanted):
    wait_until(lambda: gateway.presence(EID) in wanted, lambda: f"not {wanted}: {gateway.lisp('eids')}")


def commutes(lab):
    side = prepare(lab)
    g1, centre = side.gateway, side.sites.gateways[3]
    check(ping(side.client, EID), "the client does not reach the node")
    stream = Stream(side.client, side.vm.ns, EID, rate=2_000_000)
    go_on(stream)
    deafen(side.sites.gateways[2].ns)
    centre.lisp("arrive", EID)
    state_of(centre, "here")
    state_of(g1, "moving_out", "away")
    go_on(stream)
    lost = g1.events("sessions_lost")
    check(len(lost) == 1 and lost[0]["sessions"] == 1 and lost[0]["rloc"] == DATA_CENTRE, f"sessions_lost: {lost}")
    side.move()
    state_of(g1, "moving_in", "here")
    state_of(centre, "moving_out", "away", "lisp_remote")
    go_on(stream)
    stream.stop("TCP while the EID was elsewhere")


test_main(commutes)
