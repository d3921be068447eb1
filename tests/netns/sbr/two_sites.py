# SPDX-License-Identifier: Apache-2.0
"""Two sites with an ilnp-sbr each, a link between the routers, and guests that are moved from the one to the other.

    guest* --- fabric: br1 --- lan0 [dc1] wan0 --- r --- p (ILNP), q (no ILNP), ns (BIND)
                         |           x0
                         |           x0
                       br2 --- lan0 [dc2] wan0 --- r

A guest's port is taken out of one bridge and put into the other, as live migration does: the guest sees neither a loss
of carrier nor anything else. Both routers open the same truth.
"""
import json
import socket
import time

from site_lab import Site, host_address, outside_host, run, veth

# pylint: disable=wrong-import-order
from lab import check, records_of, wait_until
from wire import packed

INSIDE = {"dc1": "fd5a:17c0:9e21", "dc2": "fd5b:2:2"}
SUBNET = {"dc1": f"{INSIDE['dc1']}:1", "dc2": f"{INSIDE['dc2']}:7"}
PROVIDER = {"dc1": "2001:db8:e1::/48", "dc2": "2001:db8:e2::/48"}
LINK = "2001:db8:f9:1"
NID_PEER, OUT = "200:0:0:c", "2001:db8:c2::2"
SHIM = "[locators]\naccept_unique_local = true\n"
OTHER = {"dc1": "dc2", "dc2": "dc1"}


def nid_text(nid):
    return "+".join(w.zfill(4) for w in nid.split(":"))


def node_nid(node):
    """The NID of what migrate calls a node."""
    if "+" in node:
        return node
    octets = packed(node)[8:]
    return "+".join(octets[i:i + 2].hex() for i in range(0, 8, 2))


