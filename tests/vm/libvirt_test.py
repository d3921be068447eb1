#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A guest moves by `virsh migrate` between two libvirtd, and all that the network hears of it comes from our hook and its
service. Sessions with clients of three kinds go on, over moves both ways, a migration that was called off, and one that failed.

    libvirt_test.py BUILD [stop|live]

stop (`virsh migrate`): the guest stands still while its memory is copied. live (`virsh migrate --live`): under TCG this can
kill a guest that has traffic, which is said as that, and is neither a lost session nor a pass."""
import os
import sys
import time

from libvirt_sites import OPTIONS, LibvirtSites

# pylint: disable=wrong-import-order
from counters import Counted, go_on
from flows import LATE
from lab import check, test_main, wait_until
from moments import monotonic
from two_sites import OTHER

GUEST, OTHERS_EID = "guest", "2001:db8:ee::7"
RATE = 200  # records/s of the busiest session: what an emulated processor has time for when others build on the machine
TOLD = """#!/bin/sh
echo "$(date +%s.%N) $*" >>"$0.asked"
"""  # in the place of an ilnpctl that tells a gateway without a truth


class HookedSites(LibvirtSites):
    """With the hook for gateways without a truth, too. What it says is written down: these here have one."""

    def install_hooks(self, site, its_libvirt):
        super().install_hooks(site, its_libvirt)
        with open(os.open(self.gateway(site), os.O_WRONLY | os.O_CREAT, 0o755), "w", encoding="ascii") as out:
            out.write(TOLD)
        its_libvirt.install_hook("gateway", "ilnp-lisp", "libvirt-lisp-hook.conf", f"ilnpctl={self.gateway(site)}\n")
        its_libvirt.append("/etc/ilnp/lisp-guests", f"{GUEST} {OTHERS_EID}\n")

    def gateway(self, site):
        return os.path.join(self.lab.directory, f"gateway-of-{site}")

    def gateway_heard(self, site, step, since):
        """When that gateway was told this step, the first time after `since`."""
        if not os.path.exists(f"{self.gateway(site)}.asked"):
            return None
        with open(f"{self.gateway(site)}.asked", encoding="ascii") as lines:
            found = [float(when) for when, *words in map(str.split, lines) if words == ["--json", "lisp", step, OTHERS_EID]]
        return next((when for when in map(monotonic, found) if when > since), None)


def move(sites, options):
    """To the other site; its times."""
    times = sites.virsh_migrate(GUEST, *options)
    to = sites.where[GUEST]
    for what, step in (("told", "prepare"), ("arrive", "arrive")):
        times[what] = wait_until(lambda s=step: sites.gateway_heard(to, s, times["begin"]), lambda s=step: f"the gateway of {to}: no {s}")
    check(times["prepare"] < times["stopped"] < times["activated"] < times["release"], f"steps out of order: {times}")
    check(times["told"] < times["resumed"] < times["arrive"], f"what the gateway of {to} was told is out of order: {times}")
    return times


def called_off(sites):
    """Its memory is copied, slowly; somebody changes his mind, and the guest goes on where it is."""
    source = sites.where[GUEST]
    here, there = sites.libvirts[source], sites.libvirts[OTHER[source]]
    begin, events = time.monotonic(), len(here.events)
    command = here.migration(GUEST, there, "--live", "--bandwidth", "8")
    wait_until(lambda: any(name == "MIGRATION_PASS" for _, name, _ in here.events[events:]), "nothing is copied")
    here.virsh("domjobabort", GUEST)
    check(command.wait(30) != 0, "a migration that was called off has happened")
    wait_until(lambda: sites.router_did(OTHER[source], "abort", begin),
               lambda: f"no abort: {sites.sites[OTHER[source]].router.log_text()[-1500:]}")
    check(not sites.activated(begin), "it was activated")
    sites.wait_presence(GUEST, source, sites.inside(GUEST, source))


def failed(sites):
    """Its destination dies while the guest stands still: libvirt lets it go on where it was, and the network hears of that."""
    source = sites.where[GUEST]
    here, there = sites.libvirts[source], sites.libvirts[OTHER[source]]
    begin, events = time.monotonic(), len(here.events)
    command = here.migration(GUEST, there, "--bandwidth", "8")
    wait_until(lambda: sites.router_did(source, "activate", begin), "it is not activated")
    there.run("sh", "-c", f"kill -KILL $(cat /run/libvirt/qemu/{GUEST}.pid)")
    check(command.wait(30) != 0, "a migration without a destination has happened")
    here.wait_event("RESUME", GUEST, events)
    wait_until(lambda: sites.router_did(source, "abort", begin),
               lambda: f"no abort: {sites.sites[source].router.log_text()[-1500:]}")
    sites.wait_presence(GUEST, source, sites.inside(GUEST, source))
    check(not any(sites.router_did(site, "release", begin) for site in OTHER), "it was released")


def sessions_of(sites):
    """TCP and UDP from each of the clients."""
    guest, clients, names = sites.machines[GUEST], sites.lab.namespaces, sites.addresses(GUEST)
    kinds = {"p": "ILNP", "o": "IP-only", "q": "LISP"}
    sessions = [Counted(f"{kind}, TCP", clients[each], guest.machine, names[each], "tcp", RATE // 10)
                for each, kind in kinds.items()]
    return sessions + [Counted(f"{kind}, UDP", clients[each], guest.machine, names[each], rate=RATE if each == "p" else RATE // 4)
                       for each, kind in kinds.items()]


def moves_of(sites, sessions, options):
    """[(what, times)], after each of which all sessions go on."""
    moves = []
    for what in ("to dc2", "to dc1"):
        moves.append((what, move(sites, options)))
        go_on(sessions)
    for ends_badly in (called_off, failed):
        ends_badly(sites)
        go_on(sessions)
    moves.append(("to dc2 again", move(sites, options)))
    go_on(sessions)
    return moves


def report(moves, sessions):
    for name, times in moves:
        print(f"{name}: stopped for {(times['resumed'] - times['stopped']) * 1e3:.0f} ms, activated "
              f"{(times['activated'] - times['stopped']) * 1e3:.0f} ms after it stopped")
    for session in sessions:
        mine, guests = session.end()
        gaps = [session.longest_gap(times["stopped"], times["resumed"] + 1) for _, times in moves]
        print(f"{session.name}: {mine['sent']} to the guest, lost {guests['lost']}; {guests['sent']} from it, lost {mine['lost']}; "
              "silent for " + ", ".join(f"{gap * 1e3:.0f} ms" for gap in gaps))
        for gap, (name, times) in zip(gaps, moves):
            check(gap < times["resumed"] - times["stopped"] + 2 * LATE, f"{session.name} is silent for {gap:.1f} s at {name}")
    check(any(times["activated"] < times["resumed"] for _, times in moves), "no packet was ever held for a guest that had stopped")


def test(lab):
    way = sys.argv[2] if len(sys.argv) > 2 else "stop"
    sites = HookedSites(lab)
    sites.start_libvirts()
    guest = sites.machine(GUEST)
    print(f"{guest.machine.accelerator}: {guest.machine.why}")
    sessions = sessions_of(sites)
    with guest.machine.needed():
        report(moves_of(sites, sessions, OPTIONS[way]), sessions)


test_main(test)
