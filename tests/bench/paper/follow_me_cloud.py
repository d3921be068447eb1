#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Follow-Me-Cloud 2014, figures 5 and 6, with a real machine: a user goes far away from its data centre and the machine follows;
and how long the user hears nothing, by how far away those are who have to be told."""
import time

from charts import curves, dots
from results import chosen, five, measured_with, memory_of, spread, stamp, table, values

# pylint: disable=wrong-import-order
from moving import world_of  # noqa: E402  says where the others are
from mesh import Plan  # noqa: E402
from moments import wall  # noqa: E402
from pings import Pings, downtime, sent_between  # noqa: E402
from study import Study  # noqa: E402

DCS = ("dc2", "dc1")  # where it goes to, where it begins
# Round trips, ms: those of the paper; how far it is from the user to the Map-Server it does not say.
NEAR, FAR, FOLLOWED = 12, 250, 3
FIGURE_5 = {("dc2", "dc1"): 10, ("user", "dc1"): NEAR, ("user", "dc2"): FAR,
            ("dc1", "ms"): 1, ("dc2", "ms"): 10, ("user", "ms"): 10}
FIGURE_6 = {**FIGURE_5, ("user", "dc2"): NEAR}
TOLD = (10, 50, 100, 150, 200)  # ms: round trips to whoever has to be told
XTR = 50                        # ms, of the paper's case 2: controller to either router
MODES = ("cp", "smr", "pubsub", "controller")
FIELDS = ("figure", "mode", "told_rtt_ms", "second", "rtt_ms", "convergence_ms", "downtime_ms", "stopped_ms")
EVERY = 4   # ping of figure 5 is kept
PHASES = {"user moves": 5.0, "machine moves": 8.0, "end": 14.0}  # s
THEIR_DOWNTIME_5, THEIR_MOST_6 = 7.5, 100  # ms
TEXT = """# Follow-Me-Cloud 2014, figures 5 and 6, with a real machine

    tests/bench/paper/follow_me_cloud.sh             # 6 moves for each point: 14 minutes
    tests/bench/paper/follow_me_cloud.sh --draw      # this page and its charts, of the rows that are there

{measured}
**What is emulated.** Two data centres, a user behind a LISP router and a Map-Server are network namespaces on one machine, with
the paper's round trips between them by the program `wire`. The user's move to another network is a change of the delays of its
lines. The guest is a QEMU machine with its own kernel.
Its memory is {way}:
the paper's migration took 26 s, this one takes a moment.

## Figure 5: the round trip before, during and after

The user is 12 ms from DC1, goes to where that is 250 ms away, and the machine follows it to DC2, 3 ms away. Clients hear of the
move by Change-Priority.

{figure_5}
![round trip over time](follow-me-cloud-rtt.svg)

Downtime is the longest time without a reply, as the user sees it: what was still under way on the long path came while the
machine stood still, which takes an emulated guest some 60 ms. The paper's 7.5 ms are with KVM on two real machines.

## Figure 6: downtime by the distance of those who are told

In the paper a controller has to hear from the data centre that the machine has arrived, and then tells both routers: downtime is
as long as these ways. Here the one who moves the machine tells the router beside it, and only the Map-Server, the other router
and the clients' routers are far away. What is varied is therefore the round trip from all others to the Map-Server; the user is
12 ms from both data centres. *controller*: the paper's design with our gateways, its case 2: the router at DC2 is told half a
round trip from DC2 to the controller, and half of one of 50 ms, after the machine runs. Moves in both directions, ms: median
[first quartile, third quartile]. *Follows*: when the user's router sends to the new place.

{figure_6}
![downtime by round trip](follow-me-cloud-downtime.svg)

