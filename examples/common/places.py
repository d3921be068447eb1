# SPDX-License-Identifier: Apache-2.0
"""Where the processes of a run live: its namespaces, called RUN-ROLE, and what it made on this machine beside them. All of
it is taken back by close(); what a killed run left behind is removed by the next one (remove_leftovers)."""
import contextlib
import os
import re
import shutil
import signal
import socket
import tempfile
import time

from . import processes
from .processes import Child, Failure


class Places:
    def __init__(self, run_name, directory):
        self.run_name, self.directory = run_name, directory
        self.children = []
        self._made_paths, self._shared_paths, self._roles = [], [], set()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def close(self):
        for child in reversed(self.children):
            child.terminate()
        for child in reversed(self.children):
            child.stop(timeout=2)
        self.children.clear()
        for role in self._roles:
            end_processes(self.namespace(role))
        for path in self._made_paths:
            shutil.rmtree(path, ignore_errors=True)
        for path in self._shared_paths:
            with contextlib.suppress(OSError):
                os.rmdir(path)
        self._made_paths.clear()
        self._shared_paths.clear()

    def namespace(self, role):
        return f"{self.run_name}-{role}"

    def inside(self, role):
        """A command prefix: in the role's network, with its /etc/resolv.conf."""
        return ["ip", "netns", "exec", self.namespace(role)]

    def spawn(self, role, name, argv, on_line=None, stdin=None):
        child = Child(name, self.inside(role) + argv, self.directory, on_line, stdin)
        self.children.append(child)
        self._roles.add(role)
        return child

    def resolv_conf(self, role, server):
        path = f"/etc/netns/{self.namespace(role)}"
        self.share_directory("/etc/netns")
        os.makedirs(path)
        self._made_paths.append(path)
        with open(os.path.join(path, "resolv.conf"), "w", encoding="ascii") as conf:
            conf.write(f"nameserver {server}\noptions timeout:2 attempts:3\n")

    def share_directory(self, path):
        """A directory that others may use as well: made when it is missing, taken away when it is empty again."""
        if not os.path.exists(path):
            os.mkdir(path, 0o755)
            self._shared_paths.append(path)

    def runtime_directory(self, role):
        """Where a daemon keeps what need not survive a reboot: in memory, as /run is."""
        path = f"/run/{self.namespace(role)}"
        os.mkdir(path, 0o700)
        self._made_paths.append(path)
        return path


class WideArea:
    """The program `wire` in a namespace of its own: lines with delay, loss and rate. `pairs` are those of `wire --help`."""

    def __init__(self, places, role, program, pairs, seed):
        path = os.path.join(places.directory, "wire.socket")
        options = [word for pair in pairs for word in ("--pair", pair)]
        child = places.spawn(role, "wire", [program, "--control", path, "--seed", str(seed)] + options)
        child.wait_for_log("wire: ready", 5)
        self._control = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._control.bind(os.path.join(places.directory, "wire.reply"))
        self._control.connect(path)
        self._control.settimeout(2)

    def ask(self, command):
        self._control.send(command.encode())
        reply = self._control.recv(65536).decode()
        if reply.startswith("error"):
            raise Failure(f"wire {command}: {reply}")
        return reply

    def close(self):
        self._control.close()


def end_processes(namespace):
    """Every process that is still in it: a server's sessions outlive the server."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        pids = [int(pid) for pid in processes.run(["ip", "netns", "pids", namespace], check=False).split()]
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        if pids:
            time.sleep(0.05)


def remove_namespace(name):
    end_processes(name)
    processes.run(["ip", "netns", "del", name], check=False)


def remove_leftovers(kind):
    """Namespaces (KIND-PID-...), resolv.conf and directories of runs whose process is gone."""
    def remove_directory(path):
        return lambda name: shutil.rmtree(os.path.join(path, name), ignore_errors=True)
    for directory, remove in (("/run/netns", remove_namespace), ("/etc/netns", remove_directory("/etc/netns")),
                              ("/run", remove_directory("/run")),
                              (tempfile.gettempdir(), remove_directory(tempfile.gettempdir()))):
        if not os.path.isdir(directory):
            continue
        for name in os.listdir(directory):
            match = re.match(rf"^{kind}-(\d+)-\w+$", name)
            if match and not os.path.exists(f"/proc/{match.group(1)}"):
                remove(name)
