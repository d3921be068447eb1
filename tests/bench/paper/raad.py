#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Raad 2015, chapter 4, with a real machine: it is live-migrated from UROMA1 to LIP6 and back while INRIA, VNU and UFRJ ping it;
how long each of them hears nothing, how many pings are lost, and when it sends to the new place."""
import time

from charts import boxes
from results import chosen, five, measured_with, memory_of, spread, stamp, table, values

# pylint: disable=wrong-import-order
from moving import world_of  # noqa: E402  says where the others are
from mesh import Plan  # noqa: E402
from moments import wall  # noqa: E402
from pings import Pings, downtime, lost, sent_between  # noqa: E402
from study import Study  # noqa: E402
from thesis import CLIENTS, DCS, ROUND_TRIPS, THESIS  # noqa: E402

MODES = ("smr", "cp", "direct", "pubsub", "ilnp")
FIELDS = ("mode", "client", "source", "to", "stopped_ms", "convergence_ms", "downtime_ms", "pings", "lost", "lost_of_theirs")
TEXT = """# Raad 2015, chapter 4, with a real machine

    tests/bench/paper/raad.sh             # 30 moves to LIP6 in each mode, and as many back: 31 minutes
    tests/bench/paper/raad.sh --draw      # this page and its charts, of the rows that are there

A virtual machine is live-migrated from UROMA1 to LIP6 and back while clients at INRIA, VNU and UFRJ ping it, all three at
the same time.

{measured}
**What is emulated.** Places are network namespaces on one machine. Between each pair of them the program `wire` delays
packets by half of the round trip of the thesis's table 4.1; those of the Map-Server, which it does not give, are assumed (15 to
20 ms to the near places, 250 ms to UFRJ, 300 ms to VNU). No jitter, no loss. The guest is a QEMU machine with its own
kernel.
Its memory is {way}:
what the hypervisor takes is not what the thesis's took. The thesis measured over the Internet, during months.

**Modes.** *smr*: the client's router is solicited and asks the Map-Server. *cp*: Change-Priority by the router of the old
place. *direct*: Change-Priority straight from the new place. *pubsub*: the Map-Server publishes. *ilnp*: no LISP, the guest
and the clients have `ilnp-host`. Border routers send Locator Updates for the guest as soon as the move is active, which is
before the guest stops: a client may follow before it runs again. The guest sends its own when it has its new locator.

**Figures.** UROMA1 to LIP6, in ms: median [first quartile, third quartile]. *Stopped*: from QEMU's STOP to its RESUME.
*Convergence*: from RESUME until the client sends to the new place. *Floor*: what the ways alone take of that. *Downtime*: the
longest time without a reply to pings 5 ms apart, as the client sees it; an emulated guest needs some 60 ms of it to get going
again. *Thesis*: the median downtime of its section on results; for CP at VNU and UFRJ that of SMR less the gain that it states.
*Lost*: pings without a reply, of those 20 ms apart (the thesis's pace), per move; its own numbers are only in its figures 4.6a,
4.7a and 4.8a.

{table}
The first move of a run is in the rows, too: the routers at LIP6 know nothing of the clients yet, and clients with `ilnp-host`
verify a locator that they have never used, either of which is one more round trip. It is the upper whisker of the charts.

![downtime by client and mode](raad-downtime.svg)

![convergence by client and mode](raad-convergence.svg)

Boxes: quartiles; whiskers: least and most. Each move: [raad.csv](raad.csv).
{misses}"""


def rows_of(world, mode, move, streams):
    """What each client saw of a move that is over."""
    times, end = move["times"], time.monotonic()
    begin, resumed = times["told"], wall(times["resumed"])
    for client, stream in streams.items():
        # What was sent in the last second may be under way; nothing of the move before lasts so long.
        pings, follows = stream.so_far(), world.follows_since(client, wall(begin) if mode == "ilnp" else resumed)
        around = sent_between(pings, begin - 1, end - 1)
        silence, missing = downtime(pings, begin, end - 0.5), lost(around)
        yield {"mode": mode, "client": client, "source": move["from"], "to": move["to"],
               "stopped_ms": round(1000 * (times["resumed"] - times["stopped"]), 1),
               "convergence_ms": follows and round(1000 * (follows - resumed), 1),
               "downtime_ms": silence and round(1000 * silence, 1),
               "pings": len(around), "lost": missing[0], "lost_of_theirs": missing[1]}


def moved(rows, mode):
    """How often it was moved to LIP6, so far."""
    return len(chosen(rows, mode=mode, client=CLIENTS[0], to=DCS[0]))


def measure(mode, rows, options, directory):
    """As many moves as are missing, until they are done or the guest dies."""
    missing = options.moves - moved(rows.read(), mode)
    with world_of(mode, Plan(DCS, CLIENTS, dict(ROUND_TRIPS)), options, directory, int(120 + 2 * missing * 16)) as world:
        where = stamp(world.vm.accelerator, options.way)
        streams = {client: Pings(*world.client(client)) for client in CLIENTS}
        time.sleep(2)
        for number in range(2 * missing):
            begin = time.monotonic()
            move = world.move()
            time.sleep(max(2.0, begin + world.spacing() - time.monotonic()))
            world.vm.check_answers()
            found = list(rows_of(world, mode, move, streams))
            rows.append([{**row, **where} for row in found])
            print(f"{mode} {number + 1}/{2 * missing} to {move['to']}: " + "; ".join(
                f"{row['client']} down {row['downtime_ms']} ms, follows {row['convergence_ms']} ms, lost {row['lost']}"
                for row in found), flush=True)
        for pings in streams.values():
            pings.end()


# ---------------------------------------------------------------- page

def theirs(mode, client):
    return THESIS[client].get(mode)


def draw(rows, study):
    there = [row for row in rows if row["to"] == DCS[0]]
    modes = [mode for mode in MODES if chosen(there, mode=mode)]
    for field, chart in (("downtime_ms", "raad-downtime.svg"), ("convergence_ms", "raad-convergence.svg")):
        panels = {client.upper(): [(mode, values(chosen(there, mode=mode, client=client), field),
                                    theirs(mode, client) if field == "downtime_ms" else None) for mode in modes]
                  for client in CLIENTS}
        boxes(study.path(chart), panels, f"{field.split('_', maxsplit=1)[0]}, ms")
    plan, cells, misses = Plan(DCS, CLIENTS, ROUND_TRIPS), [], []
    for client in CLIENTS:
        for mode in modes:
            found = chosen(there, mode=mode, client=client)
            down, told = values(found, "downtime_ms"), theirs(mode, client)
            cells.append([client.upper(), mode, len(found), spread(values(found, "stopped_ms")),
                          None if mode == "ilnp" else f"{plan.floor(mode, client, DCS[1], DCS[0]):.0f}",
                          spread(values(found, "convergence_ms")), spread(down), told, spread(values(found, "lost_of_theirs"))])
            if told and down and five(down)[2] > told:
                misses.append(f"{client.upper()} in mode {mode}")
    return TEXT.format(measured=measured_with(there), way=memory_of(there), table=table(
        ["client", "mode", "moves", "stopped", "floor", "convergence", "downtime", "thesis", "lost"], cells),
        misses=f"\n**Longer than the thesis's:** {', '.join(misses)}.\n" if misses else "")


if __name__ == "__main__":
    STUDY = Study("raad", __doc__, FIELDS, ("modes", MODES), moves=30, quick=("cp", "ilnp"))
    STUDY.main(lambda mode, rows: moved(rows, mode) < STUDY.options.moves, measure, draw)
