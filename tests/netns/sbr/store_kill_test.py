#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Three etcd members hold the truth of two sites. In the middle of moves the leader, or another member, is killed with
SIGKILL before a step and while it is under way. The orchestrator asks again, as it has to; no session ends, one router has
the guest, and both routers agree with the store."""
import os
import sys
import threading
import time

from two_sites import OTHER, TwoSites

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../truth"))

# pylint: disable=wrong-import-order,wrong-import-position
from lab import check, test_main, wait_until  # noqa: E402
from sessions import Sessions  # noqa: E402
from truth_lab import MEMBERS, Cluster, address, endpoint  # noqa: E402

STALL = 8.0  # s; two members elect a leader in one or two
STEPS = ("prepare", "activate", "release")


def settings(cluster):
    path, endpoints = cluster.authority.path, ", ".join(f'"{endpoint(member)}"' for member in MEMBERS)
    return (f'[truth]\nstore = "etcd"\nendpoints = [{endpoints}]\nca_file = "{path("pem")}"\n'
            f'certificate_file = "{path("pem", "client")}"\nkey_file = "{path("key", "client")}"\ntimeout = "1s"\n')


class Orchestrator:
    """Moves the guest to the other site; asks until it is answered."""

    def __init__(self, sites, cluster):
        self.sites, self.cluster, self.node, self.again = sites, cluster, sites.node("g"), 0

    def asked(self, site, step, more):
        answer = self.sites.ask(site, step, self.node, *more)
        if answer.get("outcome") in ("done", "already"):
            return True
        check(answer.get("code") == "no_store", f"{step} at {site}: {answer}")
        self.again += 1
        return False

    def move(self, kill, at_step, meanwhile):
        source = self.sites.where["g"]
        to = OTHER[source]
        for step in STEPS:
            more = ("--home", self.sites.place("dc1"), "--to", self.sites.place(to)) if step == "prepare" else ()
            if step == at_step and meanwhile:
                timer = threading.Timer(0.003, kill)
                timer.start()
            elif step == at_step:
                kill()
            wait_until(lambda s=step, m=more: self.asked(to if s != "prepare" else source, s, m), f"{step}: no store", 40)
            if step == at_step and meanwhile:
                timer.join()
            if step == "prepare":
                self.sites.unplug("g")
            elif step == "activate":
                self.sites.plug("g", to)
                self.sites.wait_presence("g", to, self.sites.inside("g", to))
        wait_until(lambda: self.sites.presence("g", source) in (None, "away"), "the guest is active at two sites")


def members_that_die(cluster, orchestrator):
    for whose in ("leader", "follower"):
        for at_step, meanwhile in (("prepare", True), ("activate", False), ("activate", True), ("release", False)):
            leader = wait_until(cluster.leader, "no leader")
            victim = leader if whose == "leader" else next(m for m in MEMBERS if m != leader)
            begin = time.monotonic()
            orchestrator.move(cluster.members[victim].kill, at_step, meanwhile)
            print(f"{whose} killed {'during' if meanwhile else 'before'} {at_step}: {time.monotonic() - begin:.1f} s")
            cluster.members[victim].start("existing")
            wait_until(lambda: cluster.leader() and is_whole(cluster), "the cluster is not whole again", 40, 0.05)


def is_whole(cluster):
    return cluster.ctl("endpoint", "health", check_status=False).returncode == 0


def test(lab):
    sites = TwoSites(lab)
    cluster = Cluster(lab, clients=())
    cluster.start()
    sites.truth = settings(cluster)
    for name, site in sites.sites.items():
        for member in MEMBERS:
            site.ns.ip("-6", "route", "add", address(member), "via", f"2001:db8:f0:{name[-1]}::1")
    sites.start()
    guest = sites.guest("g", session="bind_ip_only = true")
    p, q = sites.peer, lab.namespaces["q"]
    sessions = Sessions()
    sessions.counter("ILNP", p.ns, guest.ns, p.resolve_peer(guest), hertz=200)
    sessions.stream("ILNP, in", p.ns, guest.ns, p.resolve_peer(guest), rate=300_000)
    sessions.stream("ILNP, out", guest.ns, p.ns, p.identity(), rate=300_000)
    sessions.stream("IP-only, in", q, guest.ns, sites.outside_name(f"::{guest.nid}"), rate=300_000)
    sessions.go_on()
    sessions.mark("all of it")
    orchestrator = Orchestrator(sites, cluster)
    members_that_die(cluster, orchestrator)
    figures = sessions.end(stall=STALL, best=STALL, window=150)
    for name, site in sites.sites.items():
        wait_until(lambda r=site.router: [m["at"]["site"] for m in r.ask("moves")["records"]] in ([], [sites.where["g"]]),
                   lambda r=site.router, n=name: f"{n} does not agree: {r.ask('moves')}")
    print(f"asked again {orchestrator.again} times; longest stall "
          f"{max(length for length, _ in figures['ILNP']['there']['gaps']):.1f} s")


test_main(test)
