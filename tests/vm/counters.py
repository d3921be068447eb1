# SPDX-License-Identifier: Apache-2.0
"""Sessions with a machine whose records are numbered in both directions: examples/roam/counter at both ends."""
import json
import os
import signal
import struct

from lab import check, wait_until

DEAD_AFTER = 20  # s; a guest that takes longer is dead, not late
HEAD, ROW = 8, struct.Struct("<QQQ")  # of counter's log
LONGEST = 36000  # s
LAST_TALLIES = 1 << 20  # octets


class Counted:
    """UDP or TCP from a namespace to a machine, `rate` records/s there. `guest_rate` back: each one costs an emulated
    processor a wake-up, and so would each look for what has come; it looks no more often."""
    ports = 7200

    def __init__(self, name, namespace, machine, address, protocol="udp", rate=1000, guest_rate=None):
        Counted.ports += 1
        self.name, self.protocol, self.machine, self.port = name, protocol, machine, Counted.ports
        lab = namespace.lab
        common = ("--protocol", protocol, "--port", self.port, "--seconds", LONGEST, "--dead-after", DEAD_AFTER)
        pace = ("--rate", guest_rate, "--gather", 1 / guest_rate) if guest_rate else ("--rate", rate)
        # A guest has little room: no log, and of the tallies the last.
        machine.run(f"(counter serve {' '.join(map(str, (*common, *pace)))} --log /dev/null 2>/run/{self.port}.err "
                    f"| tail -n 1 >/run/{self.port}.json) >/dev/null 2>&1 </dev/null &")
        wait_until(lambda: b"ready" in machine.read(f"/run/{self.port}.err"), f"{name}: no server in the guest")
        self.read_to = HEAD
        self.path = os.path.join(lab.directory, f"counter-{self.port}")
        with open(f"{self.path}.json", "wb") as out:
            self.process = namespace.start(os.path.join(lab.build, "examples/roam/counter"), "connect", *common, "--rate", rate,
                                           "--host", address, "--log", f"{self.path}.log", stdout=out, stderr=out)
        wait_until(self.so_far, lambda: f"{name}: no session: {self._text()}")

    def _text(self):
        """The last of its tallies; in the end they name what is missing."""
        with open(f"{self.path}.json", "rb") as lines:
            lines.seek(max(0, os.path.getsize(lines.name) - LAST_TALLIES))
            return lines.read().decode()

    def so_far(self):
        """Records that came from the machine."""
        check(self.process.poll() is None, f"{self.name}: the session is over: {self._text()[-500:]}")
        whole = self._text().rpartition("\n")[0]
        return json.loads(whole.splitlines()[-1])["received"] if whole.endswith("}") else 0

    def end(self):
        """(tally of the client, tally of the machine): nothing is broken, doubled or other than it was sent."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        tallies = [json.loads(text.splitlines()[-1]) for text in (
            self._text(), wait_until(self._there, lambda: f"{self.name}: the guest's end does not end"))]
        for tally in tallies:
            check(not tally["died"] and tally["final"], f"{self.name}: the session broke: {tally}")
            check(not tally["corrupt"] and not tally["duplicates"], f"{self.name}: other records than were sent: {tally}")
            # A slow guest may not come to the stream's end in the time that counter gives it.
            check(self.protocol == "udp" or not tally["jumps"] and not tally["lost"], f"{self.name}: octets are missing: {tally}")
        return tallies

    def _there(self):
        text = self.machine.read(f"/run/{self.port}.json").decode()
        return text if '"final":true' in text else None

    def longest_gap(self, since, until):
        """Seconds without a record from the machine, of those gaps that touch [since, until]. Later calls look at later
        gaps, and read no more than what came since."""
        longest, before = 0.0, None
        with open(f"{self.path}.log", "rb") as rows:
            rows.seek(self.read_to)
            while len(row := rows.read(ROW.size)) == ROW.size:
                received = ROW.unpack(row)[2] / 1e9
                if before is not None and received > since and before < until:
                    longest = max(longest, received - before)
                if received < since:
                    self.read_to = rows.tell() - ROW.size
                before = received
        return longest


def go_on(sessions, more=10):
    """Each of them gets further."""
    for session, count in [(session, session.so_far()) for session in sessions]:
        wait_until(lambda s=session, c=count: s.so_far() >= c + more, f"{session.name} stopped at {count}")
