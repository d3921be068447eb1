# SPDX-License-Identifier: Apache-2.0
"""A guest that is known in both worlds, two data centres of the ILNP world, one of the LISP world, and clients of each.

    guest --- fabric: br1 --- lan0 [dc1: ilnp-sbr, ilnp-gateway] wan0 --- r --- p (ILNP), ns (BIND)
                      br2 --- lan0 [dc2: ilnp-sbr, ilnp-gateway] wan0 --- r --- wan0 [ms: Map-Server]
                      br3 --- lan0 [dc3: ilnp-gateway as an xTR] wan0 --- r --- wan0 [lx: ilnp-gateway as an xTR] --- q

q has an EID and a plain kernel; dc3 has routers that know nothing of ILNP. The guest has its EID as an address of its own,
wherever it is (mode X), and ilnp-host for ILNP.
"""
import ipaddress
import json
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../sbr"))

# pylint: disable=wrong-import-position
from gateway_lab import Gateway, listed  # noqa: E402
from site_lab import host_address, veth  # noqa: E402
from two_sites import NID_PEER, SUBNET, TwoSites  # noqa: E402

# pylint: disable=wrong-import-order
from lab import records_of, wait_until  # noqa: E402
from wire import Router as Advertiser  # noqa: E402

EIDS, CLIENTS = "2001:db8:e:1", "2001:db8:1ce:1"
RLOC = {"dc1": "2001:db8:f0:1::2", "dc2": "2001:db8:f0:2::2", "dc3": "2001:db8:f0:3::2", "lx": "2001:db8:f0:4::2",
        "ms": "2001:db8:f0:5::2"}
LAN3 = "2001:db8:d3:1"
PLACES = ("dc1", "dc2", "dc3")
Q = f"{CLIENTS}::9"


class Router(Gateway):
    """Beside another daemon in one namespace; its configuration grows."""

    def __init__(self, lab, name):
        super().__init__(lab, name, folder=f"{name}-gateway")


