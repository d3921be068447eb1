#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The experiment of Raad 2015, chapter 4: a virtual machine goes from UROMA1 to LIP6 and back while clients behind LISP routers
at INRIA, VNU and UFRJ are pinged by it; how long until each client's router has the new mapping, and how long a client hears
nothing. The delays are those of the thesis, between each pair of places; copying the memory is a pause of the machine.

Exit status: 0 every move was followed by every client; 1 one was not; 2 the run itself did not work; 130 interrupted.
"""
import argparse
import json
import os
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

# pylint: disable=wrong-import-position
from common import demo, frame  # noqa: E402
from common.display import Display  # noqa: E402
from common.figures import table  # noqa: E402
from common.places import Places, remove_leftovers  # noqa: E402
from common.processes import Failure  # noqa: E402

sys.path.insert(0, os.path.join(demo.ROOT, "tests/netns/gateway"))
import lab as netns  # noqa: E402
from flows import Counter, longest_gap  # noqa: E402
from mesh import EID, SPACING, Mesh, Plan  # noqa: E402
from timeline import Timeline  # noqa: E402

NAME = "lisp-thesis"
DCS, CLIENTS = ("lip6", "uroma1"), ("inria", "vnu", "ufrj")
# Round trips in ms (section 4.4 of the thesis); those of the Map-Server are assumed: it is near INRIA.
ROUND_TRIPS = {("lip6", "uroma1"): 30.47,
               ("lip6", "inria"): 16.47, ("lip6", "vnu"): 299.86, ("lip6", "ufrj"): 246.07,
               ("uroma1", "inria"): 27.27, ("uroma1", "vnu"): 321.27, ("uroma1", "ufrj"): 259.13,
               ("lip6", "ms"): 17.0, ("uroma1", "ms"): 20.0, ("inria", "ms"): 15.0, ("vnu", "ms"): 300.0, ("ufrj", "ms"): 250.0}
PLAN = Plan(DCS, CLIENTS, ROUND_TRIPS)
THESIS = {"inria": {"smr": 320, "cp": 260}, "vnu": {"smr": 1200, "cp": 1000}, "ufrj": {"smr": 600, "cp": 200}}  # downtime, ms
HERTZ = 200


def measure(world, options, display):
    for client in CLIENTS:  # what is asked for first is no part of a move
        host = world.lab.namespaces[f"{client}-host"]
        netns.wait_until(lambda h=host: h.run("ping", "-c", "1", "-W", "2", EID, check_status=False).returncode == 0,
                         f"{client} does not reach the machine")
    counters = {client: Counter(world.lab.namespaces[f"{client}-host"], world.lab.namespaces["vm"], EID, 7001 + index, HERTZ)
                for index, client in enumerate(CLIENTS)}
    time.sleep(1)
    moves = []
    for number in range(2 * options.runs):
        moves.append(world.move(options.pause / 1000))
        display.step(f"{world.mode}: move {number + 1} of {2 * options.runs}, to {world.at}")
    found = {}
    for client, counter in counters.items():
        figures = counter.stop()
        found[client] = {"sent": figures["sent"], "lost_to_machine": figures["there"]["lost"], "lost_back": figures["back"]["lost"],
                         "late": figures["there"]["late"], "convergence_ms": {}, "downtime_ms": {}}
        for to in DCS:
            here = [move for move in moves if move["to"] == to]
            steps = [Timeline(world.gateways, EID, move["from"], to, move["wall"], client).steps() for move in here]
            found[client]["convergence_ms"][to] = [step.get("client follows") for step in steps]
            found[client]["downtime_ms"][to] = [round(1000 * longest_gap(figures["back"], move["begin"], move["begin"] + SPACING[world.mode] - 0.1), 1)
                                                for move in here]
    return found


def quartiles(values):
    if len(values) < 2:
        return values * 3
    return [round(value, 1) for value in statistics.quantiles(values, n=4, method="inclusive")]


def show(results, options, display):
    rows = []
    for mode, found in results.items():
        for client in CLIENTS:
            convergence, downtime = (quartiles(found[client][what]["lip6"]) for what in ("convergence_ms", "downtime_ms"))
            rows.append((f"{mode} {client}", [PLAN.floor(mode, client, "uroma1", "lip6"), convergence[1], f"{convergence[0]}..{convergence[2]}",
                                              downtime[1], f"{downtime[0]}..{downtime[2]}", THESIS[client].get(mode),
                                              found[client]["lost_to_machine"]]))
    columns = ["floor", "convergence", "quartiles", "downtime", "quartiles", "thesis", "lost"]
    display.say(f"\nUROMA1 -> LIP6, {options.runs} moves each, pause {options.pause:g} ms; ms; lost: datagrams to the machine in all "
                "moves, both ways\n")
    display.say(table(columns, [(name, [round(c, 1) if isinstance(c, float) else c for c in cells]) for name, cells in rows]))


def main():
    parser = argparse.ArgumentParser(prog="examples/lisp-interworking/thesis.sh", description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--modes", default="smr,cp,direct,pubsub", help="how clients hear of a move (default: %(default)s)")
    parser.add_argument("--runs", type=int, default=30, help="moves to LIP6 in each mode (default: %(default)s)")
    parser.add_argument("--pause", type=float, default=150, help="ms that the machine is stopped (default: %(default)s)")
    parser.add_argument("--out", help=f"folder for the result (default: out/{NAME}-TIME)")
    parser.add_argument("--keep", action="store_true", help="keep the run's directory (logs, configurations)")
    parser.add_argument("--json", action="store_true", help="the whole result on standard output; the rest to standard error")
    parser.add_argument("--build", default=os.path.join(demo.ROOT, "build/dev"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    modes = options.modes.split(",")
    if not set(modes) <= set(SPACING):
        parser.error("--modes: a list of smr, cp, direct, pubsub")
    display = Display(NAME, options.json)

    def body(directory, out):
        remove_leftovers("ilnp")
        results = {}
        for mode in modes:
            with netns.Lab(build=options.build, directory=os.path.join(directory, mode)) as lab, \
                    Places(f"ilnp-{os.getpid()}", os.path.join(directory, mode)) as places, demo.told_as_failure():
                os.makedirs(lab.directory, exist_ok=True)
                world = Mesh(lab, places, os.path.join(options.build, "examples/roam/wire"), PLAN, mode)
                world.start()
                results[mode] = measure(world, options, display)
        with open(os.path.join(out, "result.json"), "w", encoding="utf-8") as file:
            json.dump({"schema": "ilnp.lisp-thesis/1", "runs": options.runs, "pause_ms": options.pause, "modes": results}, file, indent=2)
        show(results, options, display)
        if options.json:
            print(json.dumps(results, indent=2))
        missing = [f"{mode} {client}" for mode, found in results.items() for client in CLIENTS
                   if None in found[client]["convergence_ms"]["lip6"]]
        if missing:
            raise Failure("no figure for some moves: " + ", ".join(missing))
        return True

    longest = int(sum(options.runs * 2 * (SPACING[mode] + 3) + 40 for mode in modes))
    return frame.run(NAME, options, display, longest, body)


if __name__ == "__main__":
    sys.exit(main())
