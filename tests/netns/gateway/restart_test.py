#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A gateway is killed, replaced and stopped, and so is the Map-Server: streams go on, nonces never go back, and what a
daemon made in the kernel is taken back when it ends for good."""
import json
import os
import signal

from gateway_lab import Sites, host_of, mapped, ping

# pylint: disable=wrong-import-order
from flows import Counter, Stream, go_on
from lab import check, test_main, wait_until


def nonces(gateway):
    with open(os.path.join(gateway.directory, "gateway.nonces"), encoding="ascii") as f:
        return json.load(f)


def replaced(sites, number):
    """g1 goes and comes back under traffic."""
    h1, h2, g1 = sites.hosts[1], sites.hosts[2], sites.gateways[1]
    flows = [Stream(h1, h2, mapped(host_of(2, 6)), rate=2_000_000),
             Stream(h2, h1, mapped(host_of(1, 4)), port=7003, rate=2_000_000), Counter(h1, h2, host_of(2, 6))]
    go_on(*flows)
    before, refused = nonces(g1)["registration_nonce"], h1.snmp("Icmp6InDestUnreachs")
    xtr = g1.ask("status")["gateway"]["xtr_id"]
    g1.stop(number)
    check("lisp0" in g1.ns.ip("link", "show"), "the device went with the gateway")
    g1.start()
    go_on(*flows)
    for flow in flows[:2]:
        flow.stop(what=signal.Signals(number).name)
    flows[2].stop()
    check(h1.snmp("Icmp6InDestUnreachs") == refused, "somebody was refused while the gateway was away")
    g1.wait_registered()
    check(g1.ask("status")["gateway"]["xtr_id"] == xtr, "it is somebody else now")
    check(nonces(g1)["registration_nonce"] > before, "nonces do not grow over a restart")
    check(os.stat(os.path.join(g1.directory, "gateway.nonces")).st_mode & 0o777 == 0o600, "anybody may read nonces")
    print(f"{signal.Signals(number).name}: streams go on")


def map_server_dies(sites):
    """What is known stays in use. The new one hears of everybody, and does not take what it has heard before."""
    ms = sites.ms
    ms.stop(signal.SIGKILL)
    check(ping(sites.hosts[1], host_of(2, 6)), "no packets without the Map-Server")
    ms.start()
    wait_until(lambda: ms.ask("status")["map_server"]["registrations"] >= 4, "not all have registered again",
               timeout=40)
    check(ms.counters()["server.replayed"] == 0, f"a gateway's nonce stood still: {ms.counters()}")
    # A gateway that has lost its memory draws from the clock, which is ahead of what was reserved a second later.
    g2 = sites.gateways[2]
    g2.stop(signal.SIGKILL)
    os.unlink(os.path.join(g2.directory, "gateway.nonces"))
    g2.start()
    g2.wait_registered()


def another_configuration(sites):
    """A route that was taken out of the file goes with the restart, although the device stays."""
    g1 = sites.gateways[1]
    text = g1.text
    g1.text = text.replace('"10.0.0.0/13"', '"10.0.0.0/13", "10.200.0.0/16"')
    g1.stop(signal.SIGUSR2)
    g1.start()
    check("10.200.0.0/16 dev lisp0" in g1.ns.ip("route", "show"), "the new route is not there")
    g1.text = text
    g1.stop(signal.SIGUSR2)
    g1.start()
    routes = g1.ns.ip("route", "show", "proto", "107") + g1.ns.ip("-6", "route", "show", "proto", "107")
    check("10.200.0.0/16" not in routes, f"a stale route stays: {routes}")
    check("10.0.0.0/13" in routes and "2001:db8:e0::/44" in routes, f"others went with it: {routes}")


def ended(sites):
    """SIGTERM takes everything back, and so does cleanup after a crash."""
    g1 = sites.gateways[1]
    check(g1.stop(signal.SIGTERM) == 0, "not a clean end")
    check("lisp0" not in g1.ns.ip("link", "show"), "the device is still there")
    g1.start()
    g1.stop(signal.SIGKILL)
    check("lisp0" in g1.ns.ip("link", "show"), "a crash leaves the device")
    g1.ns.run(g1.program, "cleanup", "--config", g1.config)
    check("lisp0" not in g1.ns.ip("link", "show"), "cleanup leaves the device")
    for family in ("-4", "-6"):
        check(not g1.ns.ip(family, "route", "show", "proto", "107").strip(), "cleanup leaves routes")


def test(lab):
    sites = Sites(lab).start()
    check(ping(sites.hosts[1], host_of(2, 6)) and ping(sites.hosts[2], host_of(1, 4)), "no way to begin with")
    for number in (signal.SIGKILL, signal.SIGUSR2):
        replaced(sites, number)
    map_server_dies(sites)
    another_configuration(sites)
    ended(sites)


test_main(test)
