# SPDX-License-Identifier: Apache-2.0
"""Two sites whose guests' links are in hypervisors, so that a machine takes the place of a guest in a namespace.

    [hv1] br0: guest's TAP, dc1-lan --- lan0 [dc1: ilnp-sbr, ilnp-gateway] wan0 --- r --- p (ILNP), o (no ILNP), ns (BIND)
    [hv2] br0: guest's TAP, dc2-lan --- lan0 [dc2: ilnp-sbr, ilnp-gateway] wan0 --- r --- [ms], [lx: a LISP router] --- q
"""
import json
import os
import sys
import time

for folder in ("../netns/host", "../netns/sbr", "../netns/gateway"):
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), folder))

# pylint: disable=wrong-import-position
from hypervisor import Hypervisor  # noqa: E402
from lab import PREFIX, check, events_in, records_of, same, wait_until  # noqa: E402
from machine import Control, Machine  # noqa: E402
from names import publish, updates_by  # noqa: E402
from lisp_sites import CLIENTS  # noqa: E402
from site_lab import outside_host  # noqa: E402
from truth_sites import TruthSites  # noqa: E402
from two_sites import OTHER, SHIM, SUBNET, nid_text  # noqa: E402

GUEST_SOCKET, HOST_LOG = "/run/ilnp/host.sock", "/var/log/ilnp-host.log"
MACHINES = {"dc1": "hv1", "dc2": "hv2"}  # site: its hypervisor
LINK_UP = "/sbin/ip link set eth0 up\n"
START_HOST = f"/usr/bin/ilnp-host --config /etc/ilnp/host.toml >{HOST_LOG} 2>&1 &\n"
# fe80::1 is the router everywhere.
PLAIN = """/sbin/ip addr add {0}/64 dev eth0 nodad
/sbin/ip -6 route add default via fe80::1 dev eth0
"""
# A source for other EIDs, and for nobody else: that is what the route says.
EID_AND_ROUTE = """/sbin/ip addr add {eid}/128 dev eth0 nodad preferred_lft 0
/sbin/ip -6 route add {clients}::/64 via fe80::1 dev eth0 src {eid}
"""


def host_settings(nid, name_server, session="bind_ip_only = true", more=""):
    """The configuration of an ilnp-host in a guest."""
    return (f'[identity]\nmode = "configured"\nnid = "{nid.replace(":", "+")}"\n[dns]\nhold = "5s"\n'
            f'upstream = ["[{name_server}]:53"]\n[session]\n{session}\n[control]\nsocket = "{GUEST_SOCKET}"\n'
            f'[log]\nlevel = "debug"\nformat = "json"\n{SHIM}{more}')


class GuestHost:
    """The ilnp-host in a machine: what lab.Host is for one in a namespace."""

    def __init__(self, machine, nid):
        self.machine, self.nid = machine, nid

    def ask(self, command):
        # Through ilnpctl, as an operator would.
        words = {"status": "status", "locators": "show locators", "sessions": "show sessions"}[command]
        return json.loads(self.machine.run(f"ilnpctl --socket {GUEST_SOCKET} --json {words}", check_status=False).stdout or "{}")

    def locators(self):
        return self.ask("locators").get("locators", [])

    def events(self, name=None):
        return events_in(self.machine.read(HOST_LOG).decode(errors="replace"), name)


class PlainGuest:
    """A machine without ilnp-host: its address is all it has."""

    def __init__(self, machine, address):
        self.machine, self.address = machine, address


