#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Without any offload - every device computes and cuts for itself, as cheap hardware does - and with both checksum
modes: not one checksum error at either end, and plain IPv6 routers in between see right ones too."""
import os

from flows import Counter, Stream, go_on
from lab import check, standard, test_main, wait_until
from leaks import wrong_checksums

ERRORS = ("TcpInCsumErrors", "Udp6InCsumErrors", "Icmp6InCsumErrors", "TcpInErrs", "Udp6InErrors")


def switch_off(namespace, *devices):
    for device in devices:
        namespace.run("/usr/sbin/ethtool", "-K", device, "tx", "off", "tso", "off", "gso", "off", "gro", "off")


def run_mode(lab, a, b, mode):
    errors_before = {host.name: host.ns.snmp(*ERRORS) for host in (a, b)}
    capture = lab.capture(lab.namespaces["r"], "b-eth0") if mode == "ipv6" else None
    address = a.resolve_peer(b)
    udp = Counter(a.ns, b.ns, address, hertz=500)
    there, back = Stream(a.ns, b.ns, address, rate=3_000_000), Stream(b.ns, a.ns, a.identity(), port=7003, rate=3_000_000)
    wait_until(lambda: (a.session(b.nid) or {}).get("state") == "established", "no session")
    check(a.session(b.nid)["checksum"] == mode, f"the session is {a.session(b.nid)}")
    go_on(udp, there, back)
    a.ns.ip("link", "set", "eth1", "up")  # a locator with another sum
    wait_until(lambda: len(a.locators()) == 2, "two locators")
    a.ns.ip("link", "set", "eth0", "down")
    wait_until(lambda: len(a.locators()) == 1, "the link that is down is noticed")
    go_on(there, back)
    go_on(udp, more=500)
    octets = there.stop(what=mode)["octets"] + back.stop(what=mode)["octets"]
    figures = udp.stop()
    a.ns.ip("link", "set", "eth0", "up")
    wait_until(lambda: len(a.locators()) == 2, "both locators")
    a.ns.ip("link", "set", "eth1", "down")
    for host in (a, b):
        now = host.ns.snmp(*ERRORS)
        grown = {name: now[name] - errors_before[host.name][name] for name in ERRORS}
        check(not any(grown.values()), f"{mode}: {host.name} saw errors: {grown}")
        check(not host.counters()["drop.in_bad_checksum"], f"{mode}: {host.name} dropped: {host.counters()}")
    if capture:
        wrong = wrong_checksums(lab.end_captures())
        check(not wrong, f"{mode}: wrong checksums on the wire: {wrong[:3]}")
    print(f"{mode}: {octets >> 20} MiB of TCP intact, {figures['sent']} datagrams, lost {figures['there']['lost']} + "
          f"{figures['back']['lost']}, no checksum error")


def test(lab):
    a, b = standard(lab)
    router = lab.namespaces["r"]
    switch_off(router, "a-eth0", "a-eth1", "b-eth0", "b-eth1")
    for host in (a, b):
        switch_off(host.ns, "eth0", "eth1")
    for mode in ("ipv6", "rfc6741"):
        for host in (a, b):
            host.write_config(session=f'checksum = "{mode}"')
            host.start()
            switch_off(host.ns, "ilnp0")
        run_mode(lab, a, b, mode)
        for host in (a, b):
            host.stop()
            os.remove(os.path.join(host.directory, "sessions"))


test_main(test)
