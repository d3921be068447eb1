# SPDX-License-Identifier: Apache-2.0
"""The sessions of a client with the guest: curl, an interactive ssh session and four counter streams, all by name, all with
the ordinary programs. Each says of itself whether it lives, and keeps what it saw for the measurement."""
import hashlib
import json
import os
import subprocess
import threading
import time

from .processes import Failure, wait_until
from .servers import HTTP_PORT



class Curl:
    """A download that has to span every move; the server limits its rate."""

    def __init__(self, lab, client, name, download, dead_after, longest):
        self.download = download
        self.path = os.path.join(lab.directory, f"downloaded-{client}.bin")
        self.progress = []  # (time, octets)
        self.ended_at = None
        self.child = lab.spawn(client, f"curl-{client}", [
            "curl", "-sS", "--fail", "-o", self.path, "--connect-timeout", "10",
            "--speed-limit", "1000", "--speed-time", str(int(dead_after)), "--max-time", str(int(longest)),
            f"http://{name}:{HTTP_PORT}/download.bin"])
        self._sampler = threading.Thread(target=self._sample, daemon=True)
        self._sampler.start()

    def _sample(self):
        while self.child.running():
            self.progress.append((time.monotonic(), self.octets()))
            time.sleep(0.1)
        self.ended_at = time.monotonic()
        self.progress.append((self.ended_at, self.octets()))

    def octets(self):
        try:
            return os.stat(self.path).st_size
        except OSError:
            return 0

    def finish(self, timeout):
        status = self.child.wait(timeout)
        if status is None:
            self.child.stop()
        self._sampler.join(2)
        digest = hashlib.sha256()
        if os.path.exists(self.path):
            with open(self.path, "rb") as file:
                while block := file.read(4 << 20):
                    digest.update(block)
        return {"octets": self.octets(), "octets_expected": self.download.octets, "sha256": digest.hexdigest(),
                "sha256_expected": self.download.sha256, "equal": digest.hexdigest() == self.download.sha256,
                "curl_status": status if status is not None else "still running, stopped",
                "message": self.child.log_text().strip(), "ended_at": self.ended_at}


class Ssh:
    """A line every 100 ms into `cat` on a terminal of the guest; every line must come back as it was."""

    INTERVAL = 0.1

    def __init__(self, lab, client, server, dead_after):
        self.sent, self.echoes = [], []  # times sent; (number, time sent, time back)
        self.wrong = []
        self.ready = threading.Event()
        self._stop = threading.Event()
        self.child = lab.spawn(client, f"ssh-{client}",
                               server.client_command(dead_after, "stty raw -echo; echo ready; exec cat"), on_line=self._on_line, stdin=subprocess.PIPE)
        self._writer = threading.Thread(target=self._write, daemon=True)
        self.ended_at = None

    @staticmethod
    def text(number):
        return f"line {number} {hashlib.sha256(str(number).encode()).hexdigest()}"

    def start(self):
        self._writer.start()

    def _write(self):
        due = time.monotonic()
        try:
            while not self._stop.wait(max(0, due - time.monotonic())) and self.child.running():
                due += self.INTERVAL
                number = len(self.sent)
                self.sent.append(time.monotonic())
                self.child.process.stdin.write((self.text(number) + "\n").encode())
                self.child.process.stdin.flush()
        except OSError:
            pass
        if not self._stop.is_set():
            self.ended_at = time.monotonic()

    def _on_line(self, line):
        now, text = time.monotonic(), line.decode(errors="replace").strip()
        if not self.ready.is_set():
            if text == "ready":
                self.ready.set()
            return
        number = len(self.echoes)
        if text != self.text(number):
            self.wrong.append(text[:80])
        self.echoes.append((number, self.sent[number] if number < len(self.sent) else now, now))

    def finish(self, timeout):
        self._stop.set()
        self._writer.join(2)
        deadline = time.monotonic() + timeout
        while len(self.echoes) < len(self.sent) and self.child.running() and time.monotonic() < deadline:
            time.sleep(0.02)
        alive = self.child.running()
        status = self.child.process.returncode
        self.child.stop()
        gaps = [b[2] - a[2] for a, b in zip(self.echoes, self.echoes[1:])]
        return {"alive": alive, "status": status, "lines_sent": len(self.sent), "lines_back": len(self.echoes),
                "lines_wrong": len(self.wrong), "longest_gap_ms": 1000 * max(gaps, default=0), "ended_at": self.ended_at,
                "message": self.child.log_text().strip()}


