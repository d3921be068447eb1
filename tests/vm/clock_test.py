#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Somebody sets the clock of a real guest by hours, forwards and backwards: sessions go on, no locator goes, and with a
clock that is wrong the guest is moved as well. The hypervisor then tells it so by its channel."""
import time

from vm_sites import VmSites  # first: it says where the others are
from counters import Counted
from lab import check, run, test_main, wait_until

HOURS = (7, -19, 12)
NO_GAP = 2.0  # seconds, on a machine that is busy; a timer of hours would not end in them


def test(lab):
    sites = VmSites(lab)
    guest = sites.machine("guest")
    machine = guest.machine
    address = sites.peer.resolve("guest.ex.example")[0]
    flows = [Counted(protocol, lab.namespaces["p"], machine, address, protocol, rate=100) for protocol in ("udp", "tcp")]
    places = [locator["locator"] for locator in guest.locators()]

    def go_on(words):
        for flow, begin in [(flow, flow.so_far()) for flow in flows]:
            wait_until(lambda f=flow, b=begin: f.so_far() > b + 100, f"{words}: {flow.name} stands still")

    for hours in HOURS:
        before, begin = len(guest.events("clock_jump")), time.monotonic()
        machine.run(f"date -s @$(($(date +%s) + {hours * 3600}))")
        wait_until(lambda b=before: any(e["sign"] == "set" for e in guest.events("clock_jump")[b:]),
                   f"{hours} h: not noticed")
        go_on(f"{hours} h")
        gaps = {flow.name: flow.longest_gap(begin, time.monotonic()) for flow in flows}
        print(f"the clock set by {hours} h: longest gaps {', '.join(f'{n} {g * 1e3:.0f} ms' for n, g in gaps.items())}")
        check(max(gaps.values()) < NO_GAP, f"{hours} h: {gaps}")
        check([locator["locator"] for locator in guest.locators()] == places, f"{hours} h: {guest.locators()}")

    machine.run("date -s @$(($(date +%s) + 3600))")
    sites.migrate("guest", visible=True)
    go_on("moved with a wrong clock")
    wait_until(lambda: sites.peer.session(guest.nid)["using"]["remote"] != places[0], "the peer does not follow")
    told = run(lab.ctl, "guest", "moved", "--channel", machine.qemu.channel)
    check("heard" in told.stdout and guest.events("host_notice"), f"{told.stdout} {told.stderr}")
    for flow in flows:
        flow.end()
    check(not guest.events("session_ended"), f"a session ended: {guest.events('session_ended')}")


test_main(test)
