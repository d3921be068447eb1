#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A virtual machine moves between two data centres by live migration, while an ILNP client, a client that knows IP only and
a client of a LISP site have sessions with it. Run it by run.sh, which installs and builds what is missing and becomes root.

Exit status: 0 every check held; 1 one did not; 2 the run itself did not work, or the guest's kernel died; 130 interrupted.
"""
import copy
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

# pylint: disable=wrong-import-position
from common import demo  # noqa: E402

sys.path[:0] = [os.path.join(demo.ROOT, path) for path in ("tests/vm", "tests/netns/gateway")]
import vm_sites  # noqa: E402,F401  # pylint: disable=unused-import
from acts import KINDS, Acts  # noqa: E402
from libvirt import why_not  # noqa: E402
from migration import WAYS  # noqa: E402
from moving_guest import BACK  # noqa: E402

NAME = "live-migration"
LINES = {"dc1": "dc1-wan0", "dc2": "dc2-wan0", "dc3": "dc3-wan0", "lisp": "lx-wan0", "ms": "ms-wan0", "link": "dc1-x0"}
DELAYS = {"dc1": 5.0, "dc2": 8.0, "dc3": 6.0, "lisp": 12.0, "ms": 4.0, "link": 6.0}
RATE = 1000  # datagrams a second of each client
LIBVIRT_MOVES = 2


def arguments():
    parser = demo.parser_for(NAME, __doc__, 0)
    parser.add_argument("--moves", type=int, default=2, help="dc1 to dc2, back, and so on (default: %(default)s)")
    parser.add_argument("--by", help=f"a list of {', '.join(KINDS)}: by our own orchestrator; by virsh migrate, {LIBVIRT_MOVES} moves "
                        "at most (default: both, where both are possible)")
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
    options.way = ways_of(parser, options)
    options.by = movers_of(parser, options)
    if options.without_ilnp:
        options.moves = 1  # nothing is left to move again
    if options.moves < 1:
        parser.error("--moves: one or more")
    options.delays = {LINES[line]: delay for line, delay in demo.delays_of(parser, options.delay, DELAYS).items()}
    options.acts = {by: act_of(parser, options, min(options.moves, LIBVIRT_MOVES) if by == "libvirt" else options.moves)
                    for by in options.by}
    options.seconds = sum(act.seconds for act in options.acts.values())
    return options


def ways_of(parser, options):
    ways = options.way.split(",")
    if set(ways) - set(WAYS) or "shared" in ways[1:] or len(ways) > 1 and ways[0] == "shared":
        parser.error("--way: shared, or a list of stop, live, postcopy")
    return ways


def movers_of(parser, options):
    alone = "a guest of today" if options.without_ilnp else "shared memory" if options.way == ["shared"] else why_not()
    by = options.by.split(",") if options.by else ["qmp"] if alone else list(KINDS)
    if set(by) - set(KINDS) or len(set(by)) < len(by):
        parser.error(f"--by: a list of {', '.join(KINDS)}")
    if "libvirt" in by and alone:
        parser.error(f"--by: not by libvirt: {alone}")
    return by


def act_of(parser, options, moves):
    """The options of so many moves by one of them."""
    act = copy.copy(options)
    act.ways = [options.way[number * len(options.way) // moves] for number in range(moves)]
    act.events = ["dc1" if number % 2 else "dc2" for number in range(moves)]
    act.seconds = options.seconds or demo.FIRST_EVENT + 7 * moves + demo.LAST_SECONDS
    demo.room_for(parser, act, act.events, 5)
    return act


if __name__ == "__main__":
    sys.exit(demo.run(NAME, arguments(), Acts))
