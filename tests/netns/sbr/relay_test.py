#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Location privacy: nodes in dc2, with ILNP and without, are known to the world by the names that dc1, their relay, gives
them. Correspondents, with ILNP and without, never see a locator that tells where the nodes are, also when a node moves to
another subnet there and tells its correspondents so."""
from two_sites import INSIDE, OUT, PROVIDER, SUBNET, SHIM, TwoSites

# pylint: disable=wrong-import-order
from flows import Stream, go_on
from lab import check, test_main, wait_until
from sessions import Sessions, locator_updates, names_on_the_wire
from site_lab import host_address, veth
from wire import packed, packets_of

RELAYED, PLAIN, NID = "2001:db8:e3::/48", 16, "200:0:0:a"
SUBNETS = (SUBNET["dc2"], f"{INSIDE['dc2']}:8")  # of dc2, the second one on lan1
NAMES = ("2001:db8:e3:7", "2001:db8:e3:8")


def build(lab):
    sites = TwoSites(lab, guests=(("g", NID),), published=NAMES[0])
    relay, hidden = sites.sites["dc1"], sites.sites["dc2"]
    prefixes = "[" + ", ".join(f'"{subnet}::/64"' for subnet in SUBNETS) + "]"
    relay.text += f"relayed = {prefixes}\n"
    for subnet, name in zip(SUBNETS, NAMES):
        relay.text += f'[[mapping]]\nuplink = "isp"\ninside = "{subnet}::/64"\noutside = "{name}::/64"\nmode = "replace"\n'
    hidden.text += f"relay = {prefixes}\n"
    relay.world.ip("-6", "route", "add", RELAYED, "via", "2001:db8:f0:1::2")
    hidden.add_inside("lan1", SUBNETS[1], "fabric", "dc2-lan1")
    sites.fabric.ip("link", "add", "br3", "type", "bridge", "stp_state", "0", "mcast_snooping", "0")
    for interface in ("dc2-lan1", "br3"):
        sites.fabric.ip("link", "set", interface, "up")
    sites.fabric.ip("link", "set", "dc2-lan1", "master", "br3")
    sites.start()
    return sites


def plain_node(sites):
    plain = sites.plain_guest("h", PLAIN)
    plain.ip("addr", "flush", "dev", "eth0", "scope", "global")
    host_address(plain, "eth0", f"{SUBNETS[0]}::{PLAIN:x}")
    sites.plug("h", "dc2")
    return plain


def ilnp_node(sites):
    """eth0 in the first subnet, eth1, which is down, in the second."""
    node = sites.lab.namespace("g")
    for interface, bridge in (("eth0", "br2"), ("eth1", "br3")):
        veth(node, interface, sites.fabric, f"g-{interface}")
        sites.fabric.ip("link", "set", f"g-{interface}", "master", bridge)
    node.ip("link", "set", "eth1", "down")
    return sites.lab.host("g", NID, text=SHIM).start()


def test_plain(sites, plain):
    """The streams, which go on."""
    q, name = sites.lab.namespaces["q"], f"{NAMES[0]}::{PLAIN:x}"
    wait_until(lambda: q.run("ping", "-6", "-n", "-c", "1", "-W", "1", name, check_status=False).returncode == 0,
               "the node does not answer by its relay's name")
    streams = [Stream(plain, q, OUT, port=7005, rate=500_000), Stream(q, plain, name, port=7006, rate=500_000)]
    text = plain.run("ping", "-6", "-n", "-c", "1", "-t", "1", OUT, check_status=False).stdout
    check("Time exceeded" in text, f"the node's own router does not answer: {text}")
    q.run("ping", "-6", "-n", "-c", "1", "-W", "1", "-t", "4", name, check_status=False)  # ends at the node's router
    return streams


def test_ilnp(sites, guest):
    """Sessions both ways, while the node moves to the other subnet and back."""
    p, sessions = sites.peer, Sessions()
    sessions.counter("in", p.ns, guest.ns, p.resolve_peer(guest), hertz=500)
    sessions.stream("in", p.ns, guest.ns, p.resolve_peer(guest), rate=500_000)
    sessions.stream("out", guest.ns, p.ns, guest.resolve_peer(p), rate=500_000)
    wait_until(lambda: (p.session(NID) or {}).get("state") == "established", "no session")
    for subnet, old, new in ((1, "eth0", "eth1"), (0, "eth1", "eth0")):
        sessions.go_on()
        sessions.mark(f"to subnet {subnet}")
        guest.ns.ip("link", "set", old, "down")
        guest.ns.ip("link", "set", new, "up")
        wanted = "-".join(w.zfill(4) for w in NAMES[subnet].split(":"))
        wait_until(lambda w=wanted: p.session(NID)["using"]["remote"] == w, lambda w=wanted: f"not {w}: {p.session(NID)}")
    sessions.end(stall=4, best=2, window=2.5)


def test(lab):
    sites = build(lab)
    plain = plain_node(sites)
    guest = ilnp_node(sites)
    world = lab.namespaces["r"]
    captures = {name: lab.capture(world, name) for name in ("q-eth0", "p-eth0", "dc1-wan0", "dc2-wan0")}
    streams = test_plain(sites, plain)
    test_ilnp(sites, guest)
    go_on(*streams, more=1 << 19)
    octets = [s.stop(what="by the relay")["octets"] for s in streams]
    lab.end_captures()

    frames = [frame for path in captures.values() for _, frame in packets_of(path)]
    tell_tale = [packed(f"{SUBNETS[0]}::")[:6], packed(PROVIDER["dc2"].split("/")[0])[:6]]
    leaks = [frame.hex() for frame in frames if any(octets in frame for octets in tell_tale)]
    check(not leaks, f"{len(leaks)} frames tell where the nodes are: {leaks[:1]}")
    check(sum(packed(f"{NAMES[0]}::{PLAIN:x}") in frame for frame in frames) > 100, "nothing went by the relay")
    nid = packed(f"::{NID}")[8:]
    seen = {name: names_on_the_wire(path, [nid])[nid] for name, path in captures.items()}
    check(seen["p-eth0"] == {packed(f"{name}::")[:8] for name in NAMES}, f"the correspondent saw {seen}")
    check(not seen["dc2-wan0"], f"by the node's own provider: {seen}")
    check(len(locator_updates(captures["p-eth0"])) >= 2, "no Locator Update came to the correspondent")
    print(f"{[o >> 10 for o in octets]} KiB by the relay, {len(frames)} frames without a trace of the nodes' site")


test_main(test)
