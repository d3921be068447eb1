#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""check_with_tshark.py GENERATOR TSHARK [COUNT]: does tshark read in our packets what our code meant to write?

Every checksum that covers whole addresses must be good. Those of RFC 6741 (locators as zero) must be bad for tshark and
equal the sum over zeroed locators that is computed here, by other code than the one under test. Nonces and Locator
Updates must carry the values that the generator noted. Nothing may look malformed.
"""
import collections
import ipaddress
import pathlib
import struct

from tshark import BAD, GOOD, dissect, finish, generated

FIELDS = (
    "frame.number ipv6.src ipv6.dst ipv6.opt.ilnp_nonce udp.checksum.status tcp.checksum.status "
    "icmpv6.checksum.status icmpv6.type icmpv6.ilnp.nb_locs icmpv6.ilnp.nb_locator icmpv6.ilnp.nb_preference "
    "icmpv6.ilnp.nb_lifetime _ws.malformed _ws.expert.message"
).split()
CHECKSUM_AT = {"udp": 6, "last fragment": 6, "tcp": 16}
PROTOCOL = {"udp": 17, "last fragment": 17, "tcp": 6}
PREFERENCES = ("udp.check_checksum:TRUE", "tcp.check_checksum:TRUE", "ipv6.defragment:TRUE",
               "tcp.analyze_sequence_numbers:FALSE", "tcp.desegment_tcp_streams:FALSE")


def packets_of(capture):
    content, at, packets = pathlib.Path(capture).read_bytes(), 24, []
    while at < len(content):
        (length,) = struct.unpack_from(">I", content, at + 8)
        packets.append(content[at + 16 : at + 16 + length])
        at += 16 + length
    return packets


def sum16(octets):
    total = sum(struct.unpack(f">{len(octets + b'0') // 2}H", octets + b"\0" * (len(octets) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def upper_layer(packet):
    """Behind the fixed header and one Destination Options header."""
    assert packet[6] == 60, "no Destination Options header"
    return packet[40 + 8 * (packet[41] + 1) :]


def checksum_over(packet, upper, kind, zero_locators):
    at = CHECKSUM_AT[kind]
    locators = b"" if zero_locators else packet[8:16] + packet[24:32]
    pseudo = locators + packet[16:24] + packet[32:40] + struct.pack(">II", len(upper), PROTOCOL[kind])
    value = 0xFFFF ^ sum16(pseudo + upper[:at] + b"\0\0" + upper[at + 2 :])
    return 0xFFFF if value == 0 and PROTOCOL[kind] == 17 else value


class Checker:
    def __init__(self):
        self.problems = []
        self.counts = collections.Counter()

    def expect(self, number, what, seen, meant):
        if seen != meant:
            self.problems.append(f"packet {number}: {what}: {seen!r}, meant {meant!r}")

    def transport(self, number, frame, packet, meant):
        kind, zero = meant["kind"], meant["mode"] == "rfc6741"
        whole = bytes.fromhex(meant["whole"]) if "whole" in meant else packet
        upper = upper_layer(whole)
        (written,) = struct.unpack_from(">H", upper, CHECKSUM_AT[kind])
        self.expect(number, "checksum", written, checksum_over(whole, upper, kind, zero))
        neutral = checksum_over(whole, upper, kind, True) == checksum_over(whole, upper, kind, False)
        verdict = frame["tcp.checksum.status" if kind == "tcp" else "udp.checksum.status"]
        self.expect(number, "tshark's verdict", verdict, BAD if zero and not neutral else GOOD)
        self.counts[f"{kind} {meant['mode']}"] += 1
        return zero and not neutral

    def locator_update(self, number, frame, packet, meant):
        locators = meant["locators"]
        self.expect(number, "type", frame["icmpv6.type"], "156")
        self.expect(number, "count", frame["icmpv6.ilnp.nb_locs"], str(len(locators)))
        self.expect(number, "operation", upper_layer(packet)[5], meant["operation"])  # tshark shows it as reserved
        self.expect(number, "locators", frame["icmpv6.ilnp.nb_locator"],
                    ",".join("0x" + text.replace("-", "") for text, _, _ in locators))
        self.expect(number, "preferences", frame["icmpv6.ilnp.nb_preference"],
                    ",".join(str(preference) for _, preference, _ in locators))
        self.expect(number, "lifetimes", frame["icmpv6.ilnp.nb_lifetime"],
                    ",".join(str(lifetime) for _, _, lifetime in locators))

    def frame(self, number, frame, packet, meant):
        kind = meant["kind"]
        source, destination = (str(ipaddress.ip_address(meant[end])) for end in ("source", "destination"))
        self.expect(number, "source", frame["ipv6.src"].split(",")[0], source)
        self.expect(number, "destination", frame["ipv6.dst"].split(",")[0], destination)
        self.expect(number, "nonce", frame["ipv6.opt.ilnp_nonce"], meant["nonce"])
        self.expect(number, "malformed", frame["_ws.malformed"], "")
        bad_is_meant = False
        if kind in CHECKSUM_AT:
            bad_is_meant = self.transport(number, frame, packet, meant)
        elif kind == "fragment":
            self.counts[kind] += 1
        else:
            self.expect(number, "tshark's verdict", frame["icmpv6.checksum.status"], GOOD)
            self.counts[kind] += 1
        if kind == "lu":
            self.locator_update(number, frame, packet, meant)
        if kind == "error":
            # The quoted datagram is whole, has addresses in reverse and a checksum of the peer's mode.
            self.expect(number, "quoted addresses", (frame["ipv6.src"], frame["ipv6.dst"]),
                        (f"{source},{destination}", f"{destination},{source}"))
            quote = upper_layer(packet)[8:]
            zero = meant["mode"] == "rfc6741"
            (written,) = struct.unpack_from(">H", quote, 46)
            self.expect(number, "quoted checksum", written, checksum_over(quote, quote[40:], "udp", zero))
            bad_is_meant = zero and frame["udp.checksum.status"] == BAD
            self.expect(number, "tshark's verdict on the quote", frame["udp.checksum.status"],
                        BAD if zero and written != checksum_over(quote, quote[40:], "udp", False) else GOOD)
        complaint = frame["_ws.expert.message"]
        self.expect(number, "complaint", complaint.startswith("Bad checksum [should be 0x"), bad_is_meant)
        self.expect(number, "complaints", "," in complaint or (complaint != "" and not bad_is_meant), False)


def main():
    with generated(10000) as (tshark, capture, meant):
        packets = packets_of(capture)
        frames = dissect(tshark, capture, FIELDS, PREFERENCES, ["udp.port==1-65535", "tcp.port==1-65535"])
    checker = Checker()
    checker.expect("-", "number of packets", (len(packets), len(frames)), (len(meant), len(meant)))
    for number, (frame, packet, what) in enumerate(zip(frames, packets, meant), 1):
        checker.frame(number, {field: ",".join(values) for field, values in frame.items()}, packet, what)
    expected_kinds = {"udp ipv6", "udp rfc6741", "tcp ipv6", "tcp rfc6741", "last fragment ipv6",
                      "last fragment rfc6741", "fragment", "echo", "lu", "error"}
    checker.expect("-", "kinds", set(checker.counts), expected_kinds)
    finish(checker.counts, checker.problems, frames)


if __name__ == "__main__":
    main()
