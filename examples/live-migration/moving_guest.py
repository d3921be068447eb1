# SPDX-License-Identifier: Apache-2.0
"""A guest in QEMU with sessions, and the moves of it: by our own orchestrator and QMP, or by libvirt. What it came to is in
judged.py."""
import os
import time

from common import demo, servers, traffic
from common.figures import ms

# pylint: disable=import-error
from felt import Felt
from judged import Judged
from libvirt_sites import OPTIONS, LibvirtSites
from lisp_sites import CLIENTS
from machine import Machine
from names import Watch, locators
from places import GuestPlaces
from sessions_in_guest import Fetch, Load, MachineSsh
from two_sites import OTHER, SUBNET
from vm_sites import VmSites

NAMES = {"p": demo.NAME, "o": demo.NAME, "q": f"{demo.GUEST}-lisp.ex.example"}
BACK = {"kvm": 1000, "tcg": 100}  # datagrams a second from the guest to each client: an emulated processor is busy with more
OVERLOADED = 1.0  # s without a datagram of a guest that stands still nowhere
# The guest as it is today: an address of dc1, and the EID that LISP hosts know.
PLAIN = "/sbin/ip link set eth0 up\n/sbin/ip addr add {address}/64 dev eth0 nodad\n" \
    "/sbin/ip -6 route add default via fe80::1 dev eth0\n/sbin/ip addr add {eid}/128 dev eth0 nodad preferred_lft 0\n" \
    "/sbin/ip -6 route add {clients}::/64 via fe80::1 dev eth0 src {eid}\n"


