#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A virtual machine moves between two data centres by live migration, while an ILNP client, a client that knows IP only and
a client of a LISP site have sessions with it. Run it by run.sh, which installs and builds what is missing and becomes root.

Exit status: 0 every check held; 1 one did not; 2 the run itself did not work, or the guest's kernel died; 130 interrupted.
"""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

# pylint: disable=wrong-import-position
from common import demo, servers, traffic  # noqa: E402
from common.figures import check, ms  # noqa: E402

sys.path[:0] = [os.path.join(demo.ROOT, path) for path in ("tests/vm", "tests/netns/gateway")]
from felt import Felt  # noqa: E402
from lisp_sites import CLIENTS, RLOC  # noqa: E402
from machine import Machine  # noqa: E402
from migration import WAYS  # noqa: E402
from names import Watch, locators  # noqa: E402
from places import GuestPlaces  # noqa: E402
from report import write_report  # noqa: E402
from sessions_in_guest import Fetch, Load, MachineSsh  # noqa: E402
from timeline_of_move import IN_DNS, Captures, Timeline  # noqa: E402
from two_sites import OTHER, SUBNET  # noqa: E402
from wire import packed  # noqa: E402
from vm_sites import VmSites  # noqa: E402

NAME = "live-migration"
LINES = {"dc1": "dc1-wan0", "dc2": "dc2-wan0", "dc3": "dc3-wan0", "lisp": "lx-wan0", "ms": "ms-wan0", "link": "dc1-x0"}
DELAYS = {"dc1": 5.0, "dc2": 8.0, "dc3": 6.0, "lisp": 12.0, "ms": 4.0, "link": 6.0}
NAMES = {"p": demo.NAME, "o": demo.NAME, "q": f"{demo.GUEST}-lisp.ex.example"}
RATE = 1000                        # datagrams a second of each client
BACK = {"kvm": 1000, "tcg": 100}   # of the guest to each: an emulated processor is busy with more
NETWORK_MAY_ADD = 0.1  # s
REPORTED = 2.0         # s before and after a move, in the report
# The guest as it is today: an address of dc1, and the EID that LISP hosts know.
PLAIN = "/sbin/ip link set eth0 up\n/sbin/ip addr add {address}/64 dev eth0 nodad\n" \
    "/sbin/ip -6 route add default via fe80::1 dev eth0\n/sbin/ip addr add {eid}/128 dev eth0 nodad preferred_lft 0\n" \
    "/sbin/ip -6 route add {clients}::/64 via fe80::1 dev eth0 src {eid}\n"


def arguments():
    parser = demo.parser_for(NAME, __doc__, 0)
    parser.add_argument("--moves", type=int, default=2, help="dc1 to dc2, back, and so on (default: %(default)s)")
    parser.add_argument("--way", default="stop", help="of the guest's memory: shared (a file that both processes map), or "
                        "copied: stop (when the guest has stopped), live (while it runs), postcopy (when it runs again); of the "
                        "latter three a list, each for its part of the moves (default: %(default)s)")
    parser.add_argument("--without-ilnp", action="store_true", help="a plain guest, and nobody tells the network")
    parser.add_argument("--kernel", default="6.1", choices=["6.1", "6.12"], help="of the guest (default: %(default)s)")
    parser.add_argument("--counter-rate", type=int, default=RATE, help="datagrams a second that each client sends to the guest "
                        "(default: %(default)s; the guest answers with " +
                        ", ".join(f"{rate} under {kind.upper()}" for kind, rate in BACK.items()) + ")")
    parser.add_argument("--own-router-mac", action="store_true", help="the routers of the two data centres have different "
                        "addresses on the guests' link, so that what a guest sends before it notices the move is lost")
    parser.add_argument("--delay", default="", help="one way, in ms (default: " +
                        ",".join(f"{line}={delay:g}" for line, delay in DELAYS.items()) + ")")
    parser.add_argument("--dead-after", type=float, default=8, help="s of silence that end a session (default: %(default)s)")
    parser.set_defaults(download_rate=0.1)
    options = parser.parse_args()
    ways = options.way.split(",")
    if set(ways) - set(WAYS) or "shared" in ways[1:] or len(ways) > 1 and ways[0] == "shared":
        parser.error("--way: shared, or a list of stop, live, postcopy")
    if options.without_ilnp:
        options.moves = 1  # nothing is left to move again
    if options.moves < 1:
        parser.error("--moves: one or more")
    options.ways = [ways[number * len(ways) // options.moves] for number in range(options.moves)]
    options.events = ["dc1" if number % 2 else "dc2" for number in range(options.moves)]
    options.seconds = options.seconds or demo.FIRST_EVENT + 7 * options.moves + demo.LAST_SECONDS
    demo.room_for(parser, options, options.events, 5)
    options.delays = {LINES[line]: delay for line, delay in demo.delays_of(parser, options.delay, DELAYS).items()}
    return options


class LiveMigration(demo.Demo):
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
        self.sites = VmSites(self.lab, guests=((demo.GUEST, demo.NID_GUEST),), cable=self.cable, start=False,
                             **({"router_mac": None} if self.options.own_router_mac else {}))

    def start(self):
        sites, say = self.sites, self.display.step
        say("ilnp-sbr and ilnp-gateway in both data centres, the LISP site's router, a Map-Server")
        sites.start()
        say(f"the guest: QEMU, Linux {self.options.kernel}, " + ("plain IPv6" if self.options.without_ilnp else "ilnp-host"))
        if self.options.without_ilnp:
            self.machine = self.plain_machine()
        else:
            self.host = sites.machine(demo.GUEST, **self.of_machine())
            self.machine = self.host.machine
        self.places.machines[demo.GUEST] = self.machine
        say(f"accelerator {self.machine.accelerator}: {self.machine.why}")

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
        return f"at {self.sites.where[demo.GUEST]}" + (f", {100 * self.share:.0f} % of memory copied" if self.share else "")

    def copied(self, share):
        self.share = share
        if self.display.terminal:
            self.display.live(self.live_line)

    def happen(self, event):
        event["busy"] = self.load.share()
        to, source = event["kind"], OTHER[event["kind"]]
        event.update({"from": source, "way": self.options.ways[event["number"] - 1], "wall": time.time() - time.monotonic()})
        self.display.event(f"{event['number']} {source} to {to}, memory: {event['way']}")
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
            times = self.sites.migrate(demo.GUEST, to, way, visible=True, progress=self.copied)
            times["published"] = time.monotonic()
            self.sites.publish(demo.GUEST)
            times["in_dns"] = watch.wait()
            return times
        times = self.machine.migrate(to, way, progress=self.copied)
        self.sites.where[demo.GUEST] = to
        return times

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

    # ---------------------------------------------------------------- result

    def figures(self):
        captures = Captures(self.out)
        for event in self.happened:
            times = event.pop("times")
            locator = packed(self.sites.name_at(event["kind"], colons=True))[:8]
            line = Timeline(self, captures, event, times, locator, RLOC[event["kind"]])
            event["resumed"] = times["resumed"]
            event["stopped_ms"] = ms(times["resumed"] - times["stopped"])
            event["guest_ms"], event["timeline_ms"] = line.guest_ms(), line.steps()
            event["own_gap_ms"] = {peer: line.own_gap_ms(demo.COUNTER_PORTS[peer]) for peer in self.peers}
        found = super().figures()
        found["accelerator"], found["kernel"], found["guest_download"] = self.machine.accelerator, self.options.kernel, self.fetched
        found["settings"].update(ways=self.options.ways, without_ilnp=self.options.without_ilnp)
        if self.options.without_ilnp:
            alive = [each for each in found["checks"] if each["ok"]]
            found["checks"] = [{**each, "name": f"{each['name']} is dead", "ok": not each["ok"]} for each in found["checks"]]
            found["verdict"] = {"ok": not alive, "text": "without ILNP every session died, as they do today" if not alive else
                                "without ILNP some live on: " + ", ".join(each["name"] for each in alive)}
        return found

    def added_ms(self, event, peer):
        own, felt = event["own_gap_ms"][peer], event["sessions"][peer]["udp to client, ms"]
        return None if own is None or felt is None else round(max(0.0, felt - own), 1)

    def rows(self, events):
        rows = [("QEMU's processor time before it, %", [round(100 * event["busy"]) for event in events]),
                ("memory", [event["way"] for event in events]),
                ("hypervisor: STOP to RESUME, ms", [event["stopped_ms"] for event in events]),
                ("guest: RESUME to its first packet, ms", [event["guest_ms"] for event in events]),
                ("DNS: RESUME to the new locator in it, ms", [event["timeline_ms"].get(IN_DNS) for event in events])]
        for peer, name in self.peers.items():
            rows.append((f"{name}: silence of the guest's own port, ms", [event["own_gap_ms"][peer] for event in events]))
            rows.append((f"{name}: added by the network, ms", [self.added_ms(event, peer) for event in events]))
        return rows

    def show(self, figures):
        super().show(figures)
        write_report(self, figures, self.rows(figures["events"]), self.out)
        self.display.say(f"report:   {self.out}/report.html")

    def arrivals_near(self, event, peer):
        """[(s after RESUME, ms later than the fastest)] of the datagrams from the guest to a client. The guest's clock stands
        still while it is stopped, so what it sent before and after is compared apart."""
        stream, resumed = self.stall_of[peer].arrivals["udp", "client"], event["resumed"]
        near = [(received - resumed, received - sent) for sent, received in zip(stream.sent, stream.received)
                if abs(received - resumed) < REPORTED]
        found = []
        for part in ([each for each in near if each[0] < 0], [each for each in near if each[0] >= 0]):
            fastest = min((delay for _, delay in part), default=0)
            found += [(when, 1000 * (delay - fastest)) for when, delay in part]
        return found

    def checks(self, events):
        if self.options.without_ilnp:
            return []
        found = [check("guest's own download", self.fetched["equal"], f"{self.fetched['octets']} octets of "
                       f"{self.download.octets}, curl: {self.fetched['curl_status']} {self.fetched['message']}")]
        for event in events:
            what, after = f"move {event['number']} (to {event['kind']}, {event['way']})", event["after"]
            locator = self.sites.name_at(event["kind"])
            found.append(check(f"{what}: ILNP client knows where the guest is", after["peer_uses"] == locator,
                               f"it sends to {after['peer_uses']}, the guest's locator is {locator}"))
            found.append(check(f"{what}: LISP site knows where the guest is", after["lisp_uses"] == [RLOC[event["kind"]]],
                               f"it sends to {after['lisp_uses']}, the gateway is {RLOC[event['kind']]}"))
            found.append(check(f"{what}: DNS shows where the guest is", after["dns_says"] == [packed(
                self.sites.name_at(event["kind"], colons=True))[:8].hex()], f"it says {', '.join(after['dns_says'])}"))
            for peer, name in self.peers.items():
                lost = [event["sessions"][peer][f"datagrams lost to {role}"] for role in ("client", "guest")]
                found.append(check(f"{what}: {name} lost no datagram", max(lost) == 0,
                                   f"{lost[0]} to the client, {lost[1]} to the guest"))
                added = self.added_ms(event, peer)
                if added is not None:
                    found.append(check(f"{what}: {name} waits for the hypervisor, hardly for the network",
                                       added < 1000 * NETWORK_MAY_ADD, f"the network added {added:g} ms", timed=True))
        return found


if __name__ == "__main__":
    sys.exit(demo.run(NAME, arguments(), LiveMigration))
