#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The gateways of two sites read the truth that the border routers share: `ilnpctl migrate` alone moves a guest, and its
session with a host of a LISP site goes on. No gateway is told anything. The truth is in a file, then in etcd, which dies."""
import os
import signal
import sys

from gateway_lab import ping
from truth_sites import SITES, TruthSites

# pylint: disable=wrong-import-order
from flows import Stream, go_on
from lab import Failure, Lab, check, run, wait_until
from two_sites import OTHER

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../truth"))

# pylint: disable=wrong-import-position
from truth_lab import MEMBERS, Cluster, endpoint  # noqa: E402


def session(sites, guest):
    """Of the LISP host with the guest's EID."""
    eid = sites.eid_of("g")
    check(ping(sites.lab.namespaces["q"], eid, count=3), "the guest is not reached")
    stream = Stream(sites.lab.namespaces["q"], guest.ns, eid, rate=2_000_000)
    go_on(stream)
    return stream


def moved(sites, stream, to):
    sites.move("g", to, visible=True)
    sites.wait_followed("g", to)
    go_on(stream)


def taken_back(sites, stream):
    """A move that was activated, and did not happen after all; and one that was prepared only."""
    node, at = sites.node("g"), sites.where["g"]
    to = OTHER[at]
    prepare = ("prepare", node, "--to", sites.place(to), "--visible", "--home", sites.place(sites.home["g"]))
    sites.step(at, *prepare)
    sites.unplug("g")
    sites.step(to, "activate", node)
    sites.wait_here(to, "g")
    sites.step(at, "abort", node)
    sites.plug("g", at)
    sites.wait_followed("g", at)
    go_on(stream)
    sites.step(at, *prepare)
    sites.step(at, "abort", node)
    check(sites.presence_of(at, "g") == "here", str(sites.gateways[at].ask("eids")))
    go_on(stream)


def when_heard(sites, stream):
    """As the libvirt hook does it: the border router activates the move when it hears the guest."""
    node, at = sites.node("g"), sites.where["g"]
    to = OTHER[at]
    sites.step(to, "prepare", node, "--to", sites.place(to), "--visible", "--when-heard", "--home", sites.place(sites.home["g"]))
    sites.unplug("g")
    sites.plug("g", to)
    sites.home["g"] = to
    sites.wait_followed("g", to)
    sites.step(to, "release", node)
    go_on(stream)


def died(sites, stream):
    """What a gateway remembers counts less than the truth: the guest left while it was dead. Where it stays, it stays."""
    at = sites.where["g"]
    to, gateway = OTHER[at], sites.gateways[at]
    gateway.stop(signal.SIGKILL)
    gateway.start()
    wait_until(lambda: sites.presence_of(at, "g") == "here", lambda: str(gateway.ask("eids")))
    go_on(stream)
    gateway.stop(signal.SIGKILL)
    sites.move("g", to, visible=True)
    sites.wait_here(to, "g")
    before = len(gateway.events("presence"))
    gateway.start()
    sites.wait_followed("g", to)
    check(not [e for e in gateway.events("presence")[before:] if e["state"] in ("moving_in", "here")], "it claims the guest")
    check(sites.eid_of("g") not in gateway.ns.ip("-6", "route", "show", "proto", "107"), "the host route stays")
    go_on(stream)


def forgotten(sites):
    """Without a record nobody knows where it is: it is withdrawn."""
    where = sites.where["g"]
    sites.step(where, "forget", sites.node("g"))
    wait_until(lambda: sites.presence_of(where, "g") in (None, "lisp_remote"), lambda: str(sites.gateways[where].ask("eids")))
    check(sites.eid_of("g") not in sites.gateways[where].ns.ip("-6", "route", "show", "proto", "107"), "the host route stays")


def in_a_file():
    with Lab() as lab:
        sites = TruthSites(lab).share(lambda program: f'path = "{lab.directory}/truth.db"\n')
        guest = sites.guest("g")
        stream = session(sites, guest)
        moved(sites, stream, "dc2")
        moved(sites, stream, "dc1")
        when_heard(sites, stream)
        taken_back(sites, stream)
        died(sites, stream)
        stream.stop("moves by the shared truth")
        check(not sites.gateways["dc1"].events("store_unreachable"), "a file that is out of reach")
        forgotten(sites)
        print("file: two moves, one when heard, one taken back")


def in_etcd():
    with Lab() as lab:
        sites = TruthSites(lab)
        cluster = Cluster(lab, clients=())
        cluster.start()
        path, endpoints = cluster.authority.path, ", ".join(f'"{endpoint(member)}"' for member in MEMBERS)
        sites.share(lambda program: f'store = "etcd"\nendpoints = [{endpoints}]\nca_file = "{path("pem")}"\n'
                    f'certificate_file = "{path("pem", "client")}"\nkey_file = "{path("key", "client")}"\ntimeout = "1s"\n'
                    f'path = "{lab.directory}/{program}.db"\n')
        guest = sites.guest("g")
        stream = session(sites, guest)
        moved(sites, stream, "dc2")
        lost(sites, cluster, stream)
        moved(sites, stream, "dc1")
        stream.stop("a store that dies")
        print("etcd: a move, nobody for a while, a move")


def lost(sites, cluster, stream):
    """What is known goes on without the store, also over a restart; the operator hears."""
    gateway = sites.gateways["dc2"]
    for member in cluster.members.values():
        member.kill()

    def status():
        return gateway.ask("status")
    wait_until(lambda: any("shared truth" in problem["what"] for problem in status()["problems"]), lambda: str(status()), 40)
    check(status()["truth"]["state"] == "unreachable", str(status()))
    check(gateway.events("store_unreachable"), "nobody is told")
    go_on(stream)
    check(sites.presence_of("dc2", "g") == "here", str(gateway.ask("eids")))
    done = run(sites.lab.ctl, "--socket", gateway.socket_path, "status", check_status=False)
    check(done.returncode == 1, f"exit status {done.returncode}")
    for member in cluster.members.values():
        member.start("existing")
    wait_until(cluster.leader, "the cluster has no leader", 40, 0.1)
    for program in [g for name, g in sites.gateways.items() if name in SITES] + [s.router for s in sites.sites.values()]:
        wait_until(lambda p=program: p.ask("status")["truth"]["state"] == "ready", lambda p=program: str(p.ask("status")), 40)


try:
    in_a_file()
    in_etcd()
except Failure as failure:
    sys.exit(f"FAILED: {failure}")
