#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The router is killed, replaced, and told its configuration anew, under traffic: no stream breaks, no flow changes its
uplink, and while it is away nothing is refused."""
import os
import signal
import time

from site_lab import Site, host_address, outside_host

# pylint: disable=wrong-import-order
from flows import Counter, Stream, best_of, go_on, longest_gap
from lab import check, test_main, wait_until

LOCATOR = "2001:db8:100:1"
OUT = "2001:db8:c1::2"


def uplinks_up(site):
    wait_until(lambda: all(u["state"] == "up" for u in site.router.ask("uplinks")["uplinks"]),
               lambda: f"uplinks: {site.router.ask('uplinks')}")


def killed(site, number):
    """Streams by both uplinks: the worse one only because the better one was down, or the correspondent began so. Seconds
    without datagrams."""
    lab = site.lab
    inside, outside = lab.namespaces["in"], lab.namespaces["out"]
    site.world.ip("link", "set", "sbr-wan0", "down")
    wait_until(lambda: site.router.uplink("isp1")["state"] == "down", "isp1 without carrier is not down")
    streams = [Stream(inside, outside, OUT, rate=2_000_000)]
    site.world.ip("link", "set", "sbr-wan0", "up")
    site.world.ip("addr", "replace", "2001:db8:f0:1::1/64", "dev", "sbr-wan0", "nodad")
    site.world.ip("-6", "route", "replace", site.outside["isp1"][0], "via", "2001:db8:f0:1::2", "dev", "sbr-wan0")
    uplinks_up(site)
    for n, uplink in enumerate(("isp1", "isp2")):
        streams.append(Stream(outside, inside, f"{site.name_of(LOCATOR, uplink)}::10", port=7003 + n, rate=2_000_000))
    udp = Counter(outside, inside, f"{site.name_of(LOCATOR, 'isp2')}::10", hertz=500)
    go_on(*streams, udp)
    refused = inside.snmp("Icmp6InDestUnreachs")
    at = time.monotonic()
    site.router.stop(number)
    time.sleep(0.3)
    check("ilnp_sbr" in site.ns.run("/usr/sbin/nft", "list", "ruleset").stdout, "the filter went with the router")
    site.router.start()
    go_on(*streams, udp)
    for stream, what in zip(streams, ("out", "in by isp1", "in by isp2")):
        stream.stop(what=f"{what}, {signal.Signals(number).name}")
    figures = udp.stop()
    check(inside.snmp("Icmp6InDestUnreachs") == refused, "somebody was refused while the router was away")
    event = site.router.events("flows_adopted")
    check(event and event[-1]["flows"] >= 4, f"the flow table: {event}")
    gap = longest_gap(figures["back"], since=at)
    print(f"{signal.Signals(number).name}: four flows go on, {gap * 1000:.0f} ms without datagrams, "
          f"lost {figures['there']['lost'] + figures['back']['lost']} of {figures['sent']}")
    uplinks_up(site)
    return gap


def reload(site):
    """What can change while packets flow does; what cannot is named; a bad file changes nothing."""
    router = site.router
    text = router.text
    router.write_config(text.replace("preference = 20", "preference = 5\nweight = 7"))
    answer = router.ask("reload")
    check({c["key"] for c in answer["applied"]} == {"uplink[isp2].preference", "uplink[isp2].weight"}, f"{answer}")
    check(router.uplink("isp2")["preference"] == 5 and router.uplink("isp2")["weight"] == 7, "not applied")
    router.write_config(text.replace("[site]", "[liveness]\ninterval = \"50ms\"\n[site]"))
    answer = router.ask("reload")
    check([c["key"] for c in answer["needs_restart"]] == ["liveness.interval"], f"{answer}")
    router.write_config(text.replace("2001:db8:2::/48", "2001:db8:1::/48") + "[uplinks]\nx = 1\n")
    router.process.send_signal(signal.SIGHUP)
    wait_until(lambda: router.events("reload_refused"), "a bad file is not refused")
    problems = router.events("reload_refused")[-1]["problems"]
    check("overlaps" in problems or "uplinks" in problems, problems)
    check(router.ask("status")["state"] == "ok", "the running router is not well")
    router.write_config(text)
    check("error" not in router.ask("reload"), "the good file again")


def damaged(site):
    """A flow file of somebody else's form is made anew, and says so."""
    path = os.path.join(site.router.directory, "sbr.flows")
    site.router.stop(signal.SIGKILL)
    check(os.stat(path).st_mode & 0o777 == 0o600, "anybody may read nonces")
    with open(path, "r+b") as f:
        f.seek(8)
        f.write(b"\xff" * 8)
    site.router.start()
    check("format" in site.router.events("flows_new")[-1]["reason"], f"{site.router.events('flows_new')[-1]}")


def test(lab):
    lab.router()
    outside_host(lab, "out", "2001:db8:c1::")
    site = Site(lab)
    site.add_uplink("isp1", "wan0", "2001:db8:f0:1", "2001:db8:1::/48", more="preference = 10")
    site.add_uplink("isp2", "wan1", "2001:db8:f0:2", "2001:db8:2::/48", more="preference = 20")
    host_address(site.add_inside("lan0", LOCATOR, "in"), "eth0", f"{LOCATOR}::10")
    site.start()
    uplinks_up(site)
    for number in (signal.SIGKILL, signal.SIGUSR2):
        best_of(f"without packets by {signal.Signals(number).name}", 2.0, lambda n=number: killed(site, n))
    reload(site)
    damaged(site)


test_main(test)
