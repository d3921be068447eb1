#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A machine moves between two data centres, again and again, seen by its ILNP peers and unseen by all others, while clients
of three kinds have sessions with it: one with ilnp-host, one with nothing but IPv6, one behind a LISP router. The network
adds nothing to what the hypervisor takes: no datagram is lost in either direction, no octet is missing.

    moves_test.py BUILD_DIRECTORY [--moves N] [--ways shared,stop,live,postcopy] [--delay MS] [--loss PERCENT] [--busy]

Where cables lose datagrams, each one that is missing in the end is among those that they lost. A guest whose kernel dies
while its memory is copied live under emulation is told as that: exit status 2.
"""
import argparse
import resource
import statistics
import sys
import time

from vm_sites import VmSites  # first: it says where the others are
from cables import Cables
from counters import Counted, go_on
from lab import Failure, Lab, check, wait_until
from machine import DeadGuest
from site_lab import veth

GUEST_RATE = 100    # records/s from the guest to each client; to the guest it is 1000
SETTLED = 1.5       # s after a move
CLIENTS = {"p": "ILNP", "o": "IP-only", "q": "LISP"}
LINE_EVERY = 10     # moves
# 8 MiB some ten times a second, each time from elsewhere in the other file, so that pages change.
BUSY = ("(dd if=/dev/urandom of=/run/other bs=64k count=256; i=0; while true; do i=$(((i + 1) % 121)); "
        "dd if=/run/other of=/run/changing bs=64k count=128 skip=$i conv=notrunc; sleep 0.05; done) >/dev/null 2>&1 </dev/null &")
CHANGES = 4  # MiB/s of other content, at least; an idle guest has 1


def options():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--moves", type=int, default=2)
    parser.add_argument("--ways", default="shared", help="one after the other (default: %(default)s)")
    parser.add_argument("--delay", type=float, default=0, help="ms one way between the data centres; half of it to the others")
    parser.add_argument("--loss", type=float, default=0, help="percent, on each cable of the wide area")
    parser.add_argument("--busy", action="store_true", help="a process in the guest writes memory all the time")
    return parser.parse_args()


def all_sessions(sites, machine):
    found = []
    for client, address in sites.addresses("guest").items():
        for protocol, rate in (("udp", 1000), ("tcp", 20)):
            found.append(Counted(f"{CLIENTS[client]} {protocol}", sites.lab.namespaces[client], machine, address, protocol,
                                 rate, min(rate, GUEST_RATE)))
    return found


class Figures:
    """What each move took: a few numbers, however many moves there are."""

    def __init__(self, sessions):
        self.stops, self.passes, self.gaps = [], [], {session: [] for session in sessions}
        self.slowest_answer = 0.0

    def add(self, times):
        self.stops.append(1e3 * (times["resumed"] - times["stopped"]))
        self.passes.append(times["passes"])
        for session, gaps in self.gaps.items():
            gaps.append(1e3 * session.longest_gap(times["told"], times["resumed"] + SETTLED))

    def report(self):
        print(f"{len(self.stops)} moves; stopped for {of_all(self.stops)} ms; passes over the memory {of_all(self.passes)}")
        # A network that is not tested: when this is seconds the guest stood still, and its queues were too short for that.
        print(f"slowest answer of the guest to the laboratory: {1e3 * self.slowest_answer:.0f} ms")
        for session, gaps in self.gaps.items():
            print(f"  {session.name}: longest silence after a move {of_all(gaps)} ms")


def of_all(values):
    return f"{statistics.median(values):.0f} [{min(values):.0f}..{max(values):.0f}]"


def make_busy(machine):
    before = machine.dirty_rate()
    machine.run(BUSY)
    rate = wait_until(lambda: (found := machine.dirty_rate()) >= CHANGES and found, "the busy guest writes too little memory")
    print(f"busy guest: {rate} MiB/s of its memory change, {before} before")


def move_again_and_again(sites, machine, sessions, wanted):
    figures, ways = Figures(sessions), wanted.ways.split(",")
    for number in range(wanted.moves):
        times = sites.migrate("guest", way=ways[number % len(ways)], visible=True)
        time.sleep(SETTLED)
        asked = time.monotonic()
        machine.check_answers()
        figures.slowest_answer = max(figures.slowest_answer, time.monotonic() - asked)
        go_on(sessions)
        figures.add(times)
        if number % LINE_EVERY == LINE_EVERY - 1:
            used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
            print(f"{number + 1} moves; stopped for {figures.stops[-1]:.0f} ms; this test has had {used} MiB at most", flush=True)
    figures.report()


def missing_of(session):
    """{(source port or None, destination port or None, number)} of the datagrams that never came, and how many of all
    records. None: the client's port, which nobody chose."""
    client, guest = session.end()
    named = {(None, session.port, number) for number in guest["missing"]} | {
        (session.port, None, number) for number in client["missing"]}
    count = guest["lost"] + client["lost"]
    check(len(named) == count, f"{session.name}: {count} records are missing, {len(named)} have a name")
    return named


def judge(sessions, cables):
    """What is missing in the end has to be what the cables lost, datagram by datagram."""
    missing = {session.name: missing_of(session) for session in sessions}
    if cables:
        counters = cables.end()
        print(f"cables: {sum(each['lost'] for each in counters.values())} frames lost of "
              f"{sum(each['offered'] for each in counters.values())}")
        theirs = {name: set() for name in missing}
        for source, destination, number in cables.lost_records():
            for name, numbers in missing.items():
                theirs[name] |= numbers & {(source, None, number), (None, destination, number)}
    else:
        theirs = {name: set() for name in missing}
    added = {name: sorted(numbers - theirs[name], key=str) for name, numbers in missing.items()}
    print("lost: " + ", ".join(f"{name} {len(theirs[name])} by cables, {len(added[name])} by the network" for name in missing))
    check(not any(added.values()), "lost by the network (from port, to port, number): "
          + str({name: numbers[:20] for name, numbers in added.items() if numbers}))


def test(lab, wanted):
    cables = Cables(lab, wanted.delay, wanted.loss) if wanted.delay or wanted.loss else None
    sites = VmSites(lab, start=False, cable=cables.cable if cables else veth)
    if cables:
        cables.start()
    sites.start()
    # What is copied lies in memory of its own.
    machine = sites.machine("guest", shared=wanted.ways == "shared").machine
    print(f"accelerator: {machine.accelerator} ({machine.why})")
    sessions = all_sessions(sites, machine)
    if wanted.busy:
        make_busy(machine)
    time.sleep(SETTLED)
    with machine.needed():
        move_again_and_again(sites, machine, sessions, wanted)
        wait_until(lambda: sites.peer.session(sites.nids["guest"])["lu"]["state"] == "idle", "an update is not acknowledged")
    judge(sessions, cables)


def main():
    wanted = options()
    begin = time.monotonic()
    try:
        with Lab(120 + 15 * wanted.moves) as lab:
            test(lab, wanted)
    except DeadGuest as dead:
        print(f"NOT TESTED: {dead}")
        sys.exit(2)
    except Failure as failure:
        sys.exit(f"FAILED: {failure}")
    print(f"ok, {time.monotonic() - begin:.1f} s")


if __name__ == "__main__":
    main()
