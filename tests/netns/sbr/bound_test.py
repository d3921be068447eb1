#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Scenario b with IP-only peers of a guest that has ilnp-host (session.bind_ip_only): the peer as client and as server,
sessions of before the move and sessions that begin while the guest is visiting. The guest's sockets have its identity
address, the peer sees one outside name and plain IPv6."""
import socket
import time

from two_sites import OUT, TwoSites

# pylint: disable=wrong-import-order
from lab import check, same, test_main
from sessions import DESTINATION_OPTIONS, Sessions, names_on_the_wire
from wire import packed, packets_of

STREAM = socket.SOCK_STREAM


def is_bound(guest, q, name, port):
    """What both ends of a connection are called, when the peer opens it and when the guest does."""
    for server, client, target in ((guest.ns, q, name), (q, guest.ns, OUT)):
        with server.socket(socket.AF_INET6, STREAM) as listener, client.socket(socket.AF_INET6, STREAM) as s:
            listener.bind(("::", port))
            listener.listen(1)
            s.settimeout(20)
            s.connect((target, port))
            accepted, seen = listener.accept()
            with accepted:
                own = accepted if server is guest.ns else s
                at_peer = s.getpeername() if server is guest.ns else seen
                check(same(own.getsockname()[0], guest.identity()), f"the guest's socket is {own.getsockname()}")
                check(same(own.getpeername()[0], OUT) and same(at_peer[0], name), f"the peer sees {at_peer}")


def open_all(sessions, when, guest, q, name):
    sessions.counter(f"peer is client, {when}", q, guest.ns, name, hertz=500)
    sessions.counter(f"peer is server, {when}", guest.ns, q, OUT, hertz=500)
    sessions.stream(f"peer is client, {when}", q, guest.ns, name)
    sessions.stream(f"peer is server, {when}", guest.ns, q, OUT)


def test(lab):
    sites = TwoSites(lab)
    sites.start()
    guest, q = sites.guest("g", session="bind_ip_only = true"), lab.namespaces["q"]
    name = sites.outside_name(f"::{guest.nid}")
    capture = lab.capture(lab.namespaces["r"], "q-eth0")
    is_bound(guest, q, name, 7300)
    sessions = Sessions()
    open_all(sessions, "before", guest, q, name)
    sessions.go_on()
    sessions.mark("to dc2")
    sites.move("g", "dc2")
    time.sleep(0.7)
    is_bound(guest, q, name, 7301)
    open_all(sessions, "visiting", guest, q, name)
    sessions.go_on()
    sessions.mark("to dc1")
    sites.move("g", "dc1")
    time.sleep(0.7)
    is_bound(guest, q, name, 7302)
    sessions.end()
    lab.end_captures()
    nid = packed(f"::{guest.nid}")[8:]
    seen = names_on_the_wire(capture, [nid])[nid]
    check(seen == {packed(name)[:8]}, f"seen under other names: {[each.hex() for each in seen]}")
    strange = [f for _, f in packets_of(capture) if f[12:14] == b"\x86\xdd" and f[20] == DESTINATION_OPTIONS]
    check(not strange, f"{len(strange)} packets with a nonce to a peer without ILNP")


test_main(test)
