#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""No packet with an identity address on any wire, from before the first packet until after the last: establishment, moves
of both kinds, crash and restart, fallback to plain IPv6, exit, cleanup. An application that goes on sending after the
daemon took its things back is its own affair (see restart_test.py)."""
import signal
import time

from flows import Counter, Stream, go_on
from lab import NID_P, check, records_of, standard, test_main, wait_until
from leaks import identity_leaks
from wire import packets_of


def established(a, b):
    wait_until(lambda: (a.session(b.nid) or {}).get("state") == "established", "no session")


def moves(a, b, udp):
    for host, peer in ((a, b), (b, a)):
        host.ns.ip("link", "set", "eth1", "up")  # soft
        wait_until(lambda h=host: len(h.locators()) == 2, f"{host.name}: two locators")
        host.ns.ip("link", "set", "eth0", "down")
        go_on(udp)
        host.ns.ip("link", "set", "eth1", "down")  # hard, with nothing in between
        time.sleep(0.3)
        host.ns.ip("link", "set", "eth0", "up")
        wait_until(lambda h=host: h.locators(), f"{host.name}: a locator")
        wait_until(lambda h=host, p=peer: h.session(p.nid)["lu"]["state"] == "idle", f"{host.name}: acknowledged")


def fall_back(lab, a):
    """A peer whose names say ILNP and which speaks plain IPv6 only."""
    plain = lab.namespaces["p"]
    with plain.socket(10, 1) as listener, a.ns.socket(10, 1) as s:  # AF_INET6, SOCK_STREAM
        listener.bind(("::", 7105))
        listener.listen(1)
        s.settimeout(20)
        s.connect((a.resolve("p.ex.example")[0], 7105))
        peer, _ = listener.accept()
        peer.sendall(b"welcome")
        check(s.recv(16) == b"welcome", "other octets")
        peer.close()
    check(a.session(NID_P)["mode"] == "ipv6", f"no fallback: {a.session(NID_P)}")


def test(lab):
    a, b = standard(lab, records=records_of("p", NID_P, "2001:db8:d1:0"))
    plain = lab.namespace("p")
    lab.link("p", "eth0", "2001:db8:d1::")
    plain.ip("addr", "add", f"2001:db8:d1:0:{NID_P}/64", "dev", "eth0", "nodad")
    router = lab.namespaces["r"]
    captures = [lab.capture(router, name)
                for name in ("a-eth0", "a-eth1", "b-eth0", "b-eth1", "p-eth0", "ns-eth0")]
    a.start()
    b.start()

    address = a.resolve_peer(b)
    stream = Stream(a.ns, b.ns, address, rate=2_000_000)
    udp = Counter(a.ns, b.ns, address, hertz=500)
    established(a, b)
    moves(a, b, udp)
    for host in (a, b):
        host.stop(signal.SIGKILL)
        time.sleep(0.3)
        host.start()
    go_on(udp)
    established(a, b)
    fall_back(lab, a)
    go_on(stream)
    octets = stream.stop()["octets"]
    figures = udp.stop()

    check(a.stop() == 0, "exit status")
    b.stop(signal.SIGKILL)
    b.ns.run(lab.program, "--config", b.config, "cleanup")
    time.sleep(0.5)
    paths = lab.end_captures()
    frames = sum(1 for path in paths for _ in packets_of(path))
    leaks = identity_leaks(paths)
    print(f"{frames} frames, {octets >> 20} MiB of TCP, {figures['sent']} datagrams: {len(leaks)} with an identity address")
    # Each that was answered went over two links, twice.
    check(frames > 3 * figures["back"]["count"] > 900, f"too little was captured: {figures['back']['count']} answers")
    check(not leaks, f"identity addresses on the wire: {leaks[:3]}")


test_main(test)
