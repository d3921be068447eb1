# SPDX-License-Identifier: Apache-2.0
"""A host with addresses of its own that moves between the gateways g1 and g2, and its sessions with a host behind g3."""
from gateway_lab import Sites, host_of, listed, mapped, ping

# pylint: disable=wrong-import-order
from flows import Counter, Stream, go_on
from lab import check, wait_until
from site_lab import veth

BLOCKS = ["2001:db8:ee::/64", "10.7.0.0/24"]
GUEST = {6: "2001:db8:ee::7", 4: "10.7.0.7"}


def mobile_sites(lab, client="", server=""):
    """g1 and g2 share the blocks and speak Change-Priority; g3 is an ordinary site. `client`: more of its Map-Server."""
    sites = Sites(lab, numbers=(1, 2, 3), ms_more=server)
    sites.ms.text += f'[[site]]\nname = "mobile"\nkeys = ["site1", "site2"]\nprefixes = {listed(BLOCKS)}\n'
    for number in (1, 2):
        gateway = sites.gateways[number]
        gateway.text += "".join(f'[[mobile]]\nprefix = "{block}"\ninterface = "mob0"\n' for block in BLOCKS)
        gateway.text += gateway.key("between", "secret of the gateways")
        gateway.text += (f'[[peer]]\nname = "g{3 - number}"\naddresses = ["2001:db8:a{3 - number}::2"]\n'
                         f'keys = ["between"]\nscope = {listed(BLOCKS)}\ngateway = true\n')
    for gateway in sites.gateways.values():
        gateway.text = gateway.text.replace('"10.0.0.0/13"', '"10.0.0.0/13", "2001:db8:ee::/64"')
    client_gateway = sites.gateways[3]
    client_gateway.text = client_gateway.text.replace('keys = ["ours"]\n', f'keys = ["ours"]\n{client}')
    return sites.start()


class Guest:
    """A host with a link to either gateway, and its addresses on the one that is up: what a hypervisor does when it
    moves a machine. Its gateways look alike."""

    def __init__(self, sites):
        self.sites, self.lab = sites, sites.lab
        self.ns = self.lab.namespace("guest")
        self.where = None
        for number in (1, 2):
            gateway = sites.gateways[number].ns
            self.attach(gateway, number)
            gateway.ip("addr", "add", "fe80::1/64", "dev", "mob0", "nodad")
            gateway.ip("addr", "add", "10.7.0.1/32", "dev", "mob0")

    def attach(self, gateway, number):
        veth(self.ns, f"eth{number}", gateway, "mob0")
        self.ns.ip("link", "set", f"eth{number}", "down")

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
        wait_until(lambda w=wanted: sites.gateways[3].rlocs_of(f"{GUEST[6]}/128")[:1] == [w],
                   lambda: f"{what}: the client keeps {sites.gateways[3].lisp('map-cache')}")
    for flow in flows[:2]:
        flow.stop(what)
    figures = flows[2].stop()
    print(f"{what}: two moves, {figures['back']['lost']} of {figures['sent']} datagrams lost there and back")
