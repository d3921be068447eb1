#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two uplinks: one loses its carrier, its neighbour falls silent, it leads nowhere, it flaps. ILNP sessions go on through
all of it, and come back; flows stay where they are; preference and weight decide about new ones."""
import time

from providers import Provider, sources
from site_lab import Site, host_address, outside_host

# pylint: disable=wrong-import-order
from flows import Counter, Stream, best_of, go_on, longest_gap, now
from lab import NID_A, NID_B, check, records_of, test_main, wait_until

LOCATOR, PLAIN = "2001:db8:100:1", "2001:db8:100:2"
OUT = "2001:db8:c1::2"


def fail_over(site, provider, what, break_it, mend_it, streams, udp_words):
    """The uplink in use goes, and comes back; the seconds until the router knew."""
    at = now()
    break_it()
    wait_until(lambda: provider.state() == "down", f"{what}: {provider.name} is not down")
    took = now() - at
    other = [name for name in site.outside if name != provider.name][0]
    check(sources(site, PLAIN, 3)[other] == 3, f"{what}: new flows do not use {other}")
    go_on(*streams)
    mend_it()
    wait_until(lambda: provider.state() == "up", f"{what}: {provider.name} does not come back")
    check(sources(site, PLAIN, 3)[provider.name] == 3, f"{what}: new flows do not come back to {provider.name}")
    check(all(s.client.process.poll() is None for s in streams), f"{what}: a stream ended")
    udp_words.append((what, at, took))
    return took


def weights(site):
    """The flows of plain hosts, by weight among equals."""
    router = site.router
    router.write_config(router.text.replace("preference = 20", "preference = 10\nweight = 3"))
    check("error" not in router.ask("reload"), "reload")
    seen = sources(site, PLAIN, 200)
    check(120 <= seen["isp2"] <= 180, f"three to one was asked, {seen} came")  # five standard deviations
    router.write_config(router.text.replace("preference = 10\nweight = 3", "preference = 20"))
    router.ask("reload")
    return seen


def flapping(site, provider, seconds):
    """Ten times a second: it must neither be used nor hurt the other."""
    before = site.router.counters()["uplink.changes"]
    end = now() + seconds
    while now() < end:
        provider.carrier(False)
        time.sleep(0.05)
        provider.carrier(True)
        time.sleep(0.05)
    changes = site.router.counters()["uplink.changes"] - before
    check(changes <= 6, f"an uplink that flaps was taken up {changes} times")


def test(lab):
    lab.router()
    outside_host(lab, "out", "2001:db8:c1::")
    site = Site(lab)
    probes = f'probes = ["{OUT}"]'
    site.add_uplink("isp1", "wan0", "2001:db8:f0:1", "2001:db8:1::/48", more=f"preference = 10\n{probes}")
    site.add_uplink("isp2", "wan1", "2001:db8:f0:2", "2001:db8:2::/48", more=f"preference = 20\n{probes}")
    site.add_inside("lan0", LOCATOR, "a")
    host_address(site.add_inside("lan1", PLAIN, "plain"), "eth0", f"{PLAIN}::10")
    lab.namespace("b")
    lab.link("b", "eth0", "2001:db8:c2::")
    names = "".join(records_of("a", NID_A, site.name_of(LOCATOR, uplink)) for uplink in ("isp1", "isp2"))
    lab.start_dns(names + records_of("b", NID_B, "2001:db8:c2:0"))
    site.start()
    wait_until(lambda: all(u["state"] == "up" for u in site.router.ask("uplinks")["uplinks"]), "both uplinks up")
    a, b = lab.host("a", NID_A), lab.host("b", NID_B)
    a.start()
    b.start()
    address = a.resolve_peer(b)
    streams = [Stream(a.ns, b.ns, address, rate=1_000_000)]
    udp = Counter(a.ns, b.ns, address, hertz=500)
    wait_until(lambda: (a.session(NID_B) or {}).get("state") == "established", "no session")
    streams.append(Stream(b.ns, a.ns, b.resolve_peer(a), port=7003, rate=1_000_000))
    isp1 = Provider(site, "isp1", "wan0", "2001:db8:f0:1")
    words = []
    for what, break_it, mend_it in (
            ("carrier", lambda: isp1.carrier(False), lambda: isp1.carrier(True)),
            ("silent neighbour", isp1.silence, isp1.heal),
            ("black hole", isp1.lead_nowhere, isp1.heal)):
        best_of(f"{what}: known", 1.0, lambda w=what, b=break_it, m=mend_it: fail_over(site, isp1, w, b, m, streams, words))
    seen = weights(site)
    flapping(site, isp1, 3)
    go_on(*streams, udp)
    octets = [s.stop(what=w)["octets"] for s, w in zip(streams, ("out", "in"))]
    figures = udp.stop()
    for what, at, took in words:
        gap = longest_gap(figures["back"], since=at, until=at + 3)
        print(f"{what}: down after {took * 1000:.0f} ms, {gap * 1000:.0f} ms without datagrams")
    print(f"{octets[0] >> 10} + {octets[1] >> 10} KiB of TCP intact, lost {figures['there']['lost']} + "
          f"{figures['back']['lost']} of {figures['sent']}; weights 1:3 gave {seen}")


test_main(test)
