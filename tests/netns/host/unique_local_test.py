#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""locators.accept_unique_local: hosts inside a site with unique-local prefixes move there like others do, and their names
lead to the site's; without the option such prefixes are no locators."""
import os
import time

from flows import Counter, Stream, go_on, longest_gap, now, promise
from lab import NID_A, NID_B, check, records_of, test_main, wait_until
from leaks import identity_leaks
from wire import answer_names

SECRET = "c2VjcmV0IG9mIHRoZSBzaXRlJ3Mga2V5IGZvciBETlM="
INSIDE = "fd5a:17c0:9e21"


def stage(lab):
    lab.router()
    for name, first, second in (("a", "a1", "a2"), ("b", "c1", None)):
        lab.namespace(name)
        lab.link(name, "eth0", f"{INSIDE}:{first}::")
        if second:
            lab.link(name, "eth1", f"{INSIDE}:{second}::", up=False)
    lab.link("a", "eth2", "2001:db8:e1::", up=False)
    lab.start_dns(records_of("b", NID_B, f"{INSIDE}:c1", aaaa=False) + "site L64 10 2001:0db8:00aa:0001\n"
                  "a L64 10 2001:0db8:00dd:0001\n",  # of an earlier place
                  keys=f'key "k" {{ algorithm hmac-sha256; secret "{SECRET}"; }};',
                  policy="update-policy { grant k zonesub ANY; };")
    key = os.path.join(lab.directory, "key")
    with open(os.open(key, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as f:
        f.write(f'key "k" {{ algorithm hmac-sha256; secret "{SECRET}"; }};\n')
    publish = (f'enabled = true\nserver = "[{lab.name_server}]:53"\nzone = "ex.example"\nname = "a.ex.example"\n'
               f'key_file = "{key}"\n')
    inside = "[locators]\naccept_unique_local = true\n"
    return lab.host("a", NID_A, publish=publish, text=inside), lab.host("b", NID_B, text=inside), publish


def published(lab, kind):
    return answer_names(lab.namespaces["ns"], (lab.name_server, 53), "a.ex.example", kind)


def names(lab, a, publish):
    """Without publish.lp nothing is published, with it an LP; outside the site locators are."""
    a.start()
    wait_until(lambda: a.events("not_published"), "nothing says that a is not published")
    check(not published(lab, "NID") and len(published(lab, "L64")) == 1, "something was published")
    a.stop()
    check(len(published(lab, "L64")) == 1, "what others published was withdrawn")
    a.write_config(publish=publish + 'lp = "site.ex.example"', text="[locators]\naccept_unique_local = true\n")
    a.start()
    wait_until(lambda: published(lab, "LP"), "no LP")
    check(published(lab, "LP") == [bytes.fromhex("000a") + b"\4site\2ex\7example\0"], f"LP {published(lab, 'LP')}")
    check(published(lab, "NID") and not published(lab, "L64"), f"L64 {published(lab, 'L64')}")


def test(lab):
    a, b, publish = stage(lab)
    b.write_config()
    b.start(locators=0)
    time.sleep(2)
    check(not b.locators(), f"unique local without the option: {b.locators()}")
    b.stop()
    b.write_config(text="[locators]\naccept_unique_local = true\n")
    b.start()
    names(lab, a, publish)

    captures = [lab.capture(lab.namespaces["r"], name) for name in ("a-eth0", "a-eth1", "a-eth2", "b-eth0")]
    address = a.resolve_peer(b)
    udp, stream = Counter(a.ns, b.ns, address), Stream(a.ns, b.ns, address, rate=4_000_000)
    wait_until(lambda: (b.session(a.nid) or {}).get("state") == "established", "no session")
    moves = []
    for old, new, place in (("eth0", "eth1", "fd5a-17c0-9e21-00a2"), ("eth1", "eth2", "2001-0db8-00e1-0000")):
        a.ns.ip("link", "set", new, "up")
        wait_until(lambda: len(a.locators()) == 2, "two locators")
        begin = now()
        a.ns.ip("link", "set", old, "down")
        wait_until(lambda p=place: b.session(a.nid)["using"]["remote"] == p, lambda: f"b sends to {b.session(a.nid)}")
        go_on(udp)
        moves.append((begin, now()))
    wait_until(lambda: published(lab, "L64") == [bytes.fromhex("000a20010db800e10000")] and not published(lab, "LP"),
               lambda: f"outside: L64 {published(lab, 'L64')}, LP {published(lab, 'LP')}")
    check(len(published(lab, "AAAA")) == 1, f"AAAA {published(lab, 'AAAA')}")
    figures = udp.stop()
    octets = stream.stop()["octets"]
    print(f"{octets >> 10} KiB of TCP, {figures['sent']} datagrams, {figures['there']['lost']} lost")
    promise("a soft move", [longest_gap(figures["there"], *move) for move in moves], 0.2)
    check(not identity_leaks(lab.end_captures()), "identity addresses on the wire")


test_main(test)
