# SPDX-License-Identifier: Apache-2.0
"""The shape of a demo with border routers: a guest with nginx, sshd and counters, an ILNP peer `p` and an IP-only peer `q`
that have sessions with it, and events that happen meanwhile. The network is one of tests/netns/sbr, with the lines of the
program `wire` for cables; a demo builds it, says what can happen, and judges what came of it."""
import argparse
import contextlib
import json
import os
import shutil
import sys
import threading
import time

ROOT = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
sys.path[:0] = [os.path.join(ROOT, "tests/netns/sbr"), os.path.join(ROOT, "tests/netns/host")]

# pylint: disable=wrong-import-position
import lab as netns  # noqa: E402
from site_lab import wide_cable  # noqa: E402

from . import frame, servers, traffic  # noqa: E402
from .display import Display  # noqa: E402
from .figures import Stalls, failed_names, session_checks, table  # noqa: E402
from .places import Places, WideArea, remove_leftovers  # noqa: E402
from .processes import Failure  # noqa: E402

GUEST, NID_GUEST = "guest", "200:0:0:a"
NAME, STUB = f"{GUEST}.ex.example", "127.0.0.106"
COUNTER_PORTS = {"p": 7001, "q": 7011, "o": 7021}
FIRST_EVENT = 4.0      # s of undisturbed traffic
LAST_SECONDS = 6.0     # how much earlier than the streams the downloads would end if nothing held them up
PROGRAMS = ("examples/roam/wire", "examples/roam/counter", "ilnp-host/ilnp-host", "sbr/ilnp-sbr", "ctl/ilnpctl")


