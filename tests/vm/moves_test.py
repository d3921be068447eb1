#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A machine moves between two data centres, again and again, seen by its ILNP peers and unseen by all others, while clients
of three kinds have sessions with it: one with ilnp-host, one with nothing but IPv6, one behind a LISP router. The network
adds nothing to what the hypervisor takes: no datagram is lost in either direction, no octet is missing.

    moves_test.py BUILD_DIRECTORY [--moves N] [--ways shared,stop,live,postcopy]

A guest whose kernel dies while its memory is copied live under emulation is told as that: exit status 2.
"""
import argparse
import statistics
import sys
import time

from vm_sites import VmSites  # first: it says where the others are
from counters import Counted, go_on
from lab import Failure, Lab, check, wait_until
from machine import DeadGuest

GUEST_RATE = 100    # records/s from the guest to each client; to the guest it is 1000
SETTLED = 1.5       # s after a move
CLIENTS = {"p": "ILNP", "o": "IP-only", "q": "LISP"}


def options():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--moves", type=int, default=2)
    parser.add_argument("--ways", default="shared", help="one after the other (default: %(default)s)")
    return parser.parse_args()


def all_sessions(sites, machine):
    found = []
    for client, address in sites.addresses("guest").items():
        for protocol, rate in (("udp", 1000), ("tcp", 20)):
            found.append(Counted(f"{CLIENTS[client]} {protocol}", sites.lab.namespaces[client], machine, address, protocol,
                                 rate, min(rate, GUEST_RATE)))
    return found


def report(sessions, moves):
    """The longest silences from the guest, and what it had to wait for the hypervisor."""
    stops = [1e3 * (times["resumed"] - times["stopped"]) for times in moves]
    print(f"{len(moves)} moves; stopped for {statistics.median(stops):.1f} ms [{min(stops):.1f}..{max(stops):.1f}]")
    for session in sessions:
        gaps = [1e3 * session.longest_gap(times["told"], times["resumed"] + SETTLED) for times in moves]
        print(f"  {session.name}: longest silence after a move {statistics.median(gaps):.0f} ms [{min(gaps):.0f}..{max(gaps):.0f}]")


def test(lab, wanted):
    ways = wanted.ways.split(",")
    sites = VmSites(lab)
    # What is copied lies in memory of its own.
    machine = sites.machine("guest", shared=ways == ["shared"]).machine
    print(f"accelerator: {machine.accelerator} ({machine.why})")
    sessions = all_sessions(sites, machine)
    moves = []
    time.sleep(SETTLED)
    for number in range(wanted.moves):
        moves.append(sites.migrate("guest", way=ways[number % len(ways)], visible=True))
        time.sleep(SETTLED)
        machine.check_answers()
        go_on(sessions)
    report(sessions, moves)
    wait_until(lambda: sites.peer.session(sites.nids["guest"])["lu"]["state"] == "idle", "an update is not acknowledged")
    lost = {}
    for session in sessions:
        client, guest = session.end()
        lost[session.name] = (guest["lost"], client["lost"])
    print("lost to the guest, from the guest: " + ", ".join(f"{name} {there} {back}" for name, (there, back) in lost.items()))
    check(not any(there or back for there, back in lost.values()), f"lost: {lost}")


def main():
    wanted = options()
    begin = time.monotonic()
    try:
        with Lab(60 + 10 * wanted.moves) as lab:
            test(lab, wanted)
    except DeadGuest as dead:
        print(f"NOT TESTED: {dead}")
        sys.exit(2)
    except Failure as failure:
        sys.exit(f"FAILED: {failure}")
    print(f"ok, {time.monotonic() - begin:.1f} s")


main()
