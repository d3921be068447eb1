#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two gateways of one site (gateway_pair.py) with keepalived as gateway/deploy/keepalived.conf has it. The active process is
killed, then the machine of the active one is cut off, each of them twice; VRRP alone is cut, and
both believe that they are the active one; only the inside is cut off. Sessions go on, by both families.

keepalived hears of the end of processes from the kernel, which tells only the first of its namespaces: it begins there,
and goes to that of its gateway by itself.
"""
import os
import re
import signal
import subprocess

from gateway_pair import SHARED, Pair, Traffic, is_active, silent, wait_active
from gateway_lab import rloc_of

# pylint: disable=wrong-import-order
from flows import promise
from lab import LIBC, PR_SET_PDEATHSIG, check, test_main, wait_until

EXAMPLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../gateway/deploy/keepalived.conf")
PRIORITY = {"g1": 250, "g3": 240}
# s, promised: without datagrams, and without octets of TCP, which goes on with its second or third retransmission.
KILLED, CUT = (0.3, 0.8), (1.0, 1.7)
SPLIT = (0.6, 1.2)
INSIDE_CUT = (1.5, 3.5)  # the kernel may wait for a second before it says that a carrier is gone
INSIDE = slice(1, None)  # of the cables of a machine
NO_VRRP = """table bridge no_vrrp {
  chain forward {
    type filter hook forward priority 0
    meta l4proto vrrp drop
  }
}
"""


def replaced(text, old, new):
    check(text.count(old) == 1, f"{EXAMPLE} has no line, or several, with {old}")
    return text.replace(old, new)


def die_with_test():
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)  # not SIGKILL: it has a child to take with it


class Keepalived:
    """At the machine of a gateway. What this machine's kernel has in common with the other one is told apart."""

    def __init__(self, gateway):
        self.gateway = gateway
        with open(EXAMPLE, encoding="ascii") as f:
            text = f.read()
        text = replaced(text, "process /usr/sbin/ilnp-gateway\n", f"process {gateway.program} --config {gateway.config}\n")
        text = replaced(text, "priority 250 ", f"priority {PRIORITY[gateway.name]} ")
        self.path = os.path.join(gateway.directory, "keepalived")
        with open(self.path, "w", encoding="ascii") as f:
            f.write(text)
        self.process = None
        self.name = f"keepalived at {gateway.name}"
        gateway.lab.daemons[self.name] = self

    def start(self):
        with open(self.path + ".log", "wb") as log:
            self.process = subprocess.Popen(
                ["keepalived", "--use-file", self.path, "--namespace", self.gateway.ns.full, "--vrrp", "--dont-fork",
                 "--dont-respawn", "--log-console", "--log-detail", "--no-syslog", "--pid", self.path + ".pid",
                 "--vrrp_pid", self.path + ".vrrp.pid"], preexec_fn=die_with_test, stdout=log, stderr=log)
        wait_until(lambda: "proc_events has confirmed" in self.log_text(),
                   f"{self.name}: the kernel says nothing about processes")

    def stop(self):
        """It ends after its child."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(20)

    def log_text(self):
        if self.process is None:
            return ""
        with open(self.path + ".log", encoding="ascii") as f:
            return "".join(line for line in f if "ending" not in line)  # each advertisement to a neighbour has one

    def wait_state(self, state):
        wait_until(lambda: re.findall(r"Entering (\w+) STATE", self.log_text())[-1:] == [state],
                   f"{self.name} is not in the state {state}")


def switch(ports, state):
    for ns, port in ports:
        ns.ip("link", "set", port, state)


class Machines:
    def __init__(self, lab):
        self.pair = Pair(lab)
        self.keepalived = {gateway: Keepalived(gateway) for gateway in self.pair.gateways}

    def start(self):
        """The first one is active: it is alone to begin with."""
        first, second = self.pair.gateways
        for gateway in (first, second):
            for interface in SHARED:  # the kernel looks for duplicates, where nobody tells it otherwise
                gateway.ns.sysctl(f"net.ipv6.conf.{interface}.accept_dad", 1)
        self.pair.start()
        silent(first)
        self.keepalived[first].start()
        wait_active(first)
        self.keepalived[second].start()
        self.keepalived[second].wait_state("BACKUP")
        self.pair.wait_well(first)

    def stop(self):
        for keepalived in self.keepalived.values():
            keepalived.stop()

    def failover(self, heir, end, family):
        traffic = Traffic(self.pair, family)
        silent(heir)
        end()
        wait_active(heir)
        traffic.go_on()
        return traffic.stop_at(heir)

    def comes_back(self, gateway):
        """Nothing changes."""
        gateway.start()
        self.keepalived[gateway].wait_state("BACKUP")
        addresses = gateway.ns.ip("addr", "show")
        check(not any(f" {address} " in addresses for address in sum(SHARED.values(), [])), addresses)
        silent(gateway)

    def kill(self, dead, heir, family):
        """Only the process dies."""
        stall = self.failover(heir, lambda: dead.stop(signal.SIGKILL), family)
        self.keepalived[dead].wait_state("FAULT")
        self.comes_back(dead)
        return stall

    def cut(self, lonely, heir, family, cables=slice(None)):
        """All works on, but the machine is behind no cable, or not behind those."""
        cut_off = self.pair.ports[lonely][cables]
        stall = self.failover(heir, lambda: switch(cut_off, "down"), family)
        check(lonely.process.wait(20) == 0, "not a clean end without its RLOC")
        switch(cut_off, "up")
        self.comes_back(lonely)
        return stall


    def both_believe(self, better, other):
        """VRRP is cut in two for a while, and nothing else. The better one is active before and afterwards."""
        r = self.pair.lab.namespaces["r"]
        traffic = Traffic(self.pair, 6)
        r.run("nft", "-f", "-", stdin=NO_VRRP)
        wait_active(other)
        check(is_active(better), "not both of them believe it")
        traffic.go_on()
        r.run("nft", "delete", "table", "bridge", "no_vrrp")
        check(other.process.wait(20) == 0, "not a clean end without its RLOC")
        traffic.go_on()
        stall = traffic.stop_at(better)
        self.comes_back(other)
        return stall


def words(stalls):
    return ", ".join(f"{datagrams:.2f} ({tcp:.2f})" for datagrams, tcp in stalls)


def test(lab):
    machines = Machines(lab)
    first, second = machines.pair.gateways
    try:
        machines.start()
        killed = [machines.kill(first, second, 6)]
        cut = [machines.cut(second, first, 6)]
        killed.append(machines.kill(first, second, 4))
        cut.append(machines.cut(second, first, 4))
        split = [machines.both_believe(first, second) for _ in range(2)]
        inside = [machines.cut(first, second, 6, INSIDE)]
    finally:
        machines.stop()
    check(rloc_of(1, 6) not in second.ns.ip("addr", "show"), "keepalived leaves addresses")
    for what, stalls, allowed in (("process killed", killed, KILLED), ("machine cut off", cut, CUT),
                                  ("both believed", split, SPLIT), ("inside cut off", inside, INSIDE_CUT)):
        for flow, found, limit in zip(("datagrams", "TCP"), zip(*stalls), allowed):
            promise(f"{what}: {flow}", found, limit)
    print(f"s without datagrams (TCP): process killed {words(killed)}; machine cut off {words(cut)}; "
          f"both believed {words(split)}; inside cut off {words(inside)}")


test_main(test)
