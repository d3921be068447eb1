# SPDX-License-Identifier: Apache-2.0
"""Places with a LISP router each and a line of its own delay between each pair of them: two data centres between which a
machine moves, its clients' sites, and a Map-Server."""
import os
import sys
import time

ROOT = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
sys.path[:0] = [os.path.join(ROOT, path) for path in ("examples", "tests/netns/gateway", "tests/netns/host")]

# pylint: disable=wrong-import-position
from common.places import WideArea  # noqa: E402
from lab import wait_until  # noqa: E402
from lisp_sites import Router  # noqa: E402
from site_lab import host_address, veth  # noqa: E402

EIDS, EID = "2001:db8:e:1", "2001:db8:e:1::7"
# s between two moves, by how clients hear of one: Solicit-Map-Request, Change-Priority, the same straight from the new place,
# publications. A Solicit-Map-Request is said three times, 3 s apart, and a router listens to one in 3 s (RFC 9301
# section 6.1): the next move must not meet the last one of the move before.
SPACING = {"smr": 12.0, "cp": 4.0, "direct": 4.0, "pubsub": 4.0}


class Plan:
    """Who is where. `round_trips`: {(place, place): ms}, for each pair that speaks with each other."""

    def __init__(self, dcs, clients, round_trips):
        self.dcs, self.clients, self.round_trips = dcs, clients, round_trips
        self.places = (*dcs, *clients, "ms")

    def one_way(self, a, b):
        return self.round_trips.get((a, b), self.round_trips.get((b, a))) / 2

    def floor(self, mode, client, source, to):
        """What the ways alone take, in ms: Change-Priority goes from the new place to the old one and on to the client, or
        straight from the new one, which knows the clients from before; a Solicit-Map-Request is followed by a question to the
        Map-Server and its answer; a publication comes from there."""
        if mode == "pubsub":
            return self.one_way(to, "ms") + self.one_way("ms", client)
        if mode == "direct":
            return self.one_way(to, client)
        change = self.one_way(to, source) + self.one_way(source, client)
        return change if mode == "cp" else change + 2 * self.one_way(client, "ms")

    def rloc(self, place):
        return f"2001:db8:f0:{self.places.index(place) + 1}::1"

    def eids_of(self, client):
        return f"2001:db8:1ce:{self.clients.index(client) + 1}"


class Cables:
    """Lines of the program `wire` between interfaces; they work after start(). `queue`: octets that wait at most."""

    def __init__(self, lab, queue="4M"):
        self.lab, self.queue, self.pairs, self.wide = lab, queue, [], None
        lab.namespace("wide").sysctl("net.ipv6.conf.default.disable_ipv6", 1)

    def start(self, places, program):
        self.wide = WideArea(places, "wide", program, self.pairs, 1)

    def cable(self, left, left_name, right, right_name, one_way, name, mtu=None):
        """`one_way` in ms."""
        ends = [f"l{len(self.pairs)}{side}" for side in "ab"]
        for namespace, interface, end in ((left, left_name, ends[0]), (right, right_name, ends[1])):
            veth(namespace, interface, self.lab.namespaces["wide"], end, mtu)
            # Before Linux 6.2 a packet socket cannot carry UDP super-packets: let the sender cut them.
            namespace.run("ethtool", "-K", interface, "tx-udp-segmentation", "off", check_status=False)
        self.pairs.append(f"{ends[0]},{ends[1]},name={name},delay={one_way}ms,rate=100mbit,queue={self.queue},loss=0")


class Lines(Cables):
    """The places' namespaces (those that are not there yet are made) and the lines between them."""

    def __init__(self, lab, plan):
        super().__init__(lab)
        self.plan = plan
        for name in plan.places:
            if name not in lab.namespaces:
                lab.namespace(name)
            lab.namespaces[name].sysctl("net.ipv6.conf.all.forwarding", 1)
            lab.namespaces[name].ip("addr", "add", f"{plan.rloc(name)}/128", "dev", "lo", "nodad")
        for a, b in plan.round_trips:
            self._line(a, b)

    def _line(self, a, b):
        left, right = (self.lab.namespaces[name] for name in (a, b))
        self.cable(left, f"to-{b}", right, f"to-{a}", self.plan.one_way(a, b), f"{a}-{b}")
        for near, far, side in ((a, b, "a"), (b, a, "b")):
            self.lab.namespaces[near].ip("addr", "add", f"fe80::{side}/64", "dev", f"to-{far}", "nodad")
            self._route(near, far, f"{self.plan.rloc(far)}/128", "b" if side == "a" else "a")

    def _route(self, near, far, prefix, far_side):
        self.lab.namespaces[near].ip("-6", "route", "add", prefix, "via", f"fe80::{far_side}", "dev", f"to-{far}",
                                     "src", self.plan.rloc(near))

    def route(self, prefix, to):
        """The way to what is behind a place, at all places with a line to there."""
        for a, b in self.plan.round_trips:
            if to in (a, b):
                self._route(a if to == b else b, to, prefix, "a" if to == a else "b")

    def set_round_trip(self, a, b, milliseconds):
        pair = (a, b) if (a, b) in self.plan.round_trips else (b, a)
        self.plan.round_trips[pair] = milliseconds
        self.wide.ask(f"{pair[0]}-{pair[1]} delay {milliseconds / 2}ms")