class Hypervisors:
    """For a subclass of TwoSites: each site has its hypervisor. Comes before it among the bases."""
    machine_class = Machine

    def _lan(self, name):
        if not hasattr(self, "hypervisors"):
            self.hypervisors, self.machines, self.control = {}, {}, Control(self.lab)
        if name not in MACHINES:
            return super()._lan(name)
        hypervisor = self.hypervisors[name] = Hypervisor(self.lab, MACHINES[name])
        self.control.join(hypervisor)
        return hypervisor.ns, hypervisor.bridge

    def machine(self, name, network, session="bind_ip_only = true", more="", files=None, **settings):
        """A machine with ilnp-host, booted at dc1. `network`: what its start script does with eth0."""
        text = host_settings(self.nids[name], self.lab.name_server, session, more)
        machine = self.machine_class(self.control, name, self.hypervisors, network=network, **settings,
                          files={"etc/ilnp/host.toml": text, "etc/resolv.conf": "nameserver 127.0.0.106\n", **(files or {})})
        host = self.machines[name] = GuestHost(machine, self.nids[name])
        machine.boot()
        self.where[name] = self.home[name] = "dc1"
        self.names_known(name)
        wait_until(host.locators, lambda: f"{name} has no locator: {machine.read(HOST_LOG)[-2000:]}")
        return host

    def plain_machine(self, name, number, **settings):
        """A machine that knows nothing of ILNP, booted at dc1. `number`: the lower half of its address."""
        address = f"{SUBNET['dc1']}::{number}"
        machine = self.machine_class(self.control, name, self.hypervisors, network=LINK_UP + PLAIN.format(address), **settings)
        guest = self.machines[name] = PlainGuest(machine, address)
        self.where[name] = self.home[name] = "dc1"
        machine.boot()
        return guest

    def names_known(self, name):
        """For what else has to know where a machine is."""

    def node(self, name):
        return nid_text(self.nids[name]) if name in self.nids else self.machines[name].address

    def move_words(self, name, to):
        """What `migrate prepare` has to know of an invisible move; the address of a plain guest says its home."""
        return ("--to", self.place(to), "--home", self.place(self.home[name])) if name in self.nids else ("--to", to)

    def migrate(self, name, to=None, way="shared", visible=False, progress=lambda share: None):
        """prepare, copy, activate, resume, release: the times of the steps. The border router hears of it before the
        guest stops."""
        to = to or OTHER[self.where[name]]
        machine, node, source = self.machines[name].machine, self.node(name), self.where[name]
        more = ("--home", self.place(self.home[name]), *(("--visible",) if visible else ()))
        self.step(source, "prepare", node, "--to", self.place(to) if visible else to, *more)
        times = machine.migrate(to, way, lambda: self._activate(name, source, to), progress)
        self.where[name] = to
        if visible:
            self.home[name] = to
        self.wait_presence(name, to, self.inside(name, to))
        times["heard"] = time.monotonic()
        self.step(to, "release", node)
        return times

    def _activate(self, name, source, to):
        """Whoever delivers to the guest at its source knows it when this returns, and what was on the way has come."""
        self.step(to, "activate", self.node(name))
        wait_until(lambda: self.has_left(name, source), lambda: f"{name} has not left {source}", pause=0.002)
        time.sleep(0.002)

    def has_left(self, name, source):
        return self.presence(name, source) in ("away", None)


class VmSites(Hypervisors, TruthSites):
    """Clients of both worlds: p has ilnp-host, o has no more than IPv6, q is behind a LISP router. The gateways read the
    truth of the border routers, so that nothing but these has to be told of a move."""

    def __init__(self, lab, guests=(("guest", "200:0:0:a"),), router_mac="00:00:5e:00:52:01", start=True, **settings):
        """`router_mac`: of the routers inside of both sites, so that what a guest sends before it notices that it was moved
        finds a router; None: each has its own."""
        super().__init__(lab, guests, **settings)
        for site in self.sites.values() if router_mac else ():
            site.ns.ip("link", "set", "lan0", "address", router_mac)
        self.share(lambda program: f'path = "{lab.directory}/truth.db"\n', start)

    def _peers(self, guests, published):
        super()._peers(guests, published)
        outside_host(self.lab, "o", "2001:db8:c2::")

    def updates(self, guests):
        return updates_by(guests)

    def publish(self, name):
        """Where its home is, from the machine of the border router there."""
        site = self.home[name]
        publish(self.lab, self.sites[site].ns, name, self.nids[name], self.name_at(site))

    def zone(self, guests, published):
        """A guest's AAAA is its name outside of dc1, which any host reaches; LISP hosts know its EID by another name."""
        home = published or self.sites["dc1"].name_of(SUBNET["dc1"], "isp")
        return "".join(records_of(name, nid, home) + f"{name}-lisp AAAA {self.eid(name, nid)}\n" for name, nid in guests)

    def machine(self, name, **settings):
        network = EID_AND_ROUTE.format(eid=self.eid_of(name), clients=CLIENTS)
        return super().machine(name, network=LINK_UP + network + START_HOST, **settings)

    def names_known(self, name):
        self.announce(name)

    def addresses(self, name):
        """{client: address of the machine}: for p what its ILNP name resolves to, for o the name that it has outside of its
        home, for q its EID. A plain guest has no EID, and one name for all."""
        if name not in self.nids:
            return dict.fromkeys(("p", "o"), self.outside_name(self.machines[name].address))
        own = f"{PREFIX}:{self.nids[name]}"
        found = self.peer.resolve(f"{name}.ex.example")
        check(found and same(found[0], own), f"{name}'s name is {found}")
        return {"p": own, "o": self.outside_name(f"::{self.nids[name]}"), "q": self.eid_of(name)}

    def has_left(self, name, source):
        return super().has_left(name, source) and self.presence_of(source, name) != "here"
