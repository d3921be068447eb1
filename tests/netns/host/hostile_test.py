#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Everything that an enemy at the router can write, thrown at a host with a session: each drop is counted under its name,
the session goes on with every octet right, and the daemon does not grow. This enemy has read the nonces from the wire."""
import json
import random
import struct
import time

from flows import Counter, Stream
from lab import NID_A, NID_B, check, standard, test_main, wait_until
from wire import (DSTOPTS, FRAGMENT, ICMPV6, TCP, UDP, Frames, destination_options, icmpv6, ipv6, nonce_option, packed, tcp,
                  udp)

HOP_BY_HOP, ROUTING, LOCATOR_UPDATE, RESET = 0, 43, 156, 4
PREFIX_A, PREFIX_B = "2001:db8:a1:0", "2001:db8:c1:0"
A, B = f"{PREFIX_A}:{NID_A}", f"{PREFIX_B}:{NID_B}"
ROUTER = "2001:db8:c1::1"
STRANGER = "2001:db8:77:7:202:3:4:5"
random.seed(1)


def nonce_of(packet):
    """The nonce of an IPv6 packet whose first extension header carries one."""
    if len(packet) < 48 or packet[6] != DSTOPTS or packet[42] != 0x8b:
        return None
    return packet[44:44 + packet[43]]


def locator_update(entries, operation=1, count=None, code=0):
    """The body behind the checksum; entries are prefixes like 2001:db8:c1:0."""
    body = b"".join(packed(prefix if prefix.endswith("::") else prefix + "::")[:8] + struct.pack("!HH", 10 + i, 600) for i, prefix in enumerate(entries))
    return LOCATOR_UPDATE, code, struct.pack("!BBH", len(entries) if count is None else count, operation, 0) + body


def in_fragments(packet, size=1200):
    header, body, number = packet[:40], packet[40:], random.randrange(1 << 32)
    for at in range(0, len(body), size):
        piece = body[at:at + size]
        more = at + size < len(body)
        yield (header[:4] + struct.pack("!HB", 8 + len(piece), FRAGMENT) + header[7:] +
               struct.pack("!BBHI", header[6], 0, at | more, number) + piece)


class Enemy:
    """Writes to host a by the router's end of its link."""

    def __init__(self, lab, a):
        self.lab, self.a = lab, a
        self.router = lab.namespaces["r"]
        self.frames = Frames(self.router, "a-eth0")
        address = a.ns.ip("-j", "link", "show", "eth0")
        self.mac = bytes.fromhex(json.loads(address)[0]["address"].replace(":", ""))
        self.nonces = {}

    def ears(self):
        return Frames(self.router, "a-eth0")

    @staticmethod
    def listen(ears, wanted, timeout=20.0):
        """The next IPv6 packet on the link for which wanted(packet) is true."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            frame = ears.receive(0.2)
            if frame and frame[12:14] == b"\x86\xdd" and wanted(frame[14:]):
                return frame[14:]
        check(False, "the enemy waited in vain for a packet to read")

    def learn(self, ears):
        """Both nonces, of the first packets of a session that a opens."""
        for source in (A, B):
            self.nonces[source] = nonce_of(self.listen(ears, lambda p: p[8:24] == packed(source) and nonce_of(p)))
        ears.close()

    def send(self, packets):
        for packet in packets:
            for piece in [packet] if len(packet) <= 1500 else in_fragments(packet):
                self.frames.send(self.mac, piece)

    def expect(self, what, packets, **wanted):
        """Each counter of `wanted` grows by at least its number."""
        before = self.a.counters()
        self.send(packets)

        def grown():
            counters, names = self.a.counters(), {"malformed_frames": "wire.malformed"}
            return {name: counters[key] - before[key] for name in wanted for key in [names.get(name, f"drop.{name}")]}
        wait_until(lambda: all(grown()[name] >= number for name, number in wanted.items()),
                   lambda: f"{what}: {grown()} of {wanted}; all: {self.a.counters()}")
        session = self.a.session(NID_B)
        check(session and session["state"] == "established", f"{what}: the session is {session}")

    # Packets in the name of b, with its nonce unless told otherwise.
    def with_nonce(self, protocol, upper, nonce=None, source=B, destination=A):
        options = destination_options(protocol, nonce_option(nonce or self.nonces[B]))
        return ipv6(source, destination, DSTOPTS, options + upper)

    def update(self, entries, nonce=None, source=B, **more):
        return self.with_nonce(ICMPV6, icmpv6(source, A, *locator_update(entries, **more)), nonce, source)

    def datagram(self):
        return udp(B, A, 7, 9, b"from the enemy's pen")

    def sent_by_a(self, nonce=None, source=A, destination=B):
        """A packet as a might have sent it, for a quote."""
        options = destination_options(UDP, nonce_option(nonce or self.nonces[A]))
        return ipv6(source, destination, DSTOPTS, options + udp(source, destination, 9, 7, b"quoted"))

    def error(self, kind, code, parameter, quote, source=ROUTER):
        return ipv6(source, A, ICMPV6, icmpv6(source, A, kind, code, struct.pack("!I", parameter) + quote))


def headers(enemy):
    """Truncations, lengths that lie, headers out of place."""
    nonce, datagram = nonce_option(enemy.nonces[B]), enemy.datagram()
    whole = enemy.with_nonce(UDP, datagram)
    cut = [whole[:size] for size in range(40, len(whole))]
    enemy.expect("truncated", cut, malformed_frames=len(cut))
    enemy.send(ipv6(B, A, DSTOPTS, whole[40:size]) for size in range(41, len(whole)))  # cut, with honest lengths

    options = destination_options(UDP, nonce)
    empty = destination_options(DSTOPTS, b"")
    fragment = struct.pack("!BBHI", FRAGMENT, 0, 1, 5)
    lies = [ipv6(B, A, DSTOPTS, options[:1] + b"\xff" + options[2:] + datagram),
            ipv6(B, A, DSTOPTS, options[:3] + b"\xc8" + options[4:] + datagram),
            ipv6(B, A, DSTOPTS, destination_options(UDP, nonce_option(bytes(3))) + datagram),
            ipv6(B, A, DSTOPTS, destination_options(UDP, nonce_option(bytes(65))) + datagram),
            ipv6(B, A, DSTOPTS, destination_options(UDP, b"\x1e\0" * 40 + nonce) + datagram),
            ipv6(B, A, HOP_BY_HOP, options + datagram),
            ipv6(B, A, DSTOPTS, destination_options(HOP_BY_HOP, nonce) + empty + datagram),
            ipv6(B, A, ROUTING, bytes([UDP, 2, 0, 1]) + bytes(4) + packed(B) + datagram),
            ipv6(B, A, DSTOPTS, empty * 9 + options + datagram),
            ipv6(B, A, FRAGMENT, fragment + fragment + datagram),
            ipv6(B, A, DSTOPTS, options + datagram[:7])]
    enemy.expect("lying lengths", lies, in_malformed=len(lies))
    for size in (0, 4, 7, 2000, 65535):  # of UDP itself and of TCP's header: the kernel's to refuse
        enemy.send([enemy.with_nonce(UDP, datagram[:4] + struct.pack("!H", size) + datagram[6:])])
        segment = tcp(B, A, 7, 9, 1, 1, 16)
        enemy.send([enemy.with_nonce(TCP, segment[:12] + bytes([size & 0xf0]) + segment[13:])])

    def piece(offset, more, payload, number):
        return ipv6(B, A, FRAGMENT, struct.pack("!BBHI", DSTOPTS, 0, offset | more, number) + payload)
    body = options + datagram + bytes(64)
    enemy.expect("fragments", [piece(0, 1, body[:48], 1), piece(40, 0, body[40:], 1),
                               piece(0, 1, body[:44], 2), piece(65528, 0, bytes(64), 3)], in_reassembly=3)


def nonces(enemy):
    nonce = nonce_option(enemy.nonces[B])
    twice = [ipv6(B, A, DSTOPTS, destination_options(UDP, nonce + nonce) + enemy.datagram()),
             ipv6(B, A, DSTOPTS, destination_options(DSTOPTS, nonce) + destination_options(UDP, nonce) + enemy.datagram())]
    enemy.expect("two nonces", twice, in_two_nonces=2)
    check(enemy.a.events("two_nonces"), "two nonces are not told (RFC 6744 section 3)")
    enemy.expect("a nonce of 8 octets", [enemy.with_nonce(UDP, enemy.datagram(), bytes(8))], in_nonce_size=1)
    time.sleep(1.1)  # a second of the limit on wrong ones
    guesses = [enemy.update(["2001:db8:66:6"], nonce=random.randbytes(12)) for _ in range(60)]
    enemy.expect("guessed nonces", guesses, in_bad_nonce=5, in_quarantined=30)
    check(enemy.a.events("bad_nonces"), "guessed nonces are not told")


def updates(enemy):
    enemy.expect("update of a stranger", [enemy.update(["2001:db8:66:6"], bytes(12), STRANGER)], in_stranger_control=1)
    plain = ipv6(B, A, ICMPV6, icmpv6(B, A, *locator_update(["2001:db8:66:6"])))
    enemy.expect("update without nonce", [plain], in_forged_icmp=1)
    own = ["2001:db8:66:6"]
    enemy.expect("update with impossible fields", [enemy.update(own, count=0), enemy.update(own, operation=7),
                                                   enemy.update(own, code=1), enemy.update([])], lu_malformed=4)
    enemy.expect("update of another length", [enemy.update(own, count=255), enemy.update(own * 3, count=2),
                                              enemy.update(["::"] * 255, count=254)], lu_bad_length=3)
    damaged = bytearray(enemy.update(own))
    damaged[-1] ^= 1
    enemy.expect("damaged update", [bytes(damaged)], lu_bad_checksum=1)
    refused = ["ff0e:1:2:3", "fe80:0:0:0", "fd00:1:2:3", "::", PREFIX_A, "fd49:4c4e:5036:6631"]
    enemy.expect("locators that no peer can have", [enemy.update([prefix]) for prefix in refused] +
                 [enemy.update(["ff0e:1:2:3"] * 255)], lu_no_usable_locator=len(refused) + 1)
    check(enemy.a.events("locator_update_refused"), "a refused update is not told")
    enemy.expect("acknowledgements never asked for", [enemy.update(own, operation=2)] * 3, lu_unexpected_ack=3)


def replay(enemy, b):
    """b goes to a second uplink and back; its first update comes again."""
    ears = enemy.ears()
    b.ns.ip("link", "set", "eth1", "up")
    is_update = lambda p: p[8:24] != packed(A) and nonce_of(p) and p[40] == ICMPV6 and p[56] == LOCATOR_UPDATE and p[61] == 1
    first = enemy.listen(ears, is_update)
    wait_until(lambda: b.session(NID_A)["lu"]["state"] == "idle", "the first update is acknowledged")
    time.sleep(0.6)
    b.ns.ip("link", "set", "eth1", "down")
    enemy.listen(ears, lambda p: is_update(p) and p[60:] != first[60:])  # not the first one again
    ears.close()
    wait_until(lambda: b.session(NID_A)["lu"]["state"] == "idle", "the second update is acknowledged")
    enemy.expect("replayed update", [first], lu_replay=1)


def errors(enemy):
    quote = enemy.sent_by_a()
    guessed = enemy.sent_by_a(nonce=random.randbytes(12))
    enemy.expect("Parameter Problem", [enemy.error(4, 2, 42, quote)], error_parameter_problem=1)
    enemy.expect("error with a guessed nonce", [enemy.error(4, 2, 42, guessed), enemy.error(2, 0, 1300, guessed)],
                 error_bad_nonce=2)
    enemy.expect("error in b's name without nonce", [enemy.error(1, 3, 0, quote, B)], in_forged_icmp=1)
    never_sent = [enemy.error(1, 0, 0, enemy.sent_by_a(source=STRANGER)),
                  enemy.error(2, 0, 1300, enemy.sent_by_a(destination=f"2001:db8:66:6:{NID_B}"))]
    enemy.expect("errors about packets never sent", never_sent, error_not_ours=2)
    enemy.expect("unreadable quote", [enemy.error(1, 0, 0, quote[:20])], error_unreadable=1)
    damaged = bytearray(enemy.error(2, 0, 1300, quote))
    damaged[42] ^= 1
    enemy.expect("error with a bad checksum", [bytes(damaged)], in_bad_checksum=1)
    sizes = (0, 68, 1279, 1500, 9000, 0xffffffff)
    enemy.expect("Packet Too Big of impossible size", [enemy.error(2, 0, mtu, quote) for mtu in sizes],
                 error_bad_mtu=len(sizes))
    enemy.expect("unreachable", [enemy.error(1, 0, 0, quote)], error_suppressed=1)


def places(enemy):
    identity_a, identity_b = enemy.a.identity(), f"fd49:4c4e:5036:6631:{NID_B}"
    foreign = [ipv6(identity_b, A, UDP, udp(identity_b, A, 7, 9, b"x")),
               ipv6(B, identity_a, UDP, udp(B, identity_a, 7, 9, b"x")),
               ipv6(f"2001:db8:66:6:{NID_B}", A, UDP, udp(f"2001:db8:66:6:{NID_B}", A, 7, 9, b"x"))]
    enemy.expect("foreign places", foreign, in_foreign_locator=3)
    not_ours = f"2001:db8:66:6:{NID_A}"
    enemy.expect("a place that is not ours", [enemy.with_nonce(UDP, udp(B, not_ours, 7, 9, b"x"), destination=not_ours)],
                 in_not_our_locator=1)
    enemy.expect("reset without nonce", [ipv6(B, A, TCP, tcp(B, A, 7002, 40000, 1, 1, RESET))], in_stranger_segment=1)
    reply = icmpv6(B, A, 129, 0, struct.pack("!HH", 0x494c, 1) + bytes(8))
    enemy.expect("answer to no probe", [enemy.with_nonce(ICMPV6, reply)], probe_unexpected=1)


def strangers(number):
    """First packets of nodes that do not exist, from everywhere."""
    for _ in range(number):
        source = f"2001:db8:{random.randrange(1 << 16):x}:1:2{random.randrange(100):02d}:{random.randrange(1 << 16):x}:1:1"
        yield ipv6(source, A, DSTOPTS, destination_options(UDP, nonce_option(random.randbytes(12))) +
                   udp(source, A, 7, 9, b"hello"))


def memory(host):
    with open(f"/proc/{host.process.pid}/status", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))


def test(lab):
    a, b = standard(lab)
    a.start()
    b.start()
    enemy = Enemy(lab, a)
    address = a.resolve_peer(b)
    ears = enemy.ears()
    udp_flow = Counter(a.ns, b.ns, address, hertz=200)
    enemy.learn(ears)
    there = Stream(a.ns, b.ns, address, rate=2_000_000)
    back = Stream(b.ns, a.ns, a.identity(), port=7003, rate=2_000_000)
    wait_until(lambda: (a.session(NID_B) or {}).get("state") == "established", "no session")

    recorded = []
    send = enemy.send
    enemy.send = lambda packets: [(recorded.append(p), send([p])) for p in packets]
    headers(enemy)
    nonces(enemy)
    updates(enemy)
    errors(enemy)
    places(enemy)
    replay(enemy, b)
    enemy.send = send
    told = json.loads(a.ns.run(lab.ctl, "--socket", a.socket_path, "show", "counters", "--json").stdout)
    check(told["counters"]["drop.in_two_nonces"] >= 2, "ilnpctl names the drops")

    sizes = []
    for rounds in (40, 40, 200):
        for _ in range(rounds):
            send(recorded)
            send(strangers(200))
            time.sleep(0.01)
        sizes.append(memory(a))
    entries = a.counters()["session.entries"]
    print(f"{len(recorded)} forgeries, {280 * (len(recorded) + 200)} packets: resident {sizes} KiB, {entries} entries")
    check(sizes[2] - sizes[1] < 2048, f"the daemon grows: {sizes} KiB")
    check(entries <= 4096 + 8, f"{entries} entries for strangers")

    # 255 locators, with the nonce: obeyed within limits, and the true one still works.
    time.sleep(2.5)  # the limit on updates
    many = [PREFIX_B] + [f"2001:db8:66:{i:x}" for i in range(254)]
    moves = len(a.events("peer_moved"))
    send([enemy.update(many)])
    wait_until(lambda: len(a.events("peer_moved")) > moves, "an update with 255 locators is obeyed")
    time.sleep(1)
    check(a.session(NID_B)["using"]["remote"] == "2001-0db8-00c1-0000", f"led astray: {a.session(NID_B)}")

    print(f"TCP {(there.stop(what='there')['octets'] + back.stop(what='back')['octets']) >> 20} MiB intact")
    figures = udp_flow.stop()
    print(f"UDP {figures['sent']} sent, lost {figures['there']['lost']} + {figures['back']['lost']}")
    check(not figures["there"]["twice"] and not figures["back"]["twice"], "datagrams came twice")
    check('"session_ended"' not in b.log_text() and a.alive() and b.alive(), "a session or a daemon ended")
    check((a.session(NID_B) or {}).get("state") == "established", "the session is gone")


test_main(test)