class Counter:
    """Two counter streams (to the guest and to the client) of one session."""

    def __init__(self, lab, program, protocol, port, client, guest, name, seconds, dead_after, rate=1000, guest_rate=1000):
        """Records a second that the client and the guest send; a slow guest looks no more often for what has come."""
        self.protocol = protocol
        self.latest = {"client": {}, "guest": {}}
        self.ended_at = {}
        label = f"counter-{protocol}-{client}"
        self.logs = {role: os.path.join(lab.directory, f"{label}-{role}.bin") for role in ("client", "guest")}
        common = ["--protocol", protocol, "--port", str(port), "--seconds", str(seconds), "--dead-after", str(dead_after)]
        pace = [] if guest_rate == 1000 else ["--rate", str(guest_rate), "--gather", str(1 / guest_rate)]
        self.server = lab.spawn(guest, f"{label}-guest", [program, "serve", "--log", self.logs["guest"]] + pace + common,
                                on_line=self._keep("guest"))
        self.server.wait_for_log("counter: ready", 20)
        self.client = lab.spawn(client, label, [program, "connect", "--host", name, "--log", self.logs["client"],
                                            "--rate", str(rate)] + common,
                                on_line=self._keep("client"))

    def _keep(self, role):
        def on_line(line):
            self.latest[role] = json.loads(line)
            if self.latest[role].get("final"):
                self.ended_at[role] = time.monotonic()
        return on_line

    def started(self):
        return all(latest.get("received", 0) > 0 for latest in self.latest.values())

    def running(self):
        return self.client.running() and self.server.running()

    def silent_for(self, role):
        """Seconds that `role` had heard nothing when it last reported (five times a second)."""
        latest = self.latest[role]
        return (latest["at"] - latest["last_arrival"]) / 1e9 if latest.get("last_arrival") else 0.0

    def ask_to_end(self):
        self.client.terminate()  # the server learns it from the stream

    def finish(self, timeout):
        for child in (self.client, self.server):
            if child.wait(timeout) is None:
                child.stop()
        return {f"to_{role}": {**self.latest[role], "ended_at": self.ended_at.get(role)} for role in ("guest", "client")}


class Sessions:
    """All of one client's. `name` is what it calls the guest; `port` and the one after it are the counters'."""

    def __init__(self, lab, client, guest, name, ssh_server, program, port, seconds, dead_after, rates=None):
        """`rates`: {protocol: (records a second of the client, of the guest)}, where they are not 1000."""
        self.lab, self.client, self.name = lab, client, name
        self.longest, self.dead_after = seconds + 35, dead_after
        self.ssh, self.counters = Ssh(lab, client, ssh_server, dead_after), {}

        def counter(number, protocol):
            return Counter(lab, program, protocol, port + number, client, guest, name, self.longest, dead_after,
                           *(rates or {}).get(protocol, ()))
        self._counter = counter

    def wait_ssh(self):
        """Before any of the streams begins: its cryptography is what a slow guest takes longest for."""
        if not self.ssh.ready.wait(30):
            raise Failure(f"the ssh session of the {self.client} did not start:\n{self.ssh.child.log_tail()}")

    def start(self, download):
        """Returns when all of them go on."""
        self.wait_ssh()
        self.counters = {protocol: self._counter(number, protocol) for number, protocol in enumerate(("udp", "tcp"))}
        for protocol, counter in self.counters.items():
            wait_until(lambda c=counter: c.started() or not c.running(), 30, f"the {protocol} counter")
            if not counter.running():
                raise Failure(f"the {protocol} counter did not start:\n{counter.client.log_tail()}")
        self.curl = Curl(self.lab, self.client, self.name, download, self.dead_after, self.longest)
        self.ssh.start()

    def finish(self):
        """What each of them says of itself."""
        found = {}
        for counter in self.counters.values():
            counter.ask_to_end()
        for protocol, counter in self.counters.items():
            found[protocol] = counter.finish(15)
        found["ssh"] = self.ssh.finish(15)
        found["download"] = self.curl.finish(25)
        return found
