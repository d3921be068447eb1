#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A network that moves: its uplink's routers advertise another prefix, beside the old one or instead of it. The nodes
inside notice nothing; sessions with ILNP correspondents go on, others for as long as the prefix that they began by. The
site's name in the DNS follows, by one update each time."""
import os
import struct

from site_lab import Site, host_address, outside_host

# pylint: disable=wrong-import-order
from flows import Counter, Stream, longest_gap, now
from lab import NID_A, NID_B, check, records_of, run, test_main, wait_until
from wire import answer_names, packed

LOCATOR, PLAIN, OUT = "2001:db8:100:1", "2001:db8:100:2", "2001:db8:c1::2"
TRANSIT, FAR = "2001:db8:f0:1", "sbr-wan0"
PREFIX = {n: f"2001:db8:e{n}::" for n in range(1, 5)}
FOR_EVER = 0xffffffff
SECRET = "c2VjcmV0IG9mIHRoZSBzaXRlJ3Mga2V5IGZvciBETlM="


def option(prefix, preferred, valid, flags=0):
    return struct.pack("!BBBBIII", 3, 4, 48, flags, valid, preferred, 0) + packed(prefix)


class Provider:
    """The provider's router: what it routes to the site, and what it says."""

    def __init__(self, lab, site):
        self.lab, self.site, self.routed = lab, site, set()

    def says(self, *prefixes):
        """(number, preferred, valid): exactly those that are valid are routed."""
        for number, _, valid in prefixes:
            change = "replace" if valid else "del"
            self.site.world.ip("-6", "route", change, f"{PREFIX[number]}/48", "via", f"{TRANSIT}::2", "dev", FAR,
                               check_status=bool(valid))
        self.lab.routers["r"].advertise(FAR, None, more=b"".join(option(PREFIX[n], p, v) for n, p, v in prefixes))

    def name(self, number, locator=LOCATOR):
        self.site.outside["isp"] = (f"{PREFIX[number]}/48", "neutral")
        return self.site.name_of(locator, "isp")


def moved(site, provider, b, number, what):
    """The router has the prefix, and the correspondent uses the node's name in it."""
    wait_until(lambda: site.router.uplink("isp")["prefixes"][:1] == [f"{PREFIX[number]}/48"],
               lambda: f"{what}: {site.router.uplink('isp')}")
    at, wanted = now(), "-".join(w.zfill(4) for w in provider.name(number).split(":"))
    wait_until(lambda: b.session(NID_A)["using"]["remote"] == wanted, lambda: f"{what}: {b.session(NID_A)}")
    return (now() - at) * 1000


