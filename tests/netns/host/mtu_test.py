#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Small MTUs of a path and of a link: Packet Too Big reaches the kernel in its own terms, streams go on, datagrams that
are too large for one packet arrive by fragments."""
import re

from flows import Stream, echoes, go_on
from lab import check, standard, test_main, wait_until

HEADERS = 16  # the nonce header, which the kernel does not see


def kernel_mtu(host, identity):
    """What the host's kernel believes of the path to an identity address."""
    found = re.search(r"\bmtu (\d+)", host.ns.ip("-6", "route", "get", identity))
    return int(found.group(1)) if found else None


def limit_path(router, mtu):
    """The router forwards nothing that is larger, to neither host."""
    for host, prefix in (("a", "2001:db8:a1::/64"), ("b", "2001:db8:c1::/64")):
        router.ip("-6", "route", "replace", prefix, "dev", f"{host}-eth0", "proto", "kernel", "metric", "256",
                  "mtu", "lock", mtu)


def behind_a_router(lab, a, b, mtu):
    router = lab.namespaces["r"]
    before = router.snmp("Icmp6OutPktTooBigs")["Icmp6OutPktTooBigs"]
    to_b, to_a = Stream(a.ns, b.ns, b.identity(), rate=0), Stream(b.ns, a.ns, a.identity(), port=7003, rate=0)
    go_on(to_b, to_a)
    limit_path(router, mtu)
    believed = max(mtu - HEADERS, 1280)
    for host, peer in ((a, b), (b, a)):
        wait_until(lambda h=host, p=peer: kernel_mtu(h, p.identity()) == believed,
                   lambda h=host, p=peer: f"path {mtu}: {h.name}'s kernel believes {kernel_mtu(h, p.identity())}")
    told = router.snmp("Icmp6OutPktTooBigs")["Icmp6OutPktTooBigs"]
    check(told > before, "the router refused nothing")
    go_on(to_b, to_a, more=4 << 20)
    octets = to_b.stop(what=f"path {mtu} there")["octets"], to_a.stop(what=f"path {mtu} back")["octets"]
    again = router.snmp("Icmp6OutPktTooBigs")["Icmp6OutPktTooBigs"] - told
    check(again < 20, f"path {mtu}: the router refuses on and on: {again}")
    echoes(a.ns, b.ns, b.identity(), (100, 1200, 1232, 1233, 1280, 1400, 4000))
    echoes(b.ns, a.ns, a.identity(), (1400, 4000))
    print(f"path MTU {mtu}: {octets[0] >> 20} + {octets[1] >> 20} MiB of TCP intact, datagrams of up to 4000 octets")


def on_a_link(lab, a, b, mtu):
    """a's own link becomes small while everything runs."""
    lab.namespaces["r"].ip("link", "set", "a-eth0", "mtu", mtu)
    a.ns.ip("link", "set", "eth0", "mtu", mtu)
    to_b, to_a = Stream(a.ns, b.ns, b.identity(), rate=0), Stream(b.ns, a.ns, a.identity(), port=7003, rate=0)
    go_on(to_b, to_a, more=4 << 20)
    octets = to_b.stop(what=f"link {mtu} there")["octets"], to_a.stop(what=f"link {mtu} back")["octets"]
    echoes(a.ns, b.ns, b.identity(), (1200, 1232, 1233, 1400, 4000))
    echoes(b.ns, a.ns, a.identity(), (1232, 1400, 4000))
    print(f"link MTU {mtu}: {octets[0] >> 20} + {octets[1] >> 20} MiB of TCP intact, datagrams of up to 4000 octets")


def test(lab):
    a, b = standard(lab)
    a.start()
    b.start()
    a.resolve_peer(b)
    echoes(a.ns, b.ns, b.identity(), (100, 1400, 4000))
    for mtu in (1400, 1280):
        behind_a_router(lab, a, b, mtu)
    on_a_link(lab, a, b, 1280)
    for host in (a, b):
        counters = host.counters()
        check((host.session(lab.hosts["b" if host is a else "a"].nid) or {}).get("state") == "established", "no session")
        check(not counters["drop.in_reassembly"] and not counters["drop.in_malformed"], f"{host.name}: {counters}")


test_main(test)
