# SPDX-License-Identifier: Apache-2.0
"""A virtual machine that libvirt moves between hypervisors: machine.Machine, with domains in the place of our own QEMU."""
import os
import time

from hypervisor import CONTROL_BRIDGE, COMMAND_LINE, QEMU, READY, Qemu, control_mac
from lab import check, wait_until
from libvirt import children_of
from machine import Machine

DOMAIN = """<domain type='{kind}'>
  <name>{guest.name}</name>
  <memory unit='MiB'>{guest.memory}</memory>
  <vcpu>1</vcpu>
  <os>
    <type arch='x86_64' machine='q35'>hvm</type>
    <kernel>{guest.kernel.image}</kernel>
    <initrd>{guest.initramfs}</initrd>
    <cmdline>{command_line}</cmdline>
  </os>
  <features><acpi/></features>
  <cpu mode='maximum'/>
  <on_reboot>destroy</on_reboot>
  <devices>
    <emulator>{qemu}</emulator>
    <controller type='usb' model='none'/>
    <controller type='virtio-serial'/>
{interfaces}    <serial type='file'><source path='{console}' append='on'/></serial>
    <channel type='unix'><target type='virtio' name='org.ilnp.host.0'/></channel>
    <rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>
    <memballoon model='none'/>
  </devices>
</domain>
"""
INTERFACE = """    <interface type='bridge'>
      <mac address='{mac}'/><source bridge='{bridge}'/><target dev='{tap}'/><model type='virtio'/><rom enabled='no'/>
    </interface>
"""


class Domain:
    """A guest of libvirt's: what hypervisor.Qemu is for one of ours. `libvirt` is where it runs."""

    def __init__(self, libvirt, guest, accelerator):
        self.libvirt, self.guest = libvirt, guest
        self.console = os.path.join(libvirt.lab.directory, f"{guest.name}.console")
        with open(self.console, "wb"):
            pass
        links = ((guest.name, guest.mac, libvirt.hypervisor.bridge),
                 (f"{guest.name}c", control_mac(guest.mac), CONTROL_BRIDGE))
        xml = DOMAIN.format(
            guest=guest, command_line=COMMAND_LINE, qemu=QEMU, kind="kvm" if accelerator == "kvm" else "qemu", console=self.console,
            interfaces="".join(INTERFACE.format(tap=tap, mac=mac, bridge=bridge) for tap, mac, bridge in links))
        libvirt.virsh("create", "/dev/stdin", stdin=xml)

    console_text, death = Qemu.console_text, Qemu.death

    def pid(self):
        """Of the QEMU that libvirt has started, and left to the first process."""
        for pid in children_of(self.libvirt.first):
            with open(f"/proc/{pid}/comm", encoding="ascii") as name:
                if name.read().startswith("qemu-system"):
                    return pid
        return None

    def qemu_text(self):
        return self.libvirt.log()

    def status(self):
        return self.libvirt.virsh("domstate", self.guest.name, check_status=False).stdout.strip() or "gone"

    def ending(self):
        return f"as libvirt says: {self.status()}"

    def running(self):
        return self.status() in ("running", "paused")

    def wait_ready(self):
        wait_until(lambda: READY.search(self.console_text()) or self._check_alive(),
                   lambda: f"the guest does not start: {self.console_text()[-1500:]}", 90, pause=0.2)

    def _check_alive(self):
        check(self.running() and not self.death(), f"the guest is {self.status()}: {self.console_text()[-1500:]}")

    def end(self):
        self.libvirt.virsh("destroy", self.guest.name, check_status=False)


class LibvirtMachine(Machine):
    """A machine whose hypervisors are libvirt's. `libvirts`: as `hypervisors`, of those that are up."""

    def __init__(self, *arguments, libvirts, **settings):
        super().__init__(*arguments, shared=False, **settings)
        self.libvirts = libvirts

    def _process(self, where, incoming=False):
        return Domain(self.libvirts[where], self.guest, self.accelerator)

    def migrate(self, to, *options):
        """Its times: begin, stopped, resumed, end."""
        times = {"begin": time.monotonic()}
        times["stopped"], times["resumed"] = self.libvirts[self.where].migrate(self.name, self.libvirts[to], *options)
        times["end"] = time.monotonic()
        self.qemu.libvirt, self.where = self.libvirts[to], to
        self.check_alive()
        return times
