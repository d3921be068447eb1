#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A guest goes from one ILNP data centre to another one, to one that knows LISP only, and back, while an ILNP peer and a
host of a LISP site have sessions with it. Run it by run.sh, which installs and builds what is missing and becomes root.

Exit status: 0 every check held; 1 one did not; 2 the run itself did not work; 130 interrupted.
"""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

# pylint: disable=wrong-import-position
from common import demo  # noqa: E402
from common.figures import check  # noqa: E402

sys.path.insert(0, os.path.join(demo.ROOT, "tests/netns/gateway"))
from lisp_sites import PLACES, RLOC, LispSites  # noqa: E402
from timeline import Timeline  # noqa: E402

NAME = "lisp-interworking"
LINES = {"dc1": "dc1-wan0", "dc2": "dc2-wan0", "dc3": "dc3-wan0", "lisp": "lx-wan0", "ms": "ms-wan0", "link": "dc1-x0"}
DELAYS = {"dc1": 5.0, "dc2": 8.0, "dc3": 6.0, "lisp": 12.0, "ms": 4.0, "link": 6.0}
KINDS = {"dc1": "ILNP", "dc2": "ILNP", "dc3": "LISP only"}


def arguments():
    parser = demo.parser_for(NAME, __doc__, 27)
    parser.add_argument("--moves", default="dc2,dc3,dc1", help="places in order: dc1, dc2 (ILNP), dc3 (LISP) (default: %(default)s)")
    parser.add_argument("--signalling", default="cp", choices=["cp", "smr", "pubsub"],
                        help="how the LISP site hears of a move: Change-Priority, Solicit-Map-Request, publication (default: %(default)s)")
    parser.add_argument("--gap", type=float, default=150, help="ms that the guest is stopped in a move (default: %(default)s)")
    parser.add_argument("--delay", default="", help="one way, in ms (default: " +
                        ",".join(f"{line}={delay:g}" for line, delay in DELAYS.items()) + ")")
    parser.add_argument("--dead-after", type=float, default=8, help="s of silence that end a session (default: %(default)s)")
    options = parser.parse_args()
    options.events = options.moves.split(",")
    at = "dc1"
    for to in options.events:
        if to not in PLACES or to == at:
            parser.error("--moves: a list of dc1, dc2, dc3 that begins at dc1 and goes somewhere else each time")
        at = to
    demo.room_for(parser, options, options.events, 5)
    delays = demo.delays_of(parser, options.delay, DELAYS)
    options.delays = {LINES[line]: delay for line, delay in delays.items()}
    return options


class LispInterworking(demo.Demo):
    peers = {"p": "ILNP peer", "q": "LISP host"}
    programs = ("gateway/ilnp-gateway",)

    def network(self):
        self.sites = LispSites(self.lab, guests=((demo.GUEST, demo.NID_GUEST),), signalling=self.options.signalling,
                               cable=self.cable, timers='[migration]\nactivate = "asked"\nhold_packets = 4096\n')

    def start(self):
        self.display.step("ilnp-gateway in both data centres, in the LISP one, at the LISP site, and as Map-Server; clients hear by "
                          f"{self.options.signalling}")
        self.sites.start()
        self.sites.guest(demo.GUEST)

    def captured(self):
        return ("r", "p-eth0"), ("r", "lx-wan0")

    def where(self):
        return f"at {self.sites.where[demo.GUEST]}"

    def state(self):
        session = self.sites.peer.session(demo.NID_GUEST)
        return {"at": self.sites.where[demo.GUEST], "peer_uses": session["using"]["remote"] if session else None,
                "lisp_uses": self.sites.mapping_at_client(demo.GUEST)}

    def happen(self, event):
        to = event["kind"]
        self.display.event(f"{event['number']} to {to} ({KINDS[to]})")
        event["from"], event["wall"] = self.sites.where[demo.GUEST], time.time()
        self.sites.carry(demo.GUEST, to, self.options.gap / 1000)

    def rows(self, events):
        rows = [(what, [event["after"][key] for event in events])
                for what, key in (("guest is at", "at"), ("ILNP peer sends to", "peer_uses"), ("LISP site sends to", "lisp_uses"))]
        for event in events:
            event["timeline_ms"] = Timeline(self.sites.gateways, self.sites.eid_of(demo.GUEST), event["from"],
                                            event["kind"], event["wall"], "lx").steps()
        names = {name: None for event in events for name in event["timeline_ms"]}
        return rows + [(f"{name}, ms after ARRIVE", [event["timeline_ms"].get(name) for event in events]) for name in names]

    def checks(self, events):
        found = []
        for event in events:
            after, what = event["after"], f"event {event['number']} (to {event['kind']})"
            locator = self.sites.locator_at(demo.GUEST)[after["at"]]
            found.append(check(f"{what}: ILNP peer knows where the guest is", after["peer_uses"] == locator,
                               f"it sends to {after['peer_uses']}, the guest's locator is {locator}"))
            found.append(check(f"{what}: LISP site knows where the guest is", after["lisp_uses"] == [RLOC[after["at"]]],
                               f"it sends to {after['lisp_uses']}, the gateway is {RLOC[after['at']]}"))
        return found


if __name__ == "__main__":
    sys.exit(demo.run(NAME, arguments(), LispInterworking))
