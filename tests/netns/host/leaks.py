# SPDX-License-Identifier: Apache-2.0
"""What captures of the wires must not show."""
import socket

from lab import IDENTITY_OCTETS
from wire import ICMPV6, TCP, UDP, packets_of, transport_checksum

FIN, RESET = 1, 4


def identity_leaks(paths, except_for=()):
    """Frames with an octet string of the identity prefix anywhere in their first 256 octets, but in these intervals
    (wall clock)."""
    found = []
    for path in paths:
        for at, frame in packets_of(path):
            if IDENTITY_OCTETS in frame and not any(begin <= at <= end for begin, end in except_for):
                found.append(f"{path.rsplit('/', 1)[-1]} {at:.3f} {frame[14:94].hex()}")
    return found


def upper_of(frame):
    """(protocol, octets) behind the extension headers of an IPv6 frame; fragments but the first are none."""
    if frame[12:14] != b"\x86\xdd" or len(frame) < 54:
        return None, b""
    protocol, at = frame[20], 54
    while protocol in (0, 43, 60) and at + 8 <= len(frame):
        protocol, at = frame[at], at + 8 * (frame[at + 1] + 1)
    return protocol, frame[at:]


def resets(paths, nids):
    """TCP resets from or to one of these NIDs (text), but those of connections that both ends had closed before: an old
    segment that some queue kept meets nobody then, and is answered so."""
    words = [bytes.fromhex("".join(w.zfill(4) for w in nid.split(":"))) for nid in nids]
    segments = []
    for path in paths:
        for at, frame in packets_of(path):
            protocol, upper = upper_of(frame)
            if protocol == TCP and len(upper) >= 14 and (frame[30:38] in words or frame[46:54] in words):
                segments.append((at, upper[:2], upper[2:4], upper[13], f"{path.rsplit('/', 1)[-1]} {at:.3f} {frame[14:94].hex()}"))
    found, closed = [], set()  # closed: (port that said FIN, the other port)
    for at, source, destination, flags, text in sorted(segments):
        if flags & FIN:
            closed.add((source, destination))
        if flags & RESET and not {(source, destination), (destination, source)} <= closed:
            found.append(text)
    return found


def wrong_checksums(paths):
    """TCP, UDP and ICMPv6 packets, as far as they were captured whole, whose checksum is not the one of IPv6."""
    found, seen = [], 0
    for path in paths:
        for at, frame in packets_of(path):
            protocol, upper = upper_of(frame)
            if protocol not in (TCP, UDP, ICMPV6) or len(frame) != 54 + int.from_bytes(frame[18:20], "big"):
                continue
            seen += 1
            source, destination = (socket.inet_ntop(socket.AF_INET6, frame[i:i + 16]) for i in (22, 38))
            if transport_checksum(source, destination, protocol, upper) != 0:
                found.append(f"{path.rsplit('/', 1)[-1]} {at:.3f} {frame[14:94].hex()}")
    return found if seen else ["nothing was captured whole"]