class Mesh:
    """A LISP router at each place, and the machine `vm` on a bridge that belongs to the place where it is."""

    def __init__(self, lab, places, program, plan, mode):
        self.lab, self.plan, self.mode, self.gateways = lab, plan, mode, {}
        self.lines = Lines(lab, plan)
        self.lines.start(places, program)
        for name in plan.clients:
            self._client(name)
        self._machine()
        for name in plan.places:
            self._gateway(name)

    def _client(self, name):
        host = self.lab.namespace(f"{name}-host")
        eids = self.plan.eids_of(name)
        veth(host, "eth0", self.lab.namespaces[name], "lan0")
        self.lab.namespaces[name].ip("addr", "add", f"{eids}::1/64", "dev", "lan0", "nodad")
        host_address(host, "eth0", f"{eids}::9", f"{eids}::1")

    def _machine(self):
        fabric, vm = self.lab.namespace("fabric"), self.lab.namespace("vm")
        veth(vm, "eth0", fabric, "port")
        for name in self.plan.dcs:
            fabric.ip("link", "add", f"br-{name}", "type", "bridge", "stp_state", "0", "mcast_snooping", "0")
            fabric.ip("link", "set", f"br-{name}", "up")
            self._lan(name, fabric, f"br-{name}")
        host_address(vm, "eth0", EID, "fe80::1")
        self.plug(self.plan.dcs[1])

    def _lan(self, name, fabric, bridge):
        """One router address and one MAC at both places, as an anycast gateway has them."""
        dc = self.lab.namespaces[name]
        veth(dc, "lan0", fabric, f"{name}-lan")
        fabric.ip("link", "set", f"{name}-lan", "master", bridge)
        dc.ip("link", "set", "lan0", "address", "02:00:5e:00:01:01")
        dc.ip("addr", "add", "fe80::1/64", "dev", "lan0", "nodad")

    def _gateway(self, name):
        plan, gateway = self.plan, Router(self.lab, name)
        self.gateways[name] = gateway
        gateway.text = (f'[gateway]\nname = "{name}"\nsite_id = {plan.places.index(name) + 1}\n'
                        f'[[rloc]]\naddress = "{plan.rloc(name)}"\n')
        gateway.add_key("register", "registrations-here")
        if name == "ms":
            prefixes = ", ".join(f'"{eids}::/64"' for eids in (EIDS, *map(plan.eids_of, plan.clients)))
            gateway.text += (f'[[site]]\nname = "all"\nprefixes = [{prefixes}]\nkeys = ["register"]\nmore_specifics = true\n'
                             '[server]\nsubscriber_keys = ["register"]\n')
            return
        gateway.add_key("cp", "change-priority-here", number=9)
        is_dc = name in plan.dcs
        routes = ", ".join(f'"{route}::/64"' for route in (map(plan.eids_of, plan.clients) if is_dc else [EIDS]))
        gateway.text += (f'[[map_server]]\nname = "ms"\naddress = "{plan.rloc("ms")}"\nkeys = ["register"]\n'
                         f'subscribe = {"true" if self.mode == "pubsub" and not is_dc else "false"}\n'
                         f'[[map_resolver]]\naddress = "{plan.rloc("ms")}"\n[[interface]]\nname = "lisp0"\nroutes = [{routes}]\n'
                         f'[signalling]\ncp15 = {"true" if self.mode in ("cp", "direct") else "false"}\n')
        gateway.text += f'[[mobile]]\nprefix = "{EIDS}::/64"\ninterface = "lan0"\n[hold]\nhold_packets = 4096\n' if is_dc else \
            f'[[eid]]\nprefix = "{plan.eids_of(name)}::/64"\n'
        others = (*plan.dcs, *(plan.clients if is_dc else ()))
        gateway.text += "".join(self._peer(name, other) for other in others if other != name)

    def _peer(self, name, other):
        plan = self.plan
        return (f'[[peer]]\nname = "{other}"\naddresses = ["{plan.rloc(other)}"]\nkeys = ["cp"]\n'
                f'scope = ["{EIDS if other in plan.dcs else plan.eids_of(other)}::/64"]\n'
                + ("gateway = true\n" if other in plan.dcs and name in plan.dcs else "")
                + ("trusted = true\n" if self.mode == "direct" and name in plan.clients else ""))

    def start(self):
        for name in ("ms", *self.plan.clients, *self.plan.dcs):
            self.gateways[name].start()
        for name in self.plan.clients:
            self.gateways[name].wait_registered()
        self.gateways[self.at].lisp("arrive", EID)
        wait_until(lambda: self.gateways[self.at].presence(EID) == "here", "the machine is not registered")

    # ---------------------------------------------------------------- moves

    def plug(self, name):
        self.at = name
        self.lab.namespaces["fabric"].ip("link", "set", "port", "master", f"br-{name}")

    def other(self):
        return self.plan.dcs[1 - self.plan.dcs.index(self.at)]

    def follows(self, client):
        return self.gateways[client].rlocs_of(f"{EID}/128") == [self.plan.rloc(self.at)]

    def wait_followed(self):
        for client in self.plan.clients:
            wait_until(lambda c=client: self.follows(c), lambda c=client: f"{c} does not follow to {self.at}")

    def move(self, pause):
        """To the other data centre; what happened when."""
        source, to = self.at, self.other()
        move = {"from": source, "to": to, "wall": time.time(), "begin": time.monotonic()}
        self.gateways[source].lisp("leave", EID)
        self.lab.namespaces["fabric"].ip("link", "set", "port", "nomaster")
        time.sleep(pause)
        self.plug(to)
        self.gateways[to].lisp("arrive", EID)
        self.wait_followed()
        time.sleep(max(0.0, move["begin"] + SPACING[self.mode] - time.monotonic()))
        return move
