#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Neighbour discovery of the router: plain hosts configure themselves by its advertisements and keep it as their router;
for a node that is elsewhere it answers its former neighbours; an arrival is advertised at once, and what was held for the
node is delivered when it answers a solicitation."""
import json
import socket
import threading
import time

from site_lab import Site, outside_host, veth

# pylint: disable=wrong-import-order
from lab import check, test_main, wait_until
from wire import Frames, packed

LOCATOR = "2001:db8:100:1"
OUT = "2001:db8:c1::2"


def global_addresses(namespace, interface="eth0"):
    found = json.loads(namespace.run("ip", "-6", "-j", "addr", "show", "dev", interface, "scope", "global").stdout)
    return [a["local"] for link in found for a in link.get("addr_info", []) if "local" in a]


def ping(namespace, address, wait="2"):
    return namespace.run("ping", "-6", "-n", "-c", "1", "-W", wait, address, check_status=False).returncode == 0


def autoconfigured(site):
    """By nothing but the advertisements, and for as long as the router lives."""
    ns = site.lab.namespaces["in"]
    address = wait_until(lambda: [a for a in global_addresses(ns) if a.startswith(LOCATOR)], "no address")[0]
    check("fe80::1" in ns.ip("-6", "route", "show", "default"), "no default route by the router's address")
    wait_until(lambda: ping(ns, OUT), "no way out")
    # The kernel confirms its router by a solicitation; an answer without the R flag would take the default route away.
    ns.ip("-6", "neigh", "flush", "dev", "eth0")
    check(ping(ns, OUT, "10") and "fe80::1" in ns.ip("-6", "route", "show", "default"), "the router is no router any more")
    route = ns.ip("-6", "route", "show", "default")
    check("proto ra" in route, route)
    return address


def migrate(router, step, node, **more):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(20)
        s.connect(router.socket_path)
        s.sendall(json.dumps({"command": "migrate", "step": step, "node": node, **more}).encode() + b"\n")
        answer = json.loads(s.makefile().readline())
    check(answer["schema"] == "ilnp.migrate/1", f"{step}: {answer}")
    return answer


def away_and_back(site, address):
    """A node without ILNP leaves for another site: its neighbour's packets go to the router, which answers for it."""
    neighbour = site.lab.namespaces["near"]
    wait_until(lambda: [a for a in global_addresses(neighbour) if a.startswith(LOCATOR)], "no address")
    check(ping(neighbour, address, "10"), "neighbours do not reach each other")
    home = Frames(neighbour, "eth0")
    there = Frames(site.lab.namespaces["dc2"], "link0")
    # The guest is gone before anybody says so.
    site.ns.ip("link", "set", "lan0", "down")
    site.ns.ip("link", "set", "lan0", "up")
    site.lab.namespaces["in"].ip("link", "set", "eth0", "down")
    migrate(site.router, "prepare", address, to="dc2")
    migrate(site.router, "activate", address)
    wait_until(lambda: site.router.events("node_left"), "the move is not seen")
    mac = bytes.fromhex(site.ns.ip("-br", "link", "show", "lan0").split()[2].replace(":", ""))

    def cached():
        shown = neighbour.ip("-6", "neigh", "show", address, "dev", "eth0")
        return ":".join(f"{o:02x}" for o in mac) in shown
    wait_until(lambda: ping(neighbour, address, "1") or cached(), "the neighbour still looks for the node itself")
    check(site.router.counters()["inside.answers"] > 0 or cached(), "no answer and no advertisement for the node")

    def to_dc2():
        frame = there.receive(0.1)
        return frame and frame[12:14] == b"\x86\xdd" and frame[38:54] == packed(address)
    thread = threading.Thread(target=lambda: ping(neighbour, address, "1"))
    thread.start()
    wait_until(to_dc2, "the neighbour's packets do not take the link to the other site", pause=0)
    thread.join()
    home.close()
    there.close()
    # And back: held until it answers, which it does because it is asked.
    before = site.router.counters()
    migrate(site.router, "release", address)
    migrate(site.router, "prepare", address, to="sbr")
    migrate(site.router, "activate", address)
    wait_until(lambda: site.router.events("node_arriving"), "the way back is not seen")
    at = time.monotonic()
    site.lab.namespaces["in"].ip("link", "set", "eth0", "up")
    wait_until(lambda: site.router.events("node_arrived"), "the node is not heard")
    after = site.router.counters()
    check(after["inside.searches"] > before["inside.searches"], "nobody looked for it")
    wait_until(lambda: site.router.counters()["inside.advertisements"] > before["inside.advertisements"],
               "its arrival was not advertised")
    print(f"heard {1000 * (time.monotonic() - at):.0f} ms after its link came up")
    wait_until(lambda: ping(site.lab.namespaces["out"], f"{site.name_of(LOCATOR, 'isp1')}{address[len(LOCATOR):]}"),
               "not reached after its return")


def test(lab):
    lab.router()
    outside_host(lab, "out", "2001:db8:c1::")
    site = Site(lab)
    site.add_uplink("isp1", "wan0", "2001:db8:f0:1", "2001:db8:1::/48")
    # A bridge, so that two hosts share the link.
    near, guest = lab.namespace("near"), lab.namespace("in")
    switch = lab.namespace("switch")
    switch.ip("link", "add", "br0", "type", "bridge")
    switch.ip("link", "set", "br0", "up")
    for namespace, interface, port in ((near, "eth0", "p1"), (guest, "eth0", "p2"), (site.ns, "lan0", "p3")):
        veth(namespace, interface, switch, port)
        switch.ip("link", "set", port, "master", "br0")
    site.ns.ip("addr", "add", f"{LOCATOR}::1/64", "dev", "lan0", "nodad")
    site.text += f'[[inside]]\ninterface = "lan0"\nlocators = ["{LOCATOR}::/64"]\n'
    dc2 = lab.namespace("dc2")
    veth(site.ns, "dci0", dc2, "link0")
    dc2.ip("addr", "add", "2001:db8:f9::2/64", "dev", "link0", "nodad")
    site.ns.ip("addr", "add", "2001:db8:f9::1/64", "dev", "dci0", "nodad")
    site.text += ('[[site_link]]\nname = "dc2"\nnumber = 1\ninside = ["2001:db8:200::/48"]\ninterface = "dci0"\n'
                  'router = "2001:db8:f9::2"\n')
    site.start()
    address = autoconfigured(site)
    away_and_back(site, address)
    check(site.router.stop() == 0, "an orderly end")
    with site.ns.entered(), open("/proc/sys/net/ipv6/conf/lan0/forwarding", encoding="ascii") as f:
        check(f.read().strip() == "0", "forwarding of the inside interface is not as it was")


test_main(test)
