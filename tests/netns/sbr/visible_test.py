#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Scenario c: moves that ILNP correspondents see. First unseen and optimised afterwards (b, then c: the router tells them,
because the guest does not know); then told by the guest itself; then by the router because the guest is not heard. Peers
without ILNP go on by the former home, and a guest without ILNP has nothing to tell anybody."""
import time

from two_sites import OUT, OTHER, TwoSites

# pylint: disable=wrong-import-order
from lab import check, test_main, wait_until
from sessions import Sessions, locator_updates
from wire import packed

SESSION = "bind_ip_only = true"


class Seen:
    """What the ILNP peer knows of the guest, and who told it."""

    def __init__(self, sites, guest):
        self.sites, self.guest, lab = sites, guest, sites.lab
        self.at_guest, self.at_peer = lab.capture(guest.ns, "eth0"), lab.capture(lab.namespaces["r"], "p-eth0")

    def uses(self, site):
        """Waits until the peer sends to the guest's name at this site."""
        wanted = self.sites.name_at(site)
        wait_until(lambda: self.sites.peer.session(self.guest.nid)["using"]["remote"] == wanted,
                   lambda: f"not {wanted}: {self.sites.peer.session(self.guest.nid)}")

    def told(self, since):
        """When updates left the guest and when they came to the peer since then."""
        return [[at for at, _ in locator_updates(path) if at >= since] for path in (self.at_guest, self.at_peer)]


def silence_guest(sites, name):
    """Its Locator Updates do not leave its port; everything else does."""
    sites.fabric.run("/usr/sbin/nft", "-f", "-", stdin=(
        f'table netdev silent {{ chain c {{ type filter hook ingress device "{sites.ports[name]}" priority 0; '
        f'meta l4proto ipv6-icmp icmpv6 type 156 counter drop; }}\n}}\n'))


def node_without_ilnp(sites):
    """It has no home that could move."""
    node = sites.node("h")
    sites.move("h", "dc2")
    for refused in (sites.ask("dc2", "rehome", node), sites.ask("dc2", "prepare", node, "--to", "dc1", "--visible")):
        check(refused.get("code") == "not_ilnp", f"a node without ILNP became visible: {refused}")
    sites.move("h", "dc1")


def test(lab):
    sites = TwoSites(lab)
    sites.start()
    guest, plain = sites.guest("g", session=SESSION), sites.plain_guest("h", 10)
    p, q, g = sites.peer, lab.namespaces["q"], guest.ns
    sessions = Sessions()
    address, name = p.resolve_peer(guest), sites.outside_name(f"::{guest.nid}")
    sessions.counter("ILNP", p.ns, g, address)
    sessions.counter("IP-only", q, g, name, hertz=500)
    sessions.counter("no ILNP at all", q, plain, sites.outside_name(plain.address), hertz=200)
    sessions.stream("ILNP, in", p.ns, g, address)
    sessions.stream("ILNP, out", g, p.ns, p.identity())
    sessions.stream("IP-only, in", q, g, name)
    sessions.stream("IP-only, out", g, q, OUT)
    wait_until(lambda: (p.session(guest.nid) or {}).get("state") == "established", "no session")
    seen = Seen(sites, guest)
    seen.uses("dc1")

    sessions.mark("unseen to dc2")
    sites.move("g", "dc2")
    sessions.go_on()
    wait_until(lambda: guest.session(p.nid)["lu"]["state"] == "idle", "the guest's update is not acknowledged")
    seen.uses("dc1")
    since = time.time()
    sessions.mark("dc2 becomes its home")
    sites.rehome("g")
    seen.uses("dc2")
    wait_until(lambda: seen.told(since)[1], "the update that the peer obeyed is not in the capture")
    sessions.go_on()
    by_guest, at_peer = seen.told(since)
    check(not by_guest or at_peer[0] < by_guest[0], f"not the router told: {by_guest}, {at_peer}")

    since = time.time()
    sessions.mark("visible to dc1")
    sites.move("g", "dc1", visible=True)
    seen.uses("dc1")
    wait_until(lambda: all(seen.told(since)), lambda: f"updates of the guest, and at the peer: {seen.told(since)}")
    sessions.go_on()
    wait_until(lambda: guest.session(p.nid)["lu"]["state"] == "idle", "the guest's own update is not acknowledged")

    silence_guest(sites, "g")
    since = time.time()
    sessions.mark("visible to dc2, the guest is not heard")
    sites.move("g", "dc2", visible=True)
    seen.uses("dc2")
    wait_until(lambda: all(seen.told(since)), lambda: f"a guest that cannot tell, a router that does: {seen.told(since)}")
    sessions.go_on()
    check("packets 0" not in sites.fabric.run("/usr/sbin/nft", "list", "table", "netdev", "silent").stdout,
          "no update of the guest was dropped")

    node_without_ilnp(sites)
    home = packed(sites.name_at("dc2", colons=True))[:8]
    updates = [source[:8] for at, source in locator_updates(seen.at_peer) if at >= since]
    check(updates and set(updates) == {home}, f"updates under other names: {[u.hex() for u in updates]}")
    sessions.end()
    check(OTHER[sites.home["g"]] == "dc1" and sites.presence("g", "dc2") == "here", "it is not at home")


test_main(test)
