#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The same moves, and the client hears of them from the Map-Server, because it has subscribed (RFC 9437)."""
from guests import GUEST, mobile_sites, moves

# pylint: disable=wrong-import-order
from lab import check, test_main, wait_until


def test(lab):
    sites = mobile_sites(lab, client="subscribe = true\n", server='[server]\nsubscriber_keys = ["site3"]\n')
    client = sites.gateways[3]
    moves(sites, "PubSub to the client")
    subscribed = {event["eid"] for event in client.events("subscribed")}
    for family, eid in GUEST.items():
        eid += "/128" if family == 6 else "/32"
        check(eid in subscribed, f"subscribed to {subscribed}")
        wait_until(lambda e=eid: client.mapping(e)["origin"] == "notify", lambda: client.lisp("map-cache"))


test_main(test)
