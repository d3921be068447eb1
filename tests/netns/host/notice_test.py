#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A machine is moved while its link stays up, as a virtual machine is: its end of the cable is put into another bridge,
whose router advertises to nobody who does not ask. The only sign is that the daemon stood still for a moment. With the
same and with other link-local addresses and link-layer addresses of the routers. The way back is told by the hypervisor on its channel."""
import json
import os
import select
import signal
import socket
import threading
import time
import tty

from flows import Counter, Stream, go_on, now, promise
from lab import NID_A, NID_B, check, records_of, run, test_main, wait_until
from moments import seconds

USABLE, TOLD = 0.060, 0.005  # seconds: the new locator after the machine runs again; the Locator Update after that
STOOD_STILL = 0.12
TRIES = 8  # half of them need a sign of the clock
PLACES = {"a1": "2001-0db8-00a1-0000", "a2": "2001-0db8-00a2-0000"}
ROUTERS = {  # link-local and link-layer address of the second place's router; the first one's are always the same
    "the same router addresses": ("fe80::1", "02:00:00:00:0a:01"),
    "another link-layer address": ("fe80::1", "02:00:00:00:0a:02"),
    "another link-local address": ("fe80::2", "02:00:00:00:0a:01"),
    "other addresses": ("fe80::2", "02:00:00:00:0a:02"),
}


class Places:
    """Two bridges in the router's namespace; the machine's cable is in one of them."""

    def __init__(self, lab, router):
        self.lab, self.router = lab, router
        router.ip("addr", "flush", "dev", "a-eth0")
        router.ip("link", "set", "a-eth0", "addrgenmode", "none")
        for bridge in PLACES:
            router.ip("link", "add", bridge, "type", "bridge", "mcast_snooping", "0")
            router.ip("link", "set", bridge, "addrgenmode", "none")
            # A bridge without a port has no carrier.
            router.ip("link", "add", f"{bridge}-port", "type", "veth", "peer", "name", f"{bridge}-end")
            router.ip("link", "set", f"{bridge}-end", "addrgenmode", "none", "up")
            router.ip("link", "set", f"{bridge}-port", "master", bridge, "addrgenmode", "none", "up")
        self.router_of("a1", "fe80::1", "02:00:00:00:0a:01")

    def router_of(self, bridge, link_local, mac):
        self.router.ip("link", "set", bridge, "down")
        self.router.ip("addr", "flush", "dev", bridge)
        self.router.ip("link", "set", bridge, "address", mac, "up")
        for address in (link_local, f"2001:db8:{bridge}::1"):
            self.router.ip("addr", "add", f"{address}/64", "dev", bridge, "nodad")
        self.lab.routers["r"].advertise(bridge, f"2001:db8:{bridge}::", mac=bytes.fromhex(mac.replace(":", "")))

    def plug(self, bridge):
        self.router.ip("link", "set", "a-eth0", "master", bridge)


class Hypervisor:
    """The other end of the guest's virtio-serial port, which here is a pseudo-terminal; QEMU would have a Unix socket."""

    def __init__(self, path):
        self.master, self.slave = os.openpty()
        tty.setraw(self.slave)
        self.port = os.ttyname(self.slave)
        self.path = path
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen()

    def say(self, text):
        """The guest's answer."""
        os.write(self.master, text.encode() + b"\n")
        check(select.select([self.master], [], [], 20)[0], f"no answer to {text}")
        return json.loads(os.read(self.master, 65536).decode().splitlines()[-1])

    def moved(self, **more):
        return self.say(json.dumps({"schema": "ilnp.host-channel/1", "event": "moved", **more}))

    def relay_once(self):
        """What QEMU does for one who connects."""
        connection = self.listener.accept()[0]
        with connection:
            os.write(self.master, connection.recv(65536))
            connection.sendall(os.read(self.master, 65536))

    def close(self):
        self.listener.close()
        os.close(self.master)
        os.close(self.slave)


def moved_by_pausing(a, places, place):
    """When it runs again. Nobody says anything."""
    a.process.send_signal(signal.SIGSTOP)
    time.sleep(STOOD_STILL)
    places.plug(place)
    when = time.time()
    a.process.send_signal(signal.SIGCONT)
    return when


def moved_with_notice(hypervisor, places, place):
    """When it is told."""
    places.plug(place)
    when = time.time()
    check(hypervisor.moved(locators=[PLACES[place]])["host_moved"] is True, "the notice was not heard")
    return when