The paper's longest downtime is 100 ms, in its case 2; the other points are only in its figure. What of the downtime is the
machine's own is the same in all points. Rows: [follow_me_cloud.csv](follow_me_cloud.csv).
"""


def row(figure, mode, where, **found):
    return {**dict.fromkeys(FIELDS), "figure": figure, "mode": mode, **found, **where}


# ---------------------------------------------------------------- figure 5

def until(begin, phase):
    time.sleep(max(0.0, begin + PHASES[phase] - time.monotonic()))


def measure_rtt(rows, options, directory):
    with world_of("cp", Plan(DCS, ("user",), dict(FIGURE_5)), options, directory, 120) as world:
        where, stream, begin = stamp(world.vm.accelerator, options.way), Pings(*world.client("user")), time.monotonic()
        until(begin, "user moves")
        world.lines.set_round_trip("user", "dc1", FAR)
        world.lines.set_round_trip("user", "dc2", FOLLOWED)
        until(begin, "machine moves")
        times = world.move()["times"]
        until(begin, "end")
        world.vm.check_answers()
        pings = stream.so_far()
        stream.end()
        silence = downtime(pings, times["told"], time.monotonic())
        found = [row("5", "move", where, second=round(times["told"] - begin, 3), downtime_ms=round(1000 * silence, 1),
                     stopped_ms=round(1000 * (times["resumed"] - times["stopped"]), 1))]
        found += [row("5", "ping", where, second=round(ping.sent - begin, 3), rtt_ms=round(1000 * (ping.came - ping.sent), 2))
                  for ping in pings[::EVERY] if ping.came]
        rows.append(found)


def draw_rtt(rows, study):
    pings, move = chosen(rows, mode="ping"), chosen(rows, mode="move")[0]
    begin = move["second"]
    dots(study.path("follow-me-cloud-rtt.svg"), [(ping["second"], ping["rtt_ms"]) for ping in pings], ("s", "round trip, ms"),
         [(PHASES["user moves"], "the user moves"), (begin, "the machine moves")])
    phases = (("before", 0, PHASES["user moves"], NEAR), ("the user is far away", PHASES["user moves"] + 0.5, begin - 0.5, FAR),
              ("after the machine followed", begin + 1, PHASES["end"], FOLLOWED))
    cells = [[name, theirs, spread([ping["rtt_ms"] for ping in pings if since <= ping["second"] < end], 1)]
             for name, since, end, theirs in phases]
    cells.append(["downtime", THEIR_DOWNTIME_5, f"{move['downtime_ms']:.0f}"])
    return table(["ms", "the paper", "here"], cells)


# ---------------------------------------------------------------- figure 6

def measure_downtime(mode, rows, options, directory):
    points = [point for point in TOLD if len(chosen(rows.read(), figure=6, mode=mode, told_rtt_ms=point)) < options.moves]
    signalling = "cp" if mode == "controller" else mode
    limit = 120 + len(points) * options.moves * 16
    with world_of(signalling, Plan(DCS, ("user",), dict(FIGURE_6)), options, directory, limit) as world:
        where, stream = stamp(world.vm.accelerator, options.way), Pings(*world.client("user"))
        time.sleep(1)
        for point in points:
            tell_from(world, mode, point)
            while len(chosen(rows.read(), figure=6, mode=mode, told_rtt_ms=point)) < options.moves:
                rows.append([one_move(world, stream, mode, point, where)])
        stream.end()


def tell_from(world, mode, point):
    if mode == "controller":
        world.told_after = (point + XTR) / 2 / 1000
        return
    for place in (*DCS, "user"):
        world.lines.set_round_trip(place, "ms", point)


def one_move(world, stream, mode, point, where):
    begin = time.monotonic()
    times = world.move()["times"]
    time.sleep(max(1.5, begin + world.spacing() - time.monotonic()))
    world.vm.check_answers()
    resumed = wall(times["resumed"])
    silence = downtime(sent_between(stream.so_far(), times["told"] - 1, time.monotonic()), times["told"], times["resumed"] + 1.5)
    found = row("6", mode, where, told_rtt_ms=point, downtime_ms=round(1000 * silence, 1),
                convergence_ms=round(1000 * (world.follows_since("user", resumed) - resumed), 1),
                stopped_ms=round(1000 * (times["resumed"] - times["stopped"]), 1))
    print(f"{mode} {point} ms: down {found['downtime_ms']} ms, follows {found['convergence_ms']} ms", flush=True)
    return found


def draw_downtime(rows, study):
    modes = [mode for mode in MODES if chosen(rows, mode=mode)]

    def at(mode, point, field):
        return values(chosen(rows, mode=mode, told_rtt_ms=point), field)
    lines = {mode: [(point, five(at(mode, point, "downtime_ms"))[2]) for point in TOLD if at(mode, point, "downtime_ms")]
             for mode in modes}
    curves(study.path("follow-me-cloud-downtime.svg"), lines, ("round trip to who is told, ms", "downtime, ms"),
           [(TOLD[-1], THEIR_MOST_6)])
    columns = ["round trip, ms", *(f"{mode}{what}" for mode in modes for what in (": down", ": follows"))]
    cells = [[point, *(spread(at(mode, point, field)) for mode in modes for field in ("downtime_ms", "convergence_ms"))]
             for point in TOLD]
    return table(columns, cells)


# ---------------------------------------------------------------- both

def missing(kind, rows):
    if kind == "rtt":
        return not chosen(rows, mode="move")
    return any(len(chosen(rows, figure=6, mode=kind, told_rtt_ms=point)) < STUDY.options.moves for point in TOLD)


def measure(kind, rows, options, directory):
    if kind == "rtt":
        measure_rtt(rows, options, directory)
    else:
        measure_downtime(kind, rows, options, directory)


def draw(rows, study):
    return TEXT.format(measured=measured_with(rows), way=memory_of(rows),
                       figure_5=draw_rtt(rows, study) if chosen(rows, mode="move") else "Not measured.\n",
                       figure_6=draw_downtime(chosen(rows, figure=6), study) if chosen(rows, figure=6) else "Not measured.\n")


if __name__ == "__main__":
    STUDY = Study("follow_me_cloud", __doc__, FIELDS, ("modes", ("rtt", *MODES)), moves=6, quick=("rtt", "cp", "controller"))
    STUDY.main(missing, measure, draw)
