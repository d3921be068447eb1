#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A node of mode N goes from a site to another one, each with a gateway of the group. The LISP client is told, and sends to
the other gateway in the middle of its connections: they go on there, and back again, also where a gateway is dead.

    vm (ilnp-host) --- r --- [g1], [g3]: both speak for LISP clients, at 2001:db8:a1:ff:: and 2001:db8:a3:ff::
                       |---- wan0 [g2] lan0 --- h2
"""
import signal

from gateway_lab import Sites, ping
from group import join, wait_alive

# pylint: disable=wrong-import-order
from flows import Counter, Stream, go_on, longest_gap, promise
from lab import check, test_main, wait_until

BLOCK, NID, EID = "2001:db8:ee:1::/64", "200:0:0:a", "2001:db8:ee:1:200::a"
PLACES = {1: "2001:db8:c1", 3: "2001:db8:c3"}
PROMISE = 1.0  # s
ENTRY = {1: "2001:db8:a1:ff::/64", 3: "2001:db8:a3:ff::/64"}


class World:
    def __init__(self, lab):
        self.lab, self.sites = lab, Sites(lab, numbers=(1, 2, 3))
        lab.namespace("vm")
        self.gateways = {number: self.sites.gateways[number] for number in PLACES}
        for number, place in PLACES.items():
            lab.link("vm", f"eth{number}", f"{place}::", up=number == 1)
            self._gateway(number)
        join(lab, {gateway: f"2001:db8:a{number}::3" for number, gateway in self.gateways.items()})
        self.sites.ms.text += f'[[site]]\nname = "mobile"\nkeys = ["site1", "site3"]\nprefixes = ["{BLOCK}"]\n'
        client = self.sites.gateways[2]
        client.text = client.text.replace('"10.0.0.0/13"', f'"10.0.0.0/13", "{BLOCK}"')
        self.client, self.vm, self.at = self.sites.hosts[2], lab.host("vm", NID), 1

    def _gateway(self, number):
        """Speaks for clients, at its own locator; tells the other one of moves."""
        gateway, other = self.gateways[number], 4 - number
        gateway.ns.ip("addr", "add", f"2001:db8:a{number}::3/64", "dev", "wan0", "nodad")
        for place in PLACES.values():
            gateway.ns.ip("-6", "route", "add", f"{place}::/64", "via", f"2001:db8:a{number}::1")
        self.sites.router_namespace().ip("-6", "route", "add", ENTRY[number], "via", f"2001:db8:a{number}::2")
        known = ", ".join(f'"{place}::/64"' for place in PLACES.values())
        gateway.text += (f'[[mobile]]\nprefix = "{BLOCK}"\ninterface = "lan0"\n'
                         f'[ilnp]\nlocators = ["{ENTRY[number]}"]\n[[node]]\neid = "{EID}/128"\nlocators = [{known}]\n')
        gateway.text += gateway.key("between", "secret of the gateways")
        gateway.text += (f'[[peer]]\nname = "g{other}"\naddresses = ["2001:db8:a{other}::2"]\nkeys = ["between"]\n'
                         f'scope = ["{BLOCK}"]\ngateway = true\n')

    def start(self):
        self.sites.start()
        self.vm.start()
        for gateway in self.gateways.values():
            wait_alive(gateway, 1)
        self.arrived(1)
        check(ping(self.client, EID), "the client does not reach the node")
        return self

    def arrived(self, number):
        self.gateways[number].lisp("arrive", EID)
        rloc = f"2001:db8:a{number}::2"
        if self.sites.gateways[2].mapping(f"{EID}/128"):
            wait_until(lambda: self.sites.gateways[2].rlocs_of(f"{EID}/128") == [rloc],
                       lambda: self.sites.gateways[2].lisp("map-cache"))
        wait_until(lambda: self.gateways[number].presence(EID) == "here", lambda: self.gateways[number].lisp("eids"))

    def move(self):
        """By Locator Update in the ILNP world, then told to the gateway there as an orchestrator would."""
        former, self.at = self.at, 4 - self.at
        self.vm.ns.ip("link", "set", f"eth{self.at}", "up")
        words = "-".join(word.zfill(4) for word in f"{PLACES[self.at]}:0".split(":"))
        wait_until(lambda: any(l["locator"] == words for l in self.vm.locators()), f"the node is not at {words}")
        self.vm.ns.ip("link", "set", f"eth{former}", "down")
        self.arrived(self.at)

    def sessions(self, number):
        """Of that gateway, and not lent to the other one."""
        return [row for row in self.gateways[number].rows("lisp_sessions", "sessions") if row["state"] != "lent"]

    def wait_handed_over(self, number):
        wait_until(lambda: len(self.sessions(number)) == 1, lambda: f"{number}: {self.sessions(number)}")
        wait_until(lambda: not self.sessions(4 - number), lambda: f"{4 - number}: {self.sessions(4 - number)}")


def test(lab):
    world = World(lab).start()
    stream = Stream(world.client, world.vm.ns, EID, rate=2_000_000)
    datagrams = Counter(world.client, world.vm.ns, EID, hertz=200)
    go_on(stream, datagrams)
    for _ in range(3):
        world.move()
        go_on(stream, datagrams)
        world.wait_handed_over(world.at)
    figures = datagrams.stop()
    promise("datagrams while a session changes hands", [longest_gap(figures["there"]), longest_gap(figures["back"])], PROMISE)
    counters = {number: gateway.counters() for number, gateway in world.gateways.items()}
    check([counters[n]["nodes.taken_over"] for n in (3, 1)] == [2, 1], f"taken over: {counters}")
    check([counters[n]["nodes.given_up"] for n in (1, 3)] == [2, 1], f"given up: {counters}")
    # The node is at site 3. Its gateway dies for good, and the node leaves: the other one knows its sessions.
    world.gateways[3].stop(signal.SIGKILL)
    wait_alive(world.gateways[1], 0)
    world.move()
    go_on(stream)
    check(len(world.sessions(1)) == 1, f"{world.sessions(1)}")
    check(world.gateways[1].counters()["nodes.no_session"] == 0, "a connection was refused")
    stream.stop("a session that changes hands")
    print(f"three moves between gateways, {figures['there']['lost']} + {figures['back']['lost']} of {figures['sent']} lost")


test_main(test)
