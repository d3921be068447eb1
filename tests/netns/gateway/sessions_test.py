#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Mode N: a plain host of a LISP site and an ILNP node in one session, of which neither knows the other's world. The node
moves by Locator Update, the gateway is killed and replaced, and nothing breaks; on the wire all is ILNP."""
import os
import signal
import socket

from gateway_lab import ping
from ilnp_side import EID, ENTRY, IlnpSide, NID, ctl, refused

# pylint: disable=wrong-import-order
from flows import Counter, Stream, echoes, go_on
from lab import check, test_main, wait_until
from leaks import identity_leaks, resets
from wire import packets_of

NONCE = 0x8B
UPDATE = 156


def flows_of(side):
    return [Stream(side.client, side.vm.ns, EID, rate=2_000_000), Counter(side.client, side.vm.ns, EID, hertz=200)]


def options_of(frame):
    """Destination options directly behind the IPv6 header."""
    if frame[12:14] != b"\x86\xdd" or frame[20] != 60:
        return []
    found, at, end = [], 56, 54 + 8 * (frame[55] + 1)
    while at < end:
        found.append(frame[at])
        at += 1 if frame[at] == 0 else 2 + frame[at + 1]
    return found


def moves(side):
    flows = flows_of(side)
    go_on(*flows)
    for _ in range(3):
        side.move()
        go_on(*flows)
    flows[0].stop("TCP over three moves")
    figures = flows[1].stop()
    check(not figures["there"]["twice"] and not figures["back"]["twice"], "datagrams came twice")
    session = side.sessions()[0]
    check(session["state"] == "established" and session["node"] == f"{EID}/128", f"{session}")
    check("established" in ctl(side, "lisp", "sessions"), "ilnpctl does not show the session")
    print(f"three moves, {figures['there']['lost']} + {figures['back']['lost']} of {figures['sent']} datagrams lost")


def replaced(side, number):
    """The gateway goes and comes back: only who knows the nonces may go on, and be told of a move."""
    flows = flows_of(side)
    go_on(*flows)
    path = os.path.join(side.gateway.directory, "gateway.sessions")
    wait_until(lambda: os.path.exists(path), "no sessions are kept")
    check(os.stat(path).st_mode & 0o777 == 0o600, "anybody may read nonces")
    side.gateway.stop(number)
    check("ilnp0" in side.gateway.ns.ip("link", "show"), "the device went with the gateway")
    side.gateway.start()
    check(side.gateway.events("sessions_restored")[-1]["sessions"] > 0, "no session was restored")
    go_on(*flows)
    side.move()
    go_on(*flows)
    flows[0].stop(signal.Signals(number).name)
    flows[1].stop()


def errors(side):
    """A closed port, and what is too large for the tunnel, are told over both worlds."""
    refused(side.client, EID)
    check(ping(side.client, EID, "-M", "do", "-s", 1380), "1428 octets do not cross")
    echoes(side.client, side.vm.ns, EID, [1, 1200, 1300, 1380, 1396, 1444, 1452, 2000, 8000])


def seen_on_the_wire(side, paths):
    check(not identity_leaks(paths), f"identity addresses on the wire: {identity_leaks(paths)[:3]}")
    check(not resets(paths, [NID]), f"resets: {resets(paths, [NID])[:3]}")
    entry, eids = socket.inet_pton(socket.AF_INET6, ENTRY[:-3])[:8], socket.inet_pton(socket.AF_INET6, EID)[:8]
    nonces, updates, between = 0, {1: 0, 2: 0}, 0
    for path in paths:
        for _, frame in packets_of(path):
            if entry not in (frame[22:30], frame[38:46]):
                continue
            between += 1
            check(eids not in (frame[22:30], frame[38:46]), f"an EID on the ILNP side: {frame[14:94].hex()}")
            if NONCE not in options_of(frame):
                continue
            nonces += 1
            at = 54 + 8 * (frame[55] + 1)
            if frame[54] == 58 and frame[at] == UPDATE:
                updates[frame[at + 5]] += 1
    check(10 < nonces < between, f"{nonces} nonces in {between} packets")
    check(updates[1] >= 3 and updates[2] >= 3, f"Locator Updates and acknowledgements: {updates}")
    print(f"{between} ILNP packets, {nonces} with a nonce, Locator Updates {updates[1]}, acknowledged {updates[2]}")


def test(lab):
    side = IlnpSide(lab).start()
    paths = [lab.capture(side.sites.router_namespace(), f"vm-{name}") for name in ("eth0", "eth1")]
    check(ping(side.client, EID), "the client does not reach the node")
    moves(side)
    errors(side)
    for number in (signal.SIGUSR2, signal.SIGKILL):
        replaced(side, number)
    counters = side.gateway.counters()
    check(counters["nodes.no_session"] == 0 and counters["exchange.malformed"] == 0, f"{counters}")
    check(side.gateway.ask("status")["state"] == "ok", f"{side.gateway.ask('status')['problems']}")
    lab.end_captures()
    seen_on_the_wire(side, paths)
    side.gateway.stop()
    check("ilnp0" not in side.gateway.ns.ip("link", "show"), "the device stays behind")


test_main(test)
