# SPDX-License-Identifier: Apache-2.0
"""LISP sites with the real ilnp-gateway, an underlay, and a Map-Server, on top of the lab of the host's tests.

    h1 --- lan0 [g1] wan0 --- r --- wan0 [g2] lan0 --- h2
                              |
                            wan0 [ms]

`r` is a kernel router of both families that knows nothing of EIDs. Site N has the EIDs 2001:db8:eN::/48 and 10.N.0.0/16;
its host is ::10 in the first /64 and 10.N.0.10. RLOCs are 2001:db8:aN::2 and 10.250.N.2.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../host"))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../sbr"))

# pylint: disable=wrong-import-position
from lab import ProgramWithText, check, run, wait_until  # noqa: E402
from site_lab import veth  # noqa: E402

EIDS = ["2001:db8:e0::/44", "10.0.0.0/13"]  # of all sites: what is routed into the tunnels
BOTH = (6, 4)


def rloc_of(number, family):
    return f"2001:db8:a{number}::2" if family == 6 else f"10.250.{number}.2"


def host_of(number, family):
    return f"2001:db8:e{number}::10" if family == 6 else f"10.{number}.0.10"


def mapped(address):
    """For the traffic programs, whose sockets are of IPv6."""
    return address if ":" in address else f"::ffff:{address}"


def listed(items):
    return "[" + ", ".join(f'"{item}"' for item in items) + "]"


class Gateway(ProgramWithText):
    """A namespace with an ilnp-gateway of its own."""

    def __init__(self, lab, name, text="", folder=None):
        super().__init__(lab, name, os.path.join(lab.build, "gateway/ilnp-gateway"), "gateway", folder, text)

    def secret(self, name, octets):
        path = os.path.join(self.directory, name)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as f:
            f.write(octets)
        return path

    def key(self, name, octets, number=0):
        return f'[[key]]\nname = "{name}"\nfile = "{self.secret(name, octets)}"\nid = {number}\n'

    def add_key(self, name, octets, number=0):
        self.text += self.key(name, octets, number)

    def start(self):
        self.write_config()
        self.launch()
        self.wait_up()
        return self

    def rows(self, command, name):
        return self.ask(command)[name]

    def mapping(self, eid):
        found = [m for m in self.rows("map_cache", "mappings") if m["eid"] == eid]
        return found[0] if found else None

    def rlocs_of(self, eid):
        """Those that packets go to; None: it knows no such mapping."""
        mapping = self.mapping(eid)
        return [r["rloc"] for r in mapping["rlocs"] if r["priority"] != 255] if mapping else None

    def lisp(self, *arguments, ok=True):
        done = run(self.lab.ctl, "--socket", self.socket_path, "lisp", *arguments, check_status=False)
        check((done.returncode == 0) == ok, f"ilnpctl lisp {arguments}: {done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def presence(self, eid):
        found = [row["state"] for row in self.rows("eids", "eids") if row["eid"].startswith(eid + "/")]
        return found[0] if found else None

    def wait_registered(self):
        def registered():
            rows = self.rows("registrations", "registrations")
            return rows and all(all(row["map_servers"].values()) for row in rows)
        wait_until(registered, lambda: f"{self.name}: {self.rows('registrations', 'registrations')}")


class Sites:
    """The network. `underlay`: families of the RLOCs, the first one is that of the Map-Server's address."""

    def __init__(self, lab, numbers=(1, 2), underlay=(6,), more="", ms_more=""):
        self.lab, self.numbers, self.underlay = lab, numbers, underlay
        self.router = lab.router()
        self.underlay_node("ms", 9)
        self.ms = Gateway(lab, "ms")
        self.ms_address = rloc_of(9, underlay[0])
        text = self._rlocs(9)
        for number in numbers:
            text += self.ms.key(f"site{number}", f"secret of site {number}", number)
            text += (f'[[site]]\nname = "site{number}"\nkeys = ["site{number}"]\n'
                     f'prefixes = {listed(self.prefixes(number))}\n')
        self.ms.text = text + ms_more
        self.gateways, self.hosts = {}, {}
        for number in numbers:
            self._site(number, more)

    @staticmethod
    def prefixes(number):
        return [f"2001:db8:e{number}::/48", f"10.{number}.0.0/16"]

    def underlay_node(self, name, number):
        """A namespace with a link to the router; for whatever runs there."""
        ns = self.lab.namespace(name)
        veth(ns, "wan0", self.router_namespace(), f"to-{name}")
        r = self.router_namespace()
        if 6 in self.underlay:
            r.ip("addr", "add", f"2001:db8:a{number}::1/64", "dev", f"to-{name}", "nodad")
            ns.ip("addr", "add", f"{rloc_of(number, 6)}/64", "dev", "wan0", "nodad")
            ns.ip("-6", "route", "add", "2001:db8:a0::/44", "via", f"2001:db8:a{number}::1", "dev", "wan0")
        if 4 in self.underlay:
            r.ip("addr", "add", f"10.250.{number}.1/24", "dev", f"to-{name}")
            ns.ip("addr", "add", f"{rloc_of(number, 4)}/24", "dev", "wan0")
            ns.ip("route", "add", "10.250.0.0/16", "via", f"10.250.{number}.1", "dev", "wan0")
        return ns

    def router_namespace(self):
        return self.lab.namespaces["r"]

    def _rlocs(self, number):
        return "".join(f'[[rloc]]\naddress = "{rloc_of(number, family)}"\n' for family in self.underlay)

    def _site(self, number, more):
        self.underlay_node(f"g{number}", number)
        gateway = Gateway(self.lab, f"g{number}")
        gateway.ns.sysctl("net.ipv6.conf.all.forwarding", 1)
        gateway.ns.sysctl("net.ipv4.ip_forward", 1)
        self.hosts[number] = self.add_host(number, f"h{number}", 0x10)
        gateway.text = (f'[gateway]\nname = "g{number}"\n{self._rlocs(number)}'
                        f'[[interface]]\nname = "lisp0"\nroutes = {listed(EIDS)}\n'
                        f'addresses = ["2001:db8:e{number}:ffff::1", "10.{number}.255.1"]\n'
                        + "".join(f'[[eid]]\nprefix = "{prefix}"\n' for prefix in self.prefixes(number))
                        + gateway.key("ours", f"secret of site {number}", number)
                        + f'[[map_server]]\nname = "ms"\naddress = "{self.ms_address}"\nkeys = ["ours"]\n'
                        + f'[[map_resolver]]\naddress = "{self.ms_address}"\n{more}')
        self.gateways[number] = gateway

    def add_host(self, number, name, last, interface="lan0"):
        """A plain kernel host behind the gateway of a site."""
        host, gateway = self.lab.namespace(name), self.lab.namespaces[f"g{number}"]
        veth(host, "eth0", gateway, interface)
        gateway.ip("addr", "add", f"2001:db8:e{number}::1/64", "dev", interface, "nodad")
        gateway.ip("addr", "add", f"10.{number}.0.1/24", "dev", interface)
        host.ip("addr", "add", f"2001:db8:e{number}::{last:x}/64", "dev", "eth0", "nodad")
        host.ip("addr", "add", f"10.{number}.0.{last - 6}/24", "dev", "eth0")
        host.ip("-6", "route", "add", "default", "via", f"2001:db8:e{number}::1")
        host.ip("route", "add", "default", "via", f"10.{number}.0.1")
        return host

    def start(self):
        self.ms.start()
        for gateway in self.gateways.values():
            gateway.start()
        for gateway in self.gateways.values():
            gateway.wait_registered()
        return self


def ping(namespace, address, *more, count=1):
    """True when every request is answered. The first one also asks the mapping system, and waits for it."""
    return namespace.run("ping", "-n", "-c", count, "-i", "0.1", "-W", "10", *more, address,
                         check_status=False, timeout=60).returncode == 0
