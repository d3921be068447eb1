# SPDX-License-Identifier: Apache-2.0
"""The live line and the result of this demo."""
import json

from common.display import Display as Terminal

from . import result


class Display(Terminal):
    def __init__(self, json_wanted):
        super().__init__("roam", json_wanted)

    def result(self, figures, out):
        self.say("")
        self.say(result.table(figures))
        self.say("")
        self.checks(figures["checks"])
        if figures["machine_late_ms"] > 20:
            self.say(f"  note this machine was busy: the wire itself was up to {figures['machine_late_ms']:.0f} ms late, "
                     "and so was everything else")
        self.verdict(figures["verdict"])
        self.say(f"\nreport:   {out}/report.html\nresult:   {out}/result.json" +
                    (f"\ncaptures: {out}/*.pcap" if figures["files"]["captures"] else ""))
        if self.json_wanted:
            print(json.dumps(figures, indent=2), flush=True)


def live_line(run, now):
    """Progress, where both are, silence of each stream just now, what was lost, octets so far."""
    octets = run.curl.octets()
    parts = [f"download {100 * octets / run.download.octets:3.0f} % {octets / 1e6:5.1f} MB"
             + ("" if run.curl.child.running() else " (ended)"),
             f"guest {run.at['guest']} {run.locator('guest')}", f"client {run.at['client']}"]
    for protocol in ("udp", "tcp"):
        counter = run.counters[protocol]
        stalls = []
        for role, arrow in (("client", "\u2193"), ("guest", "\u2191")):
            silent = counter.silent_for(role) * 1000 if counter.running() else None
            stalls.append(f"{arrow}" + ("dead" if silent is None else f"{silent:.0f}"))
        lost = sum(counter.latest[role].get("lost", 0) for role in ("guest", "client"))
        parts.append(f"{protocol} stall {' '.join(stalls)} ms" + (f" lost {lost}" if protocol == "udp" else ""))
    parts.append(f"ssh {len(run.ssh.echoes)} lines" + ("" if run.ssh.child.running() else " (dead)"))
    return " | ".join(parts)
