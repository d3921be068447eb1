# SPDX-License-Identifier: Apache-2.0
"""Two gateways of one site that share their RLOC, the next hop of the nodes inside, and the truth.

    h1, guest --- bridge in h1 --- lan0 [g1] wan0 --- bridge in r --- r --- wan0 [g2] lan0 --- h2
                               --- lan0 [g3] wan0 ---

Who has the shared addresses is a test's affair: take() and drop() move them as VRRP would.
"""
import json
import os
import socket
import subprocess
import sys

from gateway_lab import Gateway, Sites, host_of, mapped, ping, rloc_of

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../truth"))

# pylint: disable=wrong-import-order,wrong-import-position
from flows import Counter, Stream, go_on, longest_gap  # noqa: E402
from lab import check, wait_until  # noqa: E402
from site_lab import veth  # noqa: E402
from truth_lab import key, record  # noqa: E402

BLOCK, EID = "2001:db8:ee::/64", "2001:db8:ee:0:200::7"
SHARED = {"wan0": [f"{rloc_of(1, 6)}/64"], "lan0": ["2001:db8:e1::1/64", "10.1.0.1/24"]}


def say_where(ns, interface, address):
    """An unsolicited Neighbor Advertisement (RFC 4861 section 7.2.6)."""
    mac = bytes.fromhex(json.loads(ns.ip("-j", "link", "show", interface))[0]["address"].replace(":", ""))
    with ns.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as s:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
        s.bind((address, 0))
        target = socket.inet_pton(socket.AF_INET6, address)
        s.sendto(bytes([136, 0, 0, 0, 0xa0, 0, 0, 0]) + target + bytes([2, 1]) + mac, ("ff02::1", 0, 0, ns.ifindex(interface)))


def take(gateway):
    """What VRRP does on the machine that becomes the master: the addresses, and a word to their neighbours."""
    for interface, addresses in SHARED.items():
        for address in addresses:
            gateway.ns.ip("addr", "add", address, "dev", interface, *(["nodad"] if ":" in address else []))
            if ":" in address:
                say_where(gateway.ns, interface, address.split("/")[0])


def drop(gateway):
    for interface, addresses in SHARED.items():
        for address in addresses:
            gateway.ns.ip("addr", "del", address, "dev", interface, check_status=False)


