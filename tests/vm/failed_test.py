#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Moves that fail: the hypervisor's process at the destination is killed before and while memory is copied, and when it has all of
the guest; that at the source when the destination has all, and when nobody else has. Sessions live wherever the guest still
runs, and when it runs nowhere this is said, and a guest that is started again is reached.

    failed_test.py BUILD [live]

live: the destination is also killed while memory is copied and the guest runs, which under TCG can kill the guest's kernel:
that is said, and is neither a lost session nor a pass."""
import signal
import sys

from vm_sites import VmSites

# pylint: disable=wrong-import-order
from counters import go_on
from lab import check, test_main, wait_until
from operators import LOST, UNDECIDED, Operator, sessions_of


def killed(qemu):
    qemu.process.kill()
    qemu.process.wait()


def destination_while_copied_live(operator):
    run = operator.begin(way="live").until("activate")
    killed(operator.destination)
    operator.stayed(run.end())


def destination_before_the_copy(operator):
    """The network has been told, and the guest still runs."""
    run = operator.begin().until("stop")
    killed(operator.destination)
    operator.stayed(run.end())


def destination_while_stopped(operator):
    """It takes nothing any more, then it is gone, with some of the memory."""
    run = operator.begin().until("migrate")
    operator.destination.process.send_signal(signal.SIGSTOP)
    run.go_on()
    wait_until(lambda: operator.machine.qemu.qmp.ask("query-migrate").get("status") == "active", "nothing is copied")
    killed(operator.destination)
    operator.stayed(run.end())


def destination_with_all(operator):
    """Whoever was there knows that it never ran; who comes later has to be told."""
    run = operator.begin().until("cont")
    run.kill()
    killed(operator.destination)
    code, last = operator.run("move")
    check(code == UNDECIDED, f"nobody knows whether it ran: {last}")
    operator.stayed(operator.run("abort", "--never-ran"))


def source_when_all_is_copied(operator):
    operator.begin().until("cont").kill()
    killed(operator.machine.qemu)
    operator.arrived(operator.run("move"))


def source_when_activated(operator):
    """The guest is gone, and its packets wait at the destination for nobody."""
    sites, machine = operator.sites, operator.machine
    operator.begin().until("stop").kill()
    killed(machine.qemu)
    code, last = operator.run("move")
    check(code == LOST and last["seen"]["record"] == "settled", f"a guest that runs nowhere: {last}")
    check(operator.run("move")[0] == LOST, "the same again ends otherwise")
    operator.destination.end()
    machine.qemu.end()
    machine.boot()
    place = sites.where[operator.name]
    sites.wait_presence(operator.name, place, sites.inside(operator.name, place))


def test(lab):
    sites = VmSites(lab)
    guest = sites.machine("guest", shared=False)
    sessions = sessions_of(sites, "guest")
    operator = Operator(sites, "guest")
    with guest.machine.needed():
        live = (destination_while_copied_live,) if "live" in sys.argv else ()
        for what in (*live, destination_before_the_copy, destination_while_stopped, destination_with_all,
                     source_when_all_is_copied):
            what(operator)
            go_on(sessions)
            print(f"killed: {what.__name__.replace('_', ' ')}; sessions go on")
        for session in sessions:
            session.end()
        source_when_activated(operator)
        go_on(sessions_of(sites, "guest"))


test_main(test)
