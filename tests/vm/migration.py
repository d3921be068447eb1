# SPDX-License-Identifier: Apache-2.0
"""One live migration by QMP: what our small orchestrator does at each step, and when things happened.

Ways of a guest's memory:
    shared    a file that both processes map; only the processor and the devices are handed over
    stop      the guest is stopped, then all of its memory is copied
    live      memory is copied while the guest runs; what it wrote meanwhile is copied when it has stopped
    postcopy  it runs at the destination before its memory is there, and fetches what it touches

The network is told right before the guest stops, not after it: what comes for it from then on is held where it will be, and
what is on its last metres still finds it. A hypervisor drops what comes for a stopped guest, so nobody can do that later.

Everything may be done twice: who comes after an orchestrator that died does what is left (orchestrate.py).
"""
import time

from lab import Failure, check, wait_until

WAYS = ("shared", "stop", "live", "postcopy")
COPY_RATE = 120 << 20  # octets/s before the guest stops: slow enough for the moment before the end to be seen
LAST_RATE = 16 << 20   # while the network is told
DOWNTIME = 500         # ms


class Aborted(Failure):
    """The migration did not happen; the guest runs where it ran, or it is lost with its process."""


class Migration:
    """From `source` to `destination` (Qemu, waiting). `uri`: where the destination waits for it.
    `before_stop()` tells the network. `times`: CLOCK_MONOTONIC seconds of each step."""

    on_step = staticmethod(lambda step: None)  # called right before each step that changes something

    def __init__(self, source, destination, way, uri, before_stop=lambda: None, progress=lambda share: None):
        check(way in WAYS, f"no such way: {way}")
        self.source, self.destination, self.way, self.uri = source, destination, way, uri
        self.before_stop, self.progress, self.times = before_stop, progress, {}

    def note(self, step, when=None):
        self.times.setdefault(step, when or time.monotonic())

    def run(self):
        """Returns when the guest runs at the destination. Aborted: it did not come so far."""
        self.prepare()
        begin = len(self.source.qmp.events), len(self.destination.qmp.events)
        try:
            self.begin()
            self.complete()
            self._resumed(*begin)
        except Aborted:
            raise
        except Failure as failure:
            raise Aborted(f"{self.way} migration: {failure}; the source says {self.reason()}") from failure
        return self.times

    def prepare(self):
        self.note("begin")
        self.on_step("incoming")
        capabilities = {"events": True, "x-ignore-shared": self.way == "shared", "postcopy-ram": self.way == "postcopy"}
        for end in (self.source, self.destination):
            so = {each["capability"]: each["state"] for each in end.qmp.ask("query-migrate-capabilities")}
            words = [{"capability": name, "state": state} for name, state in capabilities.items() if so[name] != state]
            if words:  # else it may wait already, and takes no settings then
                end.qmp.ask("migrate-set-capabilities", capabilities=words)
        self.source.qmp.ask("migrate-set-parameters", **{
            "max-bandwidth": COPY_RATE if self.way in ("live", "postcopy") else 1 << 40, "downtime-limit": DOWNTIME})
        try:
            self.destination.qmp.ask("migrate-incoming", uri=self.uri)
        except Failure as failure:
            if "already been started" not in str(failure):
                raise

    def begin(self):
        """Until QEMU has been told to migrate."""
        if self.way in ("shared", "stop"):
            self._tell()
        if self.way == "stop":
            self.on_step("stop")
            self.source.qmp.ask("stop")
        if self.way in ("live", "postcopy"):  # it does not stop the guest of itself, before the network is told
            self.source.qmp.ask("migrate-set-parameters", **{"downtime-limit": 1})
        self.on_step("migrate")
        self.source.qmp.ask("migrate", uri=self.uri)

    def complete(self):
        """From then on until the guest runs there, or will without us."""
        if self.way == "live":
            self._wait_copied_to(0.95)
            self.source.qmp.ask("migrate-set-parameters", **{"max-bandwidth": LAST_RATE})
            self._tell()
            self.source.qmp.ask("migrate-set-parameters", **{"max-bandwidth": 1 << 40, "downtime-limit": DOWNTIME})
        elif self.way == "postcopy":
            self._wait_copied_to(0.5)
            self._tell()
            self.source.qmp.ask("migrate-start-postcopy")
        elif self.way == "stop":
            self._wait_copied()
            # While it still takes over, `cont` would be swallowed.
            wait_until(lambda: self.destination.status() == "paused", lambda: f"destination: {self.destination.status()}", pause=0.002)
            self.on_step("cont")
            self.destination.qmp.ask("cont")

    def _tell(self):
        self.on_step("activate")
        self.note("told")
        self.before_stop()
        self.note("activated")

    def _state(self):
        state = self.source.qmp.ask("query-migrate")
        if state.get("status") in ("failed", "cancelled"):
            raise Aborted(f"{self.way} migration {state['status']}: {state.get('error-desc', 'no reason')}")
        memory = state.get("ram")
        state["share"] = 1 - memory["remaining"] / memory["total"] if memory and memory["total"] else None
        if state["share"] is not None:
            self.progress(state["share"])
        return state

    def _wait_copied_to(self, wanted, timeout=60):
        """Until this share of the memory is copied, or all of it."""
        end = time.monotonic() + timeout
        while True:
            state = self._state()
            if state.get("status") in ("device", "completed") or (state["share"] or 0) >= wanted:
                return
            check(time.monotonic() < end, f"memory is not copied within {timeout} s: {state}")
            time.sleep(0.003)

    def _wait_copied(self, timeout=60):
        wait_until(lambda: self._state().get("status") == "completed", lambda: str(self._state()), timeout, pause=0.005)

    def _resumed(self, source_events, destination_events):
        stopped, _ = self.source.qmp.wait_event("STOP", source_events, timeout=30)
        resumed, _ = self.destination.qmp.wait_event("RESUME", destination_events, timeout=30)
        self.note("stopped", stopped)
        self.note("resumed", resumed)
        if self.way == "postcopy":
            self._wait_copied()
        state = self.source.qmp.ask("query-migrate")
        self.times["reported_downtime"] = state.get("downtime", 0) / 1000
        # Over its memory; the last when it had stopped.
        self.times["passes"] = state.get("ram", {}).get("dirty-sync-count", 0)

    def reason(self):
        try:
            state = self.source.qmp.ask("query-migrate", timeout=2)
            return f"{state.get('status')} {state.get('error-desc', '')}".strip()
        except Failure as failure:
            return str(failure)
