#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""session.bind_ip_only: a peer with the plain kernel stack as server and as client of a node behind a border router, while
the node moves. The sockets have the identity address, the peer sees one outside address and notices nothing."""
import errno
import re
import signal
import socket
import subprocess
import time

from flows import Counter, Stream, go_on, now
from lab import NID_A, NID_B, PREFIX, check, records_of, same, test_main, wait_until
from leaks import identity_leaks, resets, wrong_checksums
from snapshot import difference, snapshot
from wire import packed

V6, STREAM, DATAGRAM = socket.AF_INET6, socket.SOCK_STREAM, socket.SOCK_DGRAM
SITE = "fd5a:17c0:9e21"
PLAIN, OUTSIDE = "2001:db8:d1::77", f"2001:db8:aa:1:{NID_A}"
IDENTITY = f"{PREFIX}:{NID_A}"
CLOSED = 7299  # nobody listens there
SETTINGS = {"text": "[locators]\naccept_unique_local = true\n", "session": "bind_ip_only = true"}


def stage(lab):
    """a (eth0, eth1) and b inside the site, p outside; border.py between them, and a small MTU behind it."""
    router = lab.router()
    for name, interface, place in (("a", "eth0", "a1"), ("a", "eth1", "a2"), ("b", "eth0", "b1")):
        if name not in lab.namespaces:
            lab.namespace(name)
        lab.link(name, interface, f"{SITE}:{place}::", up=interface == "eth0")
    plain = lab.namespace("p")
    lab.link("p", "eth0", "2001:db8:d1::", advertise=False, mtu=1400)  # PLAIN is its only address
    plain.ip("addr", "add", f"{PLAIN}/64", "dev", "eth0", "nodad")
    plain.ip("-6", "route", "add", "default", "via", "2001:db8:d1::1")
    lab.start_dns(records_of("b", NID_B, f"{SITE}:b1", aaaa=False) + f"p AAAA {PLAIN}\n")
    border = router.python("border.py", OUTSIDE, f"{SITE}:a1:{NID_A}", f"{SITE}:a2:{NID_A}", stdout=subprocess.PIPE,
                           text=True)
    check(border.stdout.readline().strip() == "ready", "border.py does not start")
    for device in ("world0", "site0"):
        router.ip("link", "set", device, "up")
    router.ip("-6", "route", "add", f"{OUTSIDE}/128", "dev", "world0")
    router.ip("-6", "route", "add", "default", "dev", "site0", "table", "100")
    for prefix in (f"{SITE}::/48", "2001:db8:53::/64"):
        router.ip("-6", "rule", "add", "to", prefix, "lookup", "main", "pref", "90")
    for interface in ("a-eth0", "a-eth1", "b-eth0"):
        router.ip("-6", "rule", "add", "iif", interface, "lookup", "100", "pref", "100")
    return lab.host("a", NID_A, **SETTINGS), lab.host("b", NID_B, **SETTINGS), plain


def addresses(a, p):
    """Which sockets are bound to the identity address, and which are left alone."""
    own = re.search(rf"inet6 ({SITE}:a1:\S+)/64", a.ns.ip("-6", "addr", "show", "dev", "eth0", "dynamic")).group(1)
    table = (((PLAIN, 80), IDENTITY), ((f"{SITE}:a1::1", 80), IDENTITY), ((PLAIN, 53), own),
             ((f"{PREFIX}:{NID_B}", 80), IDENTITY))
    for target, wanted in table:
        with a.ns.socket(V6, DATAGRAM) as s:
            s.connect(target)
            check(same(s.getsockname()[0], wanted), f"to {target} from {s.getsockname()[0]}")
    with a.ns.socket(V6, DATAGRAM) as s:
        s.bind((own, 0))
        s.connect((PLAIN, 80))
        check("dev eth0" in a.ns.ip("-6", "route", "get", PLAIN, "from", own), "a bound socket leaves by the device")
    with p.socket(V6, STREAM) as listener, a.ns.socket(V6, STREAM) as s:
        listener.bind(("::", 7200))
        listener.listen(1)
        s.settimeout(20)
        s.connect((PLAIN, 7200))
        peer, seen = listener.accept()
        peer.close()
        check(same(s.getsockname()[0], IDENTITY) and same(s.getpeername()[0], PLAIN), f"a: {s.getsockname()}")
        check(same(seen[0], OUTSIDE), f"p sees {seen[0]}")
    with a.ns.socket(V6, STREAM) as listener, p.socket(V6, STREAM) as s:
        listener.bind(("::", 7201))
        listener.listen(1)
        s.settimeout(20)
        s.connect((OUTSIDE, 7201))
        peer, seen = listener.accept()
        with peer:
            check(same(peer.getsockname()[0], IDENTITY) and same(seen[0], PLAIN), f"a: {peer.getsockname()}")


def refused(client, target):
    """A closed port says so, by TCP and by an ICMPv6 error that quotes what was sent."""
    for kind in (STREAM, DATAGRAM):
        with client.socket(V6, kind) as s:
            s.settimeout(20)
            try:
                s.connect((target, CLOSED))
                s.send(b"?")
                s.recv(10)
                check(False, f"{target}: something answers")
            except OSError as e:
                check(e.errno == errno.ECONNREFUSED, f"{target}: {e}")


def large_datagrams(client, server, target):
    """In fragments, there and back; larger than the path behind the router takes at once."""
    with server.socket(V6, DATAGRAM) as s, client.socket(V6, DATAGRAM) as c:
        s.bind(("::", 7210))
        s.settimeout(1)
        c.settimeout(1)
        data = bytes(range(256)) * 16
        for _ in range(20):  # the first ones may be lost while the MTU is learnt
            try:
                c.sendto(data, (target, 7210))
                got, peer = s.recvfrom(8192)
                s.sendto(got, peer)
                check(c.recv(8192) == data, "other octets")
                return
            except TimeoutError:
                continue
        check(False, f"no large datagram comes through to {target}")


def move(a, old, new, soft):
    for step in (("up", new), ("down", old)) if soft else (("down", old), ("up", new)):
        a.ns.ip("link", "set", step[1], step[0])
        if soft and step[0] == "up":
            wait_until(lambda: len(a.locators()) == 2, "two locators")
            time.sleep(0.3)
    wanted = {"eth0": "00a1", "eth1": "00a2"}[new]
    wait_until(lambda: [loc["locator"][-4:] for loc in a.locators()] == [wanted], f"a is not at {new}: {a.locators()}")


def says_no_route_at_once(a):
    begin = now()
    with a.ns.socket(V6, STREAM) as s:
        s.settimeout(20)
        try:
            s.connect((PLAIN, 80))
            check(False, "connected")
        except OSError as e:
            check(e.errno in (errno.ENETUNREACH, errno.EHOSTUNREACH), f"nowhere: {e}")
    return now() - begin < 0.5


def nowhere(a):
    a.ns.ip("link", "set", "eth0", "down")
    wait_until(lambda: not a.locators(), "a is somewhere")
    time.sleep(2)  # so long packets wait
    wait_until(lambda: says_no_route_at_once(a), "a node that is nowhere does not say so at once")
    a.ns.ip("link", "set", "eth0", "up")
    wait_until(lambda: a.locators(), "a is somewhere again")


def test(lab):
    a, b, p = stage(lab)
    wait_until(lambda: f"{SITE}:a1:" in a.ns.ip("-6", "addr", "show", "dev", "eth0", "dynamic"), "no address")
    before = snapshot(a.ns)
    a.start()
    b.start()
    router = lab.namespaces["r"]
    captures = [lab.capture(router, name) for name in ("a-eth0", "a-eth1", "b-eth0", "p-eth0", "ns-eth0")]
    check(a.resolve("p.ex.example") == [PLAIN], "a peer without ILNP has its own address")
    addresses(a, p)
    refused(a.ns, PLAIN)
    refused(p, OUTSIDE)
    a.ns.run("ping", "-6", "-c", "2", "-i", "0.2", "-W", "3", PLAIN)
    p.run("ping", "-6", "-c", "2", "-i", "0.2", "-W", "3", OUTSIDE)
    large_datagrams(a.ns, p, PLAIN)
    large_datagrams(p, a.ns, OUTSIDE)

    # A session with an ILNP peer beside them: as ever, never plain.
    ilnp = Counter(a.ns, b.ns, a.resolve_peer(b), port=7001, hertz=100)
    streams = [Stream(a.ns, p, PLAIN, port=7002, rate=500_000), Stream(p, a.ns, OUTSIDE, port=7003, rate=500_000)]
    counters = [Counter(a.ns, p, PLAIN, port=7004, hertz=200), Counter(p, a.ns, OUTSIDE, port=7005, hertz=200)]
    flows = [ilnp, *streams, *counters]
    wait_until(lambda: (a.session(b.nid) or {}).get("state") == "established", "no session with b")
    for old, new, soft in (("eth0", "eth1", False), ("eth1", "eth0", True), ("eth0", "eth1", True), ("eth1", "eth0", False)):
        move(a, old, new, soft)
        go_on(*flows)
    a.stop(signal.SIGKILL)
    a.start()
    go_on(*flows)

    for words, stream in zip(("a is client", "a is server"), streams):
        print(f"{words}: {stream.stop(what=words)['octets'] >> 10} KiB of TCP intact after four moves and a crash")
    for words, counter in zip(("a is client", "a is server"), counters):
        figures = counter.stop()
        print(f"{words}: {figures['sent']} datagrams, {figures['there']['lost']} + {figures['back']['lost']} lost")
        check(not figures["there"]["twice"], f"{words}: datagrams came twice")
    ilnp.stop()
    check(a.session(b.nid)["mode"] == "ilnp" and len(a.sessions()) == 1, f"sessions: {a.sessions()}")
    check(a.counters()["session.ip_only"] >= 4, "no flows are shown")
    nowhere(a)

    captured = lab.end_captures()
    check(not identity_leaks(captured), f"identity addresses on the wire: {identity_leaks(captured)[:3]}")
    broken = [r for r in resets(captured[:2], [a.nid]) if CLOSED.to_bytes(2, "big").hex() not in r]
    check(not broken, f"resets: {broken[:3]}")
    # p's own packets are captured before its device has finished them.
    wrong = [w for w in wrong_checksums(captured[3:4]) if w.split()[-1][16:48] != packed(PLAIN).hex()]
    check(not wrong, f"wrong checksums: {wrong[:3]}")
    check(a.stop() == 0, "exit status after SIGTERM")
    left = [c for c in difference(before, snapshot(a.ns)) if "fd49" in c or "proto 106" in c or "rules" in c]
    check(not left, "left after SIGTERM:\n" + "\n".join(left))

    # Switched off: what a crash left is taken back at the next start.
    a.start()
    a.stop(signal.SIGKILL)
    a.write_config(text=SETTINGS["text"])
    a.start()
    check("32720" not in a.ns.ip("-6", "rule"), "rules of the run before are there")
    check("dev eth0" in a.ns.ip("-6", "route", "get", PLAIN), "plain packets still go to the device")


test_main(test)
