#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How long traffic stands still when an uplink fails: datagrams of a host inside, 1,000 in a second, to one in the world.

  failover.py [--build build/dev] [--rounds 5] [--json]

Two uplinks, probes every 100 ms (the default). Three failures, one after the other: the link loses its carrier; the
provider's router is silent, its link is up; the provider's router answers and forwards nothing. The gap is what the
receiver saw between the last datagram by the one and the first by the other uplink. The median is printed beside its
target; exit status 1 when it is missed. Needs root; removes what it made, also when it is interrupted.
"""
import os
import statistics
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, ".."), os.path.join(HERE, "../../netns/sbr")]
from pair import options_of, report  # noqa: E402
from site_lab import Site, host_address, outside_host  # noqa: E402
from flows import Counter, longest_gap  # noqa: E402
from lab import Lab, check, wait_until  # noqa: E402

INTERVAL_MS = 100
LIMIT_MS = 3 * INTERVAL_MS
LOCATOR, OUT = "2001:db8:100:1", "2001:db8:c1::2"
FAR = "sbr-wan0"  # the provider's end of the better uplink


def carrier(world, fails):
    world.ip("link", "set", FAR, "down" if fails else "up")
    if not fails:  # the kernel took them with the link
        world.ip("addr", "replace", "2001:db8:f0:1::1/64", "dev", FAR, "nodad")
        world.ip("-6", "route", "replace", "2001:db8:1::/48", "via", "2001:db8:f0:1::2", "dev", FAR)


def drop(world, fails, family, chain):
    """In a chain of its own, which goes when the failure is over."""
    rules = f"table {family} failure {{ chain c {{ {chain} drop; }}; }}" if fails else f"delete table {family} failure"
    world.run("/usr/sbin/nft", "-f", "-", stdin=rules + "\n")


def silent_neighbour(world, fails):
    drop(world, fails, "netdev", f"type filter hook ingress device {FAR} priority 0;")


def black_hole(world, fails):
    drop(world, fails, "inet", f'type filter hook forward priority 0; policy accept; iifname "{FAR}"')


FAILURES = {"carrier": carrier, "silent neighbour": silent_neighbour, "black hole": black_hole}


def build_site(lab):
    lab.router()
    outside_host(lab, "out", "2001:db8:c1::")
    site = Site(lab)
    for n, preference in (("1", 10), ("2", 20)):
        site.add_uplink(f"isp{n}", f"wan{int(n) - 1}", f"2001:db8:f0:{n}", f"2001:db8:{n}::/48",
                        more=f'preference = {preference}\nprobes = ["{OUT}"]')
    host_address(site.add_inside("lan0", LOCATOR, "in"), "eth0", f"{LOCATOR}::10")
    # Only so that the next round need not wait for an uplink that has failed several times.
    site.start('[liveness]\nlongest_return = "1s"\nforgive = "1s"\n')
    return site


def gap_ms(site, fail):
    inside, outside = site.lab.namespaces["in"], site.lab.namespaces["out"]
    wait_until(lambda: all(u["state"] == "up" for u in site.router.ask("uplinks")["uplinks"]),
               lambda: f"uplinks: {site.router.ask('uplinks')}", 15)
    counter = Counter(inside, outside, OUT)
    time.sleep(0.7)
    begin = time.monotonic()
    fail(site.world, True)
    time.sleep(1.5)
    end = time.monotonic()
    fail(site.world, False)
    arrived = counter.stop()["there"]
    check(arrived["last"] > end - 0.3, "no datagram came by the other uplink")
    return 1000 * longest_gap(arrived, since=begin, until=end)


def main():
    options = options_of(__doc__, seconds=2).parse_args()
    gaps = {name: [] for name in FAILURES}
    with Lab(120 + 20 * options.rounds, options.build) as lab:
        site = build_site(lab)
        for _ in range(options.rounds):
            for name, fail in FAILURES.items():
                gaps[name].append(gap_ms(site, fail))
    results = {name: {"median_ms": statistics.median(values), "highest_ms": max(values), "limit_ms": LIMIT_MS,
                      "met": statistics.median(values) <= LIMIT_MS} for name, values in gaps.items()}
    return report(
        options, "failover", results,
        lambda name, r: f"{name:18} median {r['median_ms']:6.1f} ms  highest {r['highest_ms']:6.1f} ms   <= {LIMIT_MS} "
                        f"ms {'met' if r['met'] else 'MISSED'}")


if __name__ == "__main__":
    sys.exit(main())
