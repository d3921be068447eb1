# SPDX-License-Identifier: Apache-2.0
"""An ILNP node beside the gateway g1, which speaks for the LISP clients behind g2 (mode N).

    h2 --- [g2] --- r --- wan0 [g1] ilnp0: 2001:db8:a1:ff::/64
                    |---- eth0, eth1 [vm: ilnp-host], at 2001:db8:c1:: or at 2001:db8:c2::
                    |---- [ns: BIND], which knows the node's name

The node has no address that LISP knows: its EID is its NID behind a prefix of site 1.
"""
import socket

from gateway_lab import Sites, run

# pylint: disable=wrong-import-order
from lab import check, records_of, wait_until

NID, EID = "200:0:0:a", "2001:db8:e1:1:200::a"
ENTRY = "2001:db8:a1:ff::/64"
PLACES = {"eth0": "2001:db8:c1", "eth1": "2001:db8:c2"}
EID4, PLAIN4, NOBODY4, CLIENTS4 = "10.5.0.7", "10.5.0.8", "10.5.0.99", "2001:db8:64::/96"
MOBILE_EIDS, MOBILE_EID = "2001:db8:ee:1::/64", "2001:db8:ee:1:200::a"
RLOCS = {"eth0": "2001:db8:a1::2", "eth1": "2001:db8:a1::3"}


class IlnpSide:
    """`more`: of the configuration of g1. `eid`: of the node. `numbers`: of the gateways. Else `sites`, and the `gateways`
    that share the addresses of g1."""

    def __init__(self, lab, more="", eid=EID, numbers=(1, 2), sites=None, gateways=None):
        self.lab, self.eid = lab, eid
        self.sites = sites or Sites(lab, numbers)
        router = self.sites.router_namespace()
        self.gateways = gateways or [self.sites.gateways[1]]
        lab.namespace("vm")
        for interface, place in PLACES.items():
            lab.link("vm", interface, f"{place}::", up=interface == "eth0")
        lab.start_dns(records_of("vm", NID, f"{PLACES['eth0']}:0", aaaa=False))
        router.ip("-6", "route", "add", ENTRY, "via", "2001:db8:a1::2")
        for gateway in self.gateways:
            for prefix in (*(f"{place}::/64" for place in PLACES.values()), "2001:db8:53::/64"):
                gateway.ns.ip("-6", "route", "add", prefix, "via", "2001:db8:a1::1")
            gateway.text += (f'[ilnp]\nlocators = ["{ENTRY}"]\nupstream = ["[{lab.name_server}]:53"]\n'
                             f'[[node]]\neid = "{eid}/128"\nname = "vm.ex.example"\n{more}')
        self.vm = lab.host("vm", NID)
        self.client, self.gateway, self.at = self.sites.hosts[2], self.gateways[0], "eth0"

    def start(self):
        self.sites.start()
        self.vm.start()
        return self

    def move(self):
        """To the other place, by Locator Update: the new one first, as on a way between two radio cells."""
        former, interface = self.at, next(name for name in PLACES if name != self.at)
        self.vm.ns.ip("link", "set", interface, "up")
        words = "-".join(word.zfill(4) for word in f"{PLACES[interface]}:0".split(":"))
        wait_until(lambda: any(l["locator"] == words for l in self.vm.locators()), f"the node is not at {words}")
        self.vm.ns.ip("link", "set", former, "down")
        self.at = interface
        wait_until(lambda: self.sessions() and all(s["locator"] == words for s in self.sessions()),
                   lambda: f"the gateway does not send to {words}: {self.sessions()}")

    def sessions(self):
        return self.gateway.rows("lisp_sessions", "sessions")


def with_mobile_eid(lab, mode, more="", **settings):
    """The node's EID is mobile, and g1 has an RLOC for each of its places."""
    more += f'[[mobile]]\nprefix = "{MOBILE_EIDS}"\ninterface = "lan0"\n[[rloc]]\naddress = "{RLOCS["eth1"]}"\n'
    for interface, place in PLACES.items():
        more += f'[[gateway_of]]\nlocator = "{place}::/64"\nrlocs = ["{RLOCS[interface]}"]\n'
    side = IlnpSide(lab, more, MOBILE_EID, **settings)
    side.gateway.text = side.gateway.text.replace("[ilnp]\n", f'[ilnp]\nrloc_mode = "{mode}"\n')
    side.gateway.ns.ip("addr", "add", f"{RLOCS['eth1']}/64", "dev", "wan0", "nodad")
    side.sites.ms.text = side.sites.ms.text.replace('"10.1.0.0/16"', f'"10.1.0.0/16", "{MOBILE_EIDS}"')
    return side


def refused(client, address):
    """Nobody listens at this port, and the client hears so."""
    with client.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(5)
        s.connect((address, 7999))
        s.send(b"anybody?")
        try:
            s.recv(10)
            check(False, f"{address}: somebody answers at a closed port")
        except ConnectionRefusedError:
            pass


def ctl(side, *arguments):
    return run(side.lab.ctl, "--socket", side.gateway.socket_path, *arguments).stdout
