#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A machine stands still, as a virtual machine does that is moved: when it runs again packets are waiting, and so is the news
that its router has another link-layer address. The packets go to that one, whichever came first."""
import signal
import socket
import time

from lab import check, standard, test_main, wait_until

PACKETS, STOOD_STILL, PORT = 60, 0.15, 7400


def link_layer_address(namespace, interface):
    return namespace.ip("-o", "link", "show", interface).split("link/ether ")[1].split()[0]


def changed_router(lab, a, mac):
    """Of its last octet; the machine's kernel knows it, while its daemon may not."""
    lab.namespaces["r"].ip("link", "set", "a-eth0", "address", mac)
    lab.routers["r"].advertise("a-eth0", "2001:db8:a1::", mac=bytes.fromhex(mac.replace(":", "")))
    wait_until(lambda: mac in a.ns.ip("-6", "neigh", "show", "dev", "eth0"), lambda: a.ns.ip("-6", "neigh"))


def waiting_packets(lab, a, sender, receiver, mac):
    """How many of those that waited arrive."""
    a.process.send_signal(signal.SIGSTOP)
    begin = time.monotonic()
    for number in range(PACKETS):
        sender.send(b"%d" % number)
    changed_router(lab, a, mac)
    time.sleep(max(0.0, begin + STOOD_STILL - time.monotonic()))
    a.process.send_signal(signal.SIGCONT)
    found = set()
    try:
        while len(found) < PACKETS:
            found.add(receiver.recv(100))
    except socket.timeout:
        pass
    return len(found)


def test(lab):
    a, b = standard(lab)
    a.start()
    b.start()
    address = a.resolve_peer(b)
    with b.ns.socket(socket.AF_INET6, socket.SOCK_DGRAM) as receiver, a.ns.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sender:
        receiver.bind(("::", PORT))
        receiver.settimeout(2)
        sender.connect((address, PORT))
        sender.send(b"first")
        check(receiver.recv(100) == b"first", "no session")
        before = link_layer_address(lab.namespaces["r"], "a-eth0")
        for last in ("01", "02", "03"):
            mac = f"02:00:00:00:aa:{last}"
            arrived = waiting_packets(lab, a, sender, receiver, mac)
            print(f"router {before} -> {mac}: {arrived} of {PACKETS} that had waited arrived")
            check(arrived == PACKETS, f"{PACKETS - arrived} packets were sent to the router of before")
            before = mac


test_main(test)
