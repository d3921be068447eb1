#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The orchestrator is killed before each step of a move. Whoever comes next runs it again and the move is finished, or calls the
move off and the guest goes on where it was; all of that may be repeated, and sessions with clients of three kinds go on."""
from vm_sites import VmSites

# pylint: disable=wrong-import-order
from counters import go_on
from lab import check, test_main
from operators import UNDECIDED, Operator, sessions_of

STEPS = ("prepare", "incoming", "activate", "stop", "migrate", "cont", "release")


def finished(operator, step):
    operator.begin().until(step).kill()
    first = operator.run("move")
    check(operator.run("move")[0] == first[0], "the same again ends otherwise")
    operator.arrived(first)


def called_off(operator, step):
    operator.begin().until(step).kill()
    first = operator.run("abort")
    if step == "release":
        check(first[0] == UNDECIDED, f"a move was called off when the guest ran at its destination: {first}")
        operator.arrived(operator.run("move"))
        return
    check(operator.run("abort")[0] == first[0], "the same again ends otherwise")
    operator.stayed(first)


def test(lab):
    sites = VmSites(lab)
    guest = sites.machine("guest", shared=False)
    sessions = sessions_of(sites, "guest")
    operator = Operator(sites, "guest")
    with guest.machine.needed():
        for what in (finished, called_off):
            for step in STEPS:
                what(operator, step)
                go_on(sessions)
                print(f"killed before {step}: {what.__name__.replace('_', ' ')}")
        operator.destination.end()
        for session in sessions:
            session.end()


test_main(test)
