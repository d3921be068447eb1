# SPDX-License-Identifier: Apache-2.0
"""ilnp-host in the guest and in the client: the only thing that differs between the two kinds of run."""
import calendar
import json
import os
import time

from common.processes import Failure, run, wait_until
from common.servers import write

from .services import ZONE
from .topology import NAME_SERVER

STUB = "127.0.0.106"
NODE_IDS = {"guest": "0200+00ff+fe00+0001", "client": "0200+00ff+fe00+0002"}
LOCATOR_EVENTS = ("own_locator_up", "own_locator_down", "attached", "detached")


class Shim:
    def __init__(self, lab, role, key_file, programs, on_event):
        self.lab, self.role, self.programs = lab, role, programs
        self.locators = []  # texts, best first, as the daemon says
        self.directory = os.path.join(lab.directory, f"ilnp-host-{role}")
        self.socket = os.path.join(self.directory, "control")
        for name in ("", "state"):
            os.mkdir(os.path.join(self.directory, name), 0o700)
        runtime = lab.runtime_directory(role)
        conf = write(os.path.join(self.directory, "host.toml"), f"""\
[identity]
mode = "configured"
nid = "{NODE_IDS[role]}"
[dns]
listen = ["{STUB}:53"]
upstream = ["[{NAME_SERVER}]:53"]
[publish]
enabled = true
server = "[{NAME_SERVER}]:53"
zone = "{ZONE}"
name = "{role}.{ZONE}"
key_file = "{key_file}"
policy = "mobile"
[control]
socket = "{self.socket}"
[state]
directory = "{self.directory}/state"
runtime_directory = "{runtime}"
""")
        self.child = lab.spawn(role, f"ilnp-host-{role}", ["nice", "-n", "-10", programs["ilnp-host"],
                                                                 "--config", conf])
        wait_until(lambda: self._answers() or not self.child.running(), 20, f"ilnp-host in the {role}")
        if not self.child.running():
            raise Failure(f"ilnp-host in the {role} ended:\n{self.child.log_tail()}")
        self._on_event = on_event
        self.monitor = lab.spawn(role, f"monitor-{role}", self._ctl("monitor", "--json"), on_line=self._on_line)
        self._refresh()

    def _ctl(self, *words):
        return [self.programs["ilnpctl"], "--socket", self.socket, *words]

    def _answers(self):
        return os.path.exists(self.socket) and "status" in self.show("status")

    def _on_line(self, line):
        try:
            event = json.loads(line)
        except ValueError:
            return
        if "event" not in event:
            return
        self._on_event(self.role, monotonic_of(event.get("time", "")), event)
        if event["event"] in LOCATOR_EVENTS:
            self._refresh()

    def _refresh(self):
        self.locators = [each["locator"] for each in self.show("locators").get("locators", [])]

    def show(self, what):
        """The answer to `ilnpctl status --json` or `ilnpctl show WHAT --json`; empty when there is none."""
        words = ["status"] if what == "status" else ["show", what]
        text = run(self.lab.inside(self.role) + self._ctl(*words, "--json"), check=False)
        try:
            return {"status": json.loads(text)} if what == "status" else json.loads(text)
        except ValueError:
            return {}


def monotonic_of(text):
    """An event's time stamp (UTC with milliseconds) on the monotonic clock; now when it is not one."""
    now = time.monotonic()
    try:
        wall = calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")) + float("0" + text[19:].rstrip("Z"))
    except ValueError:
        return now
    age = time.time() - wall
    return now - age if 0 <= age < 10 else now
