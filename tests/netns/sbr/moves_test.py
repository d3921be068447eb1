#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A node with ILNP moves inside the site: to another port of its subnet, to another subnet, and back. Its sessions with a
peer outside go on, octets compared."""
import time

from site_lab import Site, outside_host, veth

# pylint: disable=wrong-import-order
from flows import Counter, Stream, longest_gap, now
from lab import NID_A, NID_B, check, records_of, test_main, wait_until

LOCATOR, OTHER = "2001:db8:100:1", "2001:db8:100:2"
OUT = "2001:db8:c1::2"


def switched(site, interface, locator, ports):
    """A subnet whose link is a bridge with these ports: (namespace, its interface)."""
    lab = site.lab
    switch = lab.namespace(f"switch{interface[-1]}")
    switch.ip("link", "add", "br0", "type", "bridge")
    switch.ip("link", "set", "br0", "up")
    for n, (namespace, name) in enumerate([(site.ns, interface), *ports]):
        veth(namespace, name, switch, f"p{n}")
        switch.ip("link", "set", f"p{n}", "master", "br0")
    site.ns.ip("addr", "add", f"{locator}::1/64", "dev", interface, "nodad")
    site.text += f'[[inside]]\ninterface = "{interface}"\nlocators = ["{locator}::/64"]\n'


def test(lab):
    lab.router()
    outside_host(lab, "out", "2001:db8:c1::")
    site = Site(lab)
    site.add_uplink("isp1", "wan0", "2001:db8:f0:1", "2001:db8:1::/48")
    node = lab.namespace("a")
    switched(site, "lan0", LOCATOR, [(node, "eth0"), (node, "eth1")])
    switched(site, "lan1", OTHER, [(node, "eth2")])
    for interface in ("eth1", "eth2"):
        node.ip("link", "set", interface, "down")
    lab.namespace("b")
    lab.link("b", "eth0", "2001:db8:c2::")
    outside_name = site.name_of(LOCATOR, "isp1")
    lab.start_dns(records_of("a", NID_A, outside_name) + records_of("b", NID_B, "2001:db8:c2:0"))
    site.start()
    a, b = lab.host("a", NID_A), lab.host("b", NID_B)
    a.start()
    b.start()
    address = a.resolve_peer(b)
    streams = [Stream(a.ns, b.ns, address, rate=1_000_000)]
    udp = Counter(a.ns, b.ns, address, hertz=500)
    wait_until(lambda: (a.session(NID_B) or {}).get("state") == "established", "no session")
    streams.append(Stream(b.ns, a.ns, b.resolve_peer(a), port=7003, rate=1_000_000))
    time.sleep(0.5)
    moves = []
    # Another port of the same subnet: the link-layer address is another one, the locator is not.
    for what, old, new in (("another port", "eth0", "eth1"), ("another subnet", "eth1", "eth2"),
                           ("back", "eth2", "eth0")):
        moves.append((what, now()))
        node.ip("link", "set", old, "down")
        node.ip("link", "set", new, "up")
        wait_until(lambda n=new: [x for x in a.locators() if x["interface"] == n], f"{what}: no locator by {new}", 8)
        time.sleep(2)
    octets = [s.stop(what=w)["octets"] for s, w in zip(streams, ("out", "in"))]
    figures = udp.stop()
    for what, at in moves:
        gap = longest_gap(figures["back"], since=at, until=at + 2.5)
        print(f"{what}: {gap * 1000:.0f} ms without datagrams")
        check(gap < 2.5, f"{what}: {gap:.1f} s without datagrams")
    print(f"{octets[0] >> 10} + {octets[1] >> 10} KiB of TCP intact")


test_main(test, 90)
