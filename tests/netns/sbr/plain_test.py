#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plain IPv6 hosts inside and outside: everything that a router does, and what it must refuse."""
import errno
import re
import socket
import subprocess

from site_lab import Site, host_address, outside_host

# pylint: disable=wrong-import-order
from flows import Stream, go_on
from lab import check, test_main, wait_until
from wire import Frames, ipv6, udp

LOCATOR, OTHER = "2001:db8:100:1", "2001:db8:100:2"
OUT = "2001:db8:c1::2"


def filter_refused(site):
    """Somebody else owns the table of our packet filter: a problem until it is set, told once."""
    with site.ns.start("/usr/sbin/nft", "-i", stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as other:
        other.stdin.write(b"add table netdev ilnp_sbr { flags owner; }\n")
        other.stdin.flush()
        wait_until(lambda: "ilnp_sbr" in site.ns.run("/usr/sbin/nft", "list", "tables").stdout, "nobody owns the table")
        site.router.write_config(site.text)
        site.router.launch()  # it is not ready while the filter is refused
        site.router.wait_up()
        wait_until(lambda: no_filter(site), lambda: f"no problem: {site.router.ask('status')}")
        other.kill()
    wait_until(lambda: not no_filter(site), lambda: f"the filter is not set: {site.router.ask('status')}")
    check(len(site.router.events("filter_not_set")) == 1, f"told again and again: {site.router.events('filter_not_set')}")
    check("chain" in site.ns.run("/usr/sbin/nft", "list", "table", "netdev", "ilnp_sbr").stdout, "there is no filter")


def no_filter(site):
    return any("packet filter" in problem["what"] for problem in site.router.ask("status")["problems"])


def ping(namespace, address, *more):
    return namespace.run("ping", "-6", "-n", "-c", "1", "-W", "10", *more, address, check_status=False)


def reach(lab, site):
    inside, outside = lab.namespaces["in"], lab.namespaces["out"]
    name = f"{site.name_of(LOCATOR, 'isp1')}::10"
    for namespace, address in ((inside, OUT), (outside, name), (inside, f"{LOCATOR}::1"), (inside, f"{OTHER}::20"),
                               (site.world, "2001:db8:f0:1::2"), (site.ns, f"{LOCATOR}::10"), (site.ns, "fe80::1%lan0")):
        wait_until(lambda n=namespace, a=address: ping(n, a, "-W", "1").returncode == 0, f"no answer of {address}")
    # A host inside is called by its outside name from inside as well.
    check(ping(lab.namespaces["in2"], name).returncode == 0, "no hairpin")
    hops = {1: f"{LOCATOR}::1", 2: "2001:db8:f0:1::1"}
    for limit, address in hops.items():
        text = ping(inside, OUT, "-t", str(limit)).stdout
        check(f"From {address}" in text and "Time exceeded" in text, f"hop {limit} inside out: {text}")
    text = ping(outside, name, "-t", "2").stdout
    check("From 2001:db8:f0:1::2" in text and "Time exceeded" in text, f"hop 2 outside in: {text}")
    text = ping(outside, f"{name[:-2]}99").stdout
    check("Address unreachable" in text, f"an address that nobody has: {text}")


def transfers(lab, site):
    inside, outside = lab.namespaces["in"], lab.namespaces["out"]
    name = f"{site.name_of(LOCATOR, 'isp1')}::10"
    before = site.router.counters()
    out, back = Stream(inside, outside, OUT), Stream(outside, inside, name, port=7003)
    go_on(out, back, more=10 << 20)
    octets = [s.stop(what=what)["octets"] for s, what in ((out, "out"), (back, "in"))]
    after = site.router.counters()
    packets = after["wire.received"] - before["wire.received"]
    size = (after["wire.received_octets"] - before["wire.received_octets"]) / packets
    print(f"TCP: {octets[0] >> 20} MiB out and {octets[1] >> 20} MiB in, intact; {size:.0f} octets a packet")
    # Acknowledgements are half of the packets.
    check(size > 3000, f"super-packets are cut: {size:.0f} octets a packet")


def path_mtu(namespace, destination):
    found = re.search(r"\bmtu (\d+)", namespace.ip("-6", "route", "get", destination))
    return int(found.group(1)) if found else None


def big_datagram(namespace, destination):
    with namespace.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
        s.setsockopt(socket.IPPROTO_IPV6, 23, 2)  # IPV6_MTU_DISCOVER: do
        s.connect((destination, 9))
        try:
            s.send(bytes(1452))
        except OSError as error:  # the answer to the one before it: what the caller waits for
            if error.errno != errno.EMSGSIZE:
                raise


def too_big(lab, site):
    """What a router behind us says reaches the sender in its words; and what we say ourselves."""
    inside, outside = lab.namespaces["in"], lab.namespaces["out"]
    lab.namespaces["r"].ip("-6", "route", "replace", "2001:db8:c1::/64", "dev", "out-eth0", "proto", "kernel", "metric",
                           "256", "mtu", "lock", "1300")
    wait_until(lambda: big_datagram(inside, OUT) or path_mtu(inside, OUT) == 1300, "no Packet Too Big from behind us")
    stream = Stream(inside, outside, OUT)
    go_on(stream, more=1 << 20)
    stream.stop(what="1300")
    lab.namespaces["r"].ip("-6", "route", "replace", "2001:db8:c1::/64", "dev", "out-eth0", "proto", "kernel", "metric",
                           "256")
    name = f"{site.name_of(LOCATOR, 'isp1')}::10"
    site.ns.ip("link", "set", "lan0", "mtu", "1400")
    inside.ip("link", "set", "eth0", "mtu", "1400")
    wait_until(lambda: big_datagram(outside, name) or path_mtu(outside, name) == 1400, "no Packet Too Big of ours")
    check(site.router.counters()["drop.too_big"] > 0, "not counted")
    site.ns.ip("link", "set", "lan0", "mtu", "1500")
    inside.ip("link", "set", "eth0", "mtu", "1500")


def forged(lab, site):
    """Sources that are not of the site, and names of the inside that come from outside."""
    name = f"{site.name_of(LOCATOR, 'isp1')}::10"
    cases = (("in", "eth0", "lan0", "2001:db8:bad::1", OUT, "inside_foreign_source"),
             ("r", "sbr-wan0", "wan0", f"{LOCATOR}::77", name, "outside_inside_address"),
             ("r", "sbr-wan0", "wan0", OUT, f"{LOCATOR}::10", "outside_inside_address"),
             ("r", "sbr-wan0", "wan0", f"{name[:-2]}55", name, "outside_own_source"),
             ("r", "sbr-wan0", "wan0", OUT, "2001:db8:dead::1", "outside_no_mapping"))
    for namespace, interface, ours, source, destination, reason in cases:
        before = site.router.counters()[f"drop.{reason}"]
        mac = bytes.fromhex(site.ns.ip("-br", "link", "show", ours).split()[2].replace(":", ""))
        frames = Frames(lab.namespaces[namespace], interface)
        frames.send(mac, ipv6(source, destination, 17, udp(source, destination, 7, 9, b"forged")))
        frames.close()
        wait_until(lambda r=reason, b=before: site.router.counters()[f"drop.{r}"] == b + 1,
                   f"{source} > {destination} by {ours}: {reason} is not counted: {site.router.counters()}")


def test(lab):
    lab.router()
    outside_host(lab, "out", "2001:db8:c1::")
    site = Site(lab)
    site.add_uplink("isp1", "wan0", "2001:db8:f0:1", "2001:db8:1::/48")
    host_address(site.add_inside("lan0", LOCATOR, "in"), "eth0", f"{LOCATOR}::10")
    host_address(site.add_inside("lan1", OTHER, "in2"), "eth0", f"{OTHER}::20")
    filter_refused(site)
    reach(lab, site)
    transfers(lab, site)
    too_big(lab, site)
    forged(lab, site)
    counters = site.router.counters()
    check(site.router.stop() == 0, "an orderly end")
    check("ilnp_sbr" not in site.ns.run("/usr/sbin/nft", "list", "ruleset").stdout, "the filter is still there")
    check("fe80::1/" not in site.ns.ip("addr", "show", "dev", "lan0"), "the router address is still there")
    print({k: v for k, v in counters.items() if k.startswith(("drop", "wire.un", "wire.send_"))})


test_main(test)
