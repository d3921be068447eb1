# SPDX-License-Identifier: Apache-2.0
"""A virtual machine that moves between hypervisors by QMP."""
import contextlib
import os
import subprocess
import time

from hypervisor import CONTROL_BRIDGE, Guest, Qemu, accelerator
from image import guest_archive, initramfs, system_archive
from kernel import kernel
from lab import Failure, check, run, wait_until
from migration import Migration

CONTROL_NET = "169.254.77"
SSHD = """Port 22
HostKey /etc/ssh/host_key
AuthorizedKeysFile /root/.ssh/authorized_keys
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
StrictModes no
UseDNS no
UsePAM no
PrintMotd no
"""
START = """hostname {name}
echo 1 >/proc/sys/net/ipv6/conf/eth1/disable_ipv6
/sbin/ip addr add {control}/24 dev eth1
/sbin/ip link set eth1 up
echo 0 >/proc/sys/net/ipv6/conf/eth0/router_solicitation_delay
{network}
/usr/sbin/sshd -f /etc/ssh/sshd_config
"""


class DeadGuest(Failure):
    """The guest's kernel died: that is neither a lost session nor a passed test."""


class Control:
    """The lab's own way to guests and hypervisors: IPv4 on a bridge of its own, ssh with a key made for the run."""

    def __init__(self, lab):
        self.lab, self.ns, self.count = lab, lab.namespace("ctl"), 0
        self.ns.ip("link", "add", "switch", "type", "bridge", "stp_state", "0")
        self.ns.ip("addr", "add", f"{CONTROL_NET}.1/24", "dev", "switch")
        self.ns.ip("link", "set", "switch", "up")
        self.key = os.path.join(lab.directory, "control_key")
        for name in (self.key, self.host_key):
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f", name)

    @property
    def host_key(self):
        return os.path.join(self.lab.directory, "guest_host_key")

    def join(self, hypervisor):
        """It gets an address on this network; memory is copied there."""
        self.count += 1
        end, address = f"ctl{self.count}", f"{CONTROL_NET}.{100 + self.count}"
        run("ip", "link", "add", "ctl", "netns", hypervisor.ns.full, "type", "veth", "peer", "name", end, "netns", self.ns.full)
        self.ns.ip("link", "set", end, "master", "switch", "up")
        hypervisor.ns.ip("link", "set", "ctl", "master", CONTROL_BRIDGE, "up")
        # Else a bridge's address is one of its ports', and changes with each guest that comes or goes: the others would not know.
        hypervisor.ns.ip("link", "set", CONTROL_BRIDGE, "address", f"02:00:00:00:77:{self.count:02x}")
        hypervisor.ns.ip("addr", "add", f"{address}/24", "dev", CONTROL_BRIDGE)
        hypervisor.address = address

    def ssh(self, address, master):
        """The beginning of a command line."""
        return ["ssh", "-F", "none", "-i", self.key, "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
                "-o", "LogLevel=ERROR", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "-o", "ControlMaster=auto",
                "-o", f"ControlPath={master}", "-o", "ControlPersist=yes", f"root@{address}"]


