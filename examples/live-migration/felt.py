# SPDX-License-Identifier: Apache-2.0
"""What a client felt of a move. The guest's clock is not ours, and stands still while the guest is stopped: silences are
those of clients, and what was lost is found by numbers."""
from common.figures import Stalls, longest_silence, ms

LAST = 2.0  # s; a stream that is silent for longer before the next move is dead


class Felt(Stalls):
    def between(self, since, until):
        udp, tcp = self.arrivals["udp", "client"], self.arrivals["tcp", "client"]
        return {"udp to client, ms": silence(udp, since, until), "tcp to client, ms": silence(tcp, since, until),
                "ssh echo, ms": ms(longest_silence([back for _, _, back in self.echoes], since, until)),
                "download, ms": ms(longest_silence(self.grown, since, until)),
                "datagrams lost to client": missing(udp, since - 1, until - 1),
                "datagrams lost to guest": self.arrivals["udp", "guest"].lost(since - 1, until - 1)}


def silence(stream, since, until):
    """The longest, in ms; None: the last one has no end."""
    ends = any(until - LAST <= received < until for received in stream.received)
    return ms(stream.longest_gap(since, until)[0]) if ends else None


def missing(stream, since, until):
    """Numbers that never came, between the first and the last that came then."""
    then = [number for number, received in zip(stream.sequence, stream.received) if since <= received < until]
    if not then:
        return 0
    first, last = min(then), max(then)
    return last - first + 1 - len({number for number in stream.sequence if first <= number <= last})
