#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""IPv4-only LISP clients of nodes without IPv4 (RFC 7915, 7757): an ILNP node in mode N, and a plain IPv6 host in mode X.
TCP, datagrams of every size, pings, ICMP errors, and an IPv4 EID that is nobody's."""
from gateway_lab import EIDS, host_of, listed, mapped, ping
from ilnp_side import CLIENTS4, EID, EID4, IlnpSide, NOBODY4, PLAIN4, refused

# pylint: disable=wrong-import-order
from flows import Counter, Stream, echoes, go_on
from lab import check, test_main, wait_until
from leaks import identity_leaks

TRANSLATION = f"""[translation]
clients = "{CLIENTS4}"
pool = ["10.5.0.0/24"]
[[eam]]
ipv4 = "{EID4}/32"
ipv6 = "{EID}/128"
[[eam]]
ipv4 = "{PLAIN4}/32"
ipv6 = "{host_of(1, 6)}/128"
"""
SIZES = [1, 1200, 1232, 1300, 1400, 1416, 1436, 1472, 2000, 3000, 8000]


def prepare(lab):
    side = IlnpSide(lab, TRANSLATION)
    ms, gateway, plain = side.sites.ms, side.gateway, side.sites.hosts[1]
    ms.text = ms.text.replace('"10.1.0.0/16"', '"10.1.0.0/16", "10.5.0.0/24"')
    gateway.text = gateway.text.replace(f"routes = {listed(EIDS)}", f"routes = {listed([*EIDS, CLIENTS4])}")
    for namespace in (plain, side.vm.ns):
        namespace.ip("-4", "addr", "flush", "scope", "global")
    side.start()
    check(plain.ip("-4", "addr", "show", "scope", "global") == "", "the plain node has IPv4")
    return side, plain


def reached(side, node, address, what):
    """The client has IPv4 towards this node, the node has IPv6 towards the client."""
    check(ping(side.client, address), f"{what} is not reached")
    flows = [Stream(side.client, node, mapped(address), rate=2_000_000),
             Counter(side.client, node, mapped(address), hertz=200)]
    go_on(*flows)
    if node is side.vm.ns:
        side.move()
        go_on(*flows)
    flows[0].stop(what)
    flows[1].stop()
    echoes(side.client, node, mapped(address), SIZES)
    refused(side.client, address)
    print(f"{what}: reached by {address}")


def unreachable(side):
    """An EID without a row: the client that still has its mapping hears so."""
    refused = side.client.snmp("IcmpInDestUnreachs")["IcmpInDestUnreachs"]
    side.sites.gateways[2].text += f'[[mapping]]\neid = "{NOBODY4}/32"\nrlocs = ["2001:db8:a1::2"]\n'
    side.sites.gateways[2].stop()
    side.sites.gateways[2].start()
    check(not ping(side.client, NOBODY4, "-w", "3"), "somebody has an EID that nobody has")
    check(side.client.snmp("IcmpInDestUnreachs")["IcmpInDestUnreachs"] > refused, "nobody told the client")
    check(side.gateway.counters()["siit.no_mapping"] > 0, f"{side.gateway.counters()}")


def test(lab):
    side, plain = prepare(lab)
    rows = {row["eid"] for row in side.gateway.rows("registrations", "registrations")}
    check({f"{EID4}/32", f"{PLAIN4}/32"} <= rows, f"registered: {rows}")
    wire = lab.capture(side.sites.router_namespace(), "vm-eth1")
    reached(side, side.vm.ns, EID4, "the ILNP node")
    reached(side, plain, PLAIN4, "the plain node")
    session = [s for s in side.sessions() if s["node"] == f"{EID}/128"]
    check(len(session) == 1, f"one client, one session: {side.sessions()}")
    rlocs = side.sites.gateways[2].rlocs_of(f"{EID4}/32")
    check(rlocs and rlocs[0] == "2001:db8:a1::2", f"the mapping: {rlocs}")
    unreachable(side)
    lab.end_captures()
    check(not identity_leaks([wire]), f"identity addresses on the wire: {identity_leaks([wire])[:3]}")
    counters = side.gateway.counters()
    check(counters["siit.translated"] > 1000 and counters["siit.malformed"] == 0, f"{counters}")
    wait_until(lambda: side.gateway.ask("status")["state"] == "ok", lambda: str(side.gateway.ask("status")["problems"]))


test_main(test)
