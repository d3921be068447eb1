#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How the control plane of ilnp-gateway grows: one gateway, a Map-Server, and a crowd of clients behind it.

  control.py [--build build/dev] [--rounds 3] [--eids 10000] [--clients 10000] [--rows 1000000] [--json]

    ms (ilnp-gateway as a Map-Server) --- a (ilnp-gateway) --- c (routers of clients, as many addresses in one namespace)

Registration: from the first ARRIVE of so many EIDs until the Map-Server has confirmed the last one. Notification: from an ARRIVE
with another priority until the last client has its Solicit-Map-Request. Client log: resident memory before and after so many
clients of 110 of the EIDs have sent something. Exit status 1 when a target is missed. Needs root.
"""
import contextlib
import ipaddress
import json
import os
import socket
import statistics
import struct
import sys
import time

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../..")
sys.path[:0] = [os.path.join(ROOT, "tests/bench"), os.path.join(ROOT, "tests/netns/gateway"),
                os.path.join(ROOT, "tests/netns/host"), os.path.join(ROOT, "tests/netns/sbr")]
from pair import options_of  # noqa: E402
from lisp_sites import Router  # noqa: E402
from lab import Lab, wait_until  # noqa: E402
from site_lab import veth  # noqa: E402

REGISTERED_LIMIT_S, TOLD_LIMIT_S = 5, 1
RLOC, MS, CLIENTS, MOBILE = "2001:db8:f0:1::1", "2001:db8:f0:1::2", "2001:db8:c", "2001:db8:e:1"
DATA_PORT, CONTROL_PORT, MAP_REQUEST, SMR_BIT = 4341, 4342, 1, 0x01
SO_RCVBUFFORCE = 33
MOBILE_EIDS = 110  # each has 10,000 clients at most


def resident_mib(process):
    with open(f"/proc/{process.pid}/status", encoding="ascii") as f:
        return next(int(line.split()[1]) / 1024 for line in f if line.startswith("VmRSS"))


def eid(number):
    return f"{MOBILE}::{number + 16:x}"


class Crowd:
    """The clients: whatever address of their prefix is sent to, or sent from."""

    def __init__(self, namespace, count):
        self.addresses = [ipaddress.ip_address(f"{CLIENTS}::{number + 256:x}").packed for number in range(count)]
        with namespace.entered():
            self.data = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
            self.control = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self.control.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        self.control.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 256 << 20)
        self.control.bind(("::", CONTROL_PORT))

    def close(self):
        self.data.close()
        self.control.close()

    def send(self, to):
        """A packet of each client to an EID."""
        inner = struct.pack("!IHBB", 6 << 28, 8, 17, 64)
        target = ipaddress.ip_address(to).packed
        upper = struct.pack("!HHHH", 5000, 9, 8, 0xffff)
        for address in self.addresses:
            packet = bytes(8) + inner + address + target + upper
            self.data.sendmsg([packet], [(socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, address + bytes(4))], 0, (RLOC, DATA_PORT))

    def wait_told(self, timeout=20):
        """How many have heard that they should ask, and when the last one did."""
        told, last, end = set(), None, time.monotonic() + timeout
        self.control.settimeout(1)
        while len(told) < len(self.addresses) and time.monotonic() < end:
            with contextlib.suppress(socket.timeout):
                message, more, _, _ = self.control.recvmsg(2048, 64)
                if message[0] >> 4 == MAP_REQUEST and message[0] & SMR_BIT:
                    told.add(more[0][2][:16])
                    last = time.monotonic()
        return len(told), last

    def drain(self):
        self.control.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                self.control.recv(2048)


class World:
    def __init__(self, lab):
        for name in ("a", "ms", "c"):
            lab.namespace(name).sysctl("net.ipv6.conf.all.forwarding", 1)
        a, ms, c = (lab.namespaces[name] for name in ("a", "ms", "c"))
        veth(a, "to-ms", ms, "eth0")
        veth(a, "to-c", c, "eth0")
        for namespace, interface, address in ((a, "to-ms", f"{RLOC}/64"), (ms, "eth0", f"{MS}/64"), (a, "to-c", "fe80::a/64"),
                                              (c, "eth0", "fe80::c/64")):
            namespace.ip("addr", "add", address, "dev", interface, "nodad")
        a.ip("-6", "route", "add", f"{CLIENTS}::/64", "via", "fe80::c", "dev", "to-c")
        c.sysctl("net.ipv6.ip_nonlocal_bind", 1)
        c.ip("-6", "route", "add", "local", f"{CLIENTS}::/64", "dev", "lo")
        c.ip("-6", "route", "add", "blackhole", f"{MOBILE}::/64")
        c.ip("-6", "route", "add", "default", "via", "fe80::a", "dev", "eth0")
        self.server, self.gateway = Router(lab, "ms"), Router(lab, "a")
        self.hypervisor = self.answers = None
        self.server.text = f'[gateway]\nname = "ms"\n[[rloc]]\naddress = "{MS}"\n'
        self.gateway.text = f'[gateway]\nname = "a"\n[[rloc]]\naddress = "{RLOC}"\n[[interface]]\nname = "lisp0"\n'
        for router in (self.server, self.gateway):
            router.add_key("register", "registrations-here")
        self.server.text += (f'[[site]]\nname = "all"\nprefixes = ["{MOBILE}::/64"]\nkeys = ["register"]\n'
                             'more_specifics = true\n')
        self.gateway.text += (f'[[map_server]]\nname = "ms"\naddress = "{MS}"\nkeys = ["register"]\n'
                              f'[[map_resolver]]\naddress = "{MS}"\n[[mobile]]\nprefix = "{MOBILE}::/64"\ninterface = "to-c"\nnext_hop = "fe80::c"\n')

    def status(self, name):
        return self.gateway.ask("status")[name]

    def registration_s(self, eids):
        begin = time.monotonic()
        for number in range(eids):
            self.arrive(number)
        wait_until(lambda: self.status("registered") == eids, lambda: f"{self.status('registered')} of {eids} registered", 60)
        return time.monotonic() - begin

    def arrive(self, number, **more):
        request = {"command": "lisp", "step": "arrive", "eid": eid(number), **more}
        self.hypervisor.sendall(json.dumps(request).encode() + b"\n")
        answer = json.loads(self.answers.readline())
        if "state" not in answer:
            raise RuntimeError(str(answer))

    def start(self):
        self.server.start()
        self.gateway.start()
        self.hypervisor = socket.socket(socket.AF_UNIX)
        self.hypervisor.connect(self.gateway.socket_path)
        self.answers = self.hypervisor.makefile()

    def notification_s(self, crowd, priority):
        crowd.send(eid(0))
        wait_until(lambda: self.status("clients") >= len(crowd.addresses), lambda: f"{self.status('clients')} clients known", 60)
        crowd.drain()
        begin = time.monotonic()
        self.arrive(0, rlocs=[f"{RLOC},{priority},100"])
        told, last = crowd.wait_told()
        if told < len(crowd.addresses):
            raise RuntimeError(f"{told} of {len(crowd.addresses)} clients were told")
        return last - begin

    def client_log(self, crowd, rows):
        """MiB before, MiB after, rows."""
        before = resident_mib(self.gateway.process)
        for number in range(MOBILE_EIDS):
            crowd.send(eid(number))
            crowd.drain()
            if self.status("clients") >= rows:
                break
        return before, resident_mib(self.gateway.process), self.status("clients")


def one_round(options):
    with Lab(600, options.build) as lab:
        world = World(lab)
        world.start()
        figures = {"registration_s": world.registration_s(options.eids)}
        with contextlib.closing(Crowd(lab.namespaces["c"], options.clients)) as crowd:
            figures["notification_s"] = world.notification_s(crowd, 2)
            figures["mib_before"], figures["mib_after"], figures["rows"] = world.client_log(crowd, options.rows)
        return figures


def main():
    parser = options_of(__doc__, seconds=0)
    parser.set_defaults(rounds=3)
    parser.add_argument("--eids", type=int, default=10_000)
    parser.add_argument("--clients", type=int, default=10_000)
    parser.add_argument("--rows", type=int, default=1_000_000)
    options = parser.parse_args()
    rounds = [one_round(options) for _ in range(options.rounds)]
    median = {name: round(statistics.median(r[name] for r in rounds), 2) for name in rounds[0]}
    missed = median["registration_s"] > REGISTERED_LIMIT_S or median["notification_s"] > TOLD_LIMIT_S
    if options.json:
        print(json.dumps({"median": median, "rounds": rounds, "missed": missed}))
        return missed
    print(f"median of {options.rounds}\n"
          f"  {options.eids} EIDs registered   {median['registration_s']:8.2f} s    target <= {REGISTERED_LIMIT_S}\n"
          f"  {options.clients} clients solicited       {median['notification_s']:8.2f} s    target <= {TOLD_LIMIT_S}\n"
          f"  client log of {median['rows']:.0f} rows  {median['mib_after'] - median['mib_before']:8.1f} MiB")
    return missed


if __name__ == "__main__":
    sys.exit(main())