def parser_for(name, document, seconds):
    parser = argparse.ArgumentParser(prog=f"examples/{name}/run.sh", description=document.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--json", action="store_true", help="the whole result on standard output; the rest to standard error")
    parser.add_argument("--keep", action="store_true", help="keep the run's directory (logs, configurations, keys)")
    parser.add_argument("--seconds", type=float, default=seconds, help="length of the traffic (default: %(default)s)")
    parser.add_argument("--loss", default="0", help="of the wide-area lines, e.g. 0.5%% (default: %(default)s)")
    parser.add_argument("--rate", default="500mbit", help="of every wide-area line (default: %(default)s)")
    parser.add_argument("--download-rate", type=float, default=2, help="MB/s that the server sends (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of loss (default: %(default)s)")
    parser.add_argument("--out", help=f"folder for captures and result (default: out/{name}-TIME)")
    parser.add_argument("--no-capture", action="store_true", help="no pcap files")
    parser.add_argument("--build", default=os.path.join(ROOT, "build/dev"), help=argparse.SUPPRESS)
    return parser


def delays_of(parser, text, defaults):
    """--delay of the form LINE=MS,LINE=MS."""
    delays = dict(defaults)
    for item in filter(None, text.split(",")):
        line, _, value = item.partition("=")
        try:
            delays[line] = {True: float(value.removesuffix("ms"))}[line in delays]
        except (KeyError, ValueError):
            parser.error(f"--delay: '{item}' is not LINE=MS with a line of {', '.join(delays)}")
    return delays


def room_for(parser, options, kinds, each):
    if options.seconds < FIRST_EVENT + each * len(kinds):
        parser.error(f"--seconds: {len(kinds)} events need {FIRST_EVENT + each * len(kinds):g} or more")
    options.seconds = min(options.seconds, 150)


class Demo:
    """A demo adds: network(), captured(), happen(event), state(), rows(events), checks(events)."""
    events = ()
    peers = {"p": "ILNP peer", "q": "IP-only peer"}
    programs = ()  # besides PROGRAMS
    stalls, places_of = Stalls, Places
    pace = "1 kHz"
    around = 80    # s that a run may take besides its traffic
    captures = "*.pcap"

    def __init__(self, name, options, directory, out):
        self.name, self.options, self.directory, self.out = name, options, directory, out
        self.display = options.display
        self.pairs, self.happened = [], []
        self.playing = False

    def run(self):
        """The figures."""
        with told_as_failure(), netns.Lab(build=self.options.build, directory=self.directory) as self.lab, \
                self.places_of(f"ilnp-{os.getpid()}", self.directory) as self.places:
            self.set_up()
            self.start_traffic()
            self.play()
            self.finish()
            return self.figures()

    # ---------------------------------------------------------------- set-up

    def cable(self, left, left_name, right, right_name, mtu=None):
        """A link that passes the wide area. Its name is that of the left end."""
        name, pair = wide_cable(left, left_name, right, right_name, mtu)
        o = self.options
        self.pairs.append(f"{pair},delay={o.delays[name]}ms,rate={o.rate},loss={o.loss}")

    def set_up(self):
        say = self.display.step
        say("network: namespaces, border routers, BIND; lines of " +
            ", ".join(f"{line} {delay:g} ms" for line, delay in self.options.delays.items()))
        self.network()
        WideArea(self.places, "wide", self.program("wire"), self.pairs, self.options.seed)
        self.start()
        for role, server in self.resolvers():
            self.places.resolv_conf(role, server)
        say("servers: nginx and sshd in the guest")
        rate = int(self.options.download_rate * 1e6)
        self.download = servers.Download(self.directory, int(rate * (self.options.seconds - LAST_SECONDS)))
        self.serve(rate)
        if not self.options.no_capture:
            for namespace, interface in self.captured():
                self.lab.capture(self.lab.namespaces[namespace], interface)

    def resolvers(self):
        return (GUEST, STUB), ("p", STUB), ("q", netns.Lab.name_server)

    def serve(self, rate):
        """What runs in the guest; its downloads have this many octets a second."""
        servers.start_nginx(self.places, GUEST, rate)
        self.ssh_server = servers.SshServer(self.places, GUEST, NAME)
        self.ssh_server.start()

    def program(self, name):
        return next(os.path.join(self.options.build, path) for path in PROGRAMS if path.endswith("/" + name))

    # ---------------------------------------------------------------- traffic and events

    def start_traffic(self):
        self.sessions = {peer: self.sessions_of(peer, COUNTER_PORTS[peer]) for peer in self.peers}
        for sessions in self.sessions.values():
            sessions.wait_ssh()
        for sessions in self.sessions.values():
            sessions.start(self.download)
        self.began = time.monotonic()
        self.display.step(f"traffic of {' and '.join(self.peers.values())} with {NAME}: curl, ssh, counter streams "
                          f"(TCP and UDP, {self.pace}, both ways)")

    def sessions_of(self, peer, port):
        return traffic.Sessions(self.places, peer, GUEST, NAME, self.ssh_server, self.program("counter"), port,
                                self.options.seconds, self.options.dead_after)

    def play(self):
        """Here and not in a thread that would end sooner: the end of a thread is the end of processes that it started."""
        shower = threading.Thread(target=self._show_live, daemon=True)
        self.playing = True
        shower.start()
        try:
            self._play_all()
            time.sleep(max(0, self.began + self.options.seconds - time.monotonic()))
        finally:
            self.playing = False
            shower.join(2)

    def _show_live(self):
        while self.playing:
            self.display.live(self.live_line)
            time.sleep(0.2)

    def _play_all(self):
        spacing = (self.options.seconds - FIRST_EVENT) / len(self.options.events)
        for number, kind in enumerate(self.options.events):
            time.sleep(max(0, self.began + FIRST_EVENT + number * spacing - time.monotonic()))
            event = {"number": number + 1, "kind": kind, "t": time.monotonic()}
            self.note_state()
            self.happened.append(event)
            try:
                self.happen(event)
            except (Failure, netns.Failure, OSError) as failure:
                raise Failure(f"event {number + 1}: {failure}") from failure

    def note_state(self):
        """How the last event left things, as seen when the next begins or the run ends."""
        for event in self.happened[-1:]:
            event["after"] = self.state()

    def live_line(self, _now):
        parts = [self.where()]
        for peer, sessions in self.sessions.items():
            octets = sessions.curl.octets()
            silent = [f"{arrow}{1000 * counter.silent_for(role):.0f}" if counter.running() else f"{arrow}dead"
                      for counter in (sessions.counters["udp"],) for role, arrow in (("client", "\u2193"), ("guest", "\u2191"))]
            parts.append(f"{self.peers[peer]}: download {100 * octets / self.download.octets:3.0f} %, udp silent {' '.join(silent)} "
                         f"ms, ssh {len(sessions.ssh.echoes)} lines" + ("" if sessions.ssh.child.running() else " (dead)"))
        return " | ".join(parts)

    def finish(self):
        self.display.step("ending the sessions, checking the downloads")
        self.ended = time.monotonic()
        self.note_state()
        self.found = {peer: sessions.finish() for peer, sessions in self.sessions.items()}
        for path in self.lab.end_captures():
            shutil.move(path, os.path.join(self.out, os.path.basename(path)))

    # ---------------------------------------------------------------- result

    def figures(self):
        ends = [event["t"] for event in self.happened[1:]] + [self.ended]
        stalls = self.stall_of = {peer: self.stalls(sessions) for peer, sessions in self.sessions.items()}
        for event, until in zip(self.happened, ends):
            since = event.pop("t")
            event["at_s"] = round(since - self.began, 3)
            event["sessions"] = {peer: stall.between(since, until) for peer, stall in stalls.items()}
            event["round_trip_ms"] = {peer: stall.round_trip(since, until) for peer, stall in stalls.items()}
        checks = [check for peer in self.peers for check in session_checks(self.found[peer], f"{self.peers[peer]}: ")]
        checks += self.checks(self.happened)
        ok = all(each["ok"] for each in checks)
        text = f"every session survived {len(self.happened)} events, not one octet wrong" if ok else \
            "FAILED: " + failed_names(checks)
        settings = {name: getattr(self.options, name) for name in ("events", "seconds", "delays", "loss", "rate", "seed")}
        return {"schema": f"ilnp.{self.name}/1", "settings": settings, "events": self.happened, "sessions": self.found,
                "checks": checks, "verdict": {"ok": ok, "text": text}}

    def show(self, figures):
        events, say = figures["events"], self.display.say
        rows = [("at, s", [round(e["at_s"], 1) for e in events])] + self.rows(events)
        for peer, name in self.peers.items():
            rows += [(f"{name}: {what}", [e["sessions"][peer][what] for e in events]) for what in events[0]["sessions"][peer]]
            rows.append((f"{name}: round trip of ssh then, ms", [e["round_trip_ms"][peer] for e in events]))
        say("\nlongest silence of each session after each event\n")
        say(table([f"{e['number']} {e['kind']}" for e in events], rows))
        say("")
        self.display.checks(figures["checks"])
        self.display.verdict(figures["verdict"])
        with open(os.path.join(self.out, "result.json"), "w", encoding="utf-8") as file:
            json.dump(figures, file, indent=2)
        say(f"\nresult:   {self.out}/result.json" + ("" if self.options.no_capture else f"\ncaptures: {self.out}/{self.captures}"))
        if self.options.json:
            print(json.dumps(figures, indent=2), flush=True)


@contextlib.contextmanager
def told_as_failure():
    """What the network of the tests says, in the words of the examples."""
    try:
        yield
    except netns.Failure as failure:
        raise Failure(str(failure)) from failure


def run(name, options, kind):
    """Runs the demo `kind` (a Demo, or what runs and shows like one); the exit status."""
    options.display = Display(name, options.json)

    def body(directory, out):
        for program in (*PROGRAMS, *kind.programs):
            if not os.access(os.path.join(options.build, program), os.X_OK):
                raise Failure(f"{program} is not built; examples/{name}/run.sh builds it")
        remove_leftovers("ilnp")
        this = kind(name, options, directory, out)
        figures = this.run()
        this.show(figures)
        return figures["verdict"]["ok"]

    return frame.run(name, options, options.display, int(options.seconds) + kind.around, body)
