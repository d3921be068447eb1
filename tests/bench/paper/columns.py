#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One and the same live migration with what there is for it: MPTCP, plain IPv6 with a new address, a stretched layer 2, and
ours: seen by a client with ilnp-host, unseen by one that knows IP only, and seen by a LISP router."""
import contextlib
import os
import time

from charts import boxes
from results import chosen, measured_with, memory_of, spread, stamp, table, values

# pylint: disable=wrong-import-order
from moving import PREFIX, Lab, Places, wait_for_reply, wait_until  # noqa: E402  says where the others are
from bulk import Bulk, felt  # noqa: E402
from lab import check  # noqa: E402
from lisp_sites import Q  # noqa: E402
from mesh import Cables  # noqa: E402
from pings import INTERVAL, Pings, downtime, lost, sent_between  # noqa: E402
from plain_sites import PlainSites  # noqa: E402
from site_lab import veth  # noqa: E402
from study import Study  # noqa: E402
from two_sites import NID_PEER  # noqa: E402
from vm_sites import VmSites  # noqa: E402

PLAIN = ("plain", "mptcp", "layer2")
OURS = {"visible": "p", "invisible": "o", "lisp": "q"}  # by the client that looks
METHODS = (*PLAIN, *OURS)
DELAYS = {"client": 10.0, "link": 5.0}  # ms, one way
QUEUE = "512K"  # octets that a line holds: 40 ms, so that what waits there does not hide a gap
SETTLED = {"pings": 4.0, "stream": 7.0}  # s that are looked at after a move
FIELDS = ("method", "what", "stopped_ms", "blackout_ms", "pings", "lost", "gap_ms", "before_mbit", "after_mbit")
WORDS = {"plain": "plain IPv6, renumbered", "mptcp": "MPTCP", "layer2": "stretched layer 2 (VXLAN)",
         "visible": "ours, visible (ILNP client)", "invisible": "ours, invisible (IP-only client)", "lisp": "ours, LISP client"}


TEXT = """# One live migration, six ways to be reached after it

    tests/bench/paper/columns.sh             # 10 moves with pings and 10 with a TCP stream, each way: 24 minutes
    tests/bench/paper/columns.sh --draw      # this page and its chart, of the rows that are there

A virtual machine is live-migrated from one data centre to another while a client pings it, and, in other moves, while it sends
to the client as fast as TCP goes.

{measured}
**What is emulated.** Everything is network namespaces on one machine. From a data centre to the client are 10 ms one way
(the program `wire`, 100 Mbit/s, queues of 512 KB), between the data centres 5 ms. The guest is a QEMU machine with its own
kernel (Linux 6.1, cubic).
Its memory is {way}.
The routers of both data centres have the same link-local and link-layer address, so that no guest waits for neighbour
discovery, and the plain ones advertise every 0.1 s.

- **plain IPv6**: the guest takes an address from the router of the place where it is. Nobody knows its old one there.
- **MPTCP**: the same, and a script in the guest makes the new address an endpoint of the kernel's path manager and gives up
  the old one. Both ends of the stream are sockets of MPTCP (`mptcpize` in the guest). Pings are none of its business. The guest
  opened the connection: a server that moved would have to be found by its new address.
- **stretched layer 2**: a VXLAN device between the hypervisors' bridges. The guest's router stays in the first data centre,
  and all packets go through there for good.
- **ours**: border routers and gateways as in [the handbook](../operations/migration.md), and `ilnp-host` in the guest; in the
  kernel of the client there is nothing of ours but for the ILNP client.

{table}
Median [first quartile, third quartile]. *Blackout*: the longest time without a reply to pings 5 ms apart; *pings lost*: where the
address answered again. Of each blackout, an emulated guest needs some 60 ms to get going again, and its `ilnp-host` in turn
more than its kernel. *TCP after*: of the last two seconds of the seven after a move.

![blackout and gap](columns.svg)

