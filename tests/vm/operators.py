# SPDX-License-Identifier: Apache-2.0
"""Operators who move a machine by orchestrate.py, one run after the other, some of which die."""
import json
import os
import subprocess
import sys

from counters import Counted
from lab import Failure, check
from two_sites import OTHER

ORCHESTRATE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "orchestrate.py")
DONE, NOT_DONE, LOST, UNDECIDED = range(4)


class Run:
    """One run of the orchestrator."""

    def __init__(self, words):
        self.lines, self.waits = [], False
        self.process = subprocess.Popen([sys.executable, ORCHESTRATE, *words], text=True, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)

    def _line(self):
        line = self.process.stdout.readline()
        if line:
            print(line, end="")
            self.lines.append(json.loads(line))
        return self.lines[-1] if line else None

    def until(self, step):
        """Takes its steps one by one as far as to right before this one."""
        while (line := self._line()) is not None:
            self.waits = "next" in line
            if line.get("next") == step:
                return self
            self.go_on()
        raise Failure(f"it never came to {step}: {self.lines}")

    def go_on(self):
        """The step that it waits with, if any."""
        if not self.waits:
            return
        self.waits = False
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def kill(self):
        self.process.kill()
        self.process.communicate()

    def end(self):
        """(exit code, its last words), with all the steps that are left."""
        self.go_on()
        while (line := self._line()) is not None:
            self.waits = "next" in line
            self.go_on()
        self.process.communicate()
        check(self.lines, "the orchestrator said nothing")
        return self.process.returncode, self.lines[-1]


class Operator:
    """Moves one machine of VmSites to the site where it is not."""

    def __init__(self, sites, name, way="stop"):
        self.sites, self.name, self.way = sites, name, way
        self.machine = sites.machines[name].machine
        self.expect()

    def expect(self):
        """A process for the guest waits at the other site."""
        self.to = OTHER[self.sites.where[self.name]]
        self.destination = self.machine.expect_at(self.to)

    def words(self, what, *more, way=None):
        sites, way = self.sites, way or self.way
        routers = (sites.sites[site].router.socket_path for site in (sites.where[self.name], self.to))
        return [what, "--node", sites.node(self.name), *sites.move_words(self.name, self.to), "--way", way,
                "--ctl", sites.lab.ctl, "--source", self.machine.qemu.second_qmp,
                "--destination", self.destination.second_qmp, "--uri", self.destination.uri(way), "--routers", *routers, *more]

    def begin(self, what="move", *more, way=None):
        return Run(self.words(what, "--by-hand", *more, way=way))

    def run(self, what, *more):
        return self.begin(what, *more).end()

    def arrived(self, result):
        """The guest is there, and there alone."""
        code, last = result
        check(code == DONE, f"the move to {self.to}: {last}")
        self.machine.taken_over(self.destination, self.to)
        self.sites.where[self.name] = self.to
        self.sites.wait_presence(self.name, self.to, self.sites.inside(self.name, self.to))
        self.expect()

    def arrived_though_router_dies(self):
        """That at the destination, between `activate` and the guest's arrival; it comes back as systemd would bring it back."""
        run = self.begin().until("stop")
        router = self.sites.sites[self.to].router
        router.stop(9)
        router.start()
        self.arrived(run.end())

    def stayed(self, result):
        """It runs where it ran, the other process is gone, and the network knows."""
        code, last = result
        check(code == NOT_DONE and last["seen"]["source"] == "running", f"the move to {self.to} was not called off: {last}")
        self.destination.end()
        self.machine.check_alive()
        site = self.sites.where[self.name]
        self.sites.wait_presence(self.name, site, self.sites.inside(self.name, site))
        self.expect()


def sessions_of(sites, name, rate=25):
    """TCP with the machine, from each of the clients."""
    return [Counted(f"session of {client}", sites.lab.namespaces[client], sites.machines[name].machine, address, "tcp", rate)
            for client, address in sites.addresses(name).items()]
