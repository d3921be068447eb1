#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A machine is moved while its link stays up, as a virtual machine is: its end of the cable is put into another bridge,
whose router advertises to nobody who does not ask. The only sign is that the daemon stood still for a moment. With the
same and with other link-local addresses and link-layer addresses of the routers."""
import datetime
import signal
import time

from flows import Counter, Stream, go_on, now, promise
from lab import NID_A, NID_B, check, records_of, test_main, wait_until

USABLE, TOLD = 0.060, 0.005  # seconds: the new locator after the machine runs again; the Locator Update after that
STOOD_STILL = 0.12
TRIES = 4  # as many as there are signs at once
PLACES = {"a1": "2001-0db8-00a1-0000", "a2": "2001-0db8-00a2-0000"}
ROUTERS = {  # link-local and link-layer address of the second place's router; the first one's are always the same
    "the same router addresses": ("fe80::1", "02:00:00:00:0a:01"),
    "another link-layer address": ("fe80::1", "02:00:00:00:0a:02"),
    "another link-local address": ("fe80::2", "02:00:00:00:0a:01"),
    "other addresses": ("fe80::2", "02:00:00:00:0a:02"),
}


def time_of(event):
    return datetime.datetime.fromisoformat(event["time"].replace("Z", "+00:00")).timestamp()


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


def moved_by_pausing(a, move):
    """When it runs again."""
    a.process.send_signal(signal.SIGSTOP)
    time.sleep(STOOD_STILL)
    move()
    when = time.time()
    a.process.send_signal(signal.SIGCONT)
    return when


def move(a, b, udp, places, place, words):
    """Seconds until the new locator was usable, and from then until peers were told; the longest gap."""
    begin = now()
    resumed = moved_by_pausing(a, lambda: places.plug(place))

    def first(event):
        return next((time_of(e) for e in a.events(event) if time_of(e) > resumed and e["locator"] == PLACES[place]), None)
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
    a, b = lab.host("a", NID_A), lab.host("b", NID_B)
    b.start()
    for words, addresses in ROUTERS.items():
        places.router_of("a2", *addresses)
        places.plug("a1")
        a.ns.ip("-6", "addr", "flush", "dev", "eth0", "scope", "global")
        a.start()
        there_and_back(a, b, places, words)
        check('"session_ended"' not in a.log_text() + b.log_text(), f"{words}: a session ended")
        a.stop()


def there_and_back(a, b, places, words):
    address = a.resolve_peer(b)
    udp = Counter(a.ns, b.ns, address)
    stream, back = Stream(a.ns, b.ns, address, rate=500_000), Stream(b.ns, a.ns, a.identity(), port=7003, rate=500_000)
    go_on(udp, stream, back)
    time.sleep(3)  # MoveCheck::look_back
    found = []
    while not found or (not kept(found) and len(found) < TRIES):
        for place in ("a2", "a1"):
            found.append(move(a, b, udp, places, place, words))
            time.sleep(1)  # MoveCheck::same_move
    promise(f"{words}: the locator usable", [usable for usable, _ in found], USABLE)
    promise(f"{words}: peers told", [told for _, told in found], TOLD)
    udp.stop()
    print(f"{words}: {(stream.stop()['octets'] + back.stop()['octets']) >> 10} KiB of TCP intact")


def kept(found):
    return min(usable for usable, _ in found) < USABLE and min(told for _, told in found) < TOLD


test_main(test)
