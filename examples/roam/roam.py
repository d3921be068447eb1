#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A guest moves between two data centres, a client between two sites, and a download, an ssh session and counter
streams go on. Run it by run.sh, which installs and builds what is missing and becomes root.

Exit status: 0 every check held; 1 one did not; 2 the run itself did not work; 130 interrupted.
"""
import argparse
import json
import os
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]

from common import frame, servers, traffic  # noqa: E402
from common.processes import Failure, run, wait_until  # noqa: E402
from lab import measure, report, result, services, topology  # noqa: E402
from lab.display import Display, live_line  # noqa: E402
from lab.shim import STUB, Shim  # noqa: E402

FIRST_MOVE = 4.0       # seconds of undisturbed traffic
LAST_SECONDS = 6.0     # how much earlier than the streams the download would end if nothing held it up
NEW_CONNECTION_WITHIN = 9  # s after the link came; without ILNP
LONGEST_RUN = 170      # s; whatever happens, the run ends
COUNTER_PORT = 7001


def arguments():
    parser = argparse.ArgumentParser(prog="examples/roam/run.sh", description=__doc__.split("\n\n")[0])
    parser.add_argument("--without-ilnp", action="store_true", help="the same run with plain IPv6: the sessions die")
    parser.add_argument("--json", action="store_true", help="the whole result on standard output; the rest to standard error")
    parser.add_argument("--keep", action="store_true", help="keep the run's directory (logs, configurations, keys)")
    parser.add_argument("--moves", default="hard,soft,both", help="in order: hard, soft, both (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=32, help="length of the traffic (default: %(default)s)")
    parser.add_argument("--delay", default="", help="one way, in ms (default: dc1=10,dc2=80,c1=1,c2=20)")
    parser.add_argument("--gap", type=float, default=200, help="ms between link gone and new link (default: %(default)s)")
    parser.add_argument("--overlap", type=float, default=3000, help="ms of both links in a soft move (default: %(default)s)")
    parser.add_argument("--loss", default="0", help="of the data centres' wide-area links, e.g. 0.5%% (default: %(default)s)")
    parser.add_argument("--rate", default="500mbit", help="of every wide-area link (default: %(default)s)")
    parser.add_argument("--download-rate", type=float, default=3, help="MB/s that the server sends (default: %(default)s)")
    parser.add_argument("--dead-after", type=float, default=6, help="s of silence that end a session (default: %(default)s)")
    parser.add_argument("--congestion", help="TCP congestion control of guest and client (default: the machine's)")
    parser.add_argument("--seed", type=int, default=1, help="of loss (default: %(default)s)")
    parser.add_argument("--out", help="folder for report, captures and result (default: out/roam-TIME)")
    parser.add_argument("--no-capture", action="store_true", help="no pcap files, and no figures that need them")
    parser.add_argument("--build", default=os.path.join(HERE, "../../build/dev"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.moves = options.moves.split(",")
    if not all(move in ("hard", "soft", "both") for move in options.moves):
        parser.error("--moves: a list of hard, soft, both")
    options.delays = {"dc1": 10.0, "dc2": 80.0, "c1": 1.0, "c2": 20.0}
    for item in filter(None, options.delay.split(",")):
        site, _, value = item.partition("=")
        try:
            options.delays[site] = {True: float(value.removesuffix("ms"))}[site in options.delays]
        except (KeyError, ValueError):
            parser.error(f"--delay: '{item}' is not SITE=MS with a site of {', '.join(options.delays)}")
    if options.seconds < FIRST_MOVE + 5 * len(options.moves):
        parser.error(f"--seconds: {len(options.moves)} moves need {FIRST_MOVE + 5 * len(options.moves):g} or more")
    options.seconds = min(options.seconds, 120)
    return options


def find_programs(options):
    programs = {"wire": "examples/roam/wire", "counter": "examples/roam/counter"}
    if not options.without_ilnp:
        programs.update({"ilnp-host": "ilnp-host/ilnp-host", "ilnpctl": "ctl/ilnpctl"})
    for name, path in programs.items():
        programs[name] = os.path.realpath(os.path.join(options.build, path))
        if not os.access(programs[name], os.X_OK):
            raise Failure(f"{programs[name]} is not built; examples/roam/run.sh builds it")
    return programs


class Run:
    """One run: `timeline` collects what happens, `moves` what was done; lab.result makes figures of both."""

    def __init__(self, options, display, directory, out):
        self.options, self.display, self.directory, self.out = options, display, directory, out
        self.programs = find_programs(options)
        self.ilnp = not options.without_ilnp
        self.lab = topology.Lab(directory, options.delays, options.rate, options.loss, options.seed, self.programs["wire"])
        self.names = services.NameServer(self.lab)
        self.shims = {}
        self.timeline = []          # {"t", "where", "kind", ...}, as they come
        self.retransmissions = {}   # role: measure.Retransmissions
        self.moves = []
        self.at = {"guest": "dc1", "client": "c1"}
        self.addresses = {}         # (role, site): address in use there (plain IPv6)
        self.new_connections = []
        self.began = None

    # ---------------------------------------------------------------- what is heard

    def note(self, where, kind, when=None, **fields):
        self.timeline.append({"t": time.monotonic() if when is None else when, "where": where, "kind": kind, **fields})

    def on_watch(self, role, event):
        kind, when = event.pop("kind"), event.pop("t")
        if kind == "retransmitted":
            self.retransmissions[role].add(when, event["connections"])
        elif kind in ("carrier", "address"):
            self.note(role, kind, when, **event)
            if kind == "address" and not event["gone"] and not event["tentative"]:
                self._on_usable_address(role, event["address"])

    def _on_usable_address(self, role, address):
        site = topology.site_of(address)
        if site and self.addresses.get((role, site)) != address and not self._is_own_vector(address):
            self.addresses[role, site] = address

    def _is_own_vector(self, address):
        return self.ilnp and address.split(":")[-1] in ("1", "2") and "200:ff:fe00" in address

    def on_shim_event(self, role, when, event):
        self.note(role, "shim", when, event=event)

    def locator(self, role):
        """Where the node is in its own words: the locator in use, or without ILNP the prefix of its address."""
        if self.ilnp:
            return self.shims[role].locators[0] if self.shims[role].locators else "none"
        return f"{topology.site_prefix(self.at[role])}/64" if (role, self.at[role]) in self.addresses else "none"

    # ---------------------------------------------------------------- set-up

    def set_up(self):
        say = self.display.step
        say("network: 9 namespaces, 4 wide-area links of " +
            ", ".join(f"{site} {delay:g} ms" for site, delay in self.options.delays.items()))
        self.lab.build()
        services.start_radvd(self.lab)
        self.congestion_control = self._set_congestion_control()
        self._start_watching()
        self.lab.plug("dc1")
        self.lab.plug("c1")
        say("servers: BIND for roam.example; nginx and sshd in the guest")
        self.names.start()
        rate = int(self.options.download_rate * 1e6)
        self.download = servers.Download(self.directory, int(rate * (self.options.seconds - LAST_SECONDS)))
        servers.start_nginx(self.lab, "guest", rate)
        self.ssh_server = servers.SshServer(self.lab, "guest", services.GUEST)
        self.ssh_server.start()
        for role, site in self.at.items():
            wait_until(lambda r=role, s=site: (r, s) in self.addresses, 30, f"an address of the {role} at {site}")
        if self.ilnp:
            self._start_shims()
        else:
            for role in ("guest", "client"):
                self.lab.resolv_conf(role, topology.NAME_SERVER)
                # What a network manager does for plain IPv6: no route through a link without carrier.
                self.lab.sysctl(role, {f"{net}.ignore_routes_with_linkdown": 1 for net in ("net1", "net2")})
            self.names.publish_address("guest", self.addresses["guest", "dc1"])
        if not self.options.no_capture:
            self._start_captures()

    def _set_congestion_control(self):
        name = "net.ipv4.tcp_congestion_control"
        for role in ("guest", "client"):
            if self.options.congestion:
                run(self.lab.inside(role) + ["sysctl", "-q", "-w", f"{name}={self.options.congestion}"])
        return run(self.lab.inside("guest") + ["sysctl", "-n", name]).strip()

    def _start_watching(self):
        for role in ("guest", "client"):
            self.retransmissions[role] = measure.Retransmissions()
            self.lab.spawn(role, f"watch-{role}", [sys.executable, os.path.join(HERE, "lab/watch.py")],
                           on_line=lambda line, r=role: self.on_watch(r, json.loads(line)))

    def _start_shims(self):
        self.display.step("ilnp-host in the guest and in the client")
        for role in ("guest", "client"):
            self.lab.resolv_conf(role, STUB)
            self.shims[role] = Shim(self.lab, role, self.names.key_file(role), self.programs, self.on_shim_event)
        for role in ("guest", "client"):
            wait_until(lambda r=role: any(line.startswith("L64") for line in self.names.records(f"{r}.{services.ZONE}")),
                       20, f"the {role}'s locator in the DNS")

    def _start_captures(self):
        self.wall_minus_monotonic = time.time() - time.monotonic()
        for role in ("guest", "client"):
            for net in ("net1", "net2"):
                path = os.path.join(self.out, f"{role}-{net}.pcap")
                child = self.lab.spawn(role, f"tcpdump-{role}-{net}", [
                    servers.program("tcpdump"), "-i", net, "-w", path, "-s", "160", "-B", "16384", "-n", "-Z", "root",
                    "--time-stamp-precision=nano", "ip6"])
                child.wait_for_log("listening on", 20)

    # ---------------------------------------------------------------- traffic and moves

    def start_traffic(self):
        o = self.options
        self.traffic = traffic.Sessions(self.lab, "client", "guest", services.GUEST, self.ssh_server, self.programs["counter"],
                                        COUNTER_PORT, o.seconds, o.dead_after)
        self.traffic.start(self.download)
        self.ssh, self.counters, self.curl = self.traffic.ssh, self.traffic.counters, self.traffic.curl
        self.began = time.monotonic()
        self.display.step("traffic: curl, ssh, counter streams (TCP and UDP, 1 kHz, both ways), by name")

    def play(self):
        spacing = (self.options.seconds - FIRST_MOVE) / len(self.options.moves)
        mover = threading.Thread(target=self._move_all, args=(spacing,), daemon=True)
        mover.start()
        ends = self.began + self.options.seconds
        while time.monotonic() < ends:
            self.display.live(lambda now: live_line(self, now))
            time.sleep(0.2)
        mover.join(40)
        if self.mover_failure:
            raise self.mover_failure

    mover_failure = None

    def _move_all(self, spacing):
        try:
            for number, kind in enumerate(self.options.moves):
                starts = self.began + FIRST_MOVE + number * spacing
                time.sleep(max(0, starts - time.monotonic()))
                self._move(number + 1, kind)
        except Failure as failure:
            self.mover_failure = failure

    def _move(self, number, kind):
        movers = ("guest", "client") if kind == "both" else ("guest",)
        move = {"number": number, "kind": kind, "who": {}}
        for role in movers:
            homes = topology.HOMES[role]
            old = self.at[role]
            move["who"][role] = {"locator_before": self.locator(role), "from": old, "to": homes[1 - homes.index(old)]}
        self.note_locators()
        self.display.event(f"move {number}: " + describe_move(move))
        self.moves.append(move)
        if kind == "soft":
            self._plug(move)
            time.sleep(self.options.overlap / 1000)
            self._unplug(move)
        else:
            self._unplug(move)
            time.sleep(self.options.gap / 1000)
            self._plug(move)
        if not self.ilnp:
            self._follow_by_dns(move)

    def note_locators(self):
        """Where the last move led, as seen when the next begins or the run ends."""
        for move in self.moves[-1:]:
            for role, step in move["who"].items():
                step["locator_after"] = self.locator(role)

    def _plug(self, move):
        for role, step in move["who"].items():
            step["plugged"] = self.lab.plug(step["to"])
            self.addresses.pop((role, step["to"]), None)
            self.at[role] = step["to"]
            self.note(role, "plugged", step["plugged"], site=step["to"])

    def _unplug(self, move):
        for role, step in move["who"].items():
            step["unplugged"] = self.lab.unplug(step["from"])
            self.note(role, "unplugged", step["unplugged"], site=step["from"])

    def _follow_by_dns(self, move):
        """Plain IPv6 at its best: the guest's AAAA follows at once, so that new connections find it."""
        site, plugged = self.at["guest"], move["who"]["guest"]["plugged"]
        address, status, seconds = None, "", None
        while time.monotonic() < plugged + NEW_CONNECTION_WITHIN and status != "206":
            if address != self.addresses.get(("guest", site)):
                address = self.addresses["guest", site]
                self.names.publish_address("guest", address)
            if address:
                url = f"http://{services.GUEST}:{servers.HTTP_PORT}/download.bin"
                status = run(self.lab.inside("client") + ["curl", "-s", "-r", "0-9", "-o", "/dev/null", "-w", "%{http_code}",
                                                          "--max-time", "1", url], timeout=4, check=False)
            time.sleep(0.05)
        works = status == "206"
        if works:
            seconds = round(time.monotonic() - plugged, 1)
        self.note("guest", "new connection", site=site, works=works)
        self.new_connections.append({"move": move["number"], "site": site, "address": address, "works": works,
                                     "seconds_after_link": seconds})
        self.display.event(f"a new connection to the guest at {site} " +
                           (f"works {seconds:.1f} s after the link came" if works else "fails"))

    def finish_traffic(self):
        self.display.step("ending the sessions, checking the download")
        self.ended = time.monotonic()
        self.note_locators()
        self.sessions = self.traffic.finish()
        self.records_after = self.names.records(services.GUEST)
        self.final_state = {role: {what: shim.show(what) for what in ("locators", "sessions", "counters")}
                            for role, shim in self.shims.items()}
        self.wire_counters = self.lab.wide_area.ask("counters")


def describe_move(move):
    steps = " and ".join(f"{role} {step['from']} -> {step['to']}" for role, step in move["who"].items())
    return {"hard": f"{steps}, hard (link gone, then new link)", "soft": f"{steps}, soft (both links for a while)",
            "both": f"{steps}, hard, at the same moment"}[move["kind"]]


def main():
    options = arguments()

    def body(directory, out):
        this = Run(options, display, directory, out)
        with this.lab:
            this.set_up()
            this.start_traffic()
            this.play()
            this.finish_traffic()
        display.step("figures and report")
        figures = result.evaluate(this)
        report.write(this, figures, out)
        display.result(figures, out)
        return figures["verdict"]["ok"]

    display = Display(options.json)
    return frame.run("roam", options, display, LONGEST_RUN, body)


if __name__ == "__main__":
    sys.exit(main())
