#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Location privacy: nodes in dc2 are known to the world by the names that dc1, their relay, gives them. Correspondents,
with ILNP and without, never see a locator that tells where the nodes are."""
import time

from two_sites import OUT, PROVIDER, SUBNET, TwoSites

# pylint: disable=wrong-import-order
from flows import Stream
from lab import check, test_main, wait_until
from site_lab import host_address
from wire import packed, packets_of

RELAYED, PLAIN = "2001:db8:e3::/48", 16


def test(lab):
    sites = TwoSites(lab, guests=(("g", "200:0:0:a"),))
    relay, hidden = sites.sites["dc1"], sites.sites["dc2"]
    prefix = f'["{SUBNET["dc2"]}::/64"]'
    relay.text += f'relayed = {prefix}\n[[mapping]]\nuplink = "isp"\ninside = {prefix[1:-1]}\noutside = "2001:db8:e3:7::/64"\n'
    relay.text += 'mode = "replace"\n'
    hidden.text += f"relay = {prefix}\n"
    relay.world.ip("-6", "route", "add", RELAYED, "via", "2001:db8:f0:1::2")
    sites.start()
    name = f"2001:db8:e3:7::{PLAIN:x}"
    plain = sites.plain_guest("h", PLAIN)
    plain.ip("addr", "flush", "dev", "eth0", "scope", "global")
    host_address(plain, "eth0", f"{SUBNET['dc2']}::{PLAIN:x}")
    sites.plug("h", "dc2")
    q = lab.namespaces["q"]
    captures = [lab.capture(lab.namespaces["r"], interface) for interface in ("q-eth0", "p-eth0", "dc1-wan0")]
    wait_until(lambda: q.run("ping", "-6", "-n", "-c", "1", "-W", "1", name, check_status=False).returncode == 0,
               "the node does not answer by its relay's name", 8)
    streams = [Stream(plain, q, OUT, port=7005, rate=500_000), Stream(q, plain, name, port=7006, rate=500_000)]
    text = plain.run("ping", "-6", "-n", "-c", "1", "-t", "1", OUT, check_status=False).stdout
    check("Time exceeded" in text, f"the node's own router does not answer: {text}")
    q.run("ping", "-6", "-n", "-c", "1", "-W", "1", "-t", "4", name, check_status=False)  # ends at the node's router
    time.sleep(1)
    octets = [s.stop(what="by the relay")["octets"] for s in streams]
    lab.end_captures()
    tell_tale = [packed(f"{SUBNET['dc2']}::")[:6], packed(PROVIDER["dc2"].split("/")[0])[:6]]
    frames = [frame for path in captures for _, frame in packets_of(path)]
    check(sum(packed(name) in frame for frame in frames) > 100, "nothing went by the relay")
    leaks = [frame.hex() for frame in frames if any(octets in frame for octets in tell_tale)]
    check(not leaks, f"{len(leaks)} frames tell where the node is: {leaks[:1]}")
    print(f"{[o >> 10 for o in octets]} KiB by the relay, {len(frames)} frames without a trace of the node's site")


test_main(test, 60)
