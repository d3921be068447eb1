#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the daemon makes in the kernel is taken back, whatever ends it, and nothing else is touched."""
import signal

from lab import NID_A, check, standard, test_main, wait_until
from flows import Counter
from snapshot import difference, settled, snapshot


def is_ours(line):
    """A line that the daemon may add while it runs."""
    nid = NID_A.split(":")[0] + "::a"
    return any(mark in line for mark in ("ilnp", "fd49:4c4e", nid, f"from 2001:db8:a1:0:{NID_A}", "1229717504")) or \
        any(f"table {0x494c0000 + i} " in line + " " for i in range(64))


def foreign(changes):
    """What changed beside our own things. The packet filter was empty before: it may hold our tables only."""
    own_parts = ("packet filter", "groups")
    return [c for c in changes if not is_ours(c) and not c.startswith(own_parts)]


def tables(host):
    return [line.strip(" {") for line in host.ns.run("/usr/sbin/nft", "list", "tables").stdout.splitlines()]


def test(lab):
    a, b = standard(lab)
    # An operator's own settings, of every kind that we also make.
    a.ns.ip("-6", "rule", "add", "from", "2001:db8:7::/64", "lookup", "77", "priority", "10600")
    a.ns.ip("-6", "route", "add", "2001:db8:77::/64", "dev", "eth0", "table", "77")
    a.ns.ip("-6", "route", "add", "fd49:4c4e:aaaa::/64", "dev", "lo")
    a.ns.ip("addr", "add", "2001:db8:a1::77/64", "dev", "eth0", "nodad")
    a.ns.run("/usr/sbin/nft", "-f", "-", stdin="table inet mine {\n chain input { type filter hook input priority 0; policy accept; }\n}\n"
             "table netdev other { }\n")
    wait_until(lambda: "2001:db8:a1:" in a.ns.ip("-6", "addr", "show", "dev", "eth0", "dynamic"), "no address")
    # The router's advertisements have been heard on eth0: from now on nothing changes by itself.
    wait_until(lambda: "default" in a.ns.ip("-6", "route"), "no default route")
    before = settled(a.ns)

    def check_nothing_left(after):
        # Some of it the kernel does later than it says.
        wait_until(lambda: not difference(before, snapshot(a.ns)),
                   lambda: f"left after {after}:\n" + "\n".join(difference(before, snapshot(a.ns))), 5)

    a.start()
    b.start()
    flow = Counter(a.ns, b.ns, a.resolve_peer(b), hertz=200)
    wait_until(lambda: a.session(b.nid) and a.session(b.nid)["state"] == "established", "no session")
    running = difference(before, snapshot(a.ns))
    check(not foreign(running), "changed while running:\n" + "\n".join(foreign(running)))
    for wanted in ("links: + ", "rules: + ", "routes: + ", "addresses: + ", "packet filter: + "):
        check(any(c.startswith(wanted) for c in running), f"expected something of ours under {wanted}")
    check(not [c for c in running if ": - " in c], f"something went: {running}")
    # However many peers: their entries would push those of the links out of the kernel's table of neighbours.
    a.ns.run("python3", "-c", "import socket\ns = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)\n"
             "for i in range(100): s.sendto(b'x', (f'fd49:4c4e:5036:6631:200::{i + 1:x}', 9))")
    neighbours = a.ns.ip("-6", "neigh", "show", "dev", "ilnp0", "nud", "all").splitlines()
    check(not [line for line in neighbours if line.startswith("fd49:")], f"{len(neighbours)} neighbours on ilnp0")
    flow.stop()

    check(a.stop() == 0, "exit status after SIGTERM")
    check_nothing_left("SIGTERM")

    # A crash: everything stays (local sockets keep their addresses, the filter keeps the kernel from answering).
    a.start()
    up = settled(a.ns)
    check(a.stop(signal.SIGKILL) == -9, "not killed")
    stays = [c for c in difference(up, snapshot(a.ns)) if not c.startswith("links") or "ilnp0" not in c]  # its carrier
    check(not stays, "changed by the crash:\n" + "\n".join(stays))
    told = a.ns.run(lab.program, "--config", a.config, "cleanup").stdout
    check(told.startswith("removed: ") and "0 rules" not in told and "0 addresses" not in told, f"cleanup said: {told}")
    check_nothing_left("cleanup")
    told = a.ns.run(lab.program, "--config", a.config, "cleanup").stdout
    check(" 0 rules" in told and "removed: 0 addresses, 0 routes" in told, f"cleanup with nothing to do said: {told}")

    # A crash, then another run: it adopts, and takes everything back at its end, also after a link went meanwhile.
    a.start()
    a.stop(signal.SIGKILL)
    a.ns.ip("link", "set", "eth1", "up")
    a.start(locators=2)
    check(any(e.get("adopted") for e in a.events("started")), "the second run did not adopt the device")
    a.stop(signal.SIGKILL)
    a.ns.ip("link", "set", "eth1", "down")
    a.start(locators=1)
    wait_until(lambda: len(a.locators()) == 1, "the locator of the link that is down")
    wait_until(lambda: "200::a" not in a.ns.ip("-6", "addr", "show", "dev", "eth1"), "an I-LV on the interface that is down")
    a.stop()
    check_nothing_left("a crash, a run and SIGTERM")

    # The same when SIGUSR2 leaves it to the next one and nobody follows.
    a.start()
    check(a.stop(signal.SIGUSR2) == 0, "exit status after SIGUSR2")
    check(difference(before, snapshot(a.ns)), "SIGUSR2 left nothing to the next one")
    a.ns.run(lab.program, "--config", a.config, "cleanup")
    check_nothing_left("SIGUSR2 and cleanup")


test_main(test)
