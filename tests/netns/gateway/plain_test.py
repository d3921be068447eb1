#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two plain xTRs, one Map-Server: hosts of two sites reach each other in both families, over IPv6, over IPv4 and over both;
TCP octet by octet, datagrams of every size about the MTU; and nothing of an EID is seen in the underlay."""
import socket
import struct
import sys

from gateway_lab import BOTH, Sites, host_of, mapped, ping, rloc_of

# pylint: disable=wrong-import-order
from flows import Counter, Stream, echoes, go_on
from lab import Failure, Lab, check, wait_until

SIZES = [1, 1000, 1380, 1388, 1392, 1396, 1400, 1404, 1416, 1424, 1428, 1432, 1436, 1440, 1444, 1448, 1452, 1472, 1473,
         2000, 8000]


def pings(sites):
    h1, h2 = sites.hosts[1], sites.hosts[2]
    for family in BOTH:
        check(ping(h1, host_of(2, family)), f"h1 does not reach h2 by IPv{family}")
        check(ping(h2, host_of(1, family)), f"h2 does not reach h1 by IPv{family}")
        mapping = sites.gateways[1].mapping(sites.prefixes(2)[BOTH.index(family)])
        check(mapping and mapping["state"] == "active" and mapping["rlocs"][0]["rloc"]
              in [rloc_of(2, f) for f in sites.underlay], f"the mapping: {mapping}")
    check(not ping(h1, host_of(5, 6)[:-2] + "99", "-w", "3"), "somebody answers for an EID that nobody registered")


def traffic(sites):
    for family in BOTH:
        address = mapped(host_of(2, family))
        stream, udp = Stream(sites.hosts[1], sites.hosts[2], address), Counter(sites.hosts[1], sites.hosts[2], address)
        go_on(stream, more=50_000_000)
        go_on(udp)
        stream.stop(f"TCP over IPv{family}")
        check(udp.stop()["back"]["count"] > 0, "no datagrams")
    g1 = sites.gateways[1].counters()
    check(g1["data.sent"] > g1["tun.read"], f"no super-packet was cut: {g1}")


def sizes(sites):
    """What does not fit is cut by the sender (IPv6, IPv4 with DF) or by the gateway (IPv4 without)."""
    for family in BOTH:
        echoes(sites.hosts[1], sites.hosts[2], mapped(host_of(2, family)), SIZES, port=7400 + family)
    if len(sites.underlay) > 1:
        return  # the flow decides, by which of them it goes
    largest = 1500 - (56 if sites.underlay[0] == 6 else 36)
    for family, header in ((6, 48), (4, 28)):
        fits, does_not = largest - header, largest - header + 1
        target = host_of(2, family)
        check(ping(sites.hosts[1], target, "-M", "do", "-s", fits), f"{largest} octets of IPv{family} do not fit")
        check(not ping(sites.hosts[1], target, "-M", "do", "-s", does_not, "-w", "3"),
              f"{largest + 1} octets of IPv{family} crossed whole")
    said = sites.hosts[1].snmp("Icmp6InPktTooBigs", "InCsumErrors")
    check(said["Icmp6InPktTooBigs"] > 0 and said["InCsumErrors"] == 0, f"{said}")


def small_path(sites):
    """The underlay takes less than anybody thought, and says so about a packet of a tunnel."""
    r = sites.router_namespace()
    family = sites.underlay[0]
    mtu = 1400
    r.ip("link", "set", "to-g2", "mtu", mtu)
    target = host_of(2, 6)
    payload = mtu - (56 if family == 6 else 36) - 48
    wait_until(lambda: not ping(sites.hosts[1], target, "-M", "do", "-s", payload + 1, "-w", "1"),
               "the path takes what its MTU does not")
    check(ping(sites.hosts[1], target, "-s", payload), "what fits the smaller path does not cross")
    stream = Stream(sites.hosts[1], sites.hosts[2], target)
    go_on(stream, more=1 << 20)
    stream.stop("TCP over a smaller path")
    r.ip("link", "set", "to-g2", "mtu", 1500)


def strangers(sites):
    """What no gateway would send: a packet for somebody else, one in our own name, one of an unknown instance."""
    g2 = sites.gateways[2]
    before = g2.counters()
    family = socket.AF_INET6 if sites.underlay[0] == 6 else socket.AF_INET
    echo = bytes.fromhex("8000000000000000")

    def packet(source, destination):
        return (struct.pack("!IHBB", 6 << 28, len(echo), 58, 64) + socket.inet_pton(socket.AF_INET6, source)
                + socket.inet_pton(socket.AF_INET6, destination) + echo)

    with sites.router_namespace().socket(family, socket.SOCK_DGRAM) as s:
        for header, inner in ((bytes(8), packet("2001:db8:e1::10", "2001:db8:e3::1")),
                              (bytes(8), packet("2001:db8:e2::7", "2001:db8:e2::10")),
                              (b"\x08" + bytes(3) + b"\x00\x00\x07\x00", packet("2001:db8:e1::10", "2001:db8:e2::10")),
                              (b"\x01" + bytes(7), packet("2001:db8:e1::10", "2001:db8:e2::10")),
                              (bytes(8), b"\x45" + bytes(9))):
            s.sendto(header + inner, (rloc_of(2, sites.underlay[0]), 4341))
    expected = ("drop.not_our_eid", "drop.source_is_ours", "data.no_instance", "data.malformed", "drop.malformed")
    wait_until(lambda: all(g2.counters()[name] > before[name] for name in expected),
               lambda: f"not all are counted: { {n: g2.counters()[n] - before[n] for n in expected} }")


def underlay(build, families):
    with Lab(build=build) as lab:
        sites = Sites(lab, underlay=families).start()
        path = lab.capture(sites.router_namespace(), "to-g1")
        pings(sites)
        traffic(sites)
        lab.end_captures()
        seen = sites.router_namespace().run("tcpdump", "-nn", "-r", path, "not", "udp", "port", "4341", "and", "not",
                                            "udp", "port", "4342", "and", "(net 2001:db8:e0::/44 or net 10.0.0.0/13)")
        check(not seen.stdout.strip(), f"EIDs in the underlay: {seen.stdout[:300]}")
        sizes(sites)
        if len(families) == 1:
            small_path(sites)
        strangers(sites)
        for gateway in sites.gateways.values():
            check(gateway.ask("status")["state"] == "ok", f"{gateway.ask('status')['problems']}")
        print(f"underlay of IPv{' and IPv'.join(map(str, families))}: ok")


try:
    for wanted in ((6,), (4,), (6, 4)):
        underlay(None, wanted)
except Failure as failure:
    sys.exit(f"FAILED: {failure}")
