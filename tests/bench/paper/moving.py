# SPDX-License-Identifier: Apache-2.0
"""The machine of the papers: clients behind LISP routers, or with ilnp-host, at places with a delay between each pair of
them, and a QEMU guest that is live-migrated between two of the places."""
import contextlib
import os
import sys
import time

from results import ROOT

sys.path[:0] = [os.path.join(ROOT, path) for path in ("tests/vm", "tests/netns/host", "tests/netns/sbr", "tests/netns/gateway",
                                                      "examples", "examples/lisp-interworking")]

# pylint: disable=wrong-import-position
from common.places import Places  # noqa: E402
from hypervisor import Hypervisor  # noqa: E402
from lab import PREFIX, Lab, records_of, wait_until  # noqa: E402
from machine import Control, Machine  # noqa: E402
from moments import seconds  # noqa: E402
from mesh import EID, SPACING, Lines, Mesh  # noqa: E402
from pings import wait_for_reply  # noqa: E402
from site_lab import Site  # noqa: E402
from two_sites import INSIDE, PROVIDER, SUBNET, TwoSites  # noqa: E402
from vm_sites import LINK_UP, PLAIN, START_HOST, Hypervisors  # noqa: E402

NID = "200:0:0:a"
SETTLED = 4.0  # s from the beginning of one move to that of the next, unless the way of telling takes longer


def first(events, since, **wanted):
    """When the first of them came after `since`; s since 1970, None: it has not come."""
    times = [seconds(event) for event in events if all(event.get(name) == value for name, value in wanted.items())]
    return min((when for when in times if when >= since), default=None)


class ToldMachine(Machine):
    """on_resume() is called as soon as it runs at the destination, as an orchestrator would say it."""
    on_resume = staticmethod(lambda: None)

    def taken_over(self, destination, to):
        self.on_resume()
        super().taken_over(destination, to)


class LispWorld(Mesh):
    """The machine has an EID and no more than IPv6; the orchestrator says to the gateways that it leaves and arrives."""
    told_after = 0.0  # s until it can say so, when it is far away

    def _machine(self):
        self.control = Control(self.lab)
        self.at = self.plan.dcs[1]
        self.hypervisors = {}
        for name in self.plan.dcs[::-1]:
            hypervisor = self.hypervisors[name] = Hypervisor(self.lab, f"hv-{name}")
            self.control.join(hypervisor)
            self._lan(name, hypervisor.ns, hypervisor.bridge)

    def boot(self, way):
        self.way = way
        self.vm = ToldMachine(self.control, "guest", self.hypervisors, network=LINK_UP + PLAIN.format(EID),
                              shared=way == "shared").boot()
        self.vm.on_resume = self._arrive
        for client in self.plan.clients:
            wait_for_reply(*self.client(client), wait_until)

    def _arrive(self):
        time.sleep(self.told_after)
        self.gateways[self.at].lisp("arrive", EID)

    def client(self, name):
        """Where it is, and what it calls the machine."""
        return self.lab.namespaces[f"{name}-host"], EID

    def move(self, _pause=0):
        source, to = self.at, self.other()
        begin = time.time()

        def leave():
            self.gateways[source].lisp("leave", EID)
            self.at = to
        times = self.vm.migrate(to, self.way, leave)
        self.wait_followed()
        return {"from": source, "to": to, "wall": begin, "times": times}

    def follows_since(self, client, since):
        """When the client's router began to send to where it is."""
        return first(self.gateways[client].events("mapping_changed"), since, eid=f"{EID}/128")

    def spacing(self):
        return SPACING[self.mode]


class IlnpWorld(Hypervisors, TwoSites):
    """The machine and its clients have ilnp-host; border routers at the two data centres, which are called dc1 and dc2 in the
    code that this builds on."""

    def __init__(self, lab, places, program, plan):
        self.plan, self.place_of = plan, {"dc1": plan.dcs[1], "dc2": plan.dcs[0]}
        for name in plan.places:
            lab.router(name)
        self.lines = Lines(lab, plan)
        super().__init__(lab, (("guest", NID),), cable=self._link_of_sites)
        self.lines.start(places, program)

    def _link_of_sites(self, left, left_name, right, right_name):
        self.lines.cable(left, left_name, right, right_name, self.plan.one_way(*self.plan.dcs), "sites")

    def _site(self, name):
        # Each site's provider is the router of its place in the mesh.
        place, number = self.place_of[name], int(name[-1])
        site = Site(self.lab, name, f"{INSIDE[name]}::/48", world=place, number=number)
        fabric, bridge = self._lan(name)
        site.add_inside("lan0", SUBNET[name], fabric.name, f"{name}-lan")
        fabric.ip("link", "set", f"{name}-lan", "master", bridge)
        site.ns.ip("link", "set", "lan0", "address", "00:00:5e:00:52:01")
        site.add_uplink("isp", "wan0", f"2001:db8:f1:{number}", PROVIDER[name])
        for prefix in (PROVIDER[name], f"2001:db8:f1:{number}::/64"):
            self.lines.route(prefix, place)
        self.sites[name] = site

    def _peers(self, guests, published):
        home = self.sites["dc1"].name_of(SUBNET["dc1"], "isp")
        records = "".join(records_of(name, nid, home) for name, nid in guests)
        for number, name in enumerate(self.plan.clients, 1):
            self.lab.namespace(f"{name}-host")
            self.lab.link(f"{name}-host", "eth0", f"2001:db8:c{number}::", router=name)
            self.lines.route(f"2001:db8:c{number}::/64", name)
            records += records_of(f"{name}-host", f"200:0:0:c{number}", f"2001:db8:c{number}:0")
        self.lab.start_dns(records, router="ms")
        self.lines.route("2001:db8:53::/64", "ms")
        self.peers = {name: self.lab.host(f"{name}-host", f"200:0:0:c{number}")
                      for number, name in enumerate(self.plan.clients, 1)}

    def start(self):
        for site in self.sites.values():
            site.start(self.timers + self.truth)
        for peer in self.peers.values():
            peer.start()

    def boot(self, way):
        self.way = way
        self.vm = self.machine("guest", LINK_UP + START_HOST, shared=way == "shared").machine
        for name in self.plan.clients:
            self.peers[name].resolve("guest.ex.example")
            wait_for_reply(*self.client(name), wait_until)

    def client(self, name):
        return self.peers[name].ns, f"{PREFIX}:{NID}"

    def move(self):
        source, begin = self.where["guest"], time.time()
        times = self.migrate("guest", way=self.way, visible=True)
        for name in self.plan.clients:
            wait_until(lambda n=name: self.follows_since(n, begin), lambda n=name: f"{n} hears of no move")
        return {"from": self.place_of[source], "to": self.place_of[self.where["guest"]], "wall": begin, "times": times}

    def follows_since(self, client, since):
        """When the client obeyed the Locator Update."""
        return first(self.peers[client].events("peer_moved"), since)

    def spacing(self):
        return SETTLED


@contextlib.contextmanager
def world_of(mode, plan, options, directory, limit):
    """Started, with the machine in it; everything is taken back. `limit`: s that all of it may take."""
    with Lab(limit, options.build) as lab, Places(f"ilnp-{os.getpid()}", directory) as places:
        program = os.path.join(lab.build, "examples/roam/wire")
        world = IlnpWorld(lab, places, program, plan) if mode == "ilnp" else LispWorld(lab, places, program, plan, mode)
        world.start()
        world.boot(options.way)
        with world.vm.needed():
            yield world
