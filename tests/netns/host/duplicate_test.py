#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Another node on the link has our I-LV: it is reported, the locator is not used there, and comes back with the link."""
from lab import NID_A, check, standard, test_main, wait_until


def test(lab):
    a, b = standard(lab)
    router = lab.namespaces["r"]
    taken = f"2001:db8:a1:0:{NID_A}"
    router.ip("addr", "add", f"{taken}/128", "dev", "a-eth0", "nodad")
    a.start(locators=0)
    wait_until(lambda: a.events("duplicate_address"), "the duplicate is not reported")
    wait_until(lambda: not a.locators(), "the locator is still used")
    check(taken.replace("200:0:0:a", "200::a") not in a.ns.ip("-6", "addr", "show", "dev", "eth0"), "the address stays")
    check(a.ask("status")["state"] == "down", "the status says nothing")
    a.ns.ip("link", "set", "eth1", "up")
    wait_until(lambda: [l["interface"] for l in a.locators()] == ["eth1"], "the other link's locator")
    router.ip("addr", "del", f"{taken}/128", "dev", "a-eth0")
    a.ns.ip("link", "set", "eth0", "down")
    wait_until(lambda: "LOWER_UP" not in a.ns.ip("link", "show", "eth0"), "the link goes down")
    a.ns.ip("link", "set", "eth0", "up")
    wait_until(lambda: len(a.locators()) == 2, "the locator after the other node has gone")


test_main(test)
