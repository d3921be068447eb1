# SPDX-License-Identifier: Apache-2.0
"""Octets for the tests: IPv6, ICMPv6, router advertisements, DNS questions. Nothing here knows about the daemon."""
import ipaddress
import random
import select
import socket
import struct
import threading

ICMPV6, UDP, TCP, DSTOPTS, FRAGMENT = 58, 17, 6, 60, 44
NONCE_OPTION = 0x8b


def packed(address):
    return socket.inet_pton(socket.AF_INET6, str(address))


def ones_complement(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total


def transport_checksum(source, destination, protocol, payload):
    pseudo = packed(source) + packed(destination) + struct.pack("!IHBB", len(payload), 0, 0, protocol)
    return ~ones_complement(pseudo + payload) & 0xffff


def ipv6(source, destination, next_header, payload, hop_limit=64, length=None):
    size = len(payload) if length is None else length
    return struct.pack("!IHBB", 6 << 28, size, next_header, hop_limit) + packed(source) + packed(destination) + payload


def icmpv6(source, destination, kind, code, body):
    message = struct.pack("!BBH", kind, code, 0) + body
    return message[:2] + struct.pack("!H", transport_checksum(source, destination, ICMPV6, message)) + message[4:]


def udp(source, destination, source_port, destination_port, payload):
    datagram = struct.pack("!HHHH", source_port, destination_port, 8 + len(payload), 0) + payload
    return datagram[:6] + struct.pack("!H", transport_checksum(source, destination, UDP, datagram) or 0xffff) + payload


def tcp(source, destination, source_port, destination_port, sequence, acknowledgement, flags, payload=b""):
    segment = struct.pack("!HHIIBBHHH", source_port, destination_port, sequence, acknowledgement, 5 << 4, flags, 65535, 0,
                          0) + payload
    return segment[:16] + struct.pack("!H", transport_checksum(source, destination, TCP, segment)) + segment[18:]


def destination_options(next_header, options):
    """`options` padded to a multiple of 8 octets with PadN."""
    missing = -(2 + len(options)) % 8
    padding = b"\0" if missing == 1 else (bytes([1, missing - 2]) + bytes(missing - 2) if missing else b"")
    body = options + padding
    return bytes([next_header, (2 + len(body)) // 8 - 1]) + body


def nonce_option(nonce):
    return bytes([NONCE_OPTION, len(nonce)]) + nonce


class Frames:
    """A packet socket on an interface: raw Ethernet in and out."""

    def __init__(self, namespace, interface):
        with namespace.entered():
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
            self.socket.setsockopt(socket.SOL_SOCKET, 33, 32 << 20)  # SO_RCVBUFFORCE: read when the test comes to it
            self.socket.bind((interface, 3))
        with namespace.entered():
            self.mac = self.socket.getsockname()[4]

    def send(self, destination_mac, packet):
        self.socket.send(destination_mac + self.mac + b"\x86\xdd" + packet)

    def receive(self, timeout):
        ready, _, _ = select.select([self.socket], [], [], timeout)
        return self.socket.recv(65536) if ready else None

    def close(self):
        self.socket.close()


class Router:
    """Router advertisements on the links of a namespace: an answer to every solicitation, and one each period."""
    period = 1.0

    def __init__(self, namespace):
        self.namespace = namespace
        self.lock = threading.Lock()
        self.links, self.stopping = {}, False
        with namespace.entered():
            self.socket = socket.socket(socket.AF_INET6, socket.SOCK_RAW, ICMPV6)
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        self.socket.setsockopt(ICMPV6, 1, struct.pack("=8I", *[0xffffffff ^ (1 << (133 % 32) if i == 4 else 0)
                                                               for i in range(8)]))  # only solicitations
        self.wake, self.woken = socket.socketpair()
        self.solicitations = 0
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()

    def advertise(self, interface, prefix, lifetime=30, valid=3600, preferred=1800, preference=0, mtu=None, mac=None,
                  more=b""):
        """Starts or changes; preference 1 high, 0 medium, 3 low. `mac`: the link-layer address that is told, in octets.
        `more`: options as octets."""
        index = self.namespace.ifindex(interface)
        group = packed("ff02::2") + struct.pack("=I", index)
        with self.lock:
            if index not in self.links:
                self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, group)
            body = struct.pack("!BBHII", 64, preference << 3, lifetime, 0, 0)
            if prefix is not None:
                body += struct.pack("!BBBBIII", 3, 4, 64, 0xc0, valid, preferred, 0) + packed(prefix)
            if mac:
                body += struct.pack("!BB6s", 1, 1, mac)
            if mtu:
                body += struct.pack("!BBHI", 5, 1, 0, mtu)
            self.links[index] = body + more
        self.say(index)

    def silence(self, interface):
        """As if the router had died: no farewell."""
        with self.lock:
            self.links[self.namespace.ifindex(interface)] = None

    def say(self, index):
        with self.lock:
            body = self.links.get(index)
        if body is None or self.stopping:
            return
        control = [(socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, bytes(16) + struct.pack("=I", index))]
        try:  # the kernel fills in the checksum
            self.socket.sendmsg([struct.pack("!BBH", 134, 0, 0) + body], control, 0, ("ff02::1", 0, 0, index))
        except OSError:
            pass  # the link is down

    def work(self):
        while not self.stopping:
            ready, _, _ = select.select([self.socket, self.woken], [], [], self.period)
            if self.stopping:
                return
            if self.socket not in ready:
                for index in list(self.links):
                    self.say(index)
                continue
            _, control, _, _ = self.socket.recvmsg(2048, 256)
            self.solicitations += 1
            for level, kind, data in control:
                if level == socket.IPPROTO_IPV6 and kind == socket.IPV6_PKTINFO:
                    self.say(struct.unpack("=16xI", data[:20])[0])

    def close(self):
        self.stopping = True
        self.wake.send(b"x")
        self.thread.join(2)
        self.socket.close()


TYPES = {"A": 1, "AAAA": 28, "PTR": 12, "NID": 104, "L64": 106, "LP": 107, "TXT": 16}


def answer_names(namespace, server, name, kind="AAAA", timeout=10.0):
    """The data of the answers of one question over UDP; addresses as text. Empty: no data or no answer."""
    number = random.randrange(1 << 16)
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.rstrip(".").split(".")) + b"\0"
    question = struct.pack("!HHHHHH", number, 0x0100, 1, 0, 0, 0) + labels + struct.pack("!HH", TYPES[kind], 1)
    with namespace.socket(socket.AF_INET6 if ":" in server[0] else socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(timeout)
        try:
            s.connect(server)
            s.send(question)
            reply = s.recv(4096)
        except OSError:
            return []
    answers = struct.unpack("!H", reply[6:8])[0]
    at, found = 12 + len(labels) + 4, []
    for _ in range(answers):
        while reply[at] not in (0,) and reply[at] < 0xc0:
            at += reply[at] + 1
        at += 2 if reply[at] >= 0xc0 else 1
        record_kind, _, _, length = struct.unpack("!HHIH", reply[at:at + 10])
        data = reply[at + 10:at + 10 + length]
        at += 10 + length
        if record_kind == TYPES[kind]:
            found.append(str(ipaddress.ip_address(data)) if kind in ("A", "AAAA") else data)
    return found


def packets_of(path):
    """(time, frame) of a pcap file as tcpdump writes it."""
    with open(path, "rb") as f:
        data = f.read()
    at = 24
    while at + 16 <= len(data):
        seconds, micros, size, _ = struct.unpack("=IIII", data[at:at + 16])
        at += 16
        yield seconds + micros * 1e-6, data[at:at + size]
        at += size