class Machine:
    """Boots on the first of its hypervisors. `files`: more of the guest's (see image.guest_archive); `network`: what its
    start script does with eth0. `shared`: its memory is a file that both processes of a move map, so that nothing is copied;
    else it is copied as between two machines."""
    count = 0

    def __init__(self, control, name, hypervisors, files=None, network="/sbin/ip link set eth0 up", mac="52:54:00:00:00:0a",
                 memory=256, shared=True, series="6.1"):
        Machine.count += 1
        lab = self.lab = control.lab
        self.control, self.name, self.hypervisors, self.number = control, name, hypervisors, 0
        self.address = f"{CONTROL_NET}.{10 + Machine.count}"
        self._master = os.path.join(lab.directory, f"{name}.ssh")
        core = kernel(lab.build, series)
        self.accelerator, self.why = accelerator(core.image)
        own, whole = (os.path.join(lab.directory, f"{name}.{kind}") for kind in ("cpio", "initramfs"))
        guest_archive(own, {**self._files(network), **(files or {})})
        initramfs(whole, system_archive(lab.build, core), own)
        memory_file = f"/dev/shm/{control.ns.full}-{name}" if shared else None
        self.guest = Guest(name, core, whole, mac, memory, memory_file)
        self.where, self.qemu = next(iter(hypervisors)), None
        lab.closing.append(self.close)

    def _files(self, network):
        with open(self.control.host_key, "rb") as key, open(f"{self.control.key}.pub", "rb") as user:
            return {"etc/ssh/host_key": key.read(), "root/.ssh/authorized_keys": user.read(), "etc/ssh/sshd_config": SSHD,
                    "etc/guest/start.sh": START.format(name=self.name, control=self.address, network=network)}

    def _process(self, where, incoming=False):
        self.number += 1
        return Qemu(self.hypervisors[where], self.guest, self.accelerator, self.number, incoming)

    def boot(self):
        self.qemu = self._process(self.where)
        self.qemu.wait_ready()
        wait_until(lambda: self.run("true", check_status=False).returncode == 0, f"{self.name} takes no commands")
        return self

    # ---------------------------------------------------------------- commands in the guest

    def command(self, *words):
        """A command line for this machine that runs `words` in the guest's shell."""
        return ["ip", "netns", "exec", self.control.ns.full, *self.control.ssh(self.address, self._master), " ".join(words)]

    def run(self, *words, check_status=True, timeout=20, stdin=None):
        try:
            return run(*self.command(*words), check_status=check_status, timeout=timeout, stdin=stdin)
        except subprocess.TimeoutExpired as late:
            self.check_alive()
            raise Failure(f"{self.name}: {' '.join(words)}: no end within {timeout} s") from late

    def read(self, path):
        """A file of the guest's, as octets."""
        done = subprocess.run(self.command("cat", path), capture_output=True, check=False, timeout=60)
        check(done.returncode == 0, f"{self.name}: {path}: {done.stderr.decode()}")
        return done.stdout

    # ---------------------------------------------------------------- moves

    def expect_at(self, where):
        """The process that will take it over."""
        return self._process(where, incoming=True)

    def migrate(self, to, way, before_stop=lambda: None, progress=lambda share: None):
        """Its times (see Migration). When it fails, the guest is where it was, and the other process is gone."""
        # Memory that both map and that is copied at the same time would be written by two processes at once.
        check((way == "shared") == bool(self.guest.shared), f"{self.name}: memory is shared or copied, for good")
        destination = self.expect_at(to)
        move = Migration(self.qemu, destination, way, destination.uri(way), before_stop, progress)
        try:
            move.run()
        except Failure:
            destination.end()
            raise
        self.taken_over(destination, to)
        return move.times

    def taken_over(self, destination, to):
        """It runs there now, whoever moved it."""
        source, self.qemu, self.where = self.qemu, destination, to
        source.end()
        self.check_alive()

    def dirty_rate(self):
        """MiB/s of memory whose content changes, of the pages that QEMU looks at twice."""
        self.qemu.qmp.ask("calc-dirty-rate", **{"calc-time": 1, "sample-pages": 4096})
        answer = wait_until(lambda: (found := self.qemu.qmp.ask("query-dirty-rate"))["status"] == "measured" and found,
                            "no dirty rate is measured")
        return answer["dirty-rate"]

    # ---------------------------------------------------------------- life and death

    def check_alive(self):
        """DeadGuest when the kernel in it has said so, or QEMU is gone."""
        words = self.qemu.death()
        if words:
            raise DeadGuest(f"{self.name}: the guest's kernel died: {words}")
        check(self.qemu.running(), f"{self.name}: QEMU ended {self.qemu.ending()}: {self.qemu.qemu_text()[-500:]}")

    def check_answers(self, timeout=10):
        """It runs commands: else it has fallen silent though QEMU says that it runs."""
        end = time.monotonic() + timeout
        while True:
            self.check_alive()
            try:
                if run(*self.command("true"), check_status=False, timeout=3).returncode == 0:
                    return
            except subprocess.TimeoutExpired:
                pass
            if time.monotonic() > end:
                raise DeadGuest(f"{self.name} has answered nothing for {timeout} s, QEMU says {self.qemu.status()}")

    @contextlib.contextmanager
    def needed(self):
        """What fails in here fails because of the guest when it has died."""
        try:
            yield
        except Failure:
            self.check_answers()
            raise

    def close(self):
        if os.path.exists(self._master):
            run("ssh", "-F", "none", "-o", f"ControlPath={self._master}", "-O", "exit", "lab", check_status=False)
        if self.qemu:
            self.qemu.end()
            self.qemu = None
        if self.guest.shared and os.path.exists(self.guest.shared):
            os.unlink(self.guest.shared)
