# SPDX-License-Identifier: Apache-2.0
"""Sessions that moves must not hurt, by name, and what each move did to them; Locator Updates in a capture."""
from flows import LATE, Counter, Stream, go_on, longest_gap, now
from lab import check
from wire import packets_of

DESTINATION_OPTIONS, ICMPV6, LOCATOR_UPDATE = 60, 58, 156


class Sessions:
    """Ports are given in order, two servers of one kind never meet."""

    def __init__(self):
        self.udp, self.tcp, self.marks, self.port = {}, {}, [], 7100

    def _next_port(self):
        self.port += 1
        return self.port

    def counter(self, name, client, server, address, hertz=1000):
        self.udp[name] = Counter(client, server, address, self._next_port(), hertz)

    def stream(self, name, client, server, address, rate=1_000_000):
        self.tcp[name] = Stream(client, server, address, self._next_port(), rate)

    def mark(self, what):
        """Something happens now."""
        self.marks.append((what, now()))

    def go_on(self):
        """Waits until all of them have got further."""
        go_on(*self.udp.values(), *self.tcp.values())

    def end(self, stall=LATE, best=0.5, window=0.7):
        """Nothing is broken, doubled, at its end, or silent for longer than `stall` in the time after a mark, nor for `best`
        after each of them; the UDP figures."""
        self.go_on()
        found = {}
        for name, counter in self.udp.items():
            figures = found[name] = counter.stop()
            gaps = [max(longest_gap(figures[way], since, since + window) for way in ("there", "back"))
                    for _, since in self.marks]
            print(f"UDP {name}: {figures['sent']} sent, lost {figures['there']['lost']} there, {figures['back']['lost']} "
                  f"back; stalls " + ", ".join(f"{what} {gap * 1e3:.0f} ms" for (what, _), gap in zip(self.marks, gaps)))
            check(max(gaps, default=0) < stall and min(gaps, default=0) < best, f"{name} stalls: {gaps}")
            check(not figures["there"]["twice"] and not figures["back"]["twice"], f"{name}: datagrams came twice")
        for name, stream in self.tcp.items():
            print(f"TCP {name}: {stream.stop(what=name)['octets'] >> 10} KiB intact")
        return found


def locator_updates(path):
    """[(seconds, source address as octets)] of a capture: advertisements (operation 1), not acknowledgements."""
    found = []
    for when, frame in packets_of(path):
        if frame[12:14] != b"\x86\xdd":
            continue
        header, at = frame[20], 54
        while header == DESTINATION_OPTIONS and at + 2 <= len(frame):
            header, at = frame[at], at + 8 * (frame[at + 1] + 1)
        if header == ICMPV6 and at + 6 <= len(frame) and frame[at] == LOCATOR_UPDATE and frame[at + 5] == 1:
            found.append((when, frame[22:38]))
    return found


def names_on_the_wire(path, nids):
    """The locators under which guests are seen in a capture."""
    seen = {nid: set() for nid in nids}
    for _, frame in packets_of(path):
        if frame[12:14] != b"\x86\xdd":
            continue
        for at in (22, 38):
            locator, nid = frame[at:at + 8], frame[at + 8:at + 16]
            if nid in seen:
                seen[nid].add(locator)
    return seen