class MovingGuest(Judged):
    """Moved by our own orchestrator."""
    by, lossless, sites_class = "QMP", True, VmSites
    peers = {"p": "ILNP client", "o": "IP-only client", "q": "LISP client"}
    programs = ("gateway/ilnp-gateway", "dns/ilnp-dns")
    stalls, around, pace = Felt, 120, "as the guest can carry"
    name_of_guest, nid = demo.GUEST, demo.NID_GUEST
    # What is captured: the guest's link in each data centre, and what comes to a client.
    lans = {"dc1": ("hv1", "dc1-lan"), "dc2": ("hv2", "dc2-lan")}
    clients = {"p": ("r", "p-eth0"), "o": ("r", "o-eth0"), "q": ("lx", "wan0")}
    share = None  # of its memory that is copied

    @staticmethod
    def places_of(run_name, directory):
        return GuestPlaces(run_name, directory, {})

    # ---------------------------------------------------------------- set-up

    def network(self):
        self.sites = self.sites_class(self.lab, guests=((demo.GUEST, demo.NID_GUEST),), cable=self.cable, start=False,
                                      **({"router_mac": None} if self.options.own_router_mac else {}))

    def start(self):
        sites, say = self.sites, self.display.step
        say("ilnp-sbr and ilnp-gateway in both data centres, the LISP site's router, a Map-Server")
        sites.start()
        self.start_hypervisors()
        say(f"the guest: QEMU, Linux {self.options.kernel}, " + ("plain IPv6" if self.options.without_ilnp else "ilnp-host"))
        if self.options.without_ilnp:
            self.machine = self.plain_machine()
        else:
            self.host = sites.machine(demo.GUEST, **self.of_machine())
            self.machine = self.host.machine
        self.places.machines[demo.GUEST] = self.machine
        say(f"accelerator {self.machine.accelerator}: {self.machine.why}")

    def start_hypervisors(self):
        """What has to run on them besides QEMU."""

    def of_machine(self):
        return {"series": self.options.kernel, "shared": self.options.ways[0] == "shared"}

    def plain_machine(self):
        sites, eid = self.sites, self.sites.eid_of(demo.GUEST)
        network = PLAIN.format(address=f"{SUBNET['dc1']}:{demo.NID_GUEST}", eid=eid, clients=CLIENTS)
        machine = Machine(sites.control, demo.GUEST, sites.hypervisors, network=network, **self.of_machine(),
                          files={"etc/resolv.conf": f"nameserver {self.lab.name_server}\n"}).boot()
        sites.where[demo.GUEST] = sites.home[demo.GUEST] = "dc1"
        sites.names_known(demo.GUEST)
        return machine

    def resolvers(self):
        stub = self.lab.name_server if self.options.without_ilnp else demo.STUB
        return ("p", stub), ("o", self.lab.name_server), ("q", self.lab.name_server)

    def serve(self, rate):
        self.places.push(self.machine, os.path.dirname(self.download.path))
        servers.start_nginx(self.places, demo.GUEST, rate)
        servers.start_nginx(self.places, "p", rate)
        self.ssh_server = MachineSsh(self.places, self.machine, sorted(set(NAMES.values())))
        self.ssh_server.start()

    def captured(self):
        return (*self.lans.values(), *self.clients.values())

    # ---------------------------------------------------------------- traffic and moves

    def rates(self):
        """Records a second of a client and of the guest: what comes from the guest is enough to see its silences."""
        rate = self.options.counter_rate
        return {"udp": (rate, min(rate, BACK[self.machine.accelerator])), "tcp": (min(rate, 20), 10)}

    def sessions_of(self, peer, port):
        return traffic.Sessions(self.places, peer, demo.GUEST, NAMES[peer], self.ssh_server.called(NAMES[peer]),
                                self.program("counter"), port, self.options.seconds, self.options.dead_after, self.rates())

    def start_traffic(self):
        super().start_traffic()
        self.fetch = Fetch(self.places, self.machine, "p.ex.example", self.download, self.options.dead_after,
                           self.options.seconds + 35)
        self.display.step("the guest itself downloads from the ILNP client; records a second to and from the guest: " +
                          ", ".join(f"{kind.upper()} {there} and {back}" for kind, (there, back) in self.rates().items()))
        self.load = Load(self.machine)

    def where(self):
        at = self.sites.where[demo.GUEST]
        leaves = self.share is not None and at == self.happened[-1]["from"]
        return f"at {at}" + (f", {100 * self.share:.0f} % of memory copied" if leaves else "")

    def copied(self, share):
        self.share = share
        if self.display.terminal:
            self.display.live(self.live_line)

    def check_carried(self):
        """Nothing has moved yet: what a guest cannot carry says nothing of the network."""
        for peer, sessions in self.sessions.items():
            udp = sessions.counters["udp"]
            lost, silent = udp.latest["guest"].get("lost", 0), udp.silent_for("client")
            if lost and not self.loses() or silent > OVERLOADED or not sessions.ssh.echoes:
                raise demo.Failure(f"before any move the guest does not keep up with the {self.peers[peer]} ({lost} datagrams lost, "
                                   f"silent for {silent:.1f} s, {len(sessions.ssh.echoes)} lines of ssh): this machine is too "
                                   "busy to emulate it, try --counter-rate 300")

    def happen(self, event):
        if event["number"] == 1:
            self.check_carried()
        event["busy"] = self.load.share()
        to, source = event["kind"], OTHER[event["kind"]]
        event.update({"by": self.by, "from": source, "way": self.options.ways[event["number"] - 1], "wall": time.time() - time.monotonic()})
        self.display.event(f"{event['number']} {source} to {to} by {self.by}, memory: {event['way']}")
        try:
            event["times"] = self.move(to, event["way"])
        except demo.netns.Failure:
            self.machine.check_answers()  # when the guest died, that is the reason
            raise
        finally:
            self.share = None
        self.load = Load(self.machine)
        stopped, resumed = event["times"]["stopped"], event["times"]["resumed"]
        self.display.event(f"{event['number']} it runs at {to}: was stopped for {ms(resumed - stopped):g} ms")
        self.machine.check_answers()

    def move(self, to, way):
        if not self.options.without_ilnp:
            watch = Watch(self.lab, demo.GUEST, self.sites.name_at(to))
            times = self.told_move(to, way)
            times["published"] = time.monotonic()
            self.sites.publish(demo.GUEST)
            times["in_dns"] = watch.wait()
            return times
        times = self.machine.migrate(to, way, progress=self.copied)
        self.sites.where[demo.GUEST] = to
        return times

    def told_move(self, to, way):
        """And the network hears of it."""
        return self.sites.migrate(demo.GUEST, to, way, visible=True, progress=self.copied)

    def state(self):
        session = self.sites.peer.session(demo.NID_GUEST)
        return {"at": self.sites.where[demo.GUEST], "peer_uses": session["using"]["remote"] if session else None,
                "dns_says": [locator.hex() for locator in locators(self.lab, demo.GUEST)],
                "lisp_uses": self.sites.mapping_at_client(demo.GUEST)}

    def finish(self):
        self.machine.check_answers()
        self.fetched = self.fetch.finish(25)
        self.guest_events = [] if self.options.without_ilnp else self.host.events()
        self.machine.check_answers()
        super().finish()
        for sessions in self.sessions.values():
            for counter in sessions.counters.values():
                self.places.fetch(demo.GUEST, counter.logs["guest"])


class MovedByLibvirt(MovingGuest):
    """Two libvirtd with our hook. It tells the network that the guest is elsewhere; that its home follows, so that its ILNP
    correspondents see the move, is one more step, for whoever called virsh."""
    by, lossless, sites_class = "libvirt", False, LibvirtSites

    def start_hypervisors(self):
        self.display.step("two libvirtd, with our hook and its service")
        self.sites.start_libvirts()

    def of_machine(self):
        return {"series": self.options.kernel}

    def told_move(self, to, way):
        times = self.sites.virsh_migrate(demo.GUEST, *OPTIONS[way])
        times["rehomed"] = time.monotonic()
        self.sites.rehome(demo.GUEST)
        return times
