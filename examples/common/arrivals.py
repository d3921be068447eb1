# SPDX-License-Identifier: Apache-2.0
"""What a receiver of the record stream (examples/roam/counter) logged: silences, losses, order.

All times are CLOCK_MONOTONIC seconds.
"""
import bisect
from array import array


class Arrivals:
    """What one receiver of a counter stream logged."""

    def __init__(self, path):
        with open(path, "rb") as log:
            if log.read(8) != b"ROAMCNT1":
                raise ValueError(f"{path}: not a counter log")
            numbers = array("q")
            data = log.read()
        numbers.frombytes(data[:len(data) // 24 * 24])
        self.sequence = numbers[0::3]
        self.sent = [t / 1e9 for t in numbers[1::3]]
        self.received = [t / 1e9 for t in numbers[2::3]]
        self._by_sent = None

    def __len__(self):
        return len(self.sequence)

    def longest_gap(self, since, until):
        """(seconds, start): the longest silence that ended in the window, counted from the last arrival before it."""
        first = bisect.bisect_left(self.received, since)
        last = bisect.bisect_left(self.received, until)
        worst, start = 0.0, None
        for i in range(max(first, 1), last):
            if self.received[i] - self.received[i - 1] > worst:
                worst, start = self.received[i] - self.received[i - 1], self.received[i - 1]
        return worst, start

    def number_at(self, when):
        """The first number sent at or after `when`, from those that arrived."""
        if self._by_sent is None:
            self._by_sent = sorted(zip(self.sent, self.sequence))
        pairs = self._by_sent
        i = bisect.bisect_left(pairs, (when, -1))
        return pairs[i][1] if i < len(pairs) else (pairs[-1][1] + 1 if pairs else 0)

    def lost(self, since, until, total=None):
        """Numbers sent in the window that never came; with `total` the window reaches to the end of the stream."""
        first = self.number_at(since)
        last = total if total is not None else self.number_at(until)
        seen = {n for n in self.sequence if first <= n < last}
        return max(0, last - first) - len(seen)

    def lost_times(self, since, until):
        """When the numbers that never came were sent: between two that came, at even steps."""
        if self._by_sent is None:
            self._by_sent = sorted(zip(self.sent, self.sequence))
        out = []
        for (sent, number), (later, following) in zip(self._by_sent, self._by_sent[1:]):
            missing = following - number - 1
            if missing > 0 and later >= since and sent < until:
                out += [sent + (later - sent) * (n + 1) / (missing + 1) for n in range(missing)]
        return [t for t in out if since <= t < until]

    def out_of_order(self, since, until):
        highest, count = -1, 0
        for number, received in zip(self.sequence, self.received):
            if number < highest and since <= received < until:
                count += 1
            highest = max(highest, number)
        return count

    def jumps(self, since, until):
        """Times the number was not the previous one plus one: what a byte stream must never show."""
        return sum(1 for i in range(1, len(self.sequence))
                   if self.sequence[i] != self.sequence[i - 1] + 1 and since <= self.received[i] < until)

    def delay_series(self, start, step):
        """[(time, lowest, highest)] of the one-way delay in ms per `step` seconds, for drawing."""
        buckets = {}
        for sent, received in zip(self.sent, self.received):
            key = int((received - start) / step)
            delay = (received - sent) * 1000
            low, high = buckets.get(key, (delay, delay))
            buckets[key] = (min(low, delay), max(high, delay))
        return [((key + 0.5) * step, low, high) for key, (low, high) in sorted(buckets.items())]

    def gaps(self, longer_than):
        return [(a, b) for a, b in zip(self.received, self.received[1:]) if b - a > longer_than]
