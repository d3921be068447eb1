#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sessions survive a restart of the daemon, whatever ended it; the gap is printed. No reset, no identity address on any
wire meanwhile, except after SIGTERM: that takes the packet filter back as well, so that a program that goes on sending
to an identity address sends to an address without a route of its own."""
import os
import select
import signal
import time

from flows import Counter, Stream, go_on, longest_gap, now, promise
from lab import check, standard, test_main, wait_until
from leaks import identity_leaks, resets

# A busy machine is late with the end of a process, its start and the traffic programs themselves: there are two restarts by
# each signal, and more where none was short enough.
ALLOWED = 0.2
ROUNDS = 5
RESTARTS = [("a", signal.SIGKILL, 0), ("b", signal.SIGKILL, 0), ("b", signal.SIGKILL, 1.5),
            ("a", signal.SIGUSR2, 0), ("b", signal.SIGUSR2, 0), ("a", signal.SIGTERM, 0), ("b", signal.SIGTERM, 0)]


def wait_for_end(process):
    """Without the pauses of subprocess.wait(timeout), which are up to 50 ms long."""
    descriptor = os.pidfd_open(process.pid)
    ended, _, _ = select.select([descriptor], [], [], 30)
    os.close(descriptor)
    check(ended, f"process {process.pid} does not end")
    process.wait()


def restart(host, number, away):
    """Ends and starts; (end, start, ready) on the monotonic clock."""
    host.process.send_signal(number)
    ended = now()
    wait_for_end(host.process)
    time.sleep(away)
    before = len(host.events("started"))
    started = now()
    host.start(wait=False)
    wait_until(lambda: len(host.events("started")) > before, f"{host.name} does not start", pause=0.005)
    ready = now()
    host.wait_ready()
    return ended, started, ready


def make(restarts, a, b, address, stopped):
    """These restarts, under datagrams of their own: [(signal, how long no datagram came)]."""
    udp, told = Counter(a.ns, b.ns, address), []
    go_on(udp)
    for name, number, away in restarts:
        host, peer = (a, b) if name == "a" else (b, a)
        log_size = len(host.log_text())
        begin = time.time()
        ended, started, ready = restart(host, number, away)
        if number == signal.SIGTERM:
            stopped.append((begin, time.time()))
        go_on(udp, more=500)
        told.append((name, number, away, ended, started, ready, now()))
        fresh = host.log_text()[log_size:]
        check('"sessions_restored"' in fresh and '"whole":true' in fresh, f"{host.name} restored no sessions:\n{fresh}")
        check('"peer_restarted"' not in peer.log_text(), f"{peer.name} saw a new nonce: it was not kept")
        check((host.session(peer.nid) or {}).get("state") == "established", f"{host.name} lost the session")
    figures, found = udp.stop(), []
    for name, number, away, ended, started, ready, gone_on in told:
        gap = max(longest_gap(figures[way], ended - 0.01, gone_on) for way in ("there", "back")) - away
        print(f"{name} {signal.Signals(number).name:8} UDP gap {gap * 1e3:4.0f} ms beyond {away * 1e3:.0f} ms away on "
              f"purpose, ending {(started - ended - away) * 1e3:.0f} ms, start-up {(ready - started) * 1e3:.0f} ms")
        found.append((number, gap))
    print(f"UDP {figures['sent']} sent, lost {figures['there']['lost']} there, {figures['back']['lost']} back")
    check(not figures["there"]["twice"] and not figures["back"]["twice"], "datagrams came twice")
    return found


def test(lab):
    a, b = standard(lab)
    a.start()
    b.start()
    captures = [lab.capture(lab.namespaces["r"], name) for name in ("a-eth0", "b-eth0")]
    address = a.resolve_peer(b)
    stream = Stream(a.ns, b.ns, address, rate=5_000_000)
    wait_until(lambda: (a.session(b.nid) or {}).get("state") == "established", "no session")

    gaps, stopped, missing = {}, [], RESTARTS
    for _ in range(ROUNDS):
        for number, gap in make(missing, a, b, address, stopped):
            gaps.setdefault(number, []).append(gap)
        missing = [each for each in RESTARTS if min(gaps[each[1]]) >= ALLOWED]
        if not missing:
            break
    for number, several in gaps.items():
        promise(f"the gap by {signal.Signals(number).name}", several, ALLOWED)
    check('"session_ended"' not in a.log_text() + b.log_text(), "a session ended")
    go_on(stream)
    print(f"{stream.stop()['octets'] >> 20} MiB of TCP intact")

    captures = lab.end_captures()
    check(not resets(captures, [a.nid, b.nid]), f"resets: {resets(captures, [a.nid, b.nid])[:3]}")
    leaks = identity_leaks(captures, stopped)
    check(not leaks, f"identity addresses on the wire: {leaks[:3]}")


test_main(test)
