#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The preferred uplink of two flaps ten times a second for a minute; then its provider's router is silent for half of each
second. No session is lost, with ILNP peers and with IP-only peers by the other uplink, and correspondents are not showered
with Locator Updates."""
import time

from providers import Provider
from site_lab import Site, outside_host

# pylint: disable=wrong-import-order
from flows import longest_gap, now
from lab import NID_A, NID_B, check, records_of, test_main, wait_until
from sessions import Sessions, locator_updates

LOCATOR = "2001:db8:100:1"
SECONDS, SILENT_SECONDS = 60, 8
MOST_UPDATES = 20  # there are two ends that tell


def flap(seconds, period, go, come):
    """As often as it was asked for, however long the commands take."""
    begin, flaps = now(), 0
    while now() < begin + seconds:
        go()
        time.sleep(max(0.0, begin + flaps * period + period / 2 - now()))
        come()
        flaps += 1
        time.sleep(max(0.0, begin + flaps * period - now()))
    return flaps


def test(lab):
    lab.router()
    outside_host(lab, "q", "2001:db8:c1::")
    site = Site(lab)
    for number, preference in ((1, 10), (2, 20)):
        site.add_uplink(f"isp{number}", f"wan{number}", f"2001:db8:f0:{number}", f"2001:db8:{number}::/48",
                        more=f"preference = {preference}")
    site.add_inside("lan0", LOCATOR, "a")
    lab.namespace("b")
    lab.link("b", "eth0", "2001:db8:c2::")
    names = [site.name_of(LOCATOR, isp) for isp in ("isp1", "isp2")]
    lab.start_dns("".join(records_of("a", NID_A, name) for name in names) + records_of("b", NID_B, "2001:db8:c2:0"))
    site.start()
    wait_until(lambda: all(u["state"] == "up" for u in site.router.ask("uplinks")["uplinks"]), "both uplinks up")
    a, b = lab.host("a", NID_A, session="bind_ip_only = true").start(), lab.host("b", NID_B).start()
    q, capture = lab.namespaces["q"], lab.capture(lab.namespaces["r"], "b-eth0")
    sessions = Sessions()
    sessions.stream("ILNP, out", a.ns, b.ns, a.resolve_peer(b), rate=500_000)
    sessions.counter("ILNP", a.ns, b.ns, a.resolve_peer(b), hertz=200)
    sessions.stream("IP-only by the other uplink", q, a.ns, f"{names[1]}:{NID_A}", rate=500_000)
    wait_until(lambda: (a.session(NID_B) or {}).get("state") == "established", "no session")
    sessions.go_on()
    provider = Provider(site, "isp1", "wan1", "2001:db8:f0:1")
    before, begin = site.router.counters()["uplink.changes"], now()
    flaps = flap(SECONDS, 0.1, lambda: provider.carrier(False), lambda: provider.carrier(True))
    wait_until(lambda: provider.state() == "up", "it never comes back", 60)
    flaps += flap(SILENT_SECONDS, 1, provider.silence, provider.heal)
    end = now()
    changes = site.router.counters()["uplink.changes"] - before
    wait_until(lambda: provider.state() == "up", "it never comes back", 60)
    wait_until(lambda: a.session(NID_B)["lu"]["state"] == "idle", "an update is not acknowledged")
    figures = sessions.end()["ILNP"]
    lab.end_captures()
    updates = locator_updates(capture)
    gap = max(longest_gap(figures[way], begin, end) for way in ("there", "back"))
    print(f"{flaps} flaps in {end - begin:.0f} s: {changes} changes of state, {len(updates)} Locator Updates, longest stall "
          f"{gap * 1e3:.0f} ms")
    check(flaps > 5 * SECONDS, f"only {flaps} flaps")
    check(changes <= 10, f"an uplink that flaps was taken up {changes} times")
    check(len(updates) <= MOST_UPDATES, f"{len(updates)} Locator Updates")
    check(gap < 2, f"a stall of {gap} s")


test_main(test)
