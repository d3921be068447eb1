#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Traffic with a clock of its own: a process per end, its figures as one JSON line when SIGTERM ends it. SIGUSR1 asks how
much came so far.

    traffic.py count-serve PORT             echoes datagrams
    traffic.py count ADDRESS PORT HERTZ     sends numbered datagrams and listens for their echoes
    traffic.py stream-serve PORT            receives TCP streams, one after the other
    traffic.py stream ADDRESS PORT RATE     sends a TCP stream, RATE octets/s (0: as fast as it goes), until SIGTERM
"""
import hashlib
import json
import os
import select
import signal
import socket
import struct
import sys
import time

BUFFER = 8 << 20  # octets; a receiver that the machine lets wait loses nothing
LONGEST = 200  # gaps that are kept
stopping = asked = False


def stop(_number, _frame):
    global stopping
    stopping = True


def ask(_number, _frame):
    global asked
    asked = True


def answer(**so_far):
    global asked
    if asked:
        asked = False
        print(json.dumps(so_far), flush=True)


class Arrivals:
    """Numbers as they come in."""

    def __init__(self):
        self.count = self.late = self.highest = 0
        self.first = self.last = None
        self.gaps = []  # (length, from, number before, number after), the longest
        self.seen = set()
        self.twice = 0

    def note(self, number):
        now = time.monotonic()
        if number in self.seen:
            self.twice += 1
            return
        self.seen.add(number)
        self.count += 1
        if self.last is not None and now - self.last > 0.02:
            self.gaps = sorted(self.gaps + [(now - self.last, self.last)], reverse=True)[:LONGEST]
        if number < self.highest:
            self.late += 1
        self.highest = max(self.highest, number)
        self.first = self.first or now
        self.last = now

    def figures(self):
        return {"count": self.count, "highest": self.highest, "late": self.late, "twice": self.twice,
                "last": self.last, "first": self.first, "gaps": self.gaps}


def datagram_socket():
    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, 33, BUFFER)  # SO_RCVBUFFORCE
    return s


def count_serve(port):
    s = datagram_socket()
    s.bind(("::", port))
    arrivals, silent = Arrivals(), False
    print("ready", flush=True)
    while not (stopping and silent):
        silent = not select.select([s], [], [], 0.1)[0]
        if silent:
            continue
        data, peer = s.recvfrom(2048)
        arrivals.note(struct.unpack("!Q", data[:8])[0])
        try:
            s.sendto(data, peer)
        except OSError:
            pass
    print(json.dumps(arrivals.figures()), flush=True)


def count(address, port, hertz):
    s = datagram_socket()
    s.connect((address, port))
    s.setblocking(False)
    arrivals, number, errors, period, late, silent = Arrivals(), 0, {}, 1 / hertz, [], 0
    print("ready", flush=True)
    due = time.monotonic()
    # In the end echoes may be under way. Silence is counted in turns: while the machine stands still there are none.
    while not stopping or (arrivals.count < number and silent < 10):
        answer(count=arrivals.count)
        now = time.monotonic()
        if not stopping:
            if now - due > 0.02:  # the machine did not let us
                late = sorted(late + [(now - due, due)], reverse=True)[:LONGEST]
            while due <= now:
                due += period
                number += 1
                try:
                    s.send(struct.pack("!Qd", number, now) + bytes(48))
                except OSError as e:
                    errors[e.errno] = errors.get(e.errno, 0) + 1
        wait = 0.05 if stopping else max(0.0, min(due - time.monotonic(), 0.05))
        silent = 0 if select.select([s], [], [], wait)[0] or not stopping else silent + 1
        while True:
            try:
                arrivals.note(struct.unpack("!Q", s.recv(2048)[:8])[0])
            except BlockingIOError:
                break
            except OSError as e:
                errors[e.errno] = errors.get(e.errno, 0) + 1
    print(json.dumps({"sent": number, "errors": errors, "late_sending": late, **arrivals.figures()}), flush=True)


def stream_serve(port):
    listener = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("::", port))
    listener.listen(4)
    print("ready", flush=True)
    while not stopping:
        if not select.select([listener], [], [], 0.1)[0]:
            continue
        s, _ = listener.accept()
        s.setblocking(False)
        digest, size, error, last, gaps = hashlib.sha256(), 0, None, time.monotonic(), []
        try:
            while not stopping:
                answer(octets=size)
                if not select.select([s], [], [], 0.1)[0]:
                    continue
                data = s.recv(1 << 18)
                if not data:
                    break
                now = time.monotonic()
                if now - last > 0.02:
                    gaps = sorted(gaps + [(now - last, last)], reverse=True)[:LONGEST]
                last = now
                digest.update(data)
                size += len(data)
            s.setblocking(True)
            s.sendall(b"done")
        except OSError as e:
            error = e.errno
        s.close()
        print(json.dumps({"octets": size, "sha256": digest.hexdigest(), "error": error, "gaps": gaps}), flush=True)


def stream(address, port, rate):
    s = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
    s.settimeout(30)
    begin = time.monotonic()
    s.connect((address, port))
    connected = time.monotonic() - begin
    print("ready", flush=True)
    block = b"".join(hashlib.sha512(struct.pack("!Q", i)).digest() for i in range(1024))
    digest, size, error = hashlib.sha256(), 0, None
    begin = time.monotonic()
    try:
        while not stopping or size == 0:
            piece = struct.pack("!Q", size) + block
            if rate:
                piece = piece[:max(1000, rate // 50)]
                ahead = size / rate - (time.monotonic() - begin)
                if ahead > 0:
                    time.sleep(min(ahead, 0.1))
                    continue
            s.sendall(piece)
            digest.update(piece)
            size += len(piece)
        s.shutdown(socket.SHUT_WR)
        if s.recv(16) != b"done":
            error = "no farewell"
    except OSError as e:
        error = e.errno or str(e)
    print(json.dumps({"octets": size, "sha256": digest.hexdigest(), "error": error, "connect_s": connected}), flush=True)


def main():
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGUSR1, ask)
    if os.getppid() == 1:
        return
    what, arguments = sys.argv[1], sys.argv[2:]
    if what == "count-serve":
        count_serve(int(arguments[0]))
    elif what == "count":
        count(arguments[0], int(arguments[1]), float(arguments[2]))
    elif what == "stream-serve":
        stream_serve(int(arguments[0]))
    elif what == "stream":
        stream(arguments[0], int(arguments[1]), int(arguments[2]))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
