# SPDX-License-Identifier: Apache-2.0
"""ilnp-host in the guest and in the client: the only thing that differs between the two kinds of run."""
import json
import os
import time

from .processes import Failure, run, wait_until
from .services import NAME_SERVER, REVERSE_ZONE, ZONE, write

STUB = "127.0.0.106"
NODE_IDS = {"guest": "0200+00ff+fe00+0001", "client": "0200+00ff+fe00+0002"}


class Shim:
    def __init__(self, lab, role, key_file, programs, on_event):
        self.lab, self.role, self.programs = lab, role, programs
        self.directory = os.path.join(lab.directory, f"ilnp-host-{role}")
        os.mkdir(self.directory, 0o700)
        self.socket = os.path.join(self.directory, "control")
        for name in ("state", "run"):
            os.mkdir(os.path.join(self.directory, name), 0o700)
        conf = write(os.path.join(self.directory, "host.toml"), f"""\
[identity]
mode = "configured"
nid = "{NODE_IDS[role]}"
[dns]
upstream = ["[{NAME_SERVER}]:53"]
listen = ["{STUB}:53"]
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
runtime_directory = "{self.directory}/run"
""")
        self.child = lab.spawn(role, f"ilnp-host-{role}", [programs["ilnp-host"], "--config", conf])
        wait_until(lambda: self._answers() or not self.child.running(), 5, f"ilnp-host in the {role}")
        if not self.child.running():
            raise Failure(f"ilnp-host in the {role} ended:\n{self.child.log_tail()}")
        self._on_event = on_event
        self.monitor = lab.spawn(role, f"monitor-{role}", self._ctl("monitor", "--json"), on_line=self._on_line)

    def _ctl(self, *words):
        return [self.programs["ilnpctl"], "--socket", self.socket, *words]

    def _answers(self):
        if not os.path.exists(self.socket):
            return False
        return bool(run(self.lab.inside(self.role) + self._ctl("status", "--json"), check=False).strip())

    def _on_line(self, line):
        try:
            event = json.loads(line)
        except ValueError:
            return
        self._on_event(self.role, time.monotonic(), event)

    def show(self, what):
        """The answer to `ilnpctl show WHAT --json`."""
        text = run(self.lab.inside(self.role) + self._ctl("show", what, "--json"), check=False)
        try:
            return json.loads(text)
        except ValueError:
            return {}
