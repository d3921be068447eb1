#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A link between two sites that swallows large packets without a word: what it takes is found out, and 1 MiB to and from
a guest that is away needs at most twice the time that it needs without the trouble."""
import socket
import threading
import time

from two_sites import TwoSites

# pylint: disable=wrong-import-order
from lab import check, run, test_main, wait_until

OCTETS = 1 << 20
PORT = 7020
PASSES = 1400  # octets


def transfer(client, server, address):
    """Seconds that 1 MiB takes, from the connect() to the last octet at the server; neither knows the path's MTU."""
    for namespace in (client, server):
        namespace.ip("-6", "route", "flush", "cache")
    with server.socket(socket.AF_INET6, socket.SOCK_STREAM) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("::", PORT))
        listening.listen(1)
        listening.settimeout(20)
        got = bytearray()

        def serve():
            with listening.accept()[0] as connection:
                connection.settimeout(20)
                while chunk := connection.recv(1 << 16):
                    got.extend(chunk)

        serving = threading.Thread(target=serve, daemon=True)
        serving.start()
        sent = bytes(i % 251 for i in range(OCTETS))
        since = time.monotonic()
        with client.socket(socket.AF_INET6, socket.SOCK_STREAM) as s:
            s.settimeout(20)
            s.connect((address, PORT))
            s.sendall(sent)
        serving.join(20)
        seconds = time.monotonic() - since
    check(bytes(got) == sent, f"{len(got)} octets came, and they are not those that were sent")
    return seconds


def both_ways(sites, plain, enough):
    """The seconds of each direction between the correspondent and the guest: what the machine adds is left out by taking the
    best of 7, and of more until it is less than `enough`."""
    q, best = sites.lab.namespaces["q"], []
    for client, server, address, most in ((q, plain, sites.outside_name(plain.address), enough[0]),
                                          (plain, q, "2001:db8:c2::2", enough[1])):
        seconds = [transfer(client, server, address) for _ in range(7)]
        while min(seconds) > most and len(seconds) < 50:
            seconds.append(transfer(client, server, address))
        best.append(min(seconds))
    return best


def swallow(sites):
    """Between the two ends, in both directions, without a word to anybody."""
    for site in sites.sites.values():
        site.ns.run("nft", "add table netdev hole")
        site.ns.run("nft", "add chain netdev hole in { type filter hook ingress device x0 priority -500; }")
        site.ns.run("nft", f"add rule netdev hole in meta length > {PASSES} counter drop")


def mtus(sites):
    return [site.router.ask("status")["links"][0]["mtu"] for site in sites.sites.values()]


def test(lab):
    sites = TwoSites(lab)
    for site in sites.sites.values():  # so that the link carries packets and no super-packets
        run("ip", "netns", "exec", site.ns.full, "ethtool", "-K", "x0", "tso", "off", "gso", "off", "gro", "off")
    sites.start()
    plain = sites.plain_guest("h", 10)
    sites.move("h", "dc2")
    check(mtus(sites) == [1500, 1500], f"without trouble the interface is believed: {mtus(sites)}")
    without = both_ways(sites, plain, (1, 1))

    swallow(sites)
    wait_until(lambda: all(PASSES - 8 < mtu <= PASSES for mtu in mtus(sites)), lambda: f"MTUs {mtus(sites)}")
    check(all(site.router.ask("status")["state"] == "degraded" for site in sites.sites.values()), "status is well")
    within = both_ways(sites, plain, [2 * seconds for seconds in without])
    for what, before, after in zip(("to", "from"), without, within):
        print(f"1 MiB {what} the guest: {before * 1e3:.0f} ms, over the black hole {after * 1e3:.0f} ms")
        check(after <= 2 * before, f"1 MiB {what} the guest takes {after} s instead of {before} s")


test_main(test)
