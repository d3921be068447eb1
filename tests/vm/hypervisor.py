# SPDX-License-Identifier: Apache-2.0
"""QEMU processes in namespaces. A hypervisor is a namespace with a bridge for the guests' link; a second bridge carries the
lab's own commands (ssh over IPv4) and nothing of what is tested."""
import functools
import os
import re
import subprocess
import tempfile
import time

from lab import check, text_of
from qmp import Qmp, unix_path

QEMU = "/usr/bin/qemu-system-x86_64"
COMMAND_LINE = "console=ttyS0 quiet panic=-1 mitigations=off random.trust_cpu=on"  # of the guest's kernel
CONTROL_BRIDGE, GUEST_CONTROL, LAB_CONTROL = "brctl", "169.254.77.2", "169.254.77.1"
READY = re.compile(r"guest: ready at ([\d.]+) s")
DEAD = re.compile(r"Kernel panic|Oops|BUG:|general protection fault|soft lockup|rcu_\w+ self-detected")


def control_mac(mac):
    """Of a guest's port for the lab's commands."""
    return f"52:54:01{mac[8:]}"


class Hypervisor:
    """A namespace with a bridge; `name` is that of the namespace."""

    def __init__(self, lab, name, bridge="br0"):
        self.lab, self.ns, self.bridge, self.name = lab, lab.namespace(name), bridge, name
        self.address = None  # given by Control.join()
        for each in (bridge, CONTROL_BRIDGE):
            self.ns.ip("link", "add", each, "type", "bridge", "stp_state", "0", "mcast_snooping", "0")
            self.ns.sysctl(f"net.ipv6.conf.{each}.disable_ipv6", 1)
            self.ns.ip("link", "set", each, "up")

    def tap(self, name, bridge, queue=10000):
        """In the bridge from now on; QEMU comes to it later. `queue`: packets that wait for an emulated guest, which may be
        slow for seconds where the machine is busy."""
        self.ns.ip("tuntap", "add", "dev", name, "mode", "tap", "vnet_hdr")
        self.ns.sysctl(f"net.ipv6.conf.{name}.disable_ipv6", 1)
        self.ns.ip("link", "set", name, "txqueuelen", str(queue), "master", bridge, "up")

    def remove_tap(self, name):
        self.ns.ip("link", "del", name, check_status=False)


class Guest:
    """What makes a guest, wherever it runs."""

    def __init__(self, name, kernel, initramfs, mac="52:54:00:00:00:0a", memory=256, shared=None, more=()):
        """`memory`: MiB; `shared`: a file in memory that source and destination both map; `more`: of QEMU's arguments."""
        self.name, self.kernel, self.initramfs = name, kernel, initramfs
        self.mac, self.memory, self.shared, self.more = mac, memory, shared, more


