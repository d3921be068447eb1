# SPDX-License-Identifier: Apache-2.0
"""What the person in front of the terminal sees: steps, events, a live line, the table at the end.

On a terminal the live line is rewritten in place; elsewhere it comes as a plain line every two seconds. With --json
standard output belongs to the result and all of this goes to standard error."""
import shutil
import sys
import time

BOLD, GREEN, RED, DIM, PLAIN = "\033[1m", "\033[32m", "\033[31m", "\033[2m", "\033[0m"


class Display:
    def __init__(self, json_wanted):
        self.json_wanted = json_wanted
        self.out = sys.stderr if json_wanted else sys.stdout
        self.terminal = self.out.isatty()
        self._live_shown = False
        self._last_live = 0.0
        self._began = time.monotonic()

    def _clear(self):
        if self._live_shown:
            self.out.write("\r\033[K")
            self._live_shown = False

    def _print(self, text):
        self._clear()
        print(text, file=self.out, flush=True)

    def paint(self, colour, text):
        return f"{colour}{text}{PLAIN}" if self.terminal else text

    def step(self, text):
        self._print(self.paint(DIM, f"{time.monotonic() - self._began:5.1f} s  ") + text)

    def event(self, text):
        self._print(self.paint(DIM, f"{time.monotonic() - self._began:5.1f} s  ") + self.paint(BOLD, text))

    def failure(self, text):
        self._clear()
        print(f"roam: {text}", file=sys.stderr, flush=True)

    def live(self, run):
        now = time.monotonic()
        if not self.terminal and now - self._last_live < 2:
            return
        self._last_live = now
        text = live_line(run, now)
        if self.terminal:
            width = shutil.get_terminal_size().columns - 1
            self.out.write("\r\033[K" + text[:width])
            self.out.flush()
            self._live_shown = True
        else:
            self._print(f"{now - self._began:5.1f} s  {text}")

    def result(self, figures, out):
        from . import result
        self._print("")
        self._print(result.table(figures))
        self._print("")
        for check in figures["checks"]:
            mark = self.paint(GREEN, "ok  ") if check["ok"] else self.paint(RED, "FAIL")
            self._print(f"  {mark} {check['name']}: {check['detail']}")
        if figures["machine_late_ms"] > 20:
            self._print(f"  note this machine was busy: the wire itself was up to {figures['machine_late_ms']:.0f} ms late, "
                        "and so was everything else")
        self._print("")
        verdict = figures["verdict"]
        self._print(self.paint(BOLD + (GREEN if verdict["ok"] else RED), verdict["text"]))
        self._print(f"\nreport:   {out}/report.html\nresult:   {out}/result.json" +
                    (f"\ncaptures: {out}/*.pcap" if figures["files"]["captures"] else ""))
        if self.json_wanted:
            import json
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
