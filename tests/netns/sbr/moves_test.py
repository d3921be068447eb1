#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Scenario a: a node with ILNP moves inside the site: to another port of its subnet, to another subnet, and back. Its
sessions with an ILNP peer and with an IP-only peer outside go on, octets compared, and neither sees another name of it."""
import time

from site_lab import Site, outside_host, veth

# pylint: disable=wrong-import-order
from lab import NID_A, NID_B, check, records_of, run, test_main, wait_until
from sessions import Sessions, names_on_the_wire
from wire import packed

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
    out = lab.namespaces["out"]
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
    a, b = lab.host("a", NID_A, session="bind_ip_only = true"), lab.host("b", NID_B)
    a.start()
    b.start()
    # What the router knows to be its own keeps its name in every subnet.
    run(lab.ctl, "--socket", site.router.socket_path, "migrate", "claim", "0200+0000+0000+000a", "--home",
        "sbr/" + "-".join(word.zfill(4) for word in LOCATOR.split(":")))
    captures = [lab.capture(lab.namespaces["r"], f"{name}-eth0") for name in ("b", "out")]
    address, name = a.resolve_peer(b), f"{outside_name}:{NID_A}"
    sessions = Sessions()
    sessions.stream("ILNP, out", a.ns, b.ns, address)
    sessions.counter("ILNP", a.ns, b.ns, address, hertz=500)
    wait_until(lambda: (a.session(NID_B) or {}).get("state") == "established", "no session")
    sessions.stream("ILNP, in", b.ns, a.ns, b.resolve_peer(a))
    sessions.stream("IP-only, out", a.ns, out, OUT)
    sessions.stream("IP-only, in", out, a.ns, name)
    sessions.counter("IP-only", out, a.ns, name, hertz=500)
    sessions.go_on()
    # Another port of the same subnet: the link-layer address is another one, the locator is not.
    for what, old, new in (("another port", "eth0", "eth1"), ("another subnet", "eth1", "eth2"),
                           ("back", "eth2", "eth0")):
        sessions.mark(what)
        node.ip("link", "set", old, "down")
        node.ip("link", "set", new, "up")
        wait_until(lambda n=new: [x for x in a.locators() if x["interface"] == n], f"{what}: no locator by {new}")
        time.sleep(2)
        sessions.go_on()
    sessions.end(stall=4, best=2, window=2.5)
    lab.end_captures()
    nid = packed(f"::{NID_A}")[8:]
    for path in captures:
        seen = names_on_the_wire(path, [nid])[nid]
        check(seen == {packed(f"{outside_name}::")[:8]}, f"seen under other names: {[each.hex() for each in seen]}")


test_main(test)
