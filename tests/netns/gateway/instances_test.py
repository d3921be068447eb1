#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two tenants with the same addresses: an instance each, a device and a routing table each. Nothing crosses from one to the
other, and ICMP errors come to whom they are meant for."""
from gateway_lab import Sites, listed, mapped, ping

# pylint: disable=wrong-import-order
from flows import Stream, go_on
from lab import check, test_main
from site_lab import veth

TENANTS = {"red": (7, 1007), "blue": (16777215, 1008)}  # instance, routing table
SITE = {1: "10.11.0", 2: "10.12.0"}


def add_tenant(sites, number, tenant):
    """A host <tenant><number> on a link of its own; rules of the gateway choose its table."""
    gateway, (instance, table) = sites.gateways[number], TENANTS[tenant]
    ns, host = gateway.ns, sites.lab.namespace(f"{tenant}{number}")
    veth(host, "eth0", ns, tenant)
    ns.ip("addr", "add", f"{SITE[number]}.1/32", "dev", tenant)
    for interface in (tenant, f"lisp-{tenant}"):
        ns.ip("rule", "add", "iif", interface, "lookup", table)
    ns.ip("route", "add", f"{SITE[number]}.0/24", "dev", tenant, "table", table)
    host.ip("addr", "add", f"{SITE[number]}.10/24", "dev", "eth0")
    host.ip("route", "add", "default", "via", f"{SITE[number]}.1")
    gateway.text += (f'[[interface]]\nname = "lisp-{tenant}"\ninstance = {instance}\ntable = {table}\n'
                     f'routes = ["10.8.0.0/13"]\naddresses = ["{SITE[number]}.254"]\n'
                     f'[[eid]]\nprefix = "[{instance}]{SITE[number]}.0/24"\n')
    return host


def test(lab):
    sites = Sites(lab)
    for number in (1, 2):
        prefixes = [f"[{instance}]{SITE[number]}.0/24" for instance, _ in TENANTS.values()]
        old = listed(sites.prefixes(number))
        sites.ms.text = sites.ms.text.replace(old, listed(sites.prefixes(number) + prefixes))
    hosts = {(tenant, number): add_tenant(sites, number, tenant) for tenant in TENANTS for number in (1, 2)}
    sites.start()
    target = f"{SITE[2]}.10"
    for tenant in TENANTS:
        check(ping(hosts[tenant, 1], target), f"{tenant} does not reach itself")
    # The same address is another host in the other instance.
    hosts["blue", 2].ip("link", "set", "eth0", "down")
    check(not ping(hosts["blue", 1], target, "-w", "2"), "blue is answered by somebody else")
    check(ping(hosts["red", 1], target), "red went with blue")
    stream = Stream(hosts["red", 1], hosts["red", 2], mapped(target))
    go_on(stream, more=10_000_000)
    stream.stop("red")
    check(not ping(hosts["red", 1], target, "-M", "do", "-s", "1472", "-w", "2"), "1500 octets crossed whole")
    said = hosts["red", 1].ip("route", "get", target)
    check("mtu 1444" in said, f"red has not heard of the MTU: {said}")
    mappings = {m["eid"] for m in sites.gateways[1].rows("map_cache", "mappings") if m["state"] == "active"}
    for instance, _ in TENANTS.values():
        check(f"[{instance}]{SITE[2]}.0/24" in mappings, f"{mappings}")


test_main(test)
