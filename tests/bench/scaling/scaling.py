#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What many sessions cost a running ilnp-host: processor time per packet with 10, 1,000 and 100,000 sessions (packets
to and from peers at random, over the whole path), memory, and how long it takes to tell 10,000 peers about a move.

  scaling.py [--build build/dev] [--rounds 5] [--seconds 2] [--json]

The sessions come from state files, as after a restart. Their peers are one program that answers for all of them. The
populations take turns; ratios are taken round by round, and the median is printed beside its target. Exit status 1 when
a target is missed. Needs root; removes what it made, also when it is interrupted.
"""
import json
import os
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from pair import Pair, clean_up_when_terminated, options_of  # noqa: E402

POPULATIONS = [10, 1_000, 100_000]
FAN_OUT = 10_000
NID = "5c1a+97d3+04be+6f21"  # population.cpp
HOME, NEW_HOME = "2001:db8:a:1::", "2001:db8:a:2::"
MIB = 1 << 20


class Crowd(Pair):
    """A host with many sessions, and all of its peers at the other end."""

    def __init__(self, build, sessions):
        self.sessions = sessions
        self.tool = f"{build}/tests/bench/scaling/bench_scaling"
        super().__init__(build, HOME)

    def set_up(self):
        for end in "ab":  # the peers are no kernel: the host has to finish its checksums
            self.inside(end, "ethtool", "-K", "eth0", "tx", "off")
        subprocess.run([self.tool, "sessions", str(self.sessions), os.path.join(self.home("a"), "sessions")], check=True)
        self.peers = self.start("b", self.tool, "reflect", "eth0", ready="ready", stdin=subprocess.PIPE)
        self.host = self.start_host("a", NID, "[dns]\nenabled = false\n")
        deadline = time.monotonic() + 20
        while not self.ready():
            if time.monotonic() > deadline:
                raise RuntimeError("the host does not come up with its sessions")
            time.sleep(0.1)

    def ready(self):
        try:
            status = self.ask("a", "status")
        except subprocess.CalledProcessError:
            return False
        return status["sessions"]["established"] == self.sessions and status["locators"]

    def cpu_ns(self):
        with open(f"/proc/{self.host.pid}/schedstat", encoding="ascii") as f:
            return int(f.read().split()[0])

    def is_idle(self, seconds=1):
        before = self.cpu_ns()
        time.sleep(seconds)
        return self.cpu_ns() - before < 0.01e9 * seconds

    def resident(self):
        with open(f"/proc/{self.host.pid}/status", encoding="ascii") as f:
            return next(int(line.split()[1]) * 1024 for line in f if line.startswith("VmRSS"))

    def count(self):
        """What the peers have seen since the last time."""
        self.peers.stdin.write("\n")
        self.peers.stdin.flush()
        return json.loads(self.peers.stdout.readline())

    def ns_per_packet(self, seconds):
        """Processor time of the daemon (its kernel part included) for each packet that it passed on, either way."""
        before = self.cpu_ns()
        done = json.loads(self.inside("a", self.tool, "traffic", str(self.sessions), str(seconds)))
        spent = self.cpu_ns() - before
        if done["lost"] > done["sent"] / 100:
            raise RuntimeError(f"{done['lost']} of {done['sent']} datagrams were lost")
        return spent / (done["sent"] + done["received"])

    def tell_everybody(self):
        """Seconds from a second locator to the first Locator Update for the last peer, and how many were told."""
        self.count()
        begin = time.clock_gettime(time.CLOCK_BOOTTIME)
        self.inside("a", "ip", "addr", "add", f"{NEW_HOME}a/64", "dev", "eth0", "nodad")
        time.sleep(2)
        seen = self.count()
        return seen["updated"], seen["last"] - begin


def measure(options):
    crowds, result = [], {}
    try:
        for sessions in POPULATIONS:
            crowds.append(Crowd(options.build, sessions))
        deadline = time.monotonic() + 60
        while not all([crowd.is_idle() for crowd in crowds]):  # after a restart all peers are told where it is
            if time.monotonic() > deadline:
                raise RuntimeError("a host does not come to rest")
        rounds = []
        for number in range(options.rounds + 1):
            order = crowds if number % 2 == 0 else crowds[::-1]
            figures = {crowd.sessions: crowd.ns_per_packet(options.seconds) for crowd in order}
            if number > 0:  # the first warms up
                rounds.append(figures)
        result["ns_per_packet"] = {n: statistics.median(r[n] for r in rounds) for n in POPULATIONS}
        ratios = [r[POPULATIONS[-1]] / r[POPULATIONS[0]] for r in rounds]
        result["ratio"] = {"median": statistics.median(ratios), "low": min(ratios), "high": max(ratios)}
        result["resident"] = {crowd.sessions: crowd.resident() for crowd in crowds}
    finally:
        for crowd in crowds:
            crowd.close()
    told = []
    for _ in range(options.rounds):
        crowd = Crowd(options.build, FAN_OUT)
        try:
            time.sleep(1)
            told.append(crowd.tell_everybody())
        finally:
            crowd.close()
    result["fan_out"] = {"peers": min(n for n, _ in told), "seconds": statistics.median(s for _, s in told),
                         "low": min(s for _, s in told), "high": max(s for _, s in told)}
    return result


def verdicts(result):
    small, large = POPULATIONS[0], POPULATIONS[-1]
    resident, fan_out = result["resident"], result["fan_out"]
    per_session = (resident[large] - resident[small]) / (large - small)
    return [
        ("cost of a packet, 100,000 sessions : 10", result["ratio"]["median"], 1.3,
         f"({result['ratio']['low']:.2f} .. {result['ratio']['high']:.2f})"),
        ("octets resident per idle session", per_session, 1024, ""),
        ("MiB resident with 100,000 sessions", resident[large] / MIB, 128, ""),
        (f"seconds until {fan_out['peers']:,} peers were told", fan_out["seconds"] if fan_out["peers"] == FAN_OUT
         else float("inf"), 1.0, f"({fan_out['low']:.2f} .. {fan_out['high']:.2f})"),
    ]


def main():
    parser = options_of(__doc__, seconds=2)
    options = parser.parse_args()
    clean_up_when_terminated()
    result = measure(options)
    rows = verdicts(result)
    if options.json:
        print(json.dumps({"schema": "ilnp.bench.scaling/1", **result}, indent=1))
    else:
        for sessions, ns in result["ns_per_packet"].items():
            print(f"{sessions:7,} sessions: {ns:7.0f} ns of processor time per packet, "
                  f"{result['resident'][sessions] / MIB:6.1f} MiB")
        for words, value, limit, spread in rows:
            print(f"{words:42}{value:9.2f}   <= {limit:g} {'met' if value <= limit else 'MISSED'} {spread}")
    return 0 if all(value <= limit for _, value, limit, _ in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
