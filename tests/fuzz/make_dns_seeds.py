#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the first inputs of the DNS targets: tests/fuzz/corpus/dns_*. What `run.sh --keep` added later stays."""
import pathlib
import struct

HERE = pathlib.Path(__file__).resolve().parent
A, CNAME, SOA, AAAA, OPT, NID, L64, LP, TSIG = 1, 5, 6, 28, 41, 104, 106, 107, 250
POINTER = b"\xc0\x0c"


def name(text):
    return b"".join(bytes([len(label)]) + label.encode() for label in text.split(".") if label) + b"\0"


def record(owner, kind, data, ttl=60, klass=1):
    return owner + struct.pack("!HHIH", kind, klass, ttl, len(data)) + data


def message(question, kind, answer=(), authority=(), additional=(), flags=0x8180):
    counts = (1, len(answer), len(authority), len(additional))
    return struct.pack("!HHHHHH", 0, flags, *counts) + name(question) + struct.pack("!HH", kind, 1) + b"".join(
        (*answer, *authority, *additional))


def nid(bits, preference=10):
    return record(POINTER, NID, struct.pack("!HQ", preference, bits))


def l64(bits, preference=10, owner=POINTER):
    return record(owner, L64, struct.pack("!HQ", preference, bits))


def lp(target, preference=10):
    return record(POINTER, LP, struct.pack("!H", preference) + name(target))


def tsig(mac=bytes(32), error=0, other=b"", key="mob-key"):
    data = name("hmac-sha256") + struct.pack("!HIHH", 0, 1795236080, 300, len(mac)) + mac
    return record(name(key), TSIG, data + struct.pack("!HHH", 0, error, len(other)) + other, 0, 255)


def step(which, how, content):
    """One answer of the resolution target; odd `how`: flags, counts and records only, the rest is put in front."""
    if how & 1:
        question_end = 12 + content[12:].index(b"\0") + 1 + 4
        content = content[2:4] + content[6:12] + content[question_end:]
    return struct.pack("!BBH", which, how, len(content)) + content


def write(target, label, content):
    folder = HERE / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / label).write_bytes(content)


def main():
    opt = record(b"\0", OPT, b"", 0, 1232)
    soa = record(POINTER, SOA, b"\0\0" + struct.pack("!IIIII", 1, 2, 3, 4, 5))
    locator, locator_2 = 0x20010DB8000A0001, 0x20010DB8000B0001
    loop = [record(POINTER, CNAME, name("x.y")), record(name("x.y"), CNAME, POINTER)]
    short = record(b"\0", TSIG, b"\0" * 6, 0, 255)
    messages = {
        "nid": message("a.bc", NID, [nid(7)], (), [opt]),
        "l64": message("a.bc", L64, [l64(locator), l64(locator_2, 20)]),
        "lp": message("a.bc", LP, [lp("t.bc"), lp("a.bc", 20)], (), [l64(locator, owner=name("t.bc"))]),
        "aaaa": message("a.bc", AAAA, [record(POINTER, AAAA, struct.pack("!QQ", locator, 7))]),
        "nodata": message("a.bc", L64, (), [soa]),
        "nxdomain": message("a.bc", NID, (), [soa], (), 0x8183),
        "cname": message("a.bc", NID, [record(POINTER, CNAME, name("x.y")), record(name("x.y"), NID, struct.pack("!HQ", 1, 9))]),
        "loop": message("a.bc", NID, loop),
        "signed": message("example.org", SOA, (), (), [tsig()], 0xA800),
        "badkey": message("example.org", SOA, (), (), [tsig(b"", 17)], 0xA809),
        "badtime": message("example.org", SOA, (), (), [tsig(bytes(32), 18, bytes(6))], 0xA809),
        "two-tsig": message("example.org", SOA, (), (), [short, short]),
        "query": message("a.bc", A, (), (), [opt], 0x0100),
    }
    for label, content in messages.items():
        write("dns_message", label, content)
        write("dns_update_reply", label, content)
    write("dns_update_reply", "key-file", b'key "mob-key" { algorithm hmac-sha256; secret "AAECAwQFBgc="; };')
    m = messages
    write("dns_resolution", "ilnp", step(0, 1, m["nid"]) + step(1, 1, m["l64"]) + step(2, 1, m["nodata"]) + step(3, 1, m["aaaa"]))
    write("dns_resolution", "chain", step(0, 9, m["nid"]) + step(1, 1, m["nodata"]) + step(2, 1, m["lp"]) +
          step(4, 1, m["l64"]) + step(3, 1, m["nodata"]))
    write("dns_resolution", "plain", step(0, 1, m["nxdomain"]) + step(3, 1, m["aaaa"]))
    write("dns_resolution", "whole", step(0, 0, m["nid"]) + step(1, 0, m["l64"]) + step(0, 0, m["loop"]))
    write("dns_resolution", "bogus", step(0, 17, m["nid"]) + step(1, 7, m["l64"]))
    write("dns_resolution", "loop", step(0, 1, m["loop"]) + step(0, 1, m["cname"]))


if __name__ == "__main__":
    main()
