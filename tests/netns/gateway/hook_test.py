#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The gateways know of a guest only what libvirt's hook says: it starts, migrates, does not arrive, and goes on. The
sequences of calls are libvirt's own; the guest's TAP is a port of a bridge that is new at each start."""
import os
import signal
import sys
import time

from guests import GUEST, Guest, mobile_sites
from gateway_lab import ping

# pylint: disable=wrong-import-order
from flows import Stream, go_on, promise
from lab import check, run, test_main, wait_until

HOOK = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../gateway/deploy/libvirt/ilnp-lisp")
XML = """<domain type='kvm' id='3'>
  <devices>
    <disk type='file' device='disk'>
      <target dev='vda' bus='virtio'/>
    </disk>
    <interface type='bridge'>
      <mac address='52:54:00:00:00:07'/>
      <target dev='vnet0'/>
    </interface>
""" + "    <!-- as long as real ones -->\n" * 400 + """  </devices>
</domain>
"""
INCOMING = ("migrate begin", "prepare begin", "start begin", "started begin")
REFUSED = "2001:db8:e1::10"  # of no [[mobile]] block: that does not keep the others back
GONE = ("stopped end", "release end")


class Machine(Guest):
    """A guest whose hypervisors have a bridge, and its port while they have the guest."""

    def attach(self, gateway, number):
        gateway.ip("link", "add", "mob0", "address", f"02:00:00:00:0b:{number:02x}", "type", "bridge")
        gateway.ip("link", "set", "mob0", "up")

    def plug(self, number):
        gateway = self.sites.gateways[number].ns
        gateway.ip("link", "add", "vnet0", "type", "veth", "peer", "name", f"eth{number}", "netns", self.ns.full)
        gateway.ip("link", "set", "vnet0", "master", "mob0", "up")

    def unplug(self, number):
        self.sites.gateways[number].ns.ip("link", "del", "vnet0")


class Libvirt:
    """On the machine of a gateway."""

    def __init__(self, lab, gateway, durations):
        self.gateway, self.durations = gateway, durations
        self.conf = os.path.join(gateway.directory, "hook.conf")
        guests = os.path.join(gateway.directory, "guests")
        with open(guests, "w", encoding="utf-8") as f:
            f.write(f"other 2001:db8:ee::99\nvm1 {REFUSED} {GUEST[6]} {GUEST[4]}\n")
        with open(self.conf, "w", encoding="utf-8") as f:
            f.write(f"ilnpctl='{lab.ctl} --socket {gateway.socket_path}'\nguests={guests}\n"
                    f"state={gateway.directory}/hook\n")

    def calls(self, *sequence, guest="vm1"):
        for call in sequence:
            begin = time.monotonic()
            # The namespace with its own /sys, which the hook reads.
            done = run("ip", "netns", "exec", self.gateway.ns.full, HOOK, guest, *call.split(), "-", stdin=XML,
                       env={**os.environ, "ILNP_LISP_HOOK_CONF": self.conf})
            self.durations.append(time.monotonic() - begin)
            check(done.stdout == "", "libvirt would take this for a domain")


def is_at(sites, number):
    for eid in GUEST.values():
        wait_until(lambda e=eid: sites.gateways[number].presence(e) == "here",
                   lambda: sites.gateways[number].lisp("eids"))


def stays(sites, number, seconds=0.5):
    """Nobody else has the guest, now and after a while."""
    for pause in (0, seconds):
        time.sleep(pause)
        for eid in GUEST.values():
            check(sites.gateways[number].presence(eid) == "here", sites.gateways[number].lisp("eids"))
            other = sites.gateways[3 - number]
            check(other.presence(eid) not in ("moving_in", "here"), other.lisp("eids"))


def first_start(sites, machine, libvirt):
    machine.plug(1)
    libvirt[1].calls("prepare begin", "start begin", "started begin")
    machine.appear(1)
    is_at(sites, 1)
    for family in (6, 4):
        check(ping(sites.hosts[3], GUEST[family]), f"the guest is not reached by IPv{family}")


def migration(sites, machine, libvirt, source, to):
    machine.plug(to)
    libvirt[to].calls(*INCOMING)
    stays(sites, source)  # its memory is copied, it runs
    machine.appear(to)
    is_at(sites, to)
    libvirt[source].calls(*GONE)
    machine.unplug(source)
    stays(sites, to)
    wanted = f"2001:db8:a{to}::2"
    wait_until(lambda: sites.gateways[3].rlocs_of(f"{GUEST[6]}/128")[:1] == [wanted],
               lambda: f"the client keeps {sites.gateways[3].lisp('map-cache')}")


def failed_migration(sites, machine, libvirt, source, to):
    """What comes out of that port afterwards is somebody else's."""
    machine.plug(to)
    libvirt[to].calls(*INCOMING, "stopped end", "release end")
    machine.ns.ip("link", "set", f"eth{to}", "up")
    stays(sites, source)
    machine.unplug(to)


def gateway_that_hangs(sites, machine, libvirt, source, to):
    """It hears of the guest when it can."""
    gateway = sites.gateways[to]
    machine.plug(to)
    gateway.process.send_signal(signal.SIGSTOP)
    libvirt[to].calls(*INCOMING)
    machine.appear(to)
    gateway.process.send_signal(signal.SIGCONT)
    is_at(sites, to)
    libvirt[source].calls(*GONE)
    machine.unplug(source)


def gateway_that_forgot(sites, libvirt, number):
    """After an end for good it has no memory of mobile EIDs."""
    gateway = sites.gateways[number]
    gateway.stop()
    gateway.start()
    check(gateway.presence(GUEST[6]) is None, gateway.lisp("eids"))
    libvirt[number].calls("reconnect begin")
    is_at(sites, number)


def test(lab):
    sites = mobile_sites(lab)
    durations = []
    libvirt = {number: Libvirt(lab, sites.gateways[number], durations) for number in (1, 2)}
    machine = Machine(sites)
    first_start(sites, machine, libvirt)
    stream = Stream(sites.hosts[3], machine.ns, GUEST[6], rate=2_000_000)
    go_on(stream)
    migration(sites, machine, libvirt, 1, 2)
    go_on(stream)
    failed_migration(sites, machine, libvirt, 2, 1)
    go_on(stream)
    gateway_that_hangs(sites, machine, libvirt, 2, 1)
    go_on(stream)
    gateway_that_forgot(sites, libvirt, 1)
    go_on(stream)
    stream.stop("a guest of libvirt's")
    for guest in ("vm2", "", "../vm1", ".vm1", "vm1/x"):
        libvirt[2].calls(*INCOMING, guest=guest)
    check(sites.gateways[2].presence("2001:db8:ee::99") is None, "another guest has arrived")
    libvirt[1].calls(*GONE)
    promise("a call of the hook", durations, 0.05)
    print(f"{len(durations)} calls of the hook: {min(durations) * 1e3:.0f} to {max(durations) * 1e3:.0f} ms",
          file=sys.stderr)


test_main(test)
