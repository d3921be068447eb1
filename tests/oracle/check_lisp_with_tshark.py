#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""check_lisp_with_tshark.py GENERATOR TSHARK [COUNT]: does tshark read in our LISP packets what our code meant to write?

Every field that tshark knows must have the values that the generator noted, and no others; all checksums must be good,
inner ones too; nothing may look malformed or cause a complaint. Authentication, which tshark does not look at, is
computed here, by other code than the one under test.
"""
import collections
import hashlib
import hmac
import ipaddress

from tshark import GOOD, dissect, finish, generated

ALWAYS = ["frame.number", "udp.checksum.status", "ip.checksum.status", "ip.src", "ip.dst", "ipv6.src", "ipv6.dst",
          "lisp.auth", "_ws.malformed", "_ws.expert.message"]
TEXT = {"lisp.xtrid", "lisp.siteid"}
KINDS = {"map-request", "encapsulated map-request", "map-reply", "map-register", "map-notify", "map-notify-ack",
         "change-priority", "change-priority as type 5", "data"}


def plain(field, value):
    """Numbers and addresses, however they are spelled."""
    value = str(value)
    if field in TEXT:
        return value
    if field == "lisp.loc.locator" or field[-4:] in ("ipv4", "ipv6"):
        return ipaddress.ip_address(value)
    return int(value, 0)


def authentication(message, secret, salt):
    """RFC 9301 section 12.5; algorithm 3 by RFC 5869 with nonce and secret as input and no info."""
    used, length = message[13], int.from_bytes(message[14:16], "big")
    if used == 3:
        pseudorandom_key = hmac.new(salt.encode(), message[4:12] + secret, hashlib.sha256).digest()
        secret = hmac.new(pseudorandom_key, b"\1", hashlib.sha256).digest()
    zeroed = message[:16] + bytes(length) + message[16 + length :]
    return hmac.new(secret, zeroed, "sha1" if used == 1 else "sha256").digest()[:length].hex()


class Checker:
    def __init__(self, fields):
        self.fields = fields
        self.problems = []
        self.counts = collections.Counter()

    def expect(self, number, what, seen, meant):
        if seen != meant:
            self.problems.append(f"packet {number}: {what}: {seen!r}, meant {meant!r}")

    def frame(self, number, frame, meant):
        self.counts[meant["kind"]] += 1
        fields = dict(meant["fields"])
        if meant["kind"] == "change-priority":  # as a Map-Register it has more flags, all of them zero
            fields |= {f"lisp.mreg.flags.{flag}": [0] for flag in ("pmr", "sec", "wmn")}
        if meant["kind"] == "change-priority as type 5":
            fields["lisp.mnot.flags.xtrid"] = [0]
        for field in self.fields:
            self.expect(number, field, [plain(field, value) for value in frame[field]],
                        [plain(field, value) for value in fields.get(field, [])])
        self.expect(number, "UDP checksums", set(frame["udp.checksum.status"]), {GOOD})
        self.expect(number, "IPv4 checksums", set(frame["ip.checksum.status"]) - {GOOD}, set())
        for what in ("_ws.malformed", "_ws.expert.message"):
            self.expect(number, what, frame[what], [])
        if "inner" in meant:
            inner = [ipaddress.ip_address(end) for end in meant["inner"]]
            family = "ip" if inner[0].version == 4 else "ipv6"
            self.expect(number, "inner addresses",
                        [ipaddress.ip_address(frame[f"{family}.{end}"][-1]) for end in ("src", "dst")], inner)
        if "sent" in meant:
            sent, secret = bytes.fromhex(meant["sent"]), bytes.fromhex(meant["secret"])
            self.expect(number, "authentication", frame["lisp.auth"], [authentication(sent, secret, meant["salt"])])


def main():
    with generated(5000) as (tshark, capture, meant):
        fields = sorted({field for what in meant for field in what["fields"]})
        frames = dissect(tshark, capture, ALWAYS + fields, ("udp.check_checksum:TRUE", "ip.check_checksum:TRUE"),
                         ["udp.port==40000-40001"])
    checker = Checker(fields)
    checker.expect("-", "number of packets", len(frames), len(meant))
    for number, (frame, what) in enumerate(zip(frames, meant), 1):
        checker.frame(number, frame, what)
    checker.expect("-", "kinds", set(checker.counts), KINDS)
    checker.expect("-", "instances", "lisp.lcaf.iid" in fields, True)
    finish(checker.counts, checker.problems, frames)


if __name__ == "__main__":
    main()
