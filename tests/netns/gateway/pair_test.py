#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two gateways of one site (gateway_pair.py), and the test moves the addresses as VRRP would. The active one is killed, and
the links of its machine with it: the sessions of a node of the site and of a mobile one go on. keepalived_test.py has VRRP.
"""
import signal
import time

from gateway_pair import SHARED, Pair, Traffic, drop, silent, take, wait_active
from gateway_lab import host_of, mapped

# pylint: disable=wrong-import-order
from flows import Stream, go_on, promise
from lab import check, test_main

DETECTION = 0.6  # s: three advertisements of VRRP, 200 ms apart
PROMISE = 1.0
TCP_PROMISE = 1.7  # its third retransmission, after 0.2 + 0.4 + 0.8 s, comes surely late enough


def failover(pair, dead, heir):
    """The machine of the active one dies."""
    traffic = Traffic(pair, 6)
    silent(heir)
    dead.stop(signal.SIGKILL)
    for interface in SHARED:
        dead.ns.ip("link", "set", interface, "down")
    time.sleep(DETECTION)
    take(heir)
    wait_active(heir)
    traffic.go_on()
    return traffic.stop_at(heir)


def comes_back(pair, gateway):
    """The machine that died, without the addresses: nothing changes."""
    drop(gateway)
    for interface in SHARED:
        gateway.ns.ip("link", "set", interface, "up")
    pair.address_own(gateway)
    gateway.start()
    silent(gateway)


def steps_down(pair, gateway, heir):
    """The addresses move although nobody has died: the former one ends, to be started anew."""
    stream = Stream(pair.h2, pair.h1, mapped(host_of(1, 6)), rate=2_000_000)
    go_on(stream)
    drop(gateway)
    take(heir)
    go_on(stream)
    check(gateway.process.wait(20) == 0, "not a clean end")
    gateway.process = None
    check(not gateway.ns.ip("-6", "route", "show", "proto", "107").strip(), "it leaves routes")
    gateway.start()
    silent(gateway)
    stream.stop("a planned change")


def test(lab):
    pair = Pair(lab)
    first, second = pair.gateways
    take(first)
    pair.start()
    pair.wait_well(first)
    stalls = [failover(pair, first, second)]
    comes_back(pair, first)
    stalls.append(failover(pair, second, first))
    comes_back(pair, second)
    promise("datagrams there and back", [datagrams for datagrams, _ in stalls], PROMISE)
    promise("TCP", [tcp for _, tcp in stalls], TCP_PROMISE)
    steps_down(pair, first, second)
    print("two failovers: no datagrams, no octets of TCP for "
          f"{', '.join(f'{datagrams:.2f}, {tcp:.2f}' for datagrams, tcp in stalls)} s, {DETECTION} s of it to notice")


test_main(test)