def publication(lab):
    """BIND with a key, and what the router must know to publish."""
    words = f'key "k" {{ algorithm hmac-sha256; secret "{SECRET}"; }};'
    nid = ":".join(w.zfill(4) for w in NID_A.split(":"))
    lab.start_dns(f"a NID 10 {nid}\na LP 10 site.ex.example.\n" + records_of("b", NID_B, "2001:db8:c2:0"), keys=words,
                  policy="update-policy { grant k name site.ex.example. L64; };")
    key = os.path.join(lab.directory, "key")
    with open(os.open(key, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as f:
        f.write(words + "\n")
    return (f'[[publish]]\nname = "site.ex.example"\ninside = "{LOCATOR}::/64"\nserver = "[{lab.name_server}]:53"\n'
            f'zone = "ex.example"\nkey_file = "{key}"\n')


def is_published(lab, *locators):
    """Exactly these, the best first."""
    found = sorted(answer_names(lab.namespaces["ns"], (lab.name_server, 53), "site.ex.example", "L64"))
    return [d[2:] for d in found] == [packed(f"{locator}::")[:8] for locator in locators]


def wait_published(lab, site, *locators):
    wait_until(lambda: is_published(lab, *locators), lambda: f"not published: {locators}: "
               f"{site.router.ask('status')['publication']}")


def dns_is_lost(lab, site, provider):
    """The name server does not answer while the network moves: that is said, and made good."""
    site.world.run("/usr/sbin/nft", "-f", "-", stdin=(
        "table ip6 cut { chain c { type filter hook forward priority 0;\n"
        f"ip6 saddr {TRANSIT}::/64 meta l4proto {{ tcp, udp }} th dport 53 drop\n}}\n}}\n"))
    provider.says((4, 0, 0), (1, FOR_EVER, FOR_EVER))
    wait_until(lambda: "DNS records not up to date" in str(site.router.ask("status")["problems"]),
               lambda: str(site.router.ask("status")), 60, 0.2)
    site.world.run("/usr/sbin/nft", "delete", "table", "ip6", "cut")
    wait_until(lambda: is_published(lab, provider.name(1)), "the update is not repeated", 60, 0.2)
    wait_until(lambda: site.router.ask("status")["state"] == "ok", lambda: str(site.router.ask("status")))


def operator_asks(lab, site):
    """Counters, metrics, and that the store is read anew."""
    def ctl(*command):
        return run(lab.ctl, "--socket", site.router.socket_path, *command).stdout
    check("\nilnp_proxy_acknowledged_total " in ctl("show", "metrics"), "no metrics")
    wait_until(lambda: not site.router.counters()["proxy.outstanding"], "a correspondent does not acknowledge")
    counters = site.router.counters()
    check(counters["proxy.sent"] >= counters["proxy.acknowledged"] >= 3, f"updates of the proxy: {counters}")
    check("accepted" in ctl("accept-store"), "the store is not accepted")
    wait_until(lambda: site.router.counters()["truth.resyncs"] == counters["truth.resyncs"] + 1, "the store is not read")


def test(lab):
    lab.router()
    outside_host(lab, "out", "2001:db8:c1::")
    site = Site(lab)
    site.add_uplink("isp", "wan0", TRANSIT, None, more=f'probes = ["{OUT}"]')
    provider = Provider(lab, site)
    site.add_inside("lan0", LOCATOR, "a")
    host_address(site.add_inside("lan1", PLAIN, "plain"), "eth0", f"{PLAIN}::10")
    lab.namespace("b")
    lab.link("b", "eth0", "2001:db8:c2::")
    site.start(publication(lab))
    check("has no prefix" in str(site.router.ask("status")["problems"]), "no prefix, and nobody says so")
    provider.says((1, 600, 1200))
    wait_until(lambda: site.router.ask("status")["state"] == "ok", lambda: str(site.router.ask("status")["problems"]))
    wait_published(lab, site, provider.name(1))
    a, b = lab.host("a", NID_A), lab.host("b", NID_B)
    a.start()
    b.start()
    streams = [Stream(a.ns, b.ns, a.resolve_peer(b), rate=1_000_000),
               Stream(b.ns, a.ns, b.resolve_peer(a), port=7003, rate=1_000_000)]
    udp = Counter(b.ns, a.ns, b.resolve_peer(a), hertz=500)
    plain = Stream(lab.namespaces["plain"], lab.namespaces["out"], OUT, port=7004, rate=500_000)
    wait_until(lambda: (b.session(NID_A) or {}).get("state") == "established", "no session")
    before = len(a.events())

    provider.says((1, 0, 600), (2, 600, 1200))
    told = [moved(site, provider, b, 2, "soft")]
    octets = plain.stop(what="a stream of a plain host by the old prefix")["octets"]
    check(site.router.uplink("isp")["prefixes"] == [f"{PREFIX[2]}/48", f"{PREFIX[1]}/48"], "both prefixes")
    wait_published(lab, site, provider.name(2), provider.name(1))
    provider.says((1, 0, 0), (2, 600, 1200))
    wait_until(lambda: site.router.uplink("isp")["prefixes"] == [f"{PREFIX[2]}/48"], "the old prefix does not end")

    at = now()
    provider.says((2, 0, 0), (3, 600, 1200))
    told.append(moved(site, provider, b, 3, "hard"))
    until = now()
    wait_published(lab, site, provider.name(3))

    lab.routers["r"].silence(FAR)
    site.world.ip("link", "set", FAR, "down")
    wait_until(lambda: site.router.uplink("isp")["state"] == "down", "carrier")
    site.world.ip("link", "set", FAR, "up")
    site.world.ip("addr", "replace", f"{TRANSIT}::1/64", "dev", FAR, "nodad")
    provider.says((4, FOR_EVER, FOR_EVER))
    told.append(moved(site, provider, b, 4, "another network"))
    check(site.router.uplink("isp")["prefixes"] == [f"{PREFIX[4]}/48"], "the prefix of the network that was left")

    wait_published(lab, site, provider.name(4))
    updates = site.router.ask("status")["publication"][0]["updates"]
    check(updates <= 5, f"{updates} updates of the DNS for four moves and a start")
    operator_asks(lab, site)
    octets = [octets] + [s.stop(what=w)["octets"] for s, w in zip(streams, ("out", "in"))]
    figures = udp.stop()
    noticed = [e["event"] for e in a.events()][before:]
    check(not noticed, f"the node inside noticed: {noticed}")
    dns_is_lost(lab, site, provider)
    print(f"told after {', '.join(f'{t:.0f}' for t in told)} ms; hard change: "
          f"{longest_gap(figures['back'], since=at, until=until) * 1000:.0f} ms without datagrams; "
          f"{[o >> 10 for o in octets]} KiB of TCP intact, lost {figures['there']['lost']} + {figures['back']['lost']} of "
          f"{figures['sent']}")


test_main(test)
