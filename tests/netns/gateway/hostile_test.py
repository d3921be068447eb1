#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Somebody in the underlay who writes messages of his own, against running gateways: Map-Registers, replies that nobody asked
for, a storm of solicitations, packets out of tunnels that are none. Hosts go on talking, and nothing has changed."""
import random
import time

from gateway_lab import Sites, host_of, ping, rloc_of
from hostile import Attacker, map_register, map_reply, record, solicit, udp

# pylint: disable=wrong-import-order
from lab import check, test_main, wait_until

SITE2 = "2001:db8:e2::/48"


def went_up(gateway, counter, before, by):
    wait_until(lambda: gateway.counters()[counter] >= before[counter] + by,
               lambda: f"{counter}: {before[counter]}, now {gateway.counters()[counter]}, not {by} more")


def stays(sites, what):
    rlocs = sites.gateways[1].rlocs_of(SITE2)
    check(rlocs == [rloc_of(2, 6)], f"{what}: the mapping is {rlocs}")
    check(ping(sites.hosts[1], host_of(2, 6)), f"{what}: the hosts do not reach each other")


def registrations(sites, attacker):
    """A wrong key; the key of another site; a replay, and what is older; all in the name of the second gateway."""
    ms, there = sites.ms, record(SITE2, attacker.address)
    before = ms.counters()
    now = int(time.time() * 1e6)
    for i in range(20):
        attacker.send(sites.ms_address, map_register(2, b"a guess", now + i, [there]), source=rloc_of(2, 6))
    went_up(ms, "refused.authentication_failed", before, 20)
    for i in range(20):
        attacker.send(sites.ms_address, map_register(1, b"secret of site 1", now + i, [there]))
    went_up(ms, "xtr.not_configured", before, 20)
    # What a router says rightly is taken once.
    good = [map_register(1, b"secret of site 1", now + 1000 + i, [record("2001:db8:e1::/48", rloc_of(1, 6))], xtr=9)
            for i in range(2)]
    attacker.send(sites.ms_address, good[1])
    went_up(ms, "server.registered", before, 1)
    for message in good * 10:
        attacker.send(sites.ms_address, message)
    went_up(ms, "server.replayed", before, 20)
    before = ms.counters()
    for i in range(1000):
        attacker.send(sites.ms_address, map_register(2, b"a guess", now + i, [there]))
    went_up(ms, "xtr.register_limit", before, 500)
    stays(sites, "after false Map-Registers")


def replies(sites, attacker):
    g1 = sites.gateways[1]
    before = g1.counters()
    for _ in range(200):
        attacker.send(rloc_of(1, 6), map_reply(random.getrandbits(64), [record(SITE2, attacker.address)]),
                      source=sites.ms_address)
    went_up(g1, "itr.reply_unknown_nonce", before, 200)
    stays(sites, "after replies that nobody asked for")


def storm(sites, attacker):
    """A hundred thousand, in the second gateway's name: a question every three seconds at most."""
    g1, ms = sites.gateways[1], sites.ms
    message = solicit(host_of(2, 6), rloc_of(2, 6), "2001:db8:e1::/48")
    before, asked = g1.counters(), ms.counters()["server.answered"]
    begin = time.monotonic()
    for _ in range(100_000):
        attacker.send(rloc_of(1, 6), message, source=rloc_of(2, 6))
    went_up(g1, "itr.smr_prefix_limit", before, 1000)
    took = time.monotonic() - begin
    questions = ms.counters()["server.answered"] - asked
    check(1 <= questions <= took + 1, f"{questions} questions in {took:.1f} s")
    print(f"storm: 100000 in {took:.1f} s, {g1.counters()['itr.smr_prefix_limit'] - before['itr.smr_prefix_limit']} seen, "
          f"{questions} questions")
    stays(sites, "after the storm")


def packets(sites, attacker):
    """Out of no tunnel of anybody: from who is not behind that RLOC, in the name of the site itself, for somebody else, and
    LISP in LISP, which would leave again."""
    g1, to = sites.gateways[1], rloc_of(1, 6)
    inner = {"drop.outsider": udp(host_of(2, 6), host_of(1, 6), 9, b"x" * 40),
             "drop.source_is_ours": udp(host_of(1, 6), host_of(1, 6), 9, b"x" * 40),
             "drop.not_our_eid": udp(host_of(2, 6), rloc_of(2, 6), 4341,
                                     bytes(8) + udp(host_of(2, 6), host_of(1, 6), 4341, b"x" * 40))}
    for reason, packet in inner.items():
        before, delivered = g1.counters(), g1.counters()["tun.written"]
        for _ in range(50):
            attacker.data(to, packet, source=attacker.address if reason == "drop.outsider" else rloc_of(2, 6))
        went_up(g1, reason, before, 50)
        check(g1.counters()["tun.written"] == delivered, f"{reason}: something came through")
    stays(sites, "after packets of outsiders")


def test(lab):
    sites = Sites(lab, more='[data]\ncheck_sources = true\n')
    attacker = Attacker(sites)
    sites.start()
    check(ping(sites.hosts[1], host_of(2, 6), count=3), "before anything")
    for attack in (registrations, replies, packets, storm):
        attack(sites, attacker)


test_main(test)
