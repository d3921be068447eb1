#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The figures of the demo, from logs and captures made by hand."""
import os
import socket
import struct
import sys
import tempfile
import unittest

EXAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../examples")
sys.path[:0] = [EXAMPLES, os.path.join(EXAMPLES, "roam")]
from common.arrivals import Arrivals  # noqa: E402
from lab import measure, topology  # noqa: E402

MS = 1_000_000


def arrivals(rows):
    """`rows`: (sequence, sent in ms, received in ms)."""
    with tempfile.NamedTemporaryFile() as log:
        log.write(b"ROAMCNT1" + b"".join(struct.pack("<3q", n, int(s * MS), int(r * MS)) for n, s, r in rows))
        log.flush()
        return Arrivals(log.name)


def steady(first, count, delay=10):
    return [(n, n, n + delay) for n in range(first, first + count)]


class ArrivalsTest(unittest.TestCase):
    def test_stall_is_the_longest_silence_that_ends_in_the_window(self):
        stream = arrivals(steady(0, 1000) + steady(1300, 1000))
        gap, start = stream.longest_gap(1.0, 2.0)
        self.assertAlmostEqual(gap, 0.301, 6)
        self.assertAlmostEqual(start, 1.009, 6)
        self.assertAlmostEqual(stream.longest_gap(1.5, 2.0)[0], 0.001, 6)

    def test_stall_counts_from_the_last_arrival_before_the_window(self):
        stream = arrivals(steady(0, 1000) + steady(1300, 1000))
        self.assertAlmostEqual(stream.longest_gap(1.2, 2.0)[0], 0.301, 6)

    def test_lost_are_those_sent_in_the_window_that_never_came(self):
        stream = arrivals(steady(0, 1000) + steady(1300, 1000))
        self.assertEqual(stream.lost(0.5, 2.0), 300)
        self.assertEqual(stream.lost(1.4, 2.0), 0)

    def test_lost_at_the_end_of_the_stream_need_the_senders_total(self):
        stream = arrivals(steady(0, 1000))
        self.assertEqual(stream.lost(0.5, 2.0), 0)
        self.assertEqual(stream.lost(0.5, 2.0, total=1010), 10)

    def test_reordered_is_neither_lost_nor_twice(self):
        rows = steady(0, 100)
        rows[50], rows[51] = (51, 51, 60), (50, 50, 61)
        stream = arrivals(rows)
        self.assertEqual(stream.out_of_order(0, 1), 1)
        self.assertEqual(stream.lost(0, 1, total=100), 0)

    def test_overtaking_counts_every_late_datagram(self):
        # A shorter path from number 100 on: 20 ms instead of 80 ms.
        rows = sorted([(n, n, n + (80 if n < 100 else 20)) for n in range(200)], key=lambda row: row[2])
        self.assertIn(arrivals(rows).out_of_order(0, 1), (59, 60, 61))

    def test_jumps_are_breaks_of_the_sequence(self):
        self.assertEqual(arrivals(steady(0, 50) + steady(60, 50)).jumps(0, 1), 1)
        self.assertEqual(arrivals(steady(0, 50)).jumps(0, 1), 0)

    def test_lost_datagrams_are_placed_between_their_neighbours(self):
        times = arrivals([(0, 0, 10), (3, 3, 13)]).lost_times(0, 1)
        self.assertEqual([round(t, 6) for t in times], [0.001, 0.002])

    def test_a_log_cut_in_the_middle_of_a_record_is_read_up_to_there(self):
        with tempfile.NamedTemporaryFile() as log:
            log.write(b"ROAMCNT1" + struct.pack("<3q", 0, 0, MS) + b"half")
            log.flush()
            self.assertEqual(len(Arrivals(log.name)), 1)


def ethernet(source, destination, protocol, payload=b"\0" * 24):
    ip = struct.pack(">IHBB", 6 << 28, len(payload), protocol, 64)
    return b"\0" * 12 + b"\x86\xdd" + ip + socket.inet_pton(socket.AF_INET6, source) + \
        socket.inet_pton(socket.AF_INET6, destination) + payload


def capture(packets, offset=1000.0):
    with tempfile.NamedTemporaryFile() as file:
        file.write(struct.pack("<IHHiIII", 0xa1b23c4d, 2, 4, 0, 0, 65535, 1))
        for when, packet in packets:
            wall = when + offset
            file.write(struct.pack("<IIII", int(wall), round((wall - int(wall)) * 1e9), len(packet), len(packet)) + packet)
        file.flush()
        return measure.Capture(file.name, offset)


class CaptureTest(unittest.TestCase):
    A1, A2, C1 = "2001:db8:a1::1", "2001:db8:a2::1", "2001:db8:c1::1"

    def test_first_data_packet_from_a_site_after_a_time(self):
        packets = capture([(1.0, ethernet(self.A2, self.C1, measure.UDP)), (2.5, ethernet(self.A1, self.C1, measure.UDP)),
                           (3.0, ethernet(self.A2, self.C1, measure.ICMPV6)), (3.5, ethernet(self.A2, self.C1, measure.TCP))])
        self.assertAlmostEqual(packets.first(2.0, source="dc2"), 3.5, 6)
        self.assertAlmostEqual(packets.first(0.0, source="dc2"), 1.0, 6)
        self.assertIsNone(packets.first(4.0, source="dc2"))
        self.assertAlmostEqual(packets.first(0.0, destination="c1", source="dc1"), 2.5, 6)

    def test_data_behind_an_option_header_is_data(self):
        nonce = bytes([measure.UDP, 1]) + b"\0" * 14
        locator_update = bytes([measure.ICMPV6, 1]) + b"\0" * 14
        packets = capture([(1.0, ethernet(self.A2, self.C1, measure.DESTINATION_OPTIONS, locator_update + b"\0" * 8)),
                           (2.0, ethernet(self.A2, self.C1, measure.DESTINATION_OPTIONS, nonce + b"\0" * 8))])
        self.assertAlmostEqual(packets.first(0.0, source="dc2"), 2.0, 6)

    def test_a_cut_capture_is_read_up_to_there(self):
        self.assertEqual(len(capture([(1.0, ethernet(self.A1, self.C1, measure.UDP)[:40])]).packets), 0)


class RetransmissionsTest(unittest.TestCase):
    def test_octets_of_a_window_also_of_connections_that_end(self):
        counts = measure.Retransmissions()
        counts.add(1.0, {"a": 100, "b": 0})
        counts.add(2.0, {"a": 150, "b": 30})
        counts.add(3.0, {"b": 40, "c": 5})
        self.assertEqual(counts.between(1.0, 3.0), 50 + 40 + 5)
        self.assertEqual(counts.between(2.0, 3.0), 10 + 5)


class TopologyTest(unittest.TestCase):
    def test_site_of_an_address(self):
        self.assertEqual(topology.site_of("2001:db8:a1::5"), "dc1")
        self.assertEqual(topology.site_of("2001:db8:c2:0:200:ff:fe00:2"), "c2")
        self.assertIsNone(topology.site_of("2001:db8:53::53"))


if __name__ == "__main__":
    unittest.main()
