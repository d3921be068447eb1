# SPDX-License-Identifier: Apache-2.0
"""The same guest, clients and network once for each who can move it, one after the other, each time set up anew; told as one
run."""
import copy
import os

from common import frame
from common.figures import failed_names
from moving_guest import MovedByLibvirt, MovingGuest

KINDS = {kind.by.lower(): kind for kind in (MovingGuest, MovedByLibvirt)}


class Acts:
    programs, around = MovingGuest.programs, 400

    def __init__(self, name, options, directory, out):
        self.display, self.acts = options.display, {}
        for by in options.by:
            there = [os.path.join(path, by) for path in (directory, out)] if len(options.by) > 1 else (directory, out)
            for path in there:
                os.makedirs(path, exist_ok=True)
            kind = KINDS[by]
            options.acts[by].display = options.display
            self.acts[kind.by] = kind(name, options.acts[by], *there)
        self.out = out

    def run(self):
        found = {}
        for by, act in self.acts.items():
            if len(self.acts) > 1:
                self.display.event(f"the guest is moved by {by}")
            found[by] = act.run()
            frame.catch_signals()  # a laboratory's end ignores them
        return merged(found) if len(found) > 1 else found.popitem()[1]

    def show(self, figures):
        """As the first of them does it."""
        teller = copy.copy(next(iter(self.acts.values())))
        teller.out, teller.acts = self.out, self.acts
        teller.captures = "*/*.pcap" if len(self.acts) > 1 else "*.pcap"
        teller.show(figures)


def merged(found):
    """Figures of all, as if of one run."""
    first = next(iter(found.values()))
    events = [event for each in found.values() for event in each["events"]]
    for number, event in enumerate(events, 1):
        event["number"] = number
    checks = [{**check, "name": f"{by}: {check['name']}"} for by, each in found.items() for check in each["checks"]]
    ok = all(each["ok"] for each in checks)
    text = f"every session survived {len(events)} moves, not one octet wrong" if ok else "FAILED: " + failed_names(checks)
    return {**first, "events": events, "checks": checks, "verdict": {"ok": ok, "text": text},
            "sessions": {by: each["sessions"] for by, each in found.items()},
            "guest_download": {by: each["guest_download"] for by, each in found.items()}}