Boxes: quartiles; whiskers: least and most; a way that did not survive has none. Each move: [columns.csv](columns.csv).
"""


class OurSites(VmSites):
    """The client that `method` is about looks at a move that all of them could see."""

    def __init__(self, lab, cables, method, delays):
        self.kind = OURS[method]

        def cable(left, left_name, right, right_name, mtu=None):
            one_way = {"x0": delays["link"]}.get(left_name, delays["client"] if left.name in ("dc1", "dc2") else 0)
            if one_way:
                cables.cable(left, left_name, right, right_name, one_way, f"{left.name}-{left_name}", mtu)
            else:
                veth(left, left_name, right, right_name, mtu)
        super().__init__(lab, cable=cable, start=False)

    def boot(self, way):
        self.way = way
        self.vm = self.machine("guest", shared=way == "shared").machine
        wait_for_reply(*self.client(), wait_until)

    def client(self):
        return self.lab.namespaces[self.kind], self.addresses("guest")[self.kind]

    def client_name(self):
        return {"p": f"[{PREFIX}:{NID_PEER}]", "o": f"[{self.lab.namespaces['o'].address}]", "q": f"[{Q}]"}[self.kind]

    def move(self):
        return self.migrate("guest", way=self.way, visible=True)

    def at_home_again(self):
        """It is reached as before."""


@contextlib.contextmanager
def world_of(method, options, directory):
    with Lab(90 + 40 * options.moves, options.build) as lab, Places(f"ilnp-{os.getpid()}", directory) as places:
        cables = Cables(lab, QUEUE)
        world = (PlainSites if method in PLAIN else OurSites)(lab, cables, method, DELAYS)
        cables.start(places, os.path.join(lab.build, "examples/roam/wire"))
        world.start()
        world.boot(options.way)
        time.sleep(2)
        with world.vm.needed():
            yield world


def look_by_pings(world):
    stream = Pings(*world.client())
    time.sleep(1.5)
    times = world.move()
    time.sleep(SETTLED["pings"])
    pings, begin, end = stream.so_far(), times["told"], time.monotonic()
    stream.end()
    around = sent_between(pings, begin - 1, end - 1)
    goes_on = any(ping.came for ping in around[-int(0.5 / INTERVAL):])
    silence = downtime(pings, begin, end) if goes_on else None
    return times, {"blackout_ms": silence and round(1000 * silence, 1), "pings": len(around), "lost": lost(around)[0]}


def look_by_stream(world):
    stream = Bulk(world.vm, world.client()[0], world.client_name(), world.kind == "mptcp")
    wait_until(stream.arrivals, lambda: f"no stream from the guest: {world.vm.read('/run/bulk.err').decode()}")
    time.sleep(3)
    times = world.move()
    time.sleep(SETTLED["stream"])
    found = felt(stream.arrivals(), times["told"], time.monotonic())
    stream.end()
    return times, found


LOOKS = {"pings": look_by_pings, "stream": look_by_stream}


def done(rows, method, what):
    return len(chosen(rows, method=method, what=what))


def measure(method, rows, options, directory):
    """Each look is at a move to dc2; it is brought back unseen."""
    with world_of(method, options, directory) as world:
        where = stamp(world.vm.accelerator, options.way)
        for what, look in LOOKS.items():
            while done(rows.read(), method, what) < options.moves:
                times, found = look(world)
                world.vm.check_answers()
                stopped = round(1000 * (times["resumed"] - times["stopped"]), 1)
                row = {"method": method, "what": what, "stopped_ms": stopped, **found}
                rows.append([{**row, **where}])
                print(", ".join(f"{name} {value}" for name, value in row.items()), flush=True)
                world.move()
                world.at_home_again()
                time.sleep(2)


# ---------------------------------------------------------------- page

def seen(method, rows):
    """A column of the table: what one method did."""
    pings, streams = chosen(rows, method=method, what="pings"), chosen(rows, method=method, what="stream")
    died = {what: sum(row[field] is None for row in found)
            for what, field, found in (("pings", "blackout_ms", pings), ("stream", "gap_ms", streams))}
    share = [row["after_mbit"] / row["before_mbit"] for row in streams if row["before_mbit"]]
    return {"moves": f"{len(pings)} + {len(streams)}",
            "stopped by the hypervisor, ms": spread(values(pings + streams, "stopped_ms")),
            "the address answers again": f"{len(pings) - died['pings']} of {len(pings)}",
            "blackout, ms": spread(values(pings, "blackout_ms")),
            "pings lost": spread([row["lost"] for row in pings if row["blackout_ms"] is not None]),
            "TCP goes on": f"{len(streams) - died['stream']} of {len(streams)}",
            "gap of TCP, ms": spread(values(streams, "gap_ms")),
            "TCP before, Mbit/s": spread(values(streams, "before_mbit")),
            "TCP after, Mbit/s": spread(values(streams, "after_mbit")),
            "after : before": spread(share, 2)}


def draw(rows, study):
    methods = [method for method in METHODS if all(chosen(rows, method=method, what=what) for what in LOOKS)]
    check(methods, "no way has moves of both kinds yet")
    columns = {method: seen(method, rows) for method in methods}
    cells = [[name] + [columns[method][name] for method in methods] for name in columns[methods[0]]]
    panels = {title: [(method, values(chosen(rows, method=method), field), None) for method in methods
                      if values(chosen(rows, method=method), field)]
              for title, field in (("without a reply to pings, ms", "blackout_ms"), ("gap of TCP, ms", "gap_ms"))}
    boxes(study.path("columns.svg"), panels, "ms")
    return TEXT.format(measured=measured_with(rows), way=memory_of(rows),
                       table=table(["", *(WORDS[method] for method in methods)], cells))


if __name__ == "__main__":
    STUDY = Study("columns", __doc__, FIELDS, ("methods", METHODS), moves=10, quick=METHODS)
    STUDY.main(lambda method, rows: any(done(rows, method, what) < STUDY.options.moves for what in LOOKS), measure, draw)
