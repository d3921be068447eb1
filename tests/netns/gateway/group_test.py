#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two gateways that share their addresses (gateway_pair.py) and tell each other what they know. The active one is killed:
sessions of mode N go on, and so does an EID of which only a command has told the one that died."""
import signal
import time

from gateway_lab import ping
from gateway_pair import Pair, drop, silent, take, wait_active
from group import alive, join, wait_alive
from ilnp_side import EID, IlnpSide

# pylint: disable=wrong-import-order
from flows import Counter, Stream, go_on, longest_gap, promise
from lab import check, test_main, wait_until

ANNOUNCED = "2001:db8:ee:0:200::8"
DETECTION = 0.6  # s: three advertisements of VRRP, 200 ms apart
PROMISE = 1.0


def failover(pair, side, dead, heir):
    """Of the process alone; its machine gives the addresses away."""
    flows = [Stream(pair.h2, side.vm.ns, EID, rate=2_000_000), Stream(pair.h2, pair.guest, ANNOUNCED, port=7003, rate=2_000_000),
             Counter(pair.h2, side.vm.ns, EID, port=7001, hertz=200)]
    go_on(*flows)
    silent(heir)
    sessions = side.sessions()
    dead.stop(signal.SIGKILL)
    time.sleep(DETECTION)
    drop(dead)
    take(heir)
    wait_active(heir)
    side.gateway = heir
    go_on(*flows)
    heir.wait_registered()
    check(heir.presence(ANNOUNCED) == "here", heir.lisp("eids"))
    check(len(side.sessions()) == len(sessions), f"{side.sessions()}, not {sessions}")
    check(heir.events("sessions_restored")[-1]["whole"], "not all sessions")
    check(heir.counters()["nodes.no_session"] == 0, "a connection was refused")
    side.move()
    go_on(*flows)
    for stream in flows[:2]:
        stream.stop("a gateway of the group died")
    return longest_gap(flows[2].stop()["back"])


def comes_back(dead, heir):
    dead.start()
    wait_alive(dead, 1)
    wait_alive(heir, 1)
    silent(dead)


def test(lab):
    pair = Pair(lab)
    first, second = pair.gateways
    side = IlnpSide(lab, sites=pair.sites, gateways=pair.gateways)
    second.text = second.text.replace('name = "g1"', 'name = "g3"')
    join(lab, {first: "2001:db8:a1::10", second: "2001:db8:a1::11"})
    pair.guest.ip("addr", "add", f"{ANNOUNCED}/128", "dev", "eth0", "nodad")
    take(first)
    pair.start()
    side.vm.start()
    pair.wait_well(first)
    first.lisp("arrive", ANNOUNCED)
    wait_until(lambda: first.presence(ANNOUNCED) == "here", lambda: first.lisp("eids"))
    wait_alive(first, 1)
    wait_alive(second, 1)
    check(ping(pair.h2, EID) and ping(pair.h2, ANNOUNCED), "no way to begin with")
    stalls = [failover(pair, side, first, second)]
    wait_until(lambda: alive(second) == 0, "the dead one is taken for alive")
    comes_back(first, second)
    stalls.append(failover(pair, side, second, first))
    comes_back(second, first)
    promise("datagrams of mode N there and back", stalls, PROMISE)
    print(f"two failovers: no datagrams for {', '.join(f'{stall:.2f}' for stall in stalls)} s, {DETECTION} s of it to notice")


test_main(test)
