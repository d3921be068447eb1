#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two gateways of one site share their RLOC and the next hop of the nodes inside, which VRRP would move, and the truth. The
active one is killed, and the links of its machine with it: the sessions of a node of the site and of a mobile one go on.

    h1, guest --- bridge in h1 --- lan0 [g1] wan0 --- bridge in r --- r --- wan0 [g2] lan0 --- h2
                               --- lan0 [g3] wan0 ---
"""
import json
import os
import signal
import socket
import subprocess
import sys
import time

from gateway_lab import Gateway, Sites, host_of, mapped, ping, rloc_of

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../truth"))

# pylint: disable=wrong-import-order,wrong-import-position
from flows import Counter, Stream, go_on, longest_gap, promise  # noqa: E402
from lab import check, test_main, wait_until  # noqa: E402
from site_lab import veth  # noqa: E402
from truth_lab import key, record  # noqa: E402

BLOCK, EID = "2001:db8:ee::/64", "2001:db8:ee:0:200::7"
SHARED = {"wan0": [f"{rloc_of(1, 6)}/64"], "lan0": ["2001:db8:e1::1/64", "10.1.0.1/24"]}
DETECTION = 0.6  # s: three advertisements of VRRP, 200 ms apart
PROMISE = 1.0


def say_where(ns, interface, address):
    """An unsolicited Neighbor Advertisement (RFC 4861 section 7.2.6)."""
    mac = bytes.fromhex(json.loads(ns.ip("-j", "link", "show", interface))[0]["address"].replace(":", ""))
    with ns.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as s:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
        s.bind((address, 0))
        target = socket.inet_pton(socket.AF_INET6, address)
        s.sendto(bytes([136, 0, 0, 0, 0xa0, 0, 0, 0]) + target + bytes([2, 1]) + mac, ("ff02::1", 0, 0, ns.ifindex(interface)))


class Pair:
    def __init__(self, lab):
        self.lab = lab
        self.sites = Sites(lab, numbers=(1, 2))
        self.h1, self.guest = self.sites.hosts[1], lab.namespace("guest")
        self._segments()
        self._truth()

    def _segments(self):
        """Where there was one link there is a bridge."""
        lab, first = self.lab, self.sites.gateways.pop(1)
        second = Gateway(lab, lab.namespace("g3").name)
        self.gateways = [first, second]
        r = lab.namespaces["r"]
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
        for number, gateway in enumerate(self.gateways):
            ns = gateway.ns
            for address in ("net.ipv6.conf.all.forwarding", "net.ipv4.ip_forward"):
                ns.sysctl(address, 1)
            ns.ip("addr", "flush", "dev", "wan0", "scope", "global")
            ns.ip("addr", "flush", "dev", "lan0", "scope", "global")
            ns.ip("addr", "add", f"2001:db8:a1::{number + 10}/64", "dev", "wan0", "nodad")
            ns.ip("-6", "route", "replace", "2001:db8:a0::/44", "via", "2001:db8:a1::1", "dev", "wan0")
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

    def claim(self):
        """The guest is at the site: nobody tells the gateways anything else."""
        self.client.stdin.write(json.dumps({"do": "replace", "id": 1, "key": key(7), "record": record(7), "expected": 0}) + "\n")
        self.client.stdin.flush()

    @staticmethod
    def take(gateway):
        """What VRRP does on the machine that becomes the master: the addresses, and a word to their neighbours."""
        for interface, addresses in SHARED.items():
            for address in addresses:
                gateway.ns.ip("addr", "add", address, "dev", interface, *(["nodad"] if ":" in address else []))
                if ":" in address:
                    say_where(gateway.ns, interface, address.split("/")[0])

    @staticmethod
    def drop(gateway):
        for interface, addresses in SHARED.items():
            for address in addresses:
                gateway.ns.ip("addr", "del", address, "dev", interface)


def is_active(gateway):
    return gateway.ask("status")["gateway"]["active"]


def silent(gateway):
    """Whoever stands by says nothing, and is well."""
    status = gateway.ask("status")
    check(not status["gateway"]["active"] and status["state"] == "ok", str(status))
    counters = gateway.counters()
    check(counters["control.sent"] == 0 and counters["data.sent"] == 0, str(counters))
    check(EID not in gateway.ns.ip("-6", "route", "show", "proto", "107"), "a host route where it stands by")


def failover(pair, dead, heir):
    """The machine of the active one dies."""
    h2 = pair.sites.hosts[2]
    streams = [Stream(h2, pair.h1, mapped(host_of(1, 6)), rate=2_000_000),
               Stream(h2, pair.guest, EID, port=7003, rate=2_000_000)]
    datagrams = Counter(h2, pair.guest, EID, port=7001, hertz=200)
    go_on(*streams, datagrams)
    silent(heir)
    dead.stop(signal.SIGKILL)
    for interface in SHARED:
        dead.ns.ip("link", "set", interface, "down")
    time.sleep(DETECTION)
    pair.take(heir)
    wait_until(lambda: is_active(heir), lambda: str(heir.ask("status")))
    go_on(*streams, datagrams)
    heir.wait_registered()
    check(len(heir.rows("registrations", "registrations")) == 3, heir.lisp("registrations"))
    for stream in streams:
        stream.stop("two gateways")
    found = datagrams.stop()["back"]
    check(ping(pair.guest, host_of(2, 6)), "the guest reaches nobody")
    return longest_gap(found)


def comes_back(pair, gateway):
    """The machine that died, without the addresses: nothing changes."""
    for interface, addresses in SHARED.items():
        for address in addresses:
            gateway.ns.ip("addr", "del", address, "dev", interface, check_status=False)
        gateway.ns.ip("link", "set", interface, "up")
    number = pair.gateways.index(gateway) + 10
    gateway.ns.ip("addr", "replace", f"2001:db8:a1::{number}/64", "dev", "wan0", "nodad")
    gateway.ns.ip("-6", "route", "replace", "2001:db8:a0::/44", "via", "2001:db8:a1::1", "dev", "wan0")
    gateway.start()
    silent(gateway)


def steps_down(pair, gateway, heir):
    """The addresses move although nobody has died: the former one ends, to be started anew."""
    stream = Stream(pair.sites.hosts[2], pair.h1, mapped(host_of(1, 6)), rate=2_000_000)
    go_on(stream)
    pair.drop(gateway)
    pair.take(heir)
    go_on(stream)
    check(gateway.process.wait(20) == 0, "not a clean end")
    gateway.process = None
    check(not gateway.ns.ip("-6", "route", "show", "proto", "107").strip(), "it leaves routes")
    gateway.start()
    silent(gateway)
    stream.stop("a planned change")


def test(lab):
    pair = Pair(lab)
    first, second = pair.gateways
    pair.take(first)
    pair.claim()
    pair.sites.ms.start()
    for gateway in (first, second, pair.sites.gateways[2]):
        gateway.start()
    first.wait_registered()
    pair.sites.gateways[2].wait_registered()
    wait_until(lambda: first.presence(EID) == "here", lambda: first.lisp("eids"))
    check(ping(pair.sites.hosts[2], host_of(1, 6)) and ping(pair.sites.hosts[2], EID), "no way to begin with")
    stalls = [failover(pair, first, second)]
    comes_back(pair, first)
    stalls.append(failover(pair, second, first))
    comes_back(pair, second)
    promise("datagrams there and back", stalls, PROMISE)
    steps_down(pair, first, second)
    print(f"two failovers: nothing for {', '.join(f'{stall:.2f}' for stall in stalls)} s, {DETECTION} s of it to notice")


test_main(test)