class Qemu:
    """One process with a guest in it, that boots it or waits for it to come (`incoming`)."""

    def __init__(self, hypervisor, guest, accelerator, number, incoming=False):
        self.hypervisor, self.guest, self.lab = hypervisor, guest, hypervisor.lab
        self.label, self.number = f"{guest.name}-{number}", number
        self.folder = self.lab.directory
        self.taps = (f"{guest.name}", f"{guest.name}c")
        hypervisor.tap(self.taps[0], hypervisor.bridge)
        hypervisor.tap(self.taps[1], CONTROL_BRIDGE)
        self.console, self.channel = self._file("console"), unix_path(self.folder, f"{self.label}.host")
        self.second_qmp = unix_path(self.folder, f"{self.label}.qmp2")  # for another process: a socket speaks with one at a time
        socket_path = unix_path(self.folder, f"{self.label}.qmp")
        with open(self._file("qemu.log"), "wb") as log:
            self.process = hypervisor.ns.start(QEMU, *self._arguments(accelerator, socket_path, incoming),
                                               stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.qmp = Qmp(socket_path)

    def _file(self, kind):
        return os.path.join(self.folder, f"{self.label}.{kind}")

    def _arguments(self, accelerator, socket_path, incoming):
        guest = self.guest
        backing = f"memory-backend-file,mem-path={guest.shared},share=on" if guest.shared else "memory-backend-ram"
        words = ["-nodefaults", "-no-user-config", "-display", "none", "-cpu", "max", "-smp", "1", "-accel", accelerator,
                 "-object", f"{backing},id=ram,size={guest.memory}M", "-machine", "q35,memory-backend=ram",
                 "-m", f"{guest.memory}M", "-kernel", guest.kernel.image, "-initrd", guest.initramfs,
                 "-append", COMMAND_LINE,
                 "-no-reboot", "-serial", f"file:{self.console}", "-qmp", f"unix:{socket_path},server=on,wait=off",
                 "-qmp", f"unix:{self.second_qmp},server=on,wait=off",
                 "-device", "virtio-rng-pci", "-device", "virtio-serial-pci",
                 "-chardev", f"socket,id=host,path={self.channel},server=on,wait=off",
                 "-device", "virtserialport,chardev=host,name=org.ilnp.host.0"]
        macs = (guest.mac, control_mac(guest.mac))
        for number, (tap, mac) in enumerate(zip(self.taps, macs)):
            words += ["-netdev", f"tap,id=net{number},ifname={tap},script=no,downscript=no",
                      "-device", f"virtio-net-pci,netdev=net{number},mac={mac},romfile="]
        return words + list(guest.more) + (["-incoming", "defer"] if incoming else [])

    def uri(self, way):
        """Where it waits for the guest. Memory that is not copied needs no network."""
        return f"unix:{self._file('mig')}" if way == "shared" else f"tcp:{self.hypervisor.address}:{4000 + self.number}"

    def console_text(self):
        return text_of(self.console)

    def qemu_text(self):
        return text_of(self._file("qemu.log"))

    def death(self):
        """What the guest's kernel said when it died; None while it has not."""
        found = DEAD.search(self.console_text())
        return found and self.console_text()[found.start():found.start() + 300]

    def wait_ready(self, timeout=60):
        """Seconds that the guest's kernel has run when its init was through."""
        end = time.monotonic() + timeout
        while not (ready := READY.search(self.console_text())):
            check(self.process.poll() is None, f"QEMU ended: {self.qemu_text()[-800:]}")
            check(not self.death() and time.monotonic() < end, f"the guest does not start: {self.console_text()[-1500:]}")
            time.sleep(0.05)
        return float(ready.group(1))

    def pid(self):
        return self.process.pid

    def running(self):
        return self.process.poll() is None

    def ending(self):
        """How it did: its exit status, and why, when it was the guest that wanted it."""
        reasons = [data["reason"] for _, event, data in self.qmp.events if event == "SHUTDOWN"]
        return f"with {self.process.poll()} ({', '.join(reasons) or 'no word of the guest'})"

    def status(self):
        return self.qmp.ask("query-status")["status"]

    def end(self):
        """Ends the process and takes its devices away."""
        self.qmp.close()
        if self.running():
            self.process.kill()
        self.process.wait()
        for tap in self.taps:
            self.hypervisor.remove_tap(tap)


@functools.lru_cache(maxsize=None)
def accelerator(image):
    """(name, reason): KVM where it boots this kernel as far as its first user process within five seconds, else TCG. A
    kernel without an initramfs ends in a panic that says so: that far it has to come."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return "tcg", "/dev/kvm is not there"
    with tempfile.NamedTemporaryFile(mode="r", prefix="ilnp-kvm-") as console:
        command = [QEMU, "-nodefaults", "-no-user-config", "-display", "none", "-accel", "kvm", "-cpu", "max", "-m", "128M",
                   "-M", "q35", "-kernel", image, "-append", "console=ttyS0 panic=-1", "-no-reboot",
                   "-serial", f"file:{console.name}"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
            try:
                process.wait(5)
                end = process.stderr.read().decode().strip()
            except subprocess.TimeoutExpired:
                process.kill()
                end = "no end within 5 s"
        if "Unable to mount root" in console.read():
            return "kvm", "it boots the guest's kernel"
        return "tcg", f"KVM does not boot the guest's kernel: {end.splitlines()[-1] if end else 'it ended early'}"
