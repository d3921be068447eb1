#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The experiment of Raad 2015, chapter 4: a virtual machine goes from UROMA1 to LIP6 and back while clients behind LISP routers
at INRIA, VNU and UFRJ are pinged by it; how long until each client's router has the new mapping, and how long a client hears
nothing. The delays are those of the thesis, between each pair of places; copying the memory is a pause of the machine.

Exit status: 0 every move was followed by every client; 1 one was not; 2 the run itself did not work; 130 interrupted.
"""
import argparse
import json
import os
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

# pylint: disable=wrong-import-position
from common import demo, frame  # noqa: E402
from common.display import Display  # noqa: E402
from common.figures import table  # noqa: E402
from common.places import Places, WideArea, remove_leftovers  # noqa: E402
from common.processes import Failure  # noqa: E402

sys.path.insert(0, os.path.join(demo.ROOT, "tests/netns/gateway"))
import lab as netns  # noqa: E402
from flows import Counter, longest_gap  # noqa: E402
from lisp_sites import Router  # noqa: E402
from site_lab import host_address, veth  # noqa: E402
from timeline import Timeline  # noqa: E402

NAME = "lisp-thesis"
DCS, CLIENTS = ("lip6", "uroma1"), ("inria", "vnu", "ufrj")
PLACES = (*DCS, *CLIENTS, "ms")
# Round trips in ms (section 4.4 of the thesis); those of the Map-Server are assumed: it is near INRIA.
ROUND_TRIPS = {("lip6", "uroma1"): 30.47,
               ("lip6", "inria"): 16.47, ("lip6", "vnu"): 299.86, ("lip6", "ufrj"): 246.07,
               ("uroma1", "inria"): 27.27, ("uroma1", "vnu"): 321.27, ("uroma1", "ufrj"): 259.13,
               ("lip6", "ms"): 17.0, ("uroma1", "ms"): 20.0, ("inria", "ms"): 15.0, ("vnu", "ms"): 300.0, ("ufrj", "ms"): 250.0}
THESIS = {"inria": {"smr": 320, "cp": 260}, "vnu": {"smr": 1200, "cp": 1000}, "ufrj": {"smr": 600, "cp": 200}}  # downtime, ms
EIDS, EID = "2001:db8:e:1", "2001:db8:e:1::7"
# s between two moves. A Solicit-Map-Request is said three times, 3 s apart, and a router listens to one in 3 s (RFC 9301
# section 6.1): the next move must not meet the last one of the move before.
SPACING = {"smr": 12.0, "cp": 4.0, "direct": 4.0, "pubsub": 4.0}
HERTZ = 200


def one_way(a, b):
    return ROUND_TRIPS.get((a, b), ROUND_TRIPS.get((b, a))) / 2


def floor(mode, client, source, to):
    """What the ways alone take, in ms: Change-Priority goes from the new place to the old one and on to the client, or straight
    from the new one, which knows the clients from before; a Solicit-Map-Request is followed by a question to the Map-Server and
    its answer; a publication comes from there."""
    if mode == "pubsub":
        return one_way(to, "ms") + one_way("ms", client)
    if mode == "direct":
        return one_way(to, client)
    change = one_way(to, source) + one_way(source, client)
    return change if mode == "cp" else change + 2 * one_way(client, "ms")


def rloc(place):
    return f"2001:db8:f0:{PLACES.index(place) + 1}::1"


def eids_of(client):
    return f"2001:db8:1ce:{CLIENTS.index(client) + 1}"


class World:
    """A line for each pair of places; the machine `vm` on a bridge that belongs to the place where it is."""

    def __init__(self, lab, places, program, mode):
        self.lab, self.mode, self.gateways = lab, mode, {}
        for name in (*PLACES, "fabric", "vm", "wide"):
            lab.namespace(name)
        for name in PLACES:
            lab.namespaces[name].sysctl("net.ipv6.conf.all.forwarding", 1)
            lab.namespaces[name].ip("addr", "add", f"{rloc(name)}/128", "dev", "lo", "nodad")
        WideArea(places, "wide", program, [self._line(a, b) for a, b in ROUND_TRIPS], 1)
        for name in CLIENTS:
            self._client(name)
        self._machine()
        for name in PLACES:
            self._gateway(name)

    def _line(self, a, b):
        wide, number = self.lab.namespaces["wide"], list(ROUND_TRIPS).index((a, b)) + 1
        for side, near, far in (("a", a, b), ("b", b, a)):
            namespace, interface = self.lab.namespaces[near], f"to-{far}"
            veth(namespace, interface, wide, f"l{number}{side}")
            namespace.run("ethtool", "-K", interface, "tx-udp-segmentation", "off", check_status=False)
            namespace.ip("addr", "add", f"fe80::{side}/64", "dev", interface, "nodad")
            namespace.ip("-6", "route", "add", f"{rloc(far)}/128", "via", f"fe80::{'b' if side == 'a' else 'a'}", "dev", interface,
                         "src", rloc(near))
        return f"l{number}a,l{number}b,name={a}-{b},delay={one_way(a, b)}ms,rate=100mbit,loss=0"

    def _client(self, name):
        host = self.lab.namespace(f"{name}-host")
        veth(host, "eth0", self.lab.namespaces[name], "lan0")
        self.lab.namespaces[name].ip("addr", "add", f"{eids_of(name)}::1/64", "dev", "lan0", "nodad")
        host_address(host, "eth0", f"{eids_of(name)}::9", f"{eids_of(name)}::1")

    def _machine(self):
        fabric, vm = self.lab.namespaces["fabric"], self.lab.namespaces["vm"]
        veth(vm, "eth0", fabric, "port")
        for name in DCS:
            fabric.ip("link", "add", f"br-{name}", "type", "bridge", "stp_state", "0", "mcast_snooping", "0")
            fabric.ip("link", "set", f"br-{name}", "up")
            dc = self.lab.namespaces[name]
            veth(dc, "lan0", fabric, f"{name}-lan")
            fabric.ip("link", "set", f"{name}-lan", "master", f"br-{name}")
            # One router address and one MAC at both places, as an anycast gateway has them.
            dc.ip("link", "set", "lan0", "address", "02:00:5e:00:01:01")
            dc.ip("addr", "add", "fe80::1/64", "dev", "lan0", "nodad")
        host_address(vm, "eth0", EID, "fe80::1")
        self.plug("uroma1")

    def _gateway(self, name):
        gateway = self.gateways[name] = Router(self.lab, name)
        gateway.text = f'[gateway]\nname = "{name}"\nsite_id = {PLACES.index(name) + 1}\n[[rloc]]\naddress = "{rloc(name)}"\n'
        gateway.add_key("register", "registrations-here")
        if name == "ms":
            prefixes = ", ".join(f'"{eids}::/64"' for eids in (EIDS, *map(eids_of, CLIENTS)))
            gateway.text += (f'[[site]]\nname = "all"\nprefixes = [{prefixes}]\nkeys = ["register"]\nmore_specifics = true\n'
                             '[server]\nsubscriber_keys = ["register"]\n')
            return
        gateway.add_key("cp", "change-priority-here", number=9)
        routes = [eids_of(client) for client in CLIENTS] if name in DCS else [EIDS]
        subscribes = "true" if self.mode == "pubsub" and name in CLIENTS else "false"
        gateway.text += (f'[[map_server]]\nname = "ms"\naddress = "{rloc("ms")}"\nkeys = ["register"]\nsubscribe = {subscribes}\n'
                         f'[[map_resolver]]\naddress = "{rloc("ms")}"\n[[interface]]\nname = "lisp0"\nroutes = ['
                         + ", ".join(f'"{route}::/64"' for route in routes) +
                         f']\n[signalling]\ncp15 = {"true" if self.mode in ("cp", "direct") else "false"}\n')
        gateway.text += f'[[mobile]]\nprefix = "{EIDS}::/64"\ninterface = "lan0"\n[hold]\nhold_packets = 4096\n' if name in DCS else \
            f'[[eid]]\nprefix = "{eids_of(name)}::/64"\n'
        for other in (*DCS, *(CLIENTS if name in DCS else ())):
            if other != name:
                gateway.text += (f'[[peer]]\nname = "{other}"\naddresses = ["{rloc(other)}"]\nkeys = ["cp"]\n'
                                 f'scope = ["{EIDS if other in DCS else eids_of(other)}::/64"]\n'
                                 + ("gateway = true\n" if other in DCS and name in DCS else "")
                                 + ("trusted = true\n" if self.mode == "direct" and name in CLIENTS else ""))

    def start(self):
        for name in ("ms", *CLIENTS, *DCS):
            self.gateways[name].start()
        for name in CLIENTS:
            self.gateways[name].wait_registered()
        self.gateways["uroma1"].lisp("arrive", EID)
        netns.wait_until(lambda: self.gateways["uroma1"].presence(EID) == "here", "the machine is not registered")

    def plug(self, name):
        self.at = name
        self.lab.namespaces["fabric"].ip("link", "set", "port", "master", f"br-{name}")

    def follows(self, client):
        mapping = self.gateways[client].mapping(f"{EID}/128")
        return mapping and [r["rloc"] for r in mapping["rlocs"] if r["priority"] != 255] == [rloc(self.at)]

    def move(self, pause):
        """To the other data centre; what happened when."""
        source, to = self.at, DCS[1 - DCS.index(self.at)]
        move = {"from": source, "to": to, "wall": time.time(), "begin": time.monotonic()}
        self.gateways[source].lisp("leave", EID)
        self.lab.namespaces["fabric"].ip("link", "set", "port", "nomaster")
        time.sleep(pause)
        self.plug(to)
        self.gateways[to].lisp("arrive", EID)
        for client in CLIENTS:
            netns.wait_until(lambda c=client: self.follows(c), lambda c=client: f"{c} does not follow to {to}")
        time.sleep(max(0.0, move["begin"] + SPACING[self.mode] - time.monotonic()))
        return move


def measure(world, options, display):
    for client in CLIENTS:  # what is asked for first is no part of a move
        host = world.lab.namespaces[f"{client}-host"]
        netns.wait_until(lambda h=host: h.run("ping", "-c", "1", "-W", "2", EID, check_status=False).returncode == 0,
                         f"{client} does not reach the machine")
    counters = {client: Counter(world.lab.namespaces[f"{client}-host"], world.lab.namespaces["vm"], EID, 7001 + index, HERTZ)
                for index, client in enumerate(CLIENTS)}
    time.sleep(1)
    moves = []
    for number in range(2 * options.runs):
        moves.append(world.move(options.pause / 1000))
        display.step(f"{world.mode}: move {number + 1} of {2 * options.runs}, to {world.at}")
    found = {}
    for client, counter in counters.items():
        figures = counter.stop()
        found[client] = {"sent": figures["sent"], "lost_to_machine": figures["there"]["lost"], "lost_back": figures["back"]["lost"],
                         "late": figures["there"]["late"], "convergence_ms": {}, "downtime_ms": {}}
        for to in DCS:
            here = [move for move in moves if move["to"] == to]
            steps = [Timeline(world.gateways, EID, move["from"], to, move["wall"], client).steps() for move in here]
            found[client]["convergence_ms"][to] = [step.get("client follows") for step in steps]
            found[client]["downtime_ms"][to] = [round(1000 * longest_gap(figures["back"], move["begin"], move["begin"] + SPACING[world.mode] - 0.1), 1)
                                                for move in here]
    return found


def quartiles(values):
    if len(values) < 2:
        return values * 3
    return [round(value, 1) for value in statistics.quantiles(values, n=4, method="inclusive")]


def show(results, options, display):
    rows = []
    for mode, found in results.items():
        for client in CLIENTS:
            convergence, downtime = (quartiles(found[client][what]["lip6"]) for what in ("convergence_ms", "downtime_ms"))
            rows.append((f"{mode} {client}", [floor(mode, client, "uroma1", "lip6"), convergence[1], f"{convergence[0]}..{convergence[2]}",
                                              downtime[1], f"{downtime[0]}..{downtime[2]}", THESIS[client].get(mode),
                                              found[client]["lost_to_machine"]]))
    columns = ["floor", "convergence", "quartiles", "downtime", "quartiles", "thesis", "lost"]
    display.say(f"\nUROMA1 -> LIP6, {options.runs} moves each, pause {options.pause:g} ms; ms; lost: datagrams to the machine in all "
                "moves, both ways\n")
    display.say(table(columns, [(name, [round(c, 1) if isinstance(c, float) else c for c in cells]) for name, cells in rows]))


def main():
    parser = argparse.ArgumentParser(prog="examples/lisp-interworking/thesis.sh", description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--modes", default="smr,cp,direct,pubsub", help="how clients hear of a move (default: %(default)s)")
    parser.add_argument("--runs", type=int, default=30, help="moves to LIP6 in each mode (default: %(default)s)")
    parser.add_argument("--pause", type=float, default=150, help="ms that the machine is stopped (default: %(default)s)")
    parser.add_argument("--out", help=f"folder for the result (default: out/{NAME}-TIME)")
    parser.add_argument("--keep", action="store_true", help="keep the run's directory (logs, configurations)")
    parser.add_argument("--json", action="store_true", help="the whole result on standard output; the rest to standard error")
    parser.add_argument("--build", default=os.path.join(demo.ROOT, "build/dev"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    modes = options.modes.split(",")
    if not set(modes) <= set(SPACING):
        parser.error("--modes: a list of smr, cp, direct, pubsub")
    display = Display(NAME, options.json)

    def body(directory, out):
        remove_leftovers("ilnp")
        results = {}
        for mode in modes:
            with netns.Lab(build=options.build, directory=os.path.join(directory, mode)) as lab, \
                    Places(f"ilnp-{os.getpid()}", os.path.join(directory, mode)) as places, demo.told_as_failure():
                os.makedirs(lab.directory, exist_ok=True)
                world = World(lab, places, os.path.join(options.build, "examples/roam/wire"), mode)
                world.start()
                results[mode] = measure(world, options, display)
        with open(os.path.join(out, "result.json"), "w", encoding="utf-8") as file:
            json.dump({"schema": "ilnp.lisp-thesis/1", "runs": options.runs, "pause_ms": options.pause, "modes": results}, file, indent=2)
        show(results, options, display)
        if options.json:
            print(json.dumps(results, indent=2))
        missing = [f"{mode} {client}" for mode, found in results.items() for client in CLIENTS
                   if None in found[client]["convergence_ms"]["lip6"]]
        if missing:
            raise Failure("no figure for some moves: " + ", ".join(missing))
        return True

    longest = int(sum(options.runs * 2 * (SPACING[mode] + 3) + 40 for mode in modes))
    return frame.run(NAME, options, display, longest, body)


if __name__ == "__main__":
    sys.exit(main())
