#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""identity.ephemeral_clients: every peer knows this node under another NID, none of them is published, sessions move and
survive a crash under it, and it is forgotten with the last of them."""
import os
import signal
import socket

from flows import Counter, Stream, go_on, now
from lab import NID_A, NID_B, NID_P, check, records_of, test_main, wait_until
from leaks import identity_leaks
from snapshot import difference, snapshot
from wire import answer_names

SECRET = "c2VjcmV0IG9mIHRoZSBlcGhlbWVyYWwgdGVzdA=="
NOBODY = "200:0:0:d"
NODE = "0200+0000+0000+000a"
CLIENT = "fd49:4c4e:5036:6631:fdff:ffff:ffff:ffea"


def stage(lab):
    """a moves between a1 and a2 and publishes; b and p are its peers; nobody is at the place of `nobody`."""
    lab.router()
    for name, prefix in (("a", "a1"), ("b", "c1"), ("p", "d1")):
        lab.namespace(name)
        lab.link(name, "eth0", f"2001:db8:{prefix}::")
    lab.link("a", "eth1", "2001:db8:a2::", up=False)
    lab.start_dns(records_of("b", NID_B, "2001:db8:c1:0") + records_of("p", NID_P, "2001:db8:d1:0") +
                  records_of("nobody", NOBODY, "2001:db8:ee:0", aaaa=False),
                  keys=f'key "k" {{ algorithm hmac-sha256; secret "{SECRET}"; }};',
                  policy="update-policy { grant k zonesub ANY; };")
    key = os.path.join(lab.directory, "key")
    with open(os.open(key, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as f:
        f.write(f'key "k" {{ algorithm hmac-sha256; secret "{SECRET}"; }};\n')
    a = lab.host("a", NID_A, session='fallback = "refuse"',
                 identity=f'mode = "configured"\nnid = "{NODE}"\nephemeral_clients = true',
                 publish=f'enabled = true\nserver = "[{lab.name_server}]:53"\nzone = "ex.example"\n'
                         f'name = "a.ex.example"\nkey_file = "{key}"')
    return a, lab.host("b", NID_B), lab.host("p", NID_P)


def known_to(peer):
    """NIDs under which the peer has a session with somebody."""
    return {s["remote_nid"] for s in peer.sessions() if s["state"] in ("established", "unreachable", "closing")}


def own_nids(a, nid):
    """As which this host speaks to the peer with this NID."""
    words = "+".join(w.zfill(4) for w in nid.split(":"))
    return {s["local_nid"] for s in a.sessions() if s["remote_nid"] == words}


def ilv_nids(a, interface):
    """Lower halves of the I-LV addresses that the kernel has there."""
    found = set()
    for line in a.ns.ip("-o", "-6", "addr", "show", "dev", interface).splitlines():
        address, _, length = line.split()[3].partition("/")
        if length == "128" and not address.startswith("fe80"):
            octets = socket.inet_pton(socket.AF_INET6, address)
            found.add("+".join(octets[i:i + 2].hex() for i in range(8, 16, 2)))
    return found


def state(a):
    return a.ask("status")["identity"]["ephemeral"]


def published(lab, kind):
    return answer_names(lab.namespaces["ns"], (lab.name_server, 53), "a.ex.example", kind)


def forgets(a):
    """A peer that nobody answers for: the NID goes with the entry, and the next one is another."""
    seen = []
    for _ in range(2):
        address = a.resolve("nobody.ex.example")[0]
        with a.ns.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
            s.sendto(b"?", (address, 9))
        nids = own_nids(a, NOBODY)
        check(len(nids) == 1 and NODE not in nids, f"nobody is called as {nids}")
        seen += nids
        check(nids < ilv_nids(a, "eth1"), "it has no address")
        wait_until(lambda: not own_nids(a, NOBODY), "the entry stays")
        wait_until(lambda: not nids & ilv_nids(a, "eth1"), "its address stays")
    check(seen[0] != seen[1], "the same NID again")


def crash(a):
    a.stop(signal.SIGKILL)
    begin = now()
    a.start(wait=False)
    a.wait_ready()
    return now() - begin


def test(lab):
    a, b, p = stage(lab)
    wait_until(lambda: "default" in a.ns.ip("-6", "route"), "no default route")
    wait_until(lambda: "2001:db8:a1:" in a.ns.ip("-6", "addr", "show", "dev", "eth0", "dynamic"), "no address")
    before = snapshot(a.ns)
    for host in (a, b, p):
        host.start()
    captures = [lab.capture(lab.namespaces["r"], name) for name in ("a-eth0", "a-eth1", "b-eth0")]

    to_b, to_p = a.resolve_peer(b), a.resolve_peer(p)
    stream, udp = Stream(a.ns, b.ns, to_b, rate=4_000_000), Counter(a.ns, p.ns, to_p)
    wait_until(lambda: known_to(b) and known_to(p), "no sessions")
    nid_b, nid_p = known_to(b), known_to(p)
    check(len(nid_b) == len(nid_p) == 1 and nid_b != nid_p, f"b knows {nid_b}, p knows {nid_p}")
    check(NODE not in nid_b | nid_p, "a peer knows the node's NID")
    check(own_nids(a, NID_B) == nid_b and own_nids(a, NID_P) == nid_p, f"a says otherwise: {a.sessions()}")
    check(all(s["ephemeral"] for s in a.sessions()), "not shown as ephemeral")

    # Bound sockets, and what a peer begins: the node.
    a.ns.run("ping", "-6", "-c", "1", "-W", "3", "-I", a.identity(), to_b)
    check(known_to(b) == nid_b | {NODE}, f"b knows {known_to(b)}")
    wait_until(lambda: published(lab, "AAAA"), "a is not published")
    check(published(lab, "NID") == [bytes.fromhex("000a" + NODE.replace("+", ""))], f"published: {published(lab, 'NID')}")
    from_p = p.resolve_peer(a)
    # Its server is bound to no address: it has to answer as the node although p is a peer of ours as well.
    served = Counter(p.ns, a.ns, from_p, port=7011, hertz=200)
    served_stream = Stream(p.ns, a.ns, from_p, port=7012, rate=1_000_000)
    wait_until(lambda: known_to(p) == nid_p | {NODE}, lambda: f"p knows {known_to(p)}")

    # Somebody on the next link has a NID that nobody knows yet: that one goes, the locator stays.
    taken = min(ilv_nids(a, "eth0") - nid_b - nid_p - {NODE})
    lab.namespaces["r"].ip("addr", "add", f"2001:db8:a2:0:{taken.replace('+', ':')}/128", "dev", "a-eth1", "nodad")
    a.ns.ip("link", "set", "eth1", "up")
    wait_until(lambda: a.events("duplicate_address"), "the duplicate is not seen")
    wait_until(lambda: taken not in ilv_nids(a, "eth0") | ilv_nids(a, "eth1"), "the duplicate stays")
    wait_until(lambda: len(a.locators()) == 2, "no second locator")
    a.ns.ip("link", "set", "eth0", "down")
    wait_until(lambda: a.session(b.nid)["using"]["local"] == "2001-0db8-00a2-0000", "b is not reached from a2")
    pool = ilv_nids(a, "eth1")
    took = crash(a)
    print(f"a is back {took * 1e3:.0f} ms after it was killed")
    a.ns.run("ping", "-6", "-c", "3", "-i", "0.2", "-W", "3", to_b)
    check(known_to(b) == nid_b | {NODE} and known_to(p) == nid_p | {NODE}, "a peer was called under another NID")
    unused = pool - nid_b - nid_p - {NODE}
    check(unused, "nothing was made ahead")
    wait_until(lambda: not unused & ilv_nids(a, "eth1"), lambda: f"left of the first run: {unused & ilv_nids(a, 'eth1')}")
    check(nid_b | nid_p | {NODE} < ilv_nids(a, "eth1"), "addresses of sessions are missing")

    go_on(stream, served_stream, udp, served)
    stream.stop()
    served_stream.stop(what="TCP that p began")
    for what, flow in (("UDP", udp), ("UDP that p began", served)):
        figures = flow.stop()
        lost = figures["there"]["lost"] + figures["back"]["lost"]
        print(f"{what}: {figures['sent']} sent, {lost} lost")
    check('"session_ended"' not in a.log_text() + b.log_text() + p.log_text(), "a session ended")
    check(len(a.events("duplicate_address")) == 1 and not a.events("filter_not_set"), "complaints in the log")

    forgets(a)
    check(state(a)["shared"] == 0 and state(a)["ready"] > 8, f"made ahead: {state(a)}")
    check(published(lab, "NID") == [bytes.fromhex("000a" + NODE.replace("+", ""))], "others than the node's are published")

    # The option is switched off: what began under it goes on, what begins now is the node's.
    udp = Counter(a.ns, p.ns, to_p, hertz=200)
    wait_until(lambda: known_to(p) == nid_p | {NODE}, "p knows another")
    with open(a.config, encoding="utf-8") as f:
        text = f.read()
    with open(a.config, "w", encoding="utf-8") as f:
        f.write(text.replace("ephemeral_clients = true", ""))
    crash(a)
    a.resolve("nobody.ex.example")
    check(own_nids(a, NOBODY) == {NODE}, f"nobody is called as {own_nids(a, NOBODY)}")
    go_on(udp)
    udp.stop()
    check(known_to(p) == nid_p | {NODE}, f"p knows {known_to(p)}")
    source = a.ns.ip("-6", "route", "get", to_b)
    check(CLIENT not in source and CLIENT in a.ns.ip("-6", "addr"), f"new sockets: {source}")
    with open(a.config, "w", encoding="utf-8") as f:
        f.write(text)

    leaks = identity_leaks(lab.end_captures())
    check(not leaks, f"identity addresses on the wire: {leaks[:3]}")

    a.ns.ip("link", "set", "eth0", "up")
    wait_until(lambda: len(a.locators()) == 2, "the first locator again")
    check(a.stop() == 0, "exit status after SIGTERM")
    left = [c for c in difference(before, snapshot(a.ns)) if "fd49" in c or "proto 106" in c or "/128" in c]
    check(not left, "left after SIGTERM:\n" + "\n".join(left))
    a.start()
    a.stop(signal.SIGKILL)
    check(len(ilv_nids(a, "eth0")) > 8 and CLIENT in a.ns.ip("-6", "addr"), "a crash leaves everything")
    a.ns.run(lab.program, "cleanup", "--config", a.config)
    check(not ilv_nids(a, "eth0") and "ilnp0" not in a.ns.ip("link"), "left after cleanup")


test_main(test)