class TwoSites:
    """The network without guests. Nothing but the routers runs in it."""

    def __init__(self, lab, guests=(("g", "200:0:0:a"),), truth="", timers="", cable=veth, published=""):
        """`cable` makes the links to the providers and that between the sites. `published`: the guests' locator in the
        DNS, when it is not their name at dc1."""
        self.lab, self.cable = lab, cable
        lab.router()
        self.fabric = lab.namespace("fabric")
        self.sites, self.ports, self.where, self.home, self.nids = {}, {}, {}, {}, dict(guests)
        for name in ("dc1", "dc2"):
            self._site(name)
        cable(self.sites["dc1"].ns, "x0", self.sites["dc2"].ns, "x0")
        for name, site in self.sites.items():
            self._link(site, name)
        self.truth = truth or f'[truth]\npath = "{lab.directory}/truth.db"\n'
        self.timers = timers or '[migration]\ngrace = "2s"\nprepare_timeout = "20s"\nactivate = "asked"\nhold_packets = 4096\n'
        self._peers(guests, published)

    def _site(self, name):
        number = int(name[-1])
        site = Site(self.lab, name, f"{INSIDE[name]}::/48", number=number, cable=self.cable)
        fabric, bridge = self._lan(name)
        site.add_inside("lan0", SUBNET[name], fabric.name, f"{name}-lan")
        fabric.ip("link", "set", f"{name}-lan", "master", bridge)
        site.add_uplink("isp", "wan0", f"2001:db8:f0:{number}", PROVIDER[name])
        self.sites[name] = site

    def _lan(self, name):
        """The guests' link of a site: the namespace of its bridge, and the bridge."""
        bridge = f"br{name[-1]}"
        self.fabric.ip("link", "add", bridge, "type", "bridge", "stp_state", "0", "mcast_snooping", "0")
        self.fabric.ip("link", "set", bridge, "up")
        return self.fabric, bridge

    @staticmethod
    def _link(site, name):
        own, other = int(name[-1]), OTHER[name]
        site.ns.ip("addr", "add", f"{LINK}::{own}/64", "dev", "x0", "nodad")
        site.text += (f'[[site_link]]\nname = "{other}"\nnumber = {other[-1]}\ninside = ["{INSIDE[other]}::/48"]\n'
                      f'interface = "x0"\nrouter = "{LINK}::{other[-1]}"\n')

    def _peers(self, guests, published):
        """An ILNP correspondent p and one without, q; and the names of the guests, at home in dc1."""
        self.lab.namespace("p")
        self.lab.link("p", "eth0", "2001:db8:c1::")
        outside_host(self.lab, "q", "2001:db8:c2::")
        home = published or self.sites["dc1"].name_of(SUBNET["dc1"], "isp")
        self.lab.start_dns(records_of("p", NID_PEER, "2001:db8:c1:0") +
                           "".join(records_of(name, nid, home) for name, nid in guests))
        self.peer = self.lab.host("p", NID_PEER)

    def start(self):
        for site in self.sites.values():
            site.start(self.timers + self.truth)
        self.peer.start()

    # ---------------------------------------------------------------- guests

    def _port(self, name):
        namespace = self.lab.namespace(name)
        self.home[name] = "dc1"
        self.ports[name] = f"port-{name}"
        veth(namespace, "eth0", self.fabric, self.ports[name])
        return namespace

    def wire(self, name, site):
        """A namespace on the guests' link of a site."""
        self._port(name)
        self.plug(name, site)

    def guest(self, name, session="", site="dc1"):
        """With ilnp-host; its home is dc1."""
        self._port(name)
        host = self.lab.host(name, self.nids[name], text=SHIM, session=session)
        self.plug(name, site)
        return host.start()

    def plain_guest(self, name, number):
        """Without ilnp-host: its address is all it has."""
        namespace = self._port(name)
        namespace.address = f"{SUBNET['dc1']}::{number}"
        host_address(namespace, "eth0", namespace.address)
        self.plug(name, "dc1")
        return namespace

    def outside_name(self, address):
        """Of an inside address whose home is dc1."""
        locator = packed(self.sites["dc1"].name_of(SUBNET["dc1"], "isp") + "::")[:8]
        return socket.inet_ntop(socket.AF_INET6, locator + packed(address)[8:])

    def name_at(self, site, colons=False):
        """The outside locator of a guest whose home is there: as our programs write it, or as an address."""
        locator = self.sites[site].name_of(SUBNET[site], "isp")
        return f"{locator}::" if colons else "-".join(word.zfill(4) for word in locator.split(":"))

    def plug(self, name, site):
        self.fabric.ip("link", "set", self.ports[name], "master", f"br{site[-1]}")
        self.where[name] = site

    def unplug(self, name):
        self.fabric.ip("link", "set", self.ports[name], "nomaster")

    # ---------------------------------------------------------------- moves

    def ask(self, site, step, node, *more):
        """`ilnpctl migrate STEP` at one of the routers: its answer."""
        done = run(*self.command(site, step, node, *more), check_status=False)
        check(done.stdout.startswith("{"), f"migrate {step}: {done.stdout} {done.stderr}")
        return json.loads(done.stdout)

    def command(self, site, step, node, *more):
        return (self.lab.ctl, "--socket", self.sites[site].router.socket_path, "--json", "migrate", step, node, *more)

    def step(self, site, step, node, *more, outcome="done"):
        answer = self.ask(site, step, node, *more)
        check(answer.get("outcome") == outcome, f"{step} of {node} at {site}: {answer}")
        return answer

    def node(self, name):
        """How migrate calls a guest."""
        return nid_text(self.nids[name]) if self.nids.get(name) else self.lab.namespaces[name].address

    def move(self, name, to, pause=0.02, visible=False):
        """Stops the guest, moves it, starts it again after `pause`. When it has been heard the move is released. With
        `visible` its home moves as well."""
        node, source = self.node(name), self.where[name]
        more = ("--home", self.place(self.home[name])) if self.nids.get(name) else ()
        self.step(source, "prepare", node, "--to", self.place(to) if visible else to, *more, *(("--visible",) if visible else ()))
        self.unplug(name)
        self.step(to, "activate", node)
        time.sleep(pause)
        self.plug(name, to)
        if visible:
            self.home[name] = to
        self.wait_presence(name, to, self.inside(name, to))
        self.step(to, "release", node)

    def rehome(self, name):
        """The place where it is becomes its home; released at once, so that it may move again."""
        for step in ("rehome", "release"):
            self.step(self.where[name], step, self.node(name))
        self.home[name] = self.where[name]

    def inside(self, name, site):
        """What the router of the site where it is says of a guest."""
        return "here" if site == self.home[name] else "visiting"

    @staticmethod
    def place(site):
        """Its inside locator as migrate reads it: with four digits a word."""
        return f"{site}/{'-'.join(w.zfill(4) for w in SUBNET[site].split(':'))}"

    def wait_presence(self, name, site, wanted):
        wait_until(lambda: self.presence(name, site) == wanted,
                   lambda: f"{name} is not {wanted} at {site}: {self.presence(name, site)}", pause=0.005)

    def presence(self, name, site):
        """What the router of a site says of a guest: here, visiting, away, arriving, or None."""
        wanted = node_nid(self.node(name))
        found = [n["presence"] for n in self.sites[site].router.ask("nodes")["nodes"] if n["nid"] == wanted]
        return found[0] if found else None
