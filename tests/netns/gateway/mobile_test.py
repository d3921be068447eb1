#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A host with an address of its own moves between two gateways: its sessions with a host of a third site, which knows
nothing of it, go on. The gateways tell each other by Change-Priority, the client hears by Solicit-Map-Requests."""
import subprocess

from gateway_lab import Sites, host_of, listed, mapped, ping

# pylint: disable=wrong-import-order
from flows import Counter, Stream, go_on
from lab import check, run, test_main, wait_until

BLOCKS = ["2001:db8:ee::/64", "10.7.0.0/24"]
GUEST = {6: "2001:db8:ee::7", 4: "10.7.0.7"}


class Guest:
    """A host with a link to either gateway, and its addresses on the one that is up: what a hypervisor does when it
    moves a machine. Its gateways look alike."""

    def __init__(self, sites):
        self.sites, self.lab = sites, sites.lab
        self.ns = self.lab.namespace("guest")
        self.where = None
        for number in (1, 2):
            gateway = sites.gateways[number].ns
            self.lab.peer_index += 1
            run("ip", "link", "add", f"eth{number}", "netns", self.ns.full, "type", "veth", "peer", "name", "mob0",
                "index", str(self.lab.peer_index), "netns", gateway.full)
            gateway.ip("link", "set", "mob0", "up")
            gateway.ip("addr", "add", "fe80::1/64", "dev", "mob0", "nodad")
            gateway.ip("addr", "add", "10.7.0.1/32", "dev", "mob0")

    def appear(self, number):
        if self.where:
            self.ns.ip("link", "set", f"eth{self.where}", "down")
            self.ns.ip("addr", "flush", "dev", f"eth{self.where}")
        self.ns.ip("link", "set", f"eth{number}", "up")
        self.ns.ip("addr", "add", f"{GUEST[6]}/128", "dev", f"eth{number}", "nodad")
        self.ns.ip("-6", "route", "replace", "default", "via", "fe80::1", "dev", f"eth{number}")
        self.ns.ip("addr", "add", f"{GUEST[4]}/32", "dev", f"eth{number}")
        self.ns.ip("route", "replace", "10.7.0.1", "dev", f"eth{number}", "src", GUEST[4])
        self.ns.ip("route", "replace", "default", "via", "10.7.0.1", "dev", f"eth{number}", "src", GUEST[4])
        self.where = number

    def move(self, number):
        """Out of one gateway and into the other, both told as an orchestrator would."""
        former, to = self.sites.gateways.get(self.where), self.sites.gateways[number]
        for family in (6, 4):
            if former:
                former.lisp("leave", GUEST[family])
        self.appear(number)
        for family in (6, 4):
            to.lisp("arrive", GUEST[family])


def moves(sites, what):
    guest, h3 = Guest(sites), sites.hosts[3]
    guest.move(1)
    for eid in GUEST.values():
        wait_until(lambda e=eid: sites.gateways[1].presence(e) == "here", lambda: sites.gateways[1].lisp("eids"))
    for family in (6, 4):
        check(ping(h3, GUEST[family]), f"{what}: the guest is not reached by IPv{family}")
    flows = [Stream(h3, guest.ns, mapped(GUEST[6]), rate=2_000_000),
             Stream(guest.ns, h3, mapped(host_of(3, 4)), port=7003, rate=2_000_000),
             Counter(h3, guest.ns, GUEST[6], hertz=200)]
    go_on(*flows)
    for number in (2, 1):
        other = sites.gateways[3 - number]
        guest.move(number)
        go_on(*flows)
        for family, eid in GUEST.items():
            wait_until(lambda n=number, e=eid: sites.gateways[n].presence(e) == "here",
                       lambda n=number: sites.gateways[n].lisp("eids"))
            wait_until(lambda e=eid, o=other: o.presence(e) in ("moving_out", "away", "lisp_remote"),
                       lambda o=other: o.lisp("eids"))
            show = ["-6"] if family == 6 else ["-4"]
            check(eid in sites.gateways[number].ns.ip(*show, "route", "show", "proto", "107"), "no host route")
            check(eid not in other.ns.ip(*show, "route", "show", "proto", "107"), "the host route stays where it was")
        wanted = f"2001:db8:a{number}::2"
        wait_until(lambda w=wanted: sites.gateways[3].mapping(f"{GUEST[6]}/128")["rlocs"][0]["rloc"] == w,
                   lambda: f"{what}: the client keeps {sites.gateways[3].lisp('map-cache')}")
    for flow in flows[:2]:
        flow.stop(what)
    figures = flows[2].stop()
    print(f"{what}: two moves, {figures['back']['lost']} of {figures['sent']} datagrams lost there and back")


def waits(sites):
    """What comes for a host that has stopped waits for it, and goes to it when it did not leave after all."""
    gateway, eid = sites.gateways[1], GUEST[6]
    gateway.lisp("leave", eid)
    request = sites.hosts[3].start("ping", "-n", "-c", "1", "-W", "20", eid, stdout=subprocess.DEVNULL)
    wait_until(lambda: gateway.counters()["hold.octets"] > 0, lambda: f"nothing waits: {gateway.counters()}")
    check(request.poll() is None, "the guest has answered")
    gateway.lisp("stay", eid)
    check(request.wait(20) == 0, "what waited is lost")
    check(gateway.counters()["hold.octets"] == 0, "something waits for ever")


def link_returns(sites):
    """The kernel forgets host routes with their link."""
    gateway = sites.gateways[1].ns

    def routes():
        return [eid for family, eid in (("-6", GUEST[6]), ("-4", GUEST[4]))
                if eid in gateway.ip(family, "route", "show", "proto", "107", "dev", "mob0")]
    gateway.ip("link", "set", "mob0", "down")
    check(not routes(), "the kernel keeps routes of a link that is down")
    gateway.ip("link", "set", "mob0", "up")
    wait_until(lambda: len(routes()) == 2, lambda: f"only {routes()} are back")


def steps(sites):
    """Every step may be repeated, and one that makes no sense is refused."""
    gateway = sites.gateways[1]
    for _ in range(2):
        for step in ("arrive", "prepare"):
            gateway.lisp(step, GUEST[6])
    check(gateway.presence(GUEST[6]) == "here", gateway.lisp("eids"))
    for eid in ("2001:db8:ee::/64", "nobody", "[9]2001:db8:ee::7", "2001:db8:e1::10"):
        gateway.lisp("arrive", eid, ok=False)
    # One that does not come: nobody had it before.
    gateway.lisp("arrive", "2001:db8:ee::99", "--rloc", "2001:db8:a1::2,3,50")
    wait_until(lambda: gateway.presence("2001:db8:ee::99") == "here", lambda: gateway.lisp("eids"))
    gateway.lisp("abort", "2001:db8:ee::99")
    check(gateway.presence("2001:db8:ee::99") in (None, "unknown"), gateway.lisp("eids"))
    check("2001:db8:ee::99" not in gateway.ns.ip("-6", "route", "show", "proto", "107"), "the host route stays")


def test(lab):
    sites = Sites(lab, numbers=(1, 2, 3))
    sites.ms.text += (f'[[site]]\nname = "mobile"\nkeys = ["site1", "site2"]\nprefixes = {listed(BLOCKS)}\n')
    for number in (1, 2):
        gateway = sites.gateways[number]
        gateway.text += "".join(f'[[mobile]]\nprefix = "{block}"\ninterface = "mob0"\n' for block in BLOCKS)
        gateway.text += gateway.key("between", "secret of the gateways")
        gateway.text += (f'[[peer]]\nname = "g{3 - number}"\naddresses = ["2001:db8:a{3 - number}::2"]\n'
                         f'keys = ["between"]\nscope = {listed(BLOCKS)}\ngateway = true\n')
    for gateway in sites.gateways.values():
        gateway.text = gateway.text.replace('"10.0.0.0/13"', '"10.0.0.0/13", "2001:db8:ee::/64"')
    sites.start()
    moves(sites, "Change-Priority between the gateways, SMR to the client")
    waits(sites)
    steps(sites)
    link_returns(sites)


test_main(test)