class Pair:
    def __init__(self, lab):
        self.lab = lab
        self.sites = Sites(lab, numbers=(1, 2))
        self.h1, self.h2, self.guest = self.sites.hosts[1], self.sites.hosts[2], lab.namespace("guest")
        self._segments()
        self._truth()

    def _segments(self):
        """Where there was one link there is a bridge."""
        lab, first = self.lab, self.sites.gateways.pop(1)
        second = Gateway(lab, lab.namespace("g3").name)
        self.gateways = [first, second]
        r = lab.namespaces["r"]
        self.ports = {first: [(r, "to-g1"), (self.h1, "eth0")], second: [(r, "to-g3"), (self.h1, "eth1")]}
        for ns, bridge, member, addresses in ((r, "br1", "to-g1", ["2001:db8:a1::1/64"]),
                                              (self.h1, "br0", "eth0", [f"{host_of(1, 6)}/64", f"{host_of(1, 4)}/24"])):
            ns.ip("link", "add", bridge, "type", "bridge", "stp_state", "0", "mcast_snooping", "0")
            ns.ip("link", "set", bridge, "up")
            ns.ip("addr", "flush", "dev", member)
            ns.ip("link", "set", member, "master", bridge)
            for address in addresses:
                ns.ip("addr", "add", address, "dev", bridge, *(["nodad"] if ":" in address else []))
        self.h1.ip("-6", "route", "replace", "default", "via", "2001:db8:e1::1")
        self.h1.ip("route", "replace", "default", "via", "10.1.0.1")
        for near, name, far, port, bridge in ((second.ns, "wan0", r, "to-g3", "br1"), (second.ns, "lan0", self.h1, "eth1", "br0"),
                                              (self.guest, "eth0", self.h1, "eth2", "br0")):
            veth(near, name, far, port)
            far.ip("link", "set", port, "master", bridge)
        for gateway in self.gateways:
            ns = gateway.ns
            for forwarding in ("net.ipv6.conf.all.forwarding", "net.ipv4.ip_forward"):
                ns.sysctl(forwarding, 1)
            ns.ip("addr", "flush", "dev", "wan0", "scope", "global")
            ns.ip("addr", "flush", "dev", "lan0", "scope", "global")
            self.address_own(gateway)
        self.guest.ip("addr", "add", f"{EID}/128", "dev", "eth0", "nodad")
        self.guest.ip("-6", "route", "add", "2001:db8:e1::/64", "dev", "eth0")
        self.guest.ip("-6", "route", "add", "default", "via", "2001:db8:e1::1", "src", EID)

    def _truth(self):
        store = os.path.join(self.lab.directory, "truth.db")
        text = self.gateways[0].text
        text = text.replace("[gateway]\n", "[gateway]\nstand_by = true\n")
        text += f'[[mobile]]\nprefix = "{BLOCK}"\ninterface = "lan0"\n[truth]\nsite = "dc1"\nsites = ["dc2"]\npath = "{store}"\n'
        for gateway in self.gateways:
            gateway.text = text
        self.gateways[1].secret("ours", "secret of site 1")
        self.sites.ms.text += f'[[site]]\nname = "mobile"\nkeys = ["site1"]\nprefixes = ["{BLOCK}"]\n'
        other = self.sites.gateways[2]
        other.text = other.text.replace('"10.0.0.0/13"', f'"10.0.0.0/13", "{BLOCK}"')
        options = os.path.join(self.lab.directory, "client.json")
        with open(options, "w", encoding="ascii") as f:
            json.dump({"store": "file", "path": store}, f)
        self.client = subprocess.Popen([os.path.join(self.lab.build, "tests/netns/truth/truth_client"), options],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.lab.processes.append(self.client)

    def address_own(self, gateway):
        """What a machine has beside the shared addresses."""
        number = self.gateways.index(gateway) + 10
        gateway.ns.ip("addr", "replace", f"2001:db8:a1::{number}/64", "dev", "wan0", "nodad")
        gateway.ns.ip("-6", "route", "replace", "2001:db8:a0::/44", "via", "2001:db8:a1::1", "dev", "wan0")

    def _claim(self):
        """The guest is at the site: nobody tells the gateways anything else."""
        self.client.stdin.write(json.dumps({"do": "replace", "id": 1, "key": key(7), "record": record(7), "expected": 0}) + "\n")
        self.client.stdin.flush()

    def start(self):
        self._claim()
        self.sites.ms.start()
        for gateway in (*self.gateways, self.sites.gateways[2]):
            gateway.start()

    def wait_well(self, active):
        for gateway in (active, self.sites.gateways[2]):
            gateway.wait_registered()
        wait_until(lambda: active.presence(EID) == "here", lambda: active.lisp("eids"))
        check(ping(self.h2, host_of(1, 6)) and ping(self.h2, EID), "no way to begin with")


class Traffic:
    """From a LISP site: TCP to a node of the pair's site, by its address of that family, and to a mobile one; datagrams."""

    def __init__(self, pair, family):
        self.pair = pair
        self.streams = [Stream(pair.h2, pair.h1, mapped(host_of(1, family)), rate=2_000_000),
                        Stream(pair.h2, pair.guest, EID, port=7003, rate=2_000_000)]
        self.datagrams = Counter(pair.h2, pair.guest, EID, port=7001, hertz=200)
        self.go_on()

    def go_on(self):
        go_on(*self.streams, self.datagrams)

    def stop_at(self, heir):
        """After a failover: how long nothing came of the datagrams, and of a stream."""
        heir.wait_registered()
        check(len(heir.rows("registrations", "registrations")) == 3, heir.lisp("registrations"))
        stalls = [longest_gap(stream.stop("two gateways")) for stream in self.streams]
        found = self.datagrams.stop()["back"]
        check(ping(self.pair.guest, host_of(2, 6)), "the guest reaches nobody")
        return longest_gap(found), max(stalls)


def is_active(gateway):
    return gateway.ask("status")["gateway"]["active"]


def wait_active(gateway):
    wait_until(lambda: is_active(gateway), lambda: str(gateway.ask("status")))


def silent(gateway):
    """Whoever stands by says nothing, and is well."""
    status = gateway.ask("status")
    check(not status["gateway"]["active"] and status["state"] == "ok", str(status))
    counters = gateway.counters()
    check(counters["control.sent"] == 0 and counters["data.sent"] == 0, str(counters))
    check(EID not in gateway.ns.ip("-6", "route", "show", "proto", "107"), "a host route where it stands by")
