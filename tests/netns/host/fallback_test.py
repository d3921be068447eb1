#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Peers without ILNP go on as plain IPv6, whatever stands between; IPv4 and ordinary names are untouched."""
import os
import socket
import time

from flows import Stream, best_of, go_on
from lab import NID_P, check, records_of, standard, test_main, wait_until
from wire import answer_names

V6 = socket.AF_INET6


def exchange(client, server, address, family=V6, port=7100, timeout=20.0, source=None, octets=20000):
    """A TCP exchange of a small and a large message; seconds until the small one was answered."""
    with server.socket(family, socket.SOCK_STREAM) as listener, client.socket(family, socket.SOCK_STREAM) as s:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("", port))
        listener.listen(1)
        listener.settimeout(timeout)
        s.settimeout(timeout)
        if source:
            s.bind((source, 0))
        begin = time.monotonic()
        s.connect((address, port))
        peer, _ = listener.accept()
        with peer:
            peer.settimeout(timeout)
            s.sendall(b"hello")
            check(peer.recv(16) == b"hello", "other octets")
            peer.sendall(b"welcome")
            check(s.recv(16) == b"welcome", "other octets")
            small = time.monotonic() - begin
            block = bytes(range(256)) * (octets // 256)
            for one, other in ((s, peer), (peer, s)):
                one.sendall(block)
                got = b""
                while len(got) < len(block):
                    piece = other.recv(65536)
                    check(piece, "the connection ended early")
                    got += piece
                check(got == block, "other octets")
    return small


def datagram(client, server, address, port=7101, timeout=20.0):
    """Seconds until a datagram, sent every 0.2 s, was answered."""
    with server.socket(V6, socket.SOCK_DGRAM) as listener, client.socket(V6, socket.SOCK_DGRAM) as s:
        listener.bind(("::", port))
        listener.setblocking(False)
        s.setblocking(False)
        begin = time.monotonic()
        while time.monotonic() - begin < timeout:
            try:
                s.sendto(b"question", (address, port))
            except OSError:
                pass
            end = time.monotonic() + 0.2
            while time.monotonic() < end:
                for reader, answers in ((listener, True), (s, False)):
                    try:
                        data, peer = reader.recvfrom(100)
                    except OSError:
                        continue
                    if not answers:
                        return time.monotonic() - begin
                    listener.sendto(data, peer)
                time.sleep(0.005)
    check(False, f"no answer from {address}")


def forget(host):
    """A daemon that remembers nothing of the peer."""
    host.stop()
    if os.path.exists(f"{host.directory}/sessions"):
        os.remove(f"{host.directory}/sessions")
    host.start()


def test(lab):
    a, b = standard(lab)
    router = lab.namespaces["r"]
    plain = lab.namespace("p")
    lab.link("p", "eth0", "2001:db8:d1::")
    plain.ip("addr", "add", f"2001:db8:d1:0:{NID_P}/64", "dev", "eth0", "nodad")
    plain.ip("addr", "add", "192.0.2.130/25", "dev", "eth0")
    plain.ip("route", "add", "default", "via", "192.0.2.129")
    router.ip("addr", "add", "192.0.2.129/25", "dev", "p-eth0")
    router.ip("addr", "add", "192.0.2.1/25", "dev", "a-eth0")
    a.ns.ip("addr", "add", "192.0.2.2/25", "dev", "eth0")
    a.ns.ip("route", "add", "default", "via", "192.0.2.1")
    with open(f"{lab.directory}/bind/ex.example.zone", "a", encoding="ascii") as f:
        f.write(records_of("p", NID_P, "2001:db8:d1:0") + "plain AAAA 2001:db8:d1::77\nplain A 192.0.2.130\n")
    plain.ip("addr", "add", "2001:db8:d1::77/64", "dev", "eth0", "nodad")
    named = next(p for p in lab.processes if "named" in p.args[0])
    named.send_signal(1)
    wait_until(lambda: answer_names(a.ns, (lab.name_server, 53), "p.ex.example"), "BIND reads the zone again")
    a.start()
    b.start()

    # AAAA only, IPv4, and the same before and after.
    check(a.resolve("plain.ex.example") == ["2001:db8:d1::77"], "an ordinary name has its own address")
    check(a.resolve("plain.ex.example", "A") == ["192.0.2.130"], "an ordinary name keeps its IPv4 address")
    print(f"ordinary IPv6 {exchange(a.ns, plain, '2001:db8:d1::77') * 1e3:.1f} ms, "
          f"IPv4 {exchange(a.ns, plain, '192.0.2.130', socket.AF_INET) * 1e3:.1f} ms")
    check(not a.sessions(), "an ordinary peer has a session")

    def fall_back(what, limit, reason):
        def beyond():
            """Seconds beyond what is allowed: `limit`, and half a second when the host knows the peer."""
            forget(a)
            identity = a.resolve("p.ex.example")[0]
            check(identity.startswith("fd49:4c4e"), f"{what}: resolves to {identity}")
            seconds = exchange(a.ns, plain, identity)
            check(a.session(NID_P)["mode"] == "ipv6", f"{what}: {a.session(NID_P)}")
            told = a.events("session_fallback")[-1]["reason"]
            again = exchange(a.ns, plain, identity, port=7102)
            udp = datagram(a.ns, plain, identity, 7103)
            print(f"{what}: first {seconds * 1e3:.0f} ms ({told}), then {again * 1e3:.1f} ms, UDP {udp * 1e3:.1f} ms")
            check(reason in told, f"{what}: fell back for another reason: {told}")
            return max(seconds - limit, again - 0.5, udp - 0.5)
        best_of(f"{what}: beyond the limits", 0.0, beyond)

    fall_back("refused by the peer", 1.5, "parameter problem")
    filter_rules = """table ip6 middle {
      chain forward { type filter hook forward priority 0; policy accept;
        %s
      }
    }
    """
    router.run("/usr/sbin/nft", "-f", "-", stdin=filter_rules % "icmpv6 type parameter-problem drop")
    fall_back("errors are filtered", 9.0, "silence")
    router.run("/usr/sbin/nft", "-f", "-", stdin="delete table ip6 middle\n" + filter_rules % "exthdr dst exists drop")
    fall_back("options are dropped, plain peer", 9.0, "silence")

    # The same middle box between two ILNP nodes: plain IPv6 to the I-LV of an ilnp-host.
    def between_nodes():
        forget(a)
        seconds = exchange(a.ns, b.ns, a.resolve_peer(b), port=7104)
        check(a.session(b.nid)["mode"] == "ipv6", "two ILNP nodes behind a box that drops options")
        print(f"options are dropped, ILNP peer: {seconds * 1e3:.0f} ms")
        return seconds
    best_of("options are dropped, ILNP peer", 9.0, between_nodes)
    router.run("/usr/sbin/nft", "delete", "table", "ip6", "middle")

    # A peer that speaks plain IPv6 only reaches the I-LV of an ilnp-host, both sizes, and bulk.
    to_ilv = f"2001:db8:c1:0:{b.nid}"
    print(f"plain IPv6 to an I-LV: {exchange(plain, b.ns, to_ilv, port=7105, octets=200000) * 1e3:.1f} ms, "
          f"UDP {datagram(plain, b.ns, to_ilv) * 1e3:.1f} ms")
    stream = Stream(plain, b.ns, to_ilv, port=7106)
    go_on(stream, more=1 << 20)
    print(f"plain IPv6 to an I-LV: {stream.stop()['octets'] / 1e6:.0f} MB of a stream")


test_main(test)
