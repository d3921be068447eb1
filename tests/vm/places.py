# SPDX-License-Identifier: Apache-2.0
"""The examples' programs and sessions (examples/common) with machines among the places where they run. A file of this
machine that a program in a guest is given has the same path there; what it writes is fetched to the same path here."""
import os
import subprocess
import sys

ROOT = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
sys.path.insert(0, os.path.join(ROOT, "examples"))

# pylint: disable=wrong-import-position
from common.places import Places  # noqa: E402
from image import OURS  # noqa: E402
from lab import check  # noqa: E402


class GuestPlaces(Places):
    """`machines`: {role: Machine}; all other roles are namespaces, as ever."""

    def __init__(self, run_name, directory, machines):
        super().__init__(run_name, directory)
        self.machines = machines

    def inside(self, role):
        return self.machines[role].command() if role in self.machines else super().inside(role)

    def spawn(self, role, name, argv, on_line=None, stdin=None):
        if role in self.machines:
            argv = [self._there(self.machines[role], word) for word in argv]
        return super().spawn(role, name, argv, on_line, stdin)

    def _there(self, machine, word):
        """A word of a command line, in the guest: our own programs are in its PATH, and files come along."""
        if any(word.endswith(f"/{path}") for path in OURS):
            return os.path.basename(word)
        if word.startswith(self.directory + "/"):
            if os.path.isfile(word):
                self.push(machine, word)
            else:
                machine.run("mkdir", "-p", word if os.path.isdir(word) else os.path.dirname(word))
        return f"'{word}'" if any(letter in word for letter in " ;*&|$") else word

    @staticmethod
    def push(machine, path):
        """A file or a folder, to the same path in the guest."""
        with subprocess.Popen(["tar", "-c", "-P", path], stdout=subprocess.PIPE) as archive:
            done = subprocess.run(machine.command("tar", "-x", "-f", "-", "-C", "/"), stdin=archive.stdout, check=False,
                                  capture_output=True, timeout=120)
        check(done.returncode == 0 and archive.returncode == 0, f"{machine.name}: {path} is not copied: {done.stderr.decode()}")

    def fetch(self, role, path):
        """What a program in the guest wrote."""
        data = self.machines[role].read(path)
        with open(path, "wb") as out:
            out.write(data)

    def resolv_conf(self, role, server):
        check(role not in self.machines, "a machine has its own")
        super().resolv_conf(role, server)