def move(a, b, udp, place, words, make):
    """Seconds until the new locator was usable, and from then until peers were told."""
    begin = now()
    resumed = make()

    def first(event):
        return next((seconds(e) for e in a.events(event) if seconds(e) > resumed and e["locator"] == PLACES[place]), None)
    wait_until(lambda: b.session(a.nid)["using"]["remote"] == PLACES[place],
               lambda: f"{words}: b does not follow: {b.session(a.nid)}")
    wait_until(lambda: a.session(b.nid)["lu"]["state"] == "idle", f"{words}: no acknowledgement")
    wait_until(lambda: [l["locator"] for l in a.locators()] == [PLACES[place]],
               lambda: f"{words}: the old locator is still used: {a.locators()}")
    wait_until(lambda: a.ns.ip("-6", "route", "show", "default", "table", "main").count("via") == 1,
               lambda: f"{words}: default routes: {a.ns.ip('-6', 'route', 'show', 'default')}")
    go_on(udp, more=300)
    usable, told = first("own_locator_up"), first("locator_update_sent")
    check(usable and told, f"{words}: {usable}, {told}")
    print(f"{words}, to {place}: locator usable {(usable - resumed) * 1e3:.1f} ms after the machine ran again, "
          f"Locator Update {(told - usable) * 1e3:.1f} ms later; settled in {now() - begin:.2f} s")
    return usable - resumed, told - usable


def test(lab):
    router = lab.router()
    for name, prefix in (("a", "2001:db8:a9::"), ("b", "2001:db8:c1::")):
        lab.namespace(name)
        lab.link(name, "eth0", prefix, advertise=name == "b")
    places = Places(lab, router)
    lab.routers["r"].period = 600  # only those who ask hear of the router
    lab.start_dns(records_of("a", NID_A, "2001:db8:a1:0") + records_of("b", NID_B, "2001:db8:c1:0"))
    hypervisor = Hypervisor(f"{lab.directory}/channel")
    a = lab.host("a", NID_A, text=f'[hypervisor]\nchannel = "{hypervisor.port}"\n')
    b = lab.host("b", NID_B)
    b.start()
    for words, addresses in ROUTERS.items():
        places.router_of("a2", *addresses)
        places.plug("a1")
        a.ns.ip("-6", "addr", "flush", "dev", "eth0", "scope", "global")
        a.start()
        there_and_back(a, b, places, hypervisor, words)
        if words == "other addresses":
            told_by_the_tool(lab, a, hypervisor)
        check('"session_ended"' not in a.log_text() + b.log_text(), f"{words}: a session ended")
        a.stop()
    hypervisor.close()


def told_by_the_tool(lab, a, hypervisor):
    """ilnpctl on the hypervisor's side, and lines that are no notice."""
    thread = threading.Thread(target=hypervisor.relay_once)
    thread.start()
    done = run(lab.ctl, "guest", "moved", "--channel", hypervisor.path, "--locator", PLACES["a1"])
    thread.join()
    check("heard" in done.stdout, done.stdout)
    heard = a.counters()["channel.notices"]
    check(hypervisor.moved(mac="02:00:00:00:0f:0f")["host_moved"] is False, "a notice about another interface counts")
    for text in ("moved", '{"event":"moved"}', "x" * 5000 + '\n{"schema":1}', '{"schema":"ilnp.host-channel/1","event":"sunk"}'):
        check(hypervisor.say(text)["event"] == "error", f"{text[:40]} was heard")
    counters = a.counters()
    check(counters["channel.notices"] == heard + 1 and counters["channel.refused"] == 5, f"{counters}")
    check([l["locator"] for l in a.locators()] == [PLACES["a1"]], f"moved by words: {a.locators()}")


def there_and_back(a, b, places, hypervisor, words):
    address = a.resolve_peer(b)
    udp = Counter(a.ns, b.ns, address)
    stream, back = Stream(a.ns, b.ns, address, rate=500_000), Stream(b.ns, a.ns, a.identity(), port=7003, rate=500_000)
    go_on(udp, stream, back)
    time.sleep(3)  # MoveCheck::look_back
    found = []
    while not found or (not kept(found) and len(found) < TRIES):
        for place, make, by in (("a2", lambda: moved_by_pausing(a, places, "a2"), "no word"),
                                ("a1", lambda: moved_with_notice(hypervisor, places, "a1"), "a notice")):
            found.append(move(a, b, udp, place, f"{words}, {by}", make))
            time.sleep(1)  # MoveCheck::same_move
    promise(f"{words}: the locator usable", [usable for usable, _ in found], USABLE)
    promise(f"{words}: peers told", [told for _, told in found], TOLD)
    udp.stop()
    print(f"{words}: {(stream.stop()['octets'] + back.stop()['octets']) >> 10} KiB of TCP intact")


def kept(found):
    return min(usable for usable, _ in found) < USABLE and min(told for _, told in found) < TOLD


test_main(test)
