#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the first inputs of the packet targets from the golden packets: tests/vectors/ilnp.pcap -> tests/fuzz/corpus.

Run it again after a change of the vectors; what `run.sh --keep` added later stays.
"""
import pathlib
import struct

HERE = pathlib.Path(__file__).resolve().parent


def packets():
    content = (HERE.parent / "vectors" / "ilnp.pcap").read_bytes()
    at = 24
    while at < len(content):
        (length,) = struct.unpack_from("<I", content, at + 8)
        yield content[at + 16 : at + 16 + length]
        at += 16 + length


def write(target, name, content):
    folder = HERE / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)


def step(what, identification, offset, length, pause=0, octet=0):
    return struct.pack("!BBHHBB", what, identification, offset, length, pause, octet)


def main():
    for number, packet in enumerate(packets(), 1):
        write("header_walk", f"vector-{number:02}", packet)
        if number in (8, 16, 17):
            write("error_translation", f"vector-{number:02}", packet)
        if number in (9, 10, 21):
            write("locator_update", f"vector-{number:02}", packet[56:])
    # A border router: mapping, then side, names and length before each packet; more than 255 octets do not fit.
    for mapping in range(3):
        script = bytes([mapping])
        for number, packet in enumerate(packets(), 1):
            if len(packet) < 256 and number >= 13:
                script += bytes([128 | (1 if number in (16,) else 0), 0, len(packet)]) + packet
        moves = b"".join(bytes([192 + 2, 0b01000000 | presence << 3 | 1, 0]) + bytes([0x04 | side, names, 8]) + bytes(8)
                         for presence in range(4) for side, names in ((0, 0x50), (1, 0x15), (3, 0x53)))
        write("site_rewriter", f"golden-{mapping}", script)
        write("site_rewriter", f"moves-{mapping}", bytes([mapping]) + moves)
    # A host and correspondents without ILNP: what, kind, length, octets.
    upper = struct.pack("!HHHH", 40000, 80, 28, 0) + bytes(20)
    steps = {"out": (6, 1, upper), "in": (7, 1, upper), "large": (5, 1, b""), "gone": (1, 0, b""), "back": (2, 0, b""),
             "piece": (6, 9, b"\0\1\7" + bytes(24)), "last": (6, 9, b"\3\0\7" + bytes(24)),
             "error": (4, 2, upper), "refusal": (4, 16, upper), "session": (3, 0, b""), "peer": (6, 0x61, upper)}
    for name, order in (("flow", "out in error in refusal"), ("move", "out gone out back in"), ("cut", "piece last large"),
                        ("beside-a-session", "peer session peer in out")):
        write("host_ip_only", name, b"".join(bytes([what, kind, len(octets)]) + octets
                                             for what, kind, octets in (steps[s] for s in order.split())))
    # Every golden packet as the quote of an error of each kind.
    for number, packet in enumerate(packets(), 1):
        kind = 1 + number % 4
        quote = packet[:1232]
        header = struct.pack("!IHBB", 6 << 28, 8 + len(quote), 58, 64) + packet[24:40] + packet[8:24]
        write("error_translation", f"about-{number:02}", header + struct.pack("!BBHI", kind, 0, 0, 1400) + quote)
    for name, text in {
        "locator": "2001-0db8-0001-0002",
        "node-id": "0200+00ff+fe00+1234",
        "ilv": "2001-0db8-0001-0002.0200+00ff+fe00+1234",
        "dns": "2001:0db8:0001:0002",
        "address": "2001:db8::1",
        "short": "1-2-3-4",
    }.items():
        write("text", name, text.encode())
    first, last = step(1, 1, 0, 1232), step(0, 1, 1232, 24)
    for name, script in {
        "in-order": first + last,
        "reversed": last + first,
        "duplicate": first + first + last,
        "overlap": first + step(1, 1, 8, 16) + last,
        "late": first + step(0, 1, 1232, 24, 255) + last,
        "many": b"".join(step(1, n, 0, 64) for n in range(8)),
        "atomic": step(0, 1, 0, 100),
        "headers": step(7, 2, 0, 1232) + step(4, 2, 1232, 8),
    }.items():
        write("reassembler", name, script)


main()
