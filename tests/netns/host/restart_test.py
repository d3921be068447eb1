#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sessions survive a restart of the daemon, whatever ended it; the gap is printed. No reset, no identity address on any
wire meanwhile, except after SIGTERM: that takes the packet filter back as well, so that a program that goes on sending
to an identity address sends to an address without a route of its own."""
import signal
import time

from flows import Counter, Stream, longest_gap, now
from lab import check, standard, test_main, wait_until
from leaks import identity_leaks, resets

# The daemon's own share of the gap, of which the issue asks 0.2 s; starting a process on a busy machine comes on top.
ALLOWED = 0.2
BUSY = 1.0


def restart(host, number, away):
    """Ends and starts; (end, start, ready) on the monotonic clock."""
    host.process.send_signal(number)
    ended = now()
    host.process.wait(8)
    time.sleep(away)
    before = len(host.events("started"))
    started = now()
    host.start(wait=False)
    wait_until(lambda: len(host.events("started")) > before, f"{host.name} does not start", pause=0.005)
    ready = now()
    host.wait_ready()
    return ended, started, ready


def test(lab):
    a, b = standard(lab)
    a.start()
    b.start()
    captures = [lab.capture(lab.namespaces["r"], name) for name in ("a-eth0", "b-eth0")]
    address = a.resolve_peer(b)
    stream = Stream(a.ns, b.ns, address, rate=5_000_000)
    udp = Counter(a.ns, b.ns, address)
    wait_until(lambda: (a.session(b.nid) or {}).get("state") == "established", "no session")
    time.sleep(0.5)

    told, stopped = [], []
    for host, number, away in ((a, signal.SIGKILL, 0), (b, signal.SIGKILL, 0), (a, signal.SIGUSR2, 0),
                               (a, signal.SIGTERM, 0), (b, signal.SIGTERM, 0), (b, signal.SIGKILL, 1.5)):
        peer = b if host is a else a
        log_size = len(host.log_text())
        begin = time.time()
        ended, started, ready = restart(host, number, away)
        if number == signal.SIGTERM:
            stopped.append((begin, time.time()))
        time.sleep(1.2)
        told.append((host, number, away, ended, started, ready))
        fresh = host.log_text()[log_size:]
        check('"sessions_restored"' in fresh and '"whole":true' in fresh, f"{host.name} restored no sessions:\n{fresh}")
        check('"peer_restarted"' not in peer.log_text(), f"{peer.name} saw a new nonce: it was not kept")
        check((host.session(peer.nid) or {}).get("state") == "established", f"{host.name} lost the session")
    check('"session_ended"' not in a.log_text() + b.log_text(), "a session ended")

    figures = udp.stop()
    octets = stream.stop()["octets"]
    for host, number, away, ended, started, ready in told:
        gap = max(longest_gap(figures[way], ended - 0.01, ready + 1.0) for way in ("there", "back"))
        start_up = ready - started
        print(f"{host.name} {signal.Signals(number).name:8} UDP gap {gap * 1e3:4.0f} ms, of them {away * 1e3:.0f} ms away on "
              f"purpose, ending {(started - ended - away) * 1e3:.0f} ms, start-up {start_up * 1e3:.0f} ms")
        check(gap < (started - ended) + start_up + ALLOWED + 0.1, f"gap {gap:.3f} s")
        check(gap < away + BUSY, f"gap {gap:.3f} s")
    print(f"UDP {figures['sent']} sent, lost {figures['there']['lost']} there, {figures['back']['lost']} back; "
          f"{octets >> 20} MiB of TCP intact")
    check(not figures["there"]["twice"] and not figures["back"]["twice"], "datagrams came twice")

    captures = lab.end_captures()
    check(not resets(captures, [a.nid, b.nid]), f"resets: {resets(captures, [a.nid, b.nid])[:3]}")
    leaks = identity_leaks(captures, stopped)
    check(not leaks, f"identity addresses on the wire: {leaks[:3]}")


test_main(test, 60)
