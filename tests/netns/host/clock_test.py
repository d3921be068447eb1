#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A machine that stands still, or whose clock is set: routers are asked, and that is all. No locator goes, no session."""
import ctypes
import os
import signal
import time

from flows import Counter, Stream, go_on, now
from lab import LIBC, check, standard, test_main, wait_until

PAUSES = 12
MOST_SIGNS = 10  # ClockWatch::most_at_once of each kind, and what a slow machine adds
ADJ_SETOFFSET_NANO = 0x2100


class Timex(ctypes.Structure):
    """struct timex as far as ADJ_SETOFFSET reads it."""
    _fields_ = [("modes", ctypes.c_uint), ("numbers", ctypes.c_long * 8), ("seconds", ctypes.c_long),
                ("nanoseconds", ctypes.c_long), ("more", ctypes.c_char * 256)]


def step_clock(seconds, nanoseconds):
    """Sets the wall clock of this machine: by so little that nobody minds."""
    change = Timex(modes=ADJ_SETOFFSET_NANO, seconds=seconds, nanoseconds=nanoseconds)
    check(LIBC.clock_adjtime(0, ctypes.byref(change)) >= 0, f"clock_adjtime: {os.strerror(ctypes.get_errno())}")


def pause(host, seconds):
    host.process.send_signal(signal.SIGSTOP)
    time.sleep(seconds)
    host.process.send_signal(signal.SIGCONT)


def jumps(host, sign):
    return [e for e in host.events("clock_jump") if e["sign"] == sign]


def solicitations(lab):
    return lab.routers["r"].solicitations


def processor_share(host, seconds=2.0):
    """Of one processor, while there is nothing to do."""
    def used():
        with open(f"/proc/{host.process.pid}/schedstat", encoding="ascii") as f:
            return int(f.read().split()[0]) * 1e-9
    before, begin = used(), now()
    time.sleep(seconds)
    return (used() - before) / (now() - begin)


def test(lab):
    a, b = standard(lab, a={"text": '[hypervisor]\nclock_tick = "20ms"\n'},
                    b={"text": '[hypervisor]\nclock_tick = "0s"\n'})
    a.start()
    b.start()
    wait_until(lambda: a.session(b.nid) is None and a.is_up(), "a is not up")
    print(f"idle: {processor_share(a):.2%} of a processor with a tick of 20 ms, {processor_share(b):.2%} without")
    stream = Stream(a.ns, b.ns, a.resolve_peer(b), rate=500_000)
    udp = Counter(a.ns, b.ns, a.resolve_peer(b), hertz=200)
    wait_until(lambda: (b.session(a.nid) or {}).get("state") == "established", "no session")

    heard, known = solicitations(lab), len(jumps(a, "late"))
    # Again, where a slow machine gave so many signs already that one more is suppressed.
    wait_until(lambda: pause(a, 0.3) or len(jumps(a, "late")) > known, "the pause was not noticed", 60, 0.5)
    check(any(e["by_ms"] >= 200 for e in jumps(a, "late")), f"not that late: {jumps(a, 'late')}")
    wait_until(lambda: solicitations(lab) > heard, "no router was asked")

    heard = solicitations(lab)
    wait_until(lambda: step_clock(0, 1) or step_clock(-1, 999_999_999) or (jumps(a, "set") and jumps(b, "set")),
               "nobody noticed that the clock was set", 60, 0.5)
    wait_until(lambda: solicitations(lab) >= heard + 2, "no router was asked")

    for _ in range(PAUSES):
        pause(a, 0.12)
        time.sleep(0.05)
    wait_until(lambda: a.counters()["clock.suppressed"], "no sign was suppressed")
    check(a.counters()["clock.jumps"] <= MOST_SIGNS, f"{a.counters()['clock.jumps']} signs")
    pause(b, 0.3)
    go_on(udp)
    go_on(stream)
    check(not jumps(b, "late"), "b has no tick")
    for host in (a, b):
        log = host.log_text()
        check(not any(f'"{event}"' in log for event in ("own_locator_down", "gateway_dead", "session_ended", "detached")),
              f"{host.name}: something was given up")
    udp.stop()
    print(f"{a.counters()['clock.jumps']} signs, {a.counters()['clock.suppressed']} suppressed, "
          f"{stream.stop()['octets'] >> 10} KiB of TCP intact")


test_main(test)
