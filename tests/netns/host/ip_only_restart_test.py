#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""session.bind_ip_only on a node with two uplinks: a peer without ILNP that came by the one that is not the best is still
answered by it after the daemon was restarted, also when the node speaks first."""
import signal
import socket
import time

from lab import NID_A, check, records_of, test_main, wait_until

V6, STREAM, DATAGRAM = socket.AF_INET6, socket.SOCK_STREAM, socket.SOCK_DGRAM
PLAIN = "2001:db8:d1::77"
PLACES = ("a1", "a2")
RESTARTS = (signal.SIGKILL, signal.SIGUSR2, signal.SIGTERM)


def stage(lab):
    lab.router()
    lab.namespace("a")
    for interface, place in zip(("eth0", "eth1"), PLACES):
        lab.link("a", interface, f"2001:db8:{place}::")
    plain = lab.namespace("p")
    lab.link("p", "eth0", "2001:db8:d1::")
    plain.ip("addr", "add", f"{PLAIN}/64", "dev", "eth0", "nodad")
    lab.start_dns(records_of("a", NID_A, "2001:db8:a1:0"))
    return lab.host("a", NID_A, session="bind_ip_only = true"), plain


class Connections:
    """One by each locator of a, with p as the client."""

    def __init__(self, a, p, kind):
        self.kind, self.pairs = kind, []
        for port, place in enumerate(PLACES, 7300):
            with a.ns.socket(V6, kind) as listener:
                listener.bind(("::", port))
                client = p.socket(V6, kind)
                client.settimeout(20)
                listener.settimeout(20)
                if kind == STREAM:
                    listener.listen(1)
                client.connect((f"2001:db8:{place}::{NID_A}", port))
                self.pairs.append((place, self._server(listener, client), client))

    def _server(self, listener, client):
        if self.kind == STREAM:
            return listener.accept()[0]
        client.send(b"?")
        server = listener.dup()
        server.connect(listener.recvfrom(10)[1])
        return server

    def node_sends(self, what):
        for place, server, _ in self.pairs:
            try:
                server.send(what)
            except OSError as e:
                check(False, f"{place}, {what}, the node: {e}")

    def peer_hears(self, what):
        for place, _, client in self.pairs:
            try:
                check(client.recv(100) == what, f"{place}: other octets")
            except OSError as e:
                check(False, f"{place}, {what}: {e}")


def test(lab):
    a, p = stage(lab)
    a.start(locators=2)
    wait_until(lambda: p.run("ping", "-6", "-c", "1", "-W", "1", f"2001:db8:a2::{NID_A}", check_status=False).returncode == 0,
               "a does not answer")
    several = [Connections(a, p, kind) for kind in (STREAM, DATAGRAM)]
    for number in RESTARTS:
        for when in ("before", "while away", "after"):
            if when == "while away":
                time.sleep(0.3)  # the state file is written soon, not at once
                a.stop(number)
            what = f"{when} {number.name}".encode()
            speaking = several if when != "while away" else several[:1]  # nobody sends a datagram again
            for connections in speaking:
                connections.node_sends(what)
            if when == "while away":
                a.start(locators=2)
            for connections in speaking:
                connections.peer_hears(what)


test_main(test)
