#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Moves a guest between two QEMU processes and tells the network, or calls that off. It keeps nothing: each run looks at what
is so (both QEMUs, the node's record) and does what is left. So one that died is run again, with the same words.

    orchestrate.py move|abort|look --node NODE --to PLACE [--home PLACE] --source QMP --destination QMP --uri URI
                   --routers SOCKET SOCKET [--way shared|stop|live] [--visible] [--by-hand]

`--node`, `--to`, `--home`: as `ilnpctl migrate prepare` takes them; a guest without ilnp-host is named by its address, and that
says its home. `--source`, `--destination`: a QMP socket that nobody else uses. `--uri`: where memory is sent. `--routers`: the
control sockets of the border routers, the source's first. `--by-hand`: before each step it is named and a line is waited for.
`--never-ran`: of an abort, where the destination is gone after all was handed over, and did not run the guest before.
Each line of output is a JSON object. Exit codes: 0 done, 1 not done and the guest runs where it ran, 2 it runs nowhere,
3 an operator has to decide.
"""
import argparse
import contextlib
import ipaddress
import json
import os
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../netns/host"))

# pylint: disable=wrong-import-position
from lab import Failure, check, wait_until  # noqa: E402
from migration import Migration  # noqa: E402
from qmp import Qmp  # noqa: E402

DONE, NOT_DONE, LOST, UNDECIDED = range(4)
HEARD_WITHIN = 10  # s; after that the router releases the move by itself
GONE = "gone"


class Undecided(Failure):
    """Both answers could be wrong: somebody who knows more has to give it."""


class End:
    """One of the two QEMUs, which may be gone."""

    def __init__(self, path):
        try:
            self.qmp = Qmp(path, timeout=0.5)
        except (Failure, OSError):
            self.qmp = None

    def status(self):
        return self._ask("query-status").get("status", GONE)

    def copy(self):
        """What it says of sending the guest; None: it has not begun. Of the move that brought the guest it says nothing but that
        this was completed."""
        state = self._ask("query-migrate")
        return None if state.get("status") == "completed" and "ram" not in state else state.get("status")

    def _ask(self, command):
        with contextlib.suppress(Failure):
            return self.qmp.ask(command) if self.qmp else {}
        return {}

    def quit(self):
        if self.status() != GONE:
            with contextlib.suppress(Failure):  # it may be gone before it has answered
                self.qmp.ask("quit")
            wait_until(lambda: self.status() == GONE, "QEMU does not end")


class Network:
    """What the border routers are told: by any of them, since each step is one change of a record that all of them see."""

    def __init__(self, ctl, sockets, node, to, home, visible):
        self.ctl, self.sockets, self.node = ctl, sockets, node
        self.to, self.more = to, (*(("--home", home) if home else ()), *(("--visible",) if visible else ()))
        words = ipaddress.ip_address(node).exploded.split(":") if ":" in node else None
        self.nid, self.address = ("+".join(words[4:]), "-".join(words[:4])) if words else (node, None)

    def ask(self, socket, *words):
        done = subprocess.run([self.ctl, "--socket", socket, "--json", *words], capture_output=True, text=True, check=False)
        return json.loads(done.stdout) if done.stdout.startswith("{") else {"error": done.stderr.strip()}

    def step(self, name, sockets=None):
        place = ("--to", self.to) if name != "release" else ()
        for socket in sockets or self.sockets:
            answer = self.ask(socket, "migrate", name, self.node, *place, *(self.more if name == "prepare" else ()))
            if answer.get("outcome") in ("done", "already"):
                return answer["outcome"]
            if "code" in answer and answer["code"] != "no_store":
                break  # refused, which another router would do, too
        raise Failure(f"{name}: {answer.get('error') or answer.get('problems')}")

    def phase(self):
        """Of the node's record: settled, prepared or active."""
        for socket in self.sockets:
            records = self.ask(socket, "migrate", "show").get("records")
            if records is not None:
                return next((each["phase"] for each in records
                             if (each["nid"], each.get("address")) == (self.nid, self.address)), "settled")
        return "unknown"

    def presence(self, socket):
        """What a router says of the node; None: the router is there and knows nothing of it."""
        nodes = self.ask(socket, "show", "nodes").get("nodes")
        check(nodes is not None, f"no router answers at {socket}")
        return next((each["presence"] for each in nodes
                     if (each["nid"], None if each["ilnp"] else each["home"]) == (self.nid, self.address)), None)


class Orchestrator:
    """`source` and `destination` are looked at anew by each run."""

    def __init__(self, options):
        self.options = options
        self.source, self.destination = End(options.source), End(options.destination)
        self.network = Network(options.ctl, options.routers, options.node, options.to, options.home, options.visible)

    def look(self):
        source, copy = self.source.status(), self.source.copy()
        # Of a migration that failed or was called off before, if the guest goes on.
        is_over = source == "running" and copy in ("completed", "failed", "cancelled")
        return {"source": source, "destination": self.destination.status(), "copy": None if is_over else copy,
                "record": self.network.phase()}

    def before(self, step):
        say(next=step)
        if self.options.by_hand and not sys.stdin.readline():
            raise Failure(f"nobody says that {step} may be taken")

    # ---------------------------------------------------------------- move

    def move(self):
        seen = self.look()
        say(seen=seen)
        if seen["destination"] == "running":
            return self._arrived()
        if seen["source"] == GONE:
            return self._without_source(seen)
        if seen["destination"] == GONE or seen["copy"] in ("failed", "cancelled"):
            return self._back(seen)
        return self._go_on(seen)

    def _go_on(self, seen):
        move = Migration(self.source, self.destination, self.options.way, self.options.uri, self._activate)
        move.on_step = self.before
        try:
            if not seen["copy"]:
                self._prepare()
                move.prepare()
                move.begin()
            move.complete()
            wait_until(lambda: self.destination.status() in ("running", GONE), lambda: f"it does not run: {self.look()}")
        except Failure as failure:
            say(failed=str(failure))
            return self._back(self.look())
        return self._arrived() if self.destination.status() == "running" else self._back(self.look())

    def _prepare(self):
        # What comes for the guest there is delivered by that router or not at all.
        self.network.presence(self.options.routers[1])
        self.before("prepare")
        self.network.step("prepare")

    def _activate(self):
        # First where it will be held; then the source's router has seen it as well, or cannot deliver either.
        self.network.step("activate", self.options.routers[::-1][:1])
        try:
            wait_until(lambda: self.network.presence(self.options.routers[0]) in ("away", None), "", timeout=1, pause=0.002)
        except Failure as failure:
            say(warning=f"the source's border router does not know of it: {failure}")

    def _arrived(self):
        """It runs there: whatever has not been said is said now."""
        self.network.step("activate")
        try:
            wait_until(lambda: self.network.presence(self.options.routers[1]) != "arriving", "not heard", HEARD_WITHIN)
        except Failure as failure:
            say(warning=f"the move is not released: {failure}; the router does it when it hears the guest")
            return DONE
        self.before("release")
        self.network.step("release")
        self.source.quit()
        return DONE

    def _without_source(self, seen):
        """A paused destination has all of the guest; one that still waits has nothing that could run."""
        if seen["destination"] == "paused":
            self.before("cont")
            self.destination.qmp.ask("cont")
            wait_until(lambda: self.destination.status() == "running", lambda: str(self.look()))
            return self._arrived()
        self.before("abort")
        self.network.step("abort")
        return LOST

    # ---------------------------------------------------------------- back

    def abort(self):
        seen = self.look()
        say(seen=seen)
        if seen["destination"] == "running":
            raise Undecided("it runs at the destination already: finish the move, and move it back")
        if seen["source"] == GONE:
            return self._without_source(seen)
        return self._back(seen, never_ran=self.options.never_ran or seen["destination"] != GONE)

    def _back(self, seen, never_ran=False):
        """The guest goes on at the source. `never_ran`: the destination is known not to have run it."""
        if seen["source"] == GONE:
            return self._without_source(seen)
        if seen["destination"] == "running":
            return self._arrived()
        if seen["copy"] == "completed" and not never_ran:
            raise Undecided("all of it was handed over, and nobody can say whether it ran there before that ended; if you can: "
                            "abort --never-ran")
        if seen["copy"] in ("setup", "active", "device"):
            self.before("cancel")
            self.source.qmp.ask("migrate_cancel")
            wait_until(lambda: self.source.copy() not in ("setup", "active", "device", "cancelling"), lambda: str(self.look()))
        self.destination.quit()
        if self.source.status() != "running":
            self.before("cont")
            wait_until(self._runs_again, lambda: f"it does not go on: {self.look()}", pause=0.05)
        self.before("abort")
        self.network.step("abort")
        return NOT_DONE

    def _runs_again(self):
        """`cont` is refused while QEMU has not finished with the migration."""
        try:
            self.source.qmp.ask("cont")
        except Failure as failure:
            say(warning=str(failure))
        return self.source.status() == "running"


def say(**words):
    print(json.dumps({"at": round(time.monotonic(), 4), **words}), flush=True)


def options_of(words):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("move", "abort", "look"))
    for name in ("node", "to", "source", "destination", "uri"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--home")
    parser.add_argument("--routers", nargs=2, required=True)
    parser.add_argument("--way", choices=("shared", "stop", "live"), default="live")
    parser.add_argument("--ctl", default="ilnpctl")
    for name in ("visible", "by-hand", "never-ran"):
        parser.add_argument(f"--{name}", action="store_true")
    return parser.parse_args(words)


def main(words):
    orchestrator = Orchestrator(options_of(words))
    try:
        if orchestrator.options.what == "look":
            say(seen=orchestrator.look())
            return DONE
        code = getattr(orchestrator, orchestrator.options.what)()
    except Undecided as question:
        say(undecided=str(question), seen=orchestrator.look())
        return UNDECIDED
    except Failure as failure:
        seen = orchestrator.look()
        say(failed=str(failure), seen=seen)
        return NOT_DONE
    say(end=("done", "not done", "lost")[code], seen=orchestrator.look())
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
