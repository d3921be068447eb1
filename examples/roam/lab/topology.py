# SPDX-License-Identifier: Apache-2.0
"""The network of the demo: nine namespaces, veth links, static routes in the core, radvd at the sites.

    guest --net1-- dc1 ==wire 10 ms== core ==wire 1 ms== c1 --net1-- client
          --net2-- dc2 ==wire 80 ms==  |   ==wire 20 ms= c2 --net2--
                                       ns (BIND)

The guest and the client have one interface per site. Plugging is done at the site's end of the cable, a port of
its switch (link up, link down): the mobile side sees what a real one sees, the carrier.
"""
import os
import re
import socket
import time

from common.places import Places, WideArea, remove_namespace
from common.processes import run

SITES = {  # site: (prefix, transit prefix to the core, number)
    "dc1": ("2001:db8:a1:", "2001:db8:f:a1:"),
    "dc2": ("2001:db8:a2:", "2001:db8:f:a2:"),
    "c1": ("2001:db8:c1:", "2001:db8:f:c1:"),
    "c2": ("2001:db8:c2:", "2001:db8:f:c2:"),
}
HOMES = {"guest": ("dc1", "dc2"), "client": ("c1", "c2")}  # net1 and net2 of each mobile node
INTERFACE_TO = {"dc1": "net1", "dc2": "net2", "c1": "net1", "c2": "net2"}
NAME_SERVER = "2001:db8:53::53"


def site_prefix(site):
    """The /64 as text without its length: "2001:db8:a1::"."""
    return SITES[site][0] + ":"


def site_of(address):
    """Which site an address (text) belongs to, or None."""
    packed = socket.inet_pton(socket.AF_INET6, address)
    for site in SITES:
        if packed[:8] == socket.inet_pton(socket.AF_INET6, site_prefix(site))[:8]:
            return site
    return None


class Lab(Places):
    def __init__(self, directory, delays, rate, loss, seed, wire_program):
        super().__init__(f"roam-{os.getpid()}", directory)
        self.delays, self.rate, self.loss, self.seed = delays, rate, loss, seed
        self.wire_program = wire_program
        self.namespaces = []
        self.wide_area = None

    def close(self):
        super().close()
        for name in self.namespaces:
            remove_namespace(name)
        self.namespaces.clear()
        if self.wide_area:
            self.wide_area.close()

    def build(self):
        for role in ("guest", "client", "dc1", "dc2", "c1", "c2", "core", "wide", "ns"):
            run(["ip", "netns", "add", self.namespace(role)])
            self.namespaces.append(self.namespace(role))
            run(["ip", "-n", self.namespace(role), "link", "set", "lo", "up"])
        for role in ("dc1", "dc2", "c1", "c2", "core"):
            self.sysctl(role, {"all.forwarding": 1, "default.forwarding": 1, "default.accept_ra": 0,
                               "default.accept_dad": 0, "default.dad_transmits": 0})
        for role in ("guest", "client", "ns"):
            self.sysctl(role, {"all.disable_ipv6": 0, "default.disable_ipv6": 0, "default.accept_ra": 1,
                               "default.autoconf": 1, "default.forwarding": 0})
        self.sysctl("wide", {"all.disable_ipv6": 1, "default.disable_ipv6": 1})
        for mobile, homes in HOMES.items():
            for site in homes:
                self._access_link(mobile, site)
        for site in SITES:
            self._wide_area_link(site)
        self._name_server_link()
        self._start_wire()

    def _access_link(self, mobile, site):
        net, prefix = INTERFACE_TO[site], site_prefix(site)
        # A switch, so that the router's own interface never notices who comes and goes. Its second port is a loop to
        # itself: it keeps the carrier of a switch that nobody is plugged into.
        self.ip(site, "link add lan type bridge stp_state 0 mcast_snooping 0", "link set lan up",
                f"addr add {prefix}1/64 dev lan nodad", "link add stay type veth peer name stay-peer",
                "link set stay master lan up", "link set stay-peer up",
                f"link add port type veth peer name {net} netns {self.namespace(mobile)}",
                "link set port master lan",
                # No site forwards sources that are not its own (BCP 38): an address works where it belongs, or not at all.
                f"rule add iif lan from {prefix}/64 priority 100 lookup main", "rule add iif lan priority 101 blackhole")
        self.ip(mobile, f"link set {net} up")

    def _wide_area_link(self, site):
        transit = SITES[site][1]
        self.ip(site, f"link add wan type veth peer name {site}-site netns {self.namespace('wide')}",
                f"addr add {transit}:2/64 dev wan nodad", "link set wan up", f"route add default via {transit}:1")
        self.ip("core", f"link add {site} type veth peer name {site}-core netns {self.namespace('wide')}",
                f"addr add {transit}:1/64 dev {site} nodad", f"link set {site} up",
                f"route add {site_prefix(site)}/64 via {transit}:2")
        self.ip("wide", f"link set {site}-site up", f"link set {site}-core up")
        # Two routers on one line know each other: no neighbour discovery across the wide area.
        self._make_known(site, "wan", f"{transit}:2", "core", site)
        self._make_known("core", site, f"{transit}:1", site, "wan")
        # Before Linux 6.2 a packet socket cannot carry UDP super-packets: let the sender cut them.
        for role, interface in ((site, "wan"), ("core", site)):
            run(self.inside(role) + ["ethtool", "-K", interface, "tx-udp-segmentation", "off"], check=False)

    def _make_known(self, role, interface, address, to, by):
        link = run(["ip", "-n", self.namespace(role), "-o", "link", "show", "dev", interface])
        mac = re.search(r"link/ether (\S+)", link).group(1)
        self.ip(to, f"neigh replace {address} lladdr {mac} nud permanent dev {by}")

    def _name_server_link(self):
        self.ip("ns", f"link add net type veth peer name ns netns {self.namespace('core')}",
                f"addr add {NAME_SERVER}/64 dev net nodad", "link set net up", "route add default via 2001:db8:53::1")
        self.ip("core", "addr add 2001:db8:53::1/64 dev ns nodad", "link set ns up")

    def _start_wire(self):
        pairs = []
        for site in SITES:
            loss = f",loss={self.loss}" if site in ("dc1", "dc2") else ""
            pairs.append(f"{site}-site,{site}-core,name={site},delay={self.delays[site]}ms,rate={self.rate}{loss}")
        self.wide_area = WideArea(self, "wide", self.wire_program, pairs, self.seed)

    # ---------------------------------------------------------------- doing things

    def ip(self, role, *commands):
        run(["ip", "-6", "-n", self.namespace(role), "-batch", "-"], input_text="\n".join(commands) + "\n")

    def sysctl(self, role, values):
        run(self.inside(role) + ["sysctl", "-q", "-w"] + [f"net.ipv6.conf.{key}={value}" for key, value in values.items()])

    def plug(self, site):
        """Both return the time just before the change."""
        return self._set_link(site, "up")

    def unplug(self, site):
        return self._set_link(site, "down")

    def _set_link(self, site, state):
        now = time.monotonic()
        run(["ip", "-n", self.namespace(site), "link", "set", "port", state])
        return now
