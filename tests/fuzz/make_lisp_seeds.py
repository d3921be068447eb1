#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the first inputs of the LISP targets from the golden packets: tests/vectors/lisp.pcap -> tests/fuzz/corpus.

Run it again after a change of the vectors; what `run.sh --keep` added later stays.
"""
import pathlib
import struct

HERE = pathlib.Path(__file__).resolve().parent
DATA, CONTROL = 4341, 4342
V4, V6, NAME = b"\0\1\xc0\0\2\x0a", b"\0\2" + bytes.fromhex("20010db8000000000000000000000001"), b"\0\x11name\0"


def payloads():
    """(number, destination port, payload) of every packet that holds a UDP datagram."""
    content = (HERE.parent / "vectors" / "lisp.pcap").read_bytes()
    at, number = 24, 0
    while at < len(content):
        (length,) = struct.unpack_from("<I", content, at + 8)
        packet = content[at + 16 : at + 16 + length]
        at, number = at + 16 + length, number + 1
        is_ipv6 = packet[0] >> 4 == 6
        if (packet[6] if is_ipv6 else packet[9]) == 17:
            udp = packet[40 if is_ipv6 else 20 :]
            yield number, struct.unpack_from("!H", udp, 2)[0], udp[8:]


def lcaf(kind, body, second_reserved=0):
    return struct.pack("!HBBBBH", 0x4003, 0, 0, kind, second_reserved, len(body)) + body


def write(target, name, content):
    folder = HERE / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)


def script_of(number, payload):
    """A step of the target lisp_xtr: from each source in turn, sealed again, before and after a node came."""
    datagram = lambda kind, source: bytes([kind, source]) + struct.pack("!H", len(payload)) + payload
    steps = b"\3\x01" + datagram(1, number % 8) + b"\4\x01" + b"\3\x08" + datagram(1, (number + 1) % 8)
    return steps + b"\4\xe2" + datagram(2, 0) + b"\3\x0c" + b"\5\1" + b"\6\1" + datagram(0, 6)


def ipv4(field, options=b"", protocol=17, payload=b"\x9c\x40\0\7\0\x0c\0\0ping"):
    """A packet whose flags and fragment offset are `field`, behind the two octets that lisp_inner takes for itself."""
    header = struct.pack("!BBHHHBBH", 0x45 + len(options) // 4, 0x2A, 20 + len(options) + len(payload), 1, field, 64,
                         protocol, 0) + bytes([10, 9, 0, 5, 10, 8, 0, 7]) + options
    total = sum(struct.unpack(f"!{len(header) // 2}H", header))
    total = (total & 0xFFFF) + (total >> 16)
    return b"\x3f\x2a" + header[:10] + struct.pack("!H", ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF) + header[12:] + payload


def ipv6(first, payload, turned=False):
    """From the node of the target siit to its client, or the other way round."""
    ends = [bytes.fromhex("20010db80e1d0000020000fffe000007"), bytes.fromhex("20010db800640000000000000a090005")]
    return struct.pack("!IHBB", 6 << 28, len(payload), first, 64) + b"".join(reversed(ends) if turned else ends) + payload


def main():
    for number, port, payload in payloads():
        if port == CONTROL:
            write("lisp_xtr", f"vector-{number:02}", script_of(number, payload))
        write("lisp_data_header" if port == DATA else "lisp_control", f"vector-{number:02}", payload)
        if port == DATA:
            write("lisp_inner", f"vector-{number:02}", b"\x3f\x2a" + payload[8:])
        elif payload[0] >> 4 == 8:
            write("lisp_control", f"vector-{number:02}-inner", payload[4 + 40 + 8 :])
            write("lisp_inner", f"vector-{number:02}", b"\x40\0" + payload[4:])
    for name, header in {"echo": "a0abcdef00000000", "versions": "10abc12300000000", "next": "0400000200000000",
                         "instance": "4c00000100000701", "encrypted": "0300000000000000", "both": "90abc123ffffffff",
                         "next-with-nonce": "8400000200000000"}.items():
        write("lisp_data_header", name, bytes.fromhex(header))
    instance = lambda address, number=4242, mask=32: lcaf(2, struct.pack("!I", number) + address, mask)
    nat = struct.pack("!HH", CONTROL, CONTROL) + V4 + V6 + b"\0\0"
    path = b"\0\7" + V4 + b"\0\0" + V6
    for name, field in {
        "none": b"\0\0", "ipv4": V4, "ipv6": V6, "name": NAME, "unknown-afi": b"\0\x63\1\2", "null": lcaf(0, b""),
        "instance": instance(V6), "instance-0": instance(V4, 7, 0), "range": instance(V4, 7, 24),
        "25-bits": instance(V4, 1 << 24), "list": lcaf(1, NAME + V4 + V6), "list-of-lists": lcaf(1, lcaf(1, V6)),
        "list-unknown": lcaf(1, b"\0\x63\1\2" + V4), "instance-of-list": instance(lcaf(1, NAME + V4)), "nat": lcaf(7, nat),
        "path": lcaf(10, path), "key": lcaf(11, bytes(12)), "unknown": lcaf(99, b"\1\2\3"),
        "vendor": lcaf(255, b"\0\0\0\x0c\1\2"), "short": lcaf(2, b"\0\0\1")}.items():
        write("lisp_lcaf", name, field)

    udp, quote = b"\x9c\x40\0\7\0\x0c\0\0ping", ipv4(0x4000)[2:]
    echo, mtu = b"\x08\0\0\0\0\1\0\2ping", b"\3\4\0\0\0\0\5\x78" + quote[:12] + quote[16:20] + quote[12:16] + quote[20:]
    tcp = b"\0\x50\x9c\x40\0\0\0\1\0\0\0\2\x50\x10\xff\xff\0\0\0\0data"
    for name, packet in {"udp": ipv4(0x4000), "udp-cut": ipv4(0, payload=udp[:4] + b"\5\x78" + bytes(1394)),
                         "first": ipv4(0x2000), "middle": ipv4(0x2010), "tcp": ipv4(0x4000, protocol=6, payload=tcp),
                         "options": ipv4(0x4000, b"\1\1\1\0"), "echo": ipv4(0, protocol=1, payload=echo),
                         "too-big": ipv4(0, protocol=1, payload=mtu), "esp": ipv4(0, protocol=50)}.items():
        write("siit", f"ipv4-{name}", b"\3" + packet[2:])
    error = b"\1\4\0\0\0\0\0\0"
    for name, (first, payload) in {"udp": (17, udp), "tcp": (6, tcp), "echo": (58, b"\x80" + echo[1:]),
                                   "fragment": (44, b"\x11\0\0\x41\0\0\0\7" + udp), "options": (60, b"\x11\0\1\4\0\0\0\0" + udp),
                                   "authentication": (51, b"\x11\4" + bytes(22) + udp),
                                   "error": (58, error + ipv6(17, udp, turned=True))}.items():
        write("siit", f"ipv6-{name}", b"\3" + ipv6(first, payload))
        write("siit", f"hairpin-{name}", b"\7" + ipv6(first, payload))

    step = lambda how, packet: bytes([how]) + struct.pack("!H", len(packet)) + packet
    nonce = lambda first, payload: ipv6(60, bytes([first, 1, 0x8B, 4, 1, 2, 3, 4]) + bytes([1, 6]) + bytes(6) + payload)
    syn = b"\x9c\x40\0\x50\0\0\0\1\0\0\0\0\x50\x02\xff\xff\0\0\0\0"
    ping = b"\x80" + echo[1:]
    write("lisp_sessions", "session", step(4, ipv6(6, syn)) + step(5, nonce(17, udp)) + step(12, ipv6(17, udp)))
    write("lisp_sessions", "called", step(4, ipv6(58, ping)) + step(13, nonce(6, syn)) + step(5, nonce(58, ping)))
    write("lisp_sessions", "ipv4", step(4, ipv4(0x4000)[2:]) + step(4, ipv4(0, protocol=1, payload=echo)[2:]) +
          step(5, nonce(58, error + ipv6(17, udp, turned=True))) + step(2, ipv6(17, udp)))
    write("lisp_sessions", "pieces", step(4, ipv4(0x2000)[2:]) + step(5, ipv6(44, b"\x11\0\0\1\0\0\0\7" + udp)) +
          step(5, ipv6(44, b"\x11\0\0\x10\0\0\0\7" + udp)))

    for name, packet in {"whole": ipv4(0x4000), "cut": ipv4(0, payload=bytes(400)), "middle": ipv4(0x2010, payload=bytes(80)),
                         "options": ipv4(0x4000, b"\1\1\1\0"), "echo": ipv4(0, protocol=1, payload=b"\x08" + bytes(7)),
                         "error": ipv4(0, protocol=1, payload=b"\x03" + bytes(7)),
                         "nested": ipv4(0, payload=struct.pack("!HHHH", 50000, DATA, 56, 0) + bytes(8) + ipv4(0)[2:])}.items():
        write("lisp_inner", f"ipv4-{name}", packet)

    row = lambda eid, length, rloc, more: bytes([length]) + eid + rloc + more
    in_tenant = lcaf(2, b"\0\0\x10\x92" + V4, 32)
    write("client_log", "rows", b"\1" + row(V6, 128, V4, bytes([2, 0, 0, 0, 180, 0])) +
          row(in_tenant, 32, V6, bytes([3, 0, 0, 0, 9, 1, 128]) + V6))
    write("client_log", "cut", b"\1" + row(V6, 128, V4, bytes([2, 0, 0])))

main()
