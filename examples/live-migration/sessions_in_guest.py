# SPDX-License-Identifier: Apache-2.0
"""Sessions whose end in the guest is not as in a namespace: the machine's own sshd, and a download by the guest."""
import copy
import os
import shutil
import time

from common.servers import HTTP_PORT, SshServer, write


class MachineSsh(SshServer):
    """The sshd that the machine has anyway, with its key, under the names that clients call it by."""

    def __init__(self, places, machine, names):
        super().__init__(places, machine.name, ",".join(names))
        self.control = machine.control

    def start(self):
        shutil.copy(self.control.key, os.path.join(self.directory, "user_key"))
        with open(f"{self.control.host_key}.pub", encoding="ascii") as file:
            kind, key, *_ = file.read().split()
        write(os.path.join(self.directory, "known_hosts"), f"{self.name} {kind} {key}\n")

    def called(self, name):
        """For a client that knows it by this name."""
        other = copy.copy(self)
        other.name = name
        return other


class Fetch:
    """The guest downloads from outside, for as long as it moves."""

    def __init__(self, places, machine, name, download, dead_after, longest):
        self.machine, self.download, self.path = machine, download, "/run/fetched.bin"
        self.child = places.spawn(machine.name, "curl-in-guest", [
            "curl", "-sS", "--fail", "-o", self.path, "--connect-timeout", "10", "--speed-limit", "1000",
            "--speed-time", str(int(dead_after)), "--max-time", str(int(longest)), f"http://{name}:{HTTP_PORT}/download.bin"])

    def finish(self, timeout):
        status = self.child.wait(timeout)
        if status is None:
            self.child.stop()
        found = self.machine.run(f"stat -c %s {self.path}; sha256sum {self.path}", check_status=False).stdout.split()
        size, digest = found[:2] if found else (0, None)  # it may not have come as far as a file
        return {"octets": int(size), "equal": digest == self.download.sha256, "message": self.child.log_text().strip(),
                "curl_status": status if status is not None else "still running, stopped"}


class Load:
    """The processor time of a machine's QEMU, per second, from now on."""

    def __init__(self, machine):
        self.path, self.since = f"/proc/{machine.qemu.pid()}/stat", time.monotonic()
        self.used = self._used()

    def _used(self):
        with open(self.path, encoding="ascii") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def share(self):
        return (self._used() - self.used) / (time.monotonic() - self.since)
