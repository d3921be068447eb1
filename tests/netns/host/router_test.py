#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The machine was moved to another place where the router has the same address, as all border routers have, and another
link-layer address. The link stays up; nothing but a router advertisement tells of it, and that is enough, at once."""
from flows import Counter, Stream, best_of, go_on, now
from lab import NID_A, NID_B, check, records_of, test_main, wait_until

GATEWAY = "fe80::1"
OWN_PART = 0.25  # seconds of a gap after the advertisement


def stage(lab):
    """Both hosts on links whose router is fe80::1 and nothing else."""
    router = lab.router()
    for name, prefix in (("a", "2001:db8:a1::"), ("b", "2001:db8:c1::")):
        lab.namespace(name)
        lab.link(name, "eth0", prefix, advertise=False, up=False)
    router.ip("link", "set", "a-eth0", "addrgenmode", "none", "down")
    router.ip("link", "set", "a-eth0", "up")
    router.ip("addr", "add", f"{GATEWAY}/64", "dev", "a-eth0", "nodad")
    router.ip("addr", "replace", "2001:db8:a1::1/64", "dev", "a-eth0", "nodad")
    for name in ("a", "b"):
        lab.namespaces[name].ip("link", "set", "eth0", "up")
    lab.routers["r"].advertise("b-eth0", "2001:db8:c1::")
    lab.start_dns(records_of("a", NID_A, "2001:db8:a1:0") + records_of("b", NID_B, "2001:db8:c1:0"))
    return lab.host("a", NID_A), lab.host("b", NID_B), router


def arrive(lab, router, mac, old, new):
    """What the host's new router does; the packets that went to the old one are lost from here on. When it advertised."""
    octets = bytes.fromhex(mac.replace(":", ""))
    if old and old != new:
        router.ip("addr", "del", f"{old}1/64", "dev", "a-eth0")
        router.ip("addr", "add", f"{new}1/64", "dev", "a-eth0", "nodad")
    router.ip("link", "set", "a-eth0", "address", mac)
    lab.routers["r"].advertise("a-eth0", new, mac=octets)
    index, when = router.ifindex("a-eth0"), now()
    lab.routers["r"].say(index)
    return when


def test(lab):
    a, b, router = stage(lab)
    lab.routers["r"].period = 30  # nothing is repeated in time to help
    here, there = "2001:db8:a1::", "2001:db8:a2::"
    arrive(lab, router, "02:00:00:00:0a:01", None, here)
    a.start()
    b.start()
    address = a.resolve_peer(b)
    stream = Stream(a.ns, b.ns, address, rate=2_000_000)
    wait_until(lambda: (b.session(a.nid) or {}).get("state") == "established", "no session")

    def own_part(words, mac, old, new):
        """Seconds in which no datagrams came, from the advertisement on."""
        udp = Counter(a.ns, b.ns, address)
        go_on(udp)
        begin = now()
        told = arrive(lab, router, mac, old, new)
        place = "2001-0db8-00a1-0000" if new == here else "2001-0db8-00a2-0000"
        wait_until(lambda: b.session(a.nid)["using"]["remote"] == place, f"{words}: b does not follow")
        wait_until(lambda: mac in a.ns.ip("-6", "neigh", "show", GATEWAY),
                   lambda: f"{words}: {a.ns.ip('-6', 'neigh', 'show', GATEWAY)}")
        go_on(udp, more=500)
        end, figures = now(), udp.stop()
        gaps = [(length, at) for way in ("there", "back") for length, at in figures[way]["gaps"]
                if at + length > begin and at < end]
        whole = max((length for length, _ in gaps), default=0.0)
        own = max((min(length, at + length - told) for length, at in gaps), default=0.0)
        print(f"another router, {words}: UDP gap {whole * 1e3:.0f} ms, {own * 1e3:.0f} ms of it after the advertisement")
        return own

    best_of("the same prefix", OWN_PART, lambda: max(
        own_part("the same prefix", "02:00:00:00:0a:02", here, here),
        own_part("the same prefix again", "02:00:00:00:0a:01", here, here)))
    best_of("another prefix", OWN_PART, lambda: max(
        own_part("another prefix", "02:00:00:00:0a:03", here, there),
        own_part("and back", "02:00:00:00:0a:01", there, here)))
    print(f"{stream.stop()['octets'] >> 10} KiB of TCP intact")
    check('"session_ended"' not in a.log_text() + b.log_text(), "a session ended")


test_main(test)