class LispSites(TwoSites):
    """`signalling`: how clients hear of moves: smr, cp (Change-Priority) or pubsub."""

    def __init__(self, lab, guests=(("g", "200:0:0:a"),), signalling="cp", more="", **settings):
        self.signalling, self.more, self.gateways = signalling, more, {}
        super().__init__(lab, guests, **settings)
        self._lisp_site()
        self._map_server()
        self._third_place()
        for name in PLACES:
            self._gateway(name)

    # ---------------------------------------------------------------- network

    def _site(self, name):
        super()._site(name)
        site = self.sites[name]
        site.text = site.text.replace("[site]\n", f'[site]\nkernel = ["{CLIENTS}::/64"]\n', 1)
        site.ns.sysctl("net.ipv6.conf.all.forwarding", 1)
        site.ns.ip("-6", "route", "add", "default", "via", RLOC[name].replace("::2", "::1"))  # the way to other RLOCs

    def _peers(self, guests, published):
        """p, and in the DNS the guests with both names; q is behind lx."""
        self.lab.namespace("p")
        self.lab.link("p", "eth0", "2001:db8:c1::")
        self.lab.start_dns(records_of("p", NID_PEER, "2001:db8:c1:0") + f"q AAAA {Q}\n" + self.zone(guests, published),
                           **self.updates(guests))
        self.peer = self.lab.host("p", NID_PEER)

    def updates(self, _guests):
        """Who may change names: settings of Lab.start_dns()."""
        return {}

    def zone(self, guests, published):
        """The records of the guests."""
        home = published or self.sites["dc1"].name_of(SUBNET["dc1"], "isp")
        return "".join(records_of(name, nid, home, aaaa=False) + f"{name} AAAA {self.eid(name, nid)}\n" for name, nid in guests)

    def _uplink(self, name):
        """A namespace with its RLOC on wan0."""
        namespace = self.lab.namespace(name)
        namespace.sysctl("net.ipv6.conf.all.forwarding", 1)
        self.cable(namespace, "wan0", self.lab.namespaces["r"], f"{name}-wan0")
        near = RLOC[name].rsplit("::", 1)[0]
        self.lab.namespaces["r"].ip("addr", "add", f"{near}::1/64", "dev", f"{name}-wan0", "nodad")
        namespace.ip("addr", "add", f"{RLOC[name]}/64", "dev", "wan0", "nodad")
        namespace.ip("-6", "route", "add", "default", "via", f"{near}::1")
        return namespace

    def _lisp_site(self):
        lx, q = self._uplink("lx"), self.lab.namespace("q")
        veth(q, "eth0", lx, "lan0")
        # The name server alone knows a way to EIDs outside of tunnels.
        r = self.lab.namespaces["r"]
        r.ip("-6", "route", "add", f"{CLIENTS}::/64", "via", RLOC["lx"], "table", "100")
        r.ip("-6", "rule", "add", "from", self.lab.name_server, "lookup", "100")
        lx.ip("addr", "add", f"{CLIENTS}::1/64", "dev", "lan0", "nodad")
        host_address(q, "eth0", Q, f"{CLIENTS}::1")
        gateway = self._new_gateway("lx", "lx", routes=(EIDS,))
        gateway.text += f'[[eid]]\nprefix = "{CLIENTS}::/64"\n'
        for place in PLACES:
            gateway.text += self._peer_of(place)

    def _map_server(self):
        self._uplink("ms")
        server = self.gateways["ms"] = Router(self.lab, "ms")
        server.text = f'[gateway]\nname = "ms"\n[[rloc]]\naddress = "{RLOC["ms"]}"\n'
        server.add_key("register", "registrations-here")
        for name, prefix, more in (("mobile", EIDS, "true"), ("clients", CLIENTS, "false")):
            server.text += (f'[[site]]\nname = "{name}"\nprefixes = ["{prefix}::/64"]\nkeys = ["register"]\n'
                            f'more_specifics = {more}\n')
        server.text += '[server]\nsubscriber_keys = ["register"]\n'

    def _third_place(self):
        dc3 = self._uplink("dc3")
        fabric, bridge = self._lan("dc3")
        veth(dc3, "lan0", fabric, "dc3-lan")
        fabric.ip("link", "set", "dc3-lan", "master", bridge)
        # Guests find their router at the same link-local address at every place.
        dc3.ip("-6", "addr", "flush", "dev", "lan0")
        for address in ("fe80::1", f"{LAN3}::1"):
            dc3.ip("addr", "add", f"{address}/64", "dev", "lan0", "nodad")
        self.lab.namespaces["r"].ip("-6", "route", "add", f"{LAN3}::/64", "via", RLOC["dc3"])
        self.lab.routers["dc3"] = Advertiser(dc3)
        self.lab.routers["dc3"].period = 0.05  # as RFC 6275 section 7.5 has it for nodes that move
        mac = bytes.fromhex(json.loads(dc3.ip("-j", "link", "show", "lan0"))[0]["address"].replace(":", ""))
        self.lab.routers["dc3"].advertise("lan0", f"{LAN3}::", mac=mac)

    # ---------------------------------------------------------------- gateways

    def _new_gateway(self, name, kind, routes):
        gateway = self.gateways[name] = Router(self.lab, name)
        gateway.text = (f'[gateway]\nname = "{kind}"\nsite_id = {len(self.gateways)}\n[[rloc]]\naddress = "{RLOC[name]}"\n'
                        f'[[interface]]\nname = "lisp0"\nroutes = {listed(f"{route}::/64" for route in routes)}\n')
        gateway.add_key("register", "registrations-here")
        gateway.add_key("cp", "change-priority-here", number=9)
        subscribe = "true" if self.signalling == "pubsub" and name == "lx" else "false"
        gateway.text += (f'[[map_server]]\nname = "ms"\naddress = "{RLOC["ms"]}"\nkeys = ["register"]\n'
                         f'subscribe = {subscribe}\n[[map_resolver]]\naddress = "{RLOC["ms"]}"\n'
                         f'[signalling]\ncp15 = {"true" if self.signalling == "cp" else "false"}\n{self.more}')
        return gateway

    def _gateway(self, name):
        gateway = self._new_gateway(name, name, routes=(CLIENTS,))
        gateway.text += f'[[mobile]]\nprefix = "{EIDS}::/64"\ninterface = "lan0"\n[hold]\nhold_packets = 4096\n'
        for other in PLACES:
            if other != name:
                gateway.text += self._peer_of(other, "gateway = true\n")
        gateway.text += self._peer_of("lx")

    @staticmethod
    def _peer_of(name, more=""):
        scope = f"{CLIENTS}::/64" if name == "lx" else f"{EIDS}::/64"
        return f'[[peer]]\nname = "{name}"\naddresses = ["{RLOC[name]}"]\nkeys = ["cp"]\nscope = ["{scope}"]\n{more}'

    def start(self):
        super().start()
        for name in ("ms", "lx", *PLACES):
            self.gateways[name].start()
        self.gateways["lx"].wait_registered()  # what is not registered is not asked for again for a minute

    # ---------------------------------------------------------------- guests

    @staticmethod
    def eid(name, nid):
        return str(ipaddress.ip_address(f"{EIDS}:{nid}"))

    def eid_of(self, name):
        return self.eid(name, self.nids[name])

    def guest(self, name, session=""):
        host = super().guest(name, session)
        # A source for other EIDs, and for nobody else: that is what the route says. fe80::1 is the router everywhere.
        eid = self.eid_of(name)
        host.ns.ip("addr", "add", f"{eid}/128", "dev", "eth0", "nodad", "preferred_lft", "0")
        host.ns.ip("-6", "route", "add", f"{CLIENTS}::/64", "via", "fe80::1", "dev", "eth0", "src", eid)
        self.announce(name)
        return host

    def announce(self, name):
        """Somebody says that the guest is at dc1."""
        self.gateways["dc1"].lisp("arrive", self.eid_of(name))

    def locator_at(self, _name):
        """By what locator ILNP correspondents reach a guest, by place."""
        text = {"dc3": LAN3}
        for name in ("dc1", "dc2"):
            text[name] = self.sites[name].name_of(SUBNET[name], "isp")
        return {place: "-".join(word.zfill(4) for word in locator.split(":")) for place, locator in text.items()}

    def mapping_at_client(self, name):
        """The RLOCs that the LISP site sends to; None: it knows no mapping."""
        return self.gateways["lx"].rlocs_of(f"{self.eid_of(name)}/128")

    def carry(self, name, to, pause=0.02):
        """Stops the guest, takes it to another place and starts it again. dc3 has no border router that could be told."""
        source, node, eid = self.where[name], self.node(name), self.eid_of(name)
        told = to != "dc3"
        if told:
            begin = source if source != "dc3" else self.record_at(name)
            self.step(begin, "prepare", node, "--to", self.place(to), "--visible", "--home", self.place(self.home[name]))
        self.gateways[source].lisp("leave", eid)
        self.unplug(name)
        if told:
            self.step(to, "activate", node)
        time.sleep(pause)
        self.plug(name, to)
        self.gateways[to].lisp("arrive", eid)
        if told:
            self.home[name] = to
            self.wait_presence(name, to, "here")
            self.step(to, "release", node)

    def record_at(self, name):
        """The site at which the truth has it, while it is where the truth does not reach."""
        return self.home[name]

    def presence_of(self, place, name):
        """The state of its EID at a gateway."""
        return self.gateways[place].presence(self.eid_of(name))

    def wait_here(self, place, name):
        wait_until(lambda: self.presence_of(place, name) == "here", lambda: str(self.gateways[place].ask("eids")))
