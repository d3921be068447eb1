# SPDX-License-Identifier: Apache-2.0
"""Two data centres with routers of the kernel and nothing of ours, and a guest that is moved between them.

    [hv1] br0: guest's TAP, dc1-lan --- lan0 [dc1] wan0 --- line --- r --- c
      |   (stretched: a VXLAN device between the bridges, and the router of dc1 alone)
    [hv2] br0: guest's TAP, dc2-lan --- lan0 [dc2] wan0 --- line --- r
"""
import json

from moving import wait_until  # says where the others are

# pylint: disable=wrong-import-order
from bulk import PRELOAD
from hypervisor import Hypervisor
from machine import Control, Machine
from pings import wait_for_reply
from site_lab import host_address, veth

PREFIX = {"dc1": "2001:db8:d1:1", "dc2": "2001:db8:d2:1"}
CLIENT = "2001:db8:c1::2"
WRAPPER = "/usr/lib/x86_64-linux-gnu/mptcpize/libmptcpwrap.so.0"
ROUTER_MAC = "00:00:5e:00:52:01"
# Addresses are usable at once, without duplicate address detection: the best case for whoever has to renumber.
NETWORK = "echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_dad\n/sbin/ip link set eth0 up\n"
# Advertised address: what the guest has before is given up, its subflows too. One process of `ip` does all of it.
ENDPOINTS = """#!/bin/sh
/sbin/ip mptcp limits set subflows 8 add_addr_accepted 8
mkfifo /run/endpoints
/sbin/ip -force -batch /run/endpoints >/run/endpoints.log 2>&1 &
exec 3>/run/endpoints
current= number=0
/sbin/ip -6 -o monitor address dev eth0 | while read -r _ _ family address rest; do
  case "$family $rest" in "inet6 scope global"*) ;; *) continue ;; esac
  [ "$address" != "$current" ] || continue
  if [ -n "$current" ]; then
    old=$number number=$((number % 200 + 1))
    echo "mptcp endpoint add ${address%/*} id $number dev eth0 subflow" >&3
    [ "$old" = 0 ] || echo "mptcp endpoint delete id $old" >&3
    echo "mptcp endpoint delete id 0 ${current%/*}" >&3
    echo "address delete $current dev eth0" >&3
  fi
  current=$address
done
"""


class PlainSites:
    """`kind`: plain (the guest takes an address of where it is), mptcp (the same, and its connections follow), layer2 (it
    keeps its address, since its link is the same one at both places)."""

    def __init__(self, lab, cables, kind, delays):
        """`delays`: one way in ms: client, from a data centre to r; link, between the data centres."""
        self.lab, self.kind, self.where = lab, kind, "dc1"
        self.control, self.hypervisors = Control(lab), {}
        lab.router()
        lab.router("dc2")
        lab.router("dc1")
        self.client_namespace = lab.namespace("c")
        lab.link("c", "eth0", "2001:db8:c1::", advertise=False)
        host_address(self.client_namespace, "eth0", CLIENT, "2001:db8:c1::1")
        for name in PREFIX:
            self._site(name, cables, delays["client"])
        if kind == "layer2":
            self._stretch(cables, delays["link"])

    def _site(self, name, cables, one_way):
        site, r = self.lab.namespaces[name], self.lab.namespaces["r"]
        cables.cable(site, "wan0", r, f"{name}-wan0", one_way, name)
        for namespace, interface, side in ((site, "wan0", 2), (r, f"{name}-wan0", 1)):
            namespace.ip("addr", "add", f"fe80::{side}/64", "dev", interface, "nodad")
        r.ip("-6", "route", "add", f"{PREFIX[name]}::/64", "via", "fe80::2", "dev", f"{name}-wan0")
        site.ip("-6", "route", "add", "default", "via", "fe80::1", "dev", "wan0")
        hypervisor = self.hypervisors[name] = Hypervisor(self.lab, f"hv{name[-1]}")
        self.control.join(hypervisor)
        if name == "dc2" and self.kind == "layer2":
            return
        veth(site, "lan0", hypervisor.ns, f"{name}-lan")
        hypervisor.ns.ip("link", "set", f"{name}-lan", "master", hypervisor.bridge)
        site.ip("-6", "addr", "flush", "dev", "lan0")
        site.ip("link", "set", "lan0", "address", ROUTER_MAC)
        for address in ("fe80::1", f"{PREFIX[name]}::1"):
            site.ip("addr", "add", f"{address}/64", "dev", "lan0", "nodad")
        self.lab.routers[name].period = 0.1
        self.lab.routers[name].advertise("lan0", f"{PREFIX[name]}::", mac=bytes.fromhex(ROUTER_MAC.replace(":", "")))

    def _stretch(self, cables, one_way):
        """One link at both places: frames in UDP between the hypervisors, which have a line of their own for that."""
        first, second = (self.hypervisors[name].ns for name in PREFIX)
        cables.cable(first, "u0", second, "u0", one_way, "link", mtu=1600)
        for namespace, own, other in ((first, 1, 2), (second, 2, 1)):
            # The line carries TCP's super-packets, but none inside of a tunnel.
            namespace.run("ethtool", "-K", "u0", "tx-udp_tnl-segmentation", "off", "tx-udp_tnl-csum-segmentation", "off")
            namespace.ip("addr", "add", f"10.9.0.{own}/24", "dev", "u0")
            namespace.ip("link", "add", "vx", "mtu", "1500", "type", "vxlan", "id", "7", "local", f"10.9.0.{own}",
                         "remote", f"10.9.0.{other}", "dstport", "4789", "dev", "u0")
            namespace.ip("link", "set", "vx", "master", "br0", "up")

    def start(self):
        """Routers of the kernel have nothing to start."""

    def boot(self, way):
        self.way = way
        agent, files = "", {}
        if self.kind == "mptcp":
            with open(WRAPPER, "rb") as wrapper:
                files = {"etc/guest/endpoints.sh": ENDPOINTS, PRELOAD.lstrip("/"): wrapper.read()}
            agent = "sh /etc/guest/endpoints.sh &\n"
        self.vm = Machine(self.control, "guest", self.hypervisors, network=agent + NETWORK, files=files,
                          shared=way == "shared").boot()
        wait_until(self.address, "the guest has no address")
        wait_for_reply(*self.client(), wait_until)

    def address(self):
        """Of the guest, at the place where it is."""
        found = json.loads(self.vm.run("/sbin/ip -j -6 addr show dev eth0 scope global").stdout)
        addresses = [info.get("local", "") for each in found for info in each.get("addr_info", ())]
        return next((address for address in addresses if address.startswith(self._prefix())), None)

    def _prefix(self):
        return PREFIX["dc1" if self.kind == "layer2" else self.where]

    def client(self):
        """Where it is, and how it calls the guest now."""
        return self.client_namespace, self.address()

    def client_name(self):
        """How the guest calls it."""
        return f"[{CLIENT}]"

    def move(self):
        self.where = "dc2" if self.where == "dc1" else "dc1"
        return self.vm.migrate(self.where, self.way)

    def at_home_again(self):
        """As in the beginning: it has no address but that of the place where it is, which new connections could take."""
        wait_until(self.address, "the guest has no address of the place where it is")
        for name, prefix in PREFIX.items():
            if self.kind == "plain" and name != self.where:
                self.vm.run(f"/sbin/ip -6 addr flush dev eth0 to {prefix}::/64")
