# SPDX-License-Identifier: Apache-2.0
"""Who has no part in the LISP sites of a test, and writes messages of his own. He has an address of his own in the underlay
and takes those of others as his sources: nothing in the underlay looks at them."""
import hashlib
import hmac
import random
import socket
import struct

from gateway_lab import rloc_of

CONTROL, DATA = 4342, 4341
NUMBER = 8  # of his place in the underlay


def octets_of(address):
    return socket.inet_pton(socket.AF_INET6, address)


def record(prefix, rloc, ttl=60):
    address, length = prefix.split("/")
    return (struct.pack("!IBBHHH", ttl, 1, int(length), 0x1000, 0, 2) + octets_of(address)
            + struct.pack("!BBBBHH", 1, 100, 255, 0, 5, 2) + octets_of(rloc))


def map_register(key, secret, nonce, records, xtr=1):
    """With proxy reply, Map-Notify, and the sender at the end; algorithm 2 with all 32 octets."""
    head = struct.pack("!BBBBQBBH", 0x3a, 0, 1, len(records), nonce, key, 2, 32)
    tail = b"".join(records) + bytes(15) + bytes([xtr]) + bytes(8)
    return head + hmac.new(secret, head + bytes(32) + tail, hashlib.sha256).digest() + tail


def map_reply(nonce, records):
    return struct.pack("!BHBQ", 0x20, 0, len(records), nonce) + b"".join(records)


def solicit(changed, rloc, prefix):
    """Solicit-Map-Request: `changed` is elsewhere, says `rloc`, to who has `prefix`."""
    address, length = prefix.split("/")
    return (struct.pack("!BBBBQ", 0x11, 0, 0x20, 1, random.getrandbits(64)) + struct.pack("!H", 2) + octets_of(changed)
            + struct.pack("!H", 2) + octets_of(rloc) + struct.pack("!BBH", 0, int(length), 2) + octets_of(address))


def udp(source, destination, port, payload):
    """An IPv6 packet."""
    header = struct.pack("!HHHH", 40000, port, 8 + len(payload), 0)
    words = octets_of(source) + octets_of(destination) + struct.pack("!II", 8 + len(payload), 17) + header + payload
    words += bytes(len(words) % 2)
    total = sum(struct.unpack(f"!{len(words) // 2}H", words))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    header = header[:6] + struct.pack("!H", (~total & 0xffff) or 0xffff)
    return (struct.pack("!IHBB", 6 << 28, 8 + len(payload), 17, 64) + octets_of(source) + octets_of(destination)
            + header + payload)


class Attacker:
    def __init__(self, sites):
        self.ns = sites.underlay_node("attacker", NUMBER)
        self.address = rloc_of(NUMBER, 6)
        self.sockets = {}

    def send(self, to, message, port=CONTROL, source=None):
        source = source or self.address
        if source not in self.sockets:
            if source != self.address:
                self.ns.ip("addr", "add", f"{source}/128", "dev", "lo", "nodad")
            self.sockets[source] = self.ns.socket(socket.AF_INET6, socket.SOCK_DGRAM)
            self.sockets[source].bind((source, CONTROL))
        self.sockets[source].sendto(message, (to, port))

    def data(self, to, inner, source=None):
        self.send(to, bytes(8) + inner, DATA, source)
