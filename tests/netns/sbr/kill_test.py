#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Migration as an operation: either router or the orchestrator is killed before and after every step, moves are aborted at
every point, steps are repeated. No session ends, one router has the guest, and nothing is left over."""
import subprocess
import time

from two_sites import OTHER, TwoSites

# pylint: disable=wrong-import-order
from flows import Counter, Stream, go_on
from lab import check, test_main, wait_until

STEPS = ("prepare", "activate", "release")
MOMENTS = [(when, step) for step in STEPS for when in ("before", "after")]


class Moves:
    """One guest; every move goes to the site where it is not."""

    def __init__(self, sites):
        self.sites, self.node = sites, sites.node("g")
        self.taken = {"done": 0, "already": 0}

    def at(self):
        return self.sites.where["g"]

    def ask(self, site, step, to):
        more = ("--home", self.sites.place("dc1"), "--to", self.sites.place(to)) if step == "prepare" else ()
        answer = self.sites.ask(site, step, self.node, *more)
        check(answer.get("outcome") in self.taken, f"{step} at {site}: {answer}")
        self.taken[answer["outcome"]] += 1
        return answer

    def hypervisor(self, step, to):
        """What it does after a step."""
        if step == "prepare":
            self.sites.unplug("g")
        elif step == "activate":
            self.sites.plug("g", to)
            self.sites.wait_presence("g", to, self.sites.inside("g", to))

    def settle(self):
        """Exactly one router has it."""
        site = self.at()
        self.sites.wait_presence("g", site, self.sites.inside("g", site))
        wait_until(lambda: self.sites.presence("g", OTHER[site]) in (None, "away"), "active at two sites")

    def with_router_killed(self, victim, moment):
        to, asked = OTHER[self.at()], OTHER[victim]
        router = self.sites.sites[victim].router
        for step in STEPS:
            if moment == ("before", step):
                router.stop(9)
            self.ask(asked, step, to)
            if moment == ("after", step):
                router.stop(9)
            if not router.alive():
                router.start()
            self.hypervisor(step, to)
        self.settle()

    def with_orchestrator_killed(self, moment):
        to = OTHER[self.at()]
        for step in STEPS:
            if moment[1] == step:
                # Before it has connected, or when it has: whoever comes next does not know.
                more = ("--home", self.sites.place("dc1"), "--to", self.sites.place(to)) if step == "prepare" else ()
                orchestrator = subprocess.Popen(self.sites.command(to, step, self.node, *more),
                                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                time.sleep(0.002 if moment[0] == "before" else 0.03)
                orchestrator.kill()
                orchestrator.wait()
            self.ask(to, step, to)
            self.hypervisor(step, to)
        self.settle()

    def aborted(self, after):
        source, to = self.at(), OTHER[self.at()]
        self.ask(source, "prepare", to)
        self.sites.unplug("g")
        if after == "activate":
            self.ask(to, "activate", to)
            self.sites.wait_presence("g", source, "away")
        self.ask(to, "abort", to)
        self.sites.plug("g", source)
        self.settle()

    def repeated(self):
        source, to = self.at(), OTHER[self.at()]
        for step in STEPS:
            first = self.ask(source, step, to)
            again = self.sites.ask(to, step, self.node, *(("--to", self.sites.place(to)) if step == "prepare" else ()))
            check(again.get("outcome") == "already" and again["epoch"] == first["epoch"], f"{step} again: {again}")
            stale = self.sites.ask(to, STEPS[(STEPS.index(step) + 1) % 3], self.node, "--epoch", str(first["epoch"] - 1),
                                   *(("--to", source) if step == "release" else ()))
            check(stale.get("code") == "stale", f"an old epoch: {stale}")
            self.hypervisor(step, to)
        refused = self.sites.ask(to, "abort", self.node, "--to", to)
        check(refused.get("outcome") != "done", f"a finished move was aborted: {refused}")
        self.settle()


def nothing_left(sites):
    """When the grace period is over, a former guest is nobody, and nothing waits for anything."""
    for name, site in sites.sites.items():
        wait_until(lambda r=site.router: not [m for m in r.ask("moves")["records"] if m["phase"] != "settled"],
                   lambda r=site.router: f"a move is left over: {r.ask('moves')}")
        check(site.router.counters()["table.held_octets"] == 0, f"{name} holds packets")
    wait_until(lambda: sites.presence("g", "dc2") is None,
               lambda: f"a former guest: {sites.sites['dc2'].router.ask('nodes')}", pause=0.1)


def test(lab):
    sites = TwoSites(lab)
    sites.start()
    guest = sites.guest("g")
    address = sites.peer.resolve_peer(guest)
    udp = Counter(sites.peer.ns, guest.ns, address, hertz=200)
    streams = {"in": Stream(sites.peer.ns, guest.ns, address, rate=500_000),
               "out": Stream(guest.ns, sites.peer.ns, sites.peer.identity(), 7003, rate=500_000)}
    moves = Moves(sites)
    moves.repeated()
    for after in ("prepare", "activate"):
        moves.aborted(after)
    for moment in MOMENTS:
        moves.with_orchestrator_killed(moment)
        for victim in ("dc1", "dc2"):
            moves.with_router_killed(victim, moment)
    if moves.at() != "dc1":
        sites.move("g", "dc1")
    go_on(udp, *streams.values())
    figures = udp.stop()
    for name, stream in streams.items():
        print(f"TCP {name}: {stream.stop(what=name)['octets'] >> 10} KiB intact")
    longest = max((length for length, _ in figures["there"]["gaps"]), default=0)
    print(f"{moves.taken}; UDP: {figures['sent']} sent, {figures['there']['lost']} lost, longest stall {longest:.2f} s")
    check(longest < 3, "a stall that nothing explains")
    nothing_left(sites)


test_main(test)
