#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A guest moves between two sites while an ILNP peer and an IP-only peer have sessions with it: first unseen, then seen.
Run it by run.sh, which installs and builds what is missing and becomes root.

Exit status: 0 every check held; 1 one did not; 2 the run itself did not work; 130 interrupted.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

# pylint: disable=wrong-import-position
from common import demo  # noqa: E402
from common.figures import check  # noqa: E402
from two_sites import OTHER, PROVIDER, TwoSites  # noqa: E402  (tests/netns/sbr)

NAME = "two-sites"
LINES = {"dc1": "dc1-wan0", "dc2": "dc2-wan0", "link": "dc1-x0"}
DELAYS = {"dc1": 10.0, "dc2": 10.0, "link": 15.0}
WORDS = {"unseen": "to {to}, unseen: home stays {home}",
         "rehome": "{at} becomes its home: ILNP peers are told",
         "visible": "to {to}, which becomes its home at once"}


def arguments():
    parser = demo.parser_for(NAME, __doc__, 26)
    parser.add_argument("--moves", default="unseen,rehome,visible", help="in order: unseen, rehome, visible (default: %(default)s)")
    parser.add_argument("--gap", type=float, default=200, help="ms that the guest is stopped in a move (default: %(default)s)")
    parser.add_argument("--delay", default="", help="one way, in ms (default: dc1=10,dc2=10,link=15)")
    parser.add_argument("--dead-after", type=float, default=6, help="s of silence that end a session (default: %(default)s)")
    options = parser.parse_args()
    options.events = options.moves.split(",")
    at = home = "dc1"
    for kind in options.events:
        if kind not in WORDS:
            parser.error("--moves: a list of unseen, rehome, visible")
        if kind == "rehome" and at == home:
            parser.error("--moves: rehome is for a guest that is away from home")
        at = at if kind == "rehome" else OTHER[at]
        home = home if kind == "unseen" else at
    demo.room_for(parser, options, options.events, 5)
    delays = demo.delays_of(parser, options.delay, DELAYS)
    options.delays = {LINES[line]: delay for line, delay in delays.items()}
    return options


class TwoSitesDemo(demo.Demo):
    def network(self):
        self.sites = TwoSites(self.lab, guests=((demo.GUEST, demo.NID_GUEST),), cable=self.cable,
                              timers='[migration]\nactivate = "asked"\nhold_packets = 4096\n')

    def start(self):
        self.sites.start()
        self.display.step("ilnp-host in the ILNP peer, and in the guest, with session.bind_ip_only for its IP-only peers")
        self.sites.guest(demo.GUEST, session="bind_ip_only = true")

    def captured(self):
        return ("r", "p-eth0"), ("r", "q-eth0"), ("dc1", "x0")

    def where(self):
        return f"at {self.sites.where[demo.GUEST]}, home {self.sites.home[demo.GUEST]}"

    def state(self):
        session = self.sites.peer.session(demo.NID_GUEST)
        return {"at": self.sites.where[demo.GUEST], "home": self.sites.home[demo.GUEST],
                "peer_uses": session["using"]["remote"] if session else None}

    def happen(self, event):
        kind, at = event["kind"], self.sites.where[demo.GUEST]
        self.display.event(f"{event['number']} {kind}: " +
                           WORDS[kind].format(at=at, to=OTHER[at], home=self.sites.home[demo.GUEST]))
        if kind == "rehome":
            self.sites.rehome(demo.GUEST)
        else:
            self.sites.move(demo.GUEST, OTHER[at], self.options.gap / 1000, visible=kind == "visible")

    @staticmethod
    def rows(events):
        return [(what, [event["after"][key] for event in events])
                for what, key in (("guest is at", "at"), ("its home", "home"), ("ILNP peer sends to", "peer_uses"))]

    def checks(self, events):
        """The names that the ILNP peer uses are those of the guest's home, and of nothing else."""
        found = []
        for event in events:
            provider, uses = PROVIDER[event["after"]["home"]], event["after"]["peer_uses"]
            wanted = "-".join(word.zfill(4) for word in provider.split("::")[0].split(":"))
            found.append(check(f"event {event['number']} ({event['kind']}): ILNP peer knows the guest's home", uses and
                               uses.startswith(wanted), f"it sends to {uses}, the home is {event['after']['home']} ({provider})"))
        return found


if __name__ == "__main__":
    sys.exit(demo.run(NAME, arguments(), TwoSitesDemo))
