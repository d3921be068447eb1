#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A site with two uplinks; the better one fails in several ways and comes back, while an ILNP peer and an IP-only peer have
sessions with a host inside. Run it by run.sh, which installs and builds what is missing and becomes root.

Exit status: 0 every check held; 1 one did not; 2 the run itself did not work; 130 interrupted.
"""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

# pylint: disable=wrong-import-position
from common import demo  # noqa: E402
from common.figures import check, ms  # noqa: E402
from common.processes import wait_until  # noqa: E402
from lab import records_of  # noqa: E402  (this one and the next two: tests/netns)
from providers import Provider, sources  # noqa: E402
from site_lab import Site, host_address, outside_host  # noqa: E402

NAME = "multihomed-site"
LOCATOR, PLAIN = "2001:db8:100:1", "2001:db8:100:2"  # inside: of the guest, of a host without ILNP
TRANSIT = {"isp1": "2001:db8:f0:1", "isp2": "2001:db8:f0:2"}
OUTSIDE = {"isp1": "2001:db8:1::/48", "isp2": "2001:db8:2::/48"}
INTERFACE = {"isp1": "wan0", "isp2": "wan1"}
PREFERENCE = {"isp1": 10, "isp2": 20}
DELAYS = {"isp1": 10.0, "isp2": 25.0}
NID_PEER, PROBED = "200:0:0:c", "2001:db8:c2::2"
WORDS = {"carrier": "isp1 loses its carrier", "silent": "the router of isp1 falls silent",
         "hole": "isp1 leads nowhere, its router still answers", "balance": "equal preference, weight 1 : 3"}
KNOWN_WITHIN = 1.0  # s; three intervals of the probes are 0.3 s, and the machine may be busy
BALANCED = 200      # flows; five standard deviations are 0.15 of them
ILNP_STALL = 1500   # ms
IP_ONLY_STALL = 500


def arguments():
    parser = demo.parser_for(NAME, __doc__, 31)
    parser.add_argument("--failures", default="carrier,hole,balance",
                        help="in order: carrier, silent, hole, balance (default: %(default)s)")
    parser.add_argument("--outage", type=float, default=2500, help="ms that a failure lasts (default: %(default)s)")
    parser.add_argument("--ip-only-by", default="isp2", choices=list(OUTSIDE),
                        help="uplink of the sessions with the IP-only peer (default: %(default)s)")
    parser.add_argument("--delay", default="", help="one way, in ms (default: isp1=10,isp2=25)")
    parser.add_argument("--dead-after", type=float, default=15, help="s of silence that end a session (default: %(default)s)")
    options = parser.parse_args()
    options.events = options.failures.split(",")
    if not all(kind in WORDS for kind in options.events):
        parser.error(f"--failures: a list of {', '.join(WORDS)}")
    demo.room_for(parser, options, options.events, 5 + options.outage / 1000)
    delays = demo.delays_of(parser, options.delay, DELAYS)
    options.delays = {f"sbr-{INTERFACE[isp]}": delay for isp, delay in delays.items()}
    return options


class MultihomedSite(demo.Demo):
    def network(self):
        lab = self.lab
        lab.router()
        self.site = Site(lab, cable=self.cable)
        for isp, interface in INTERFACE.items():
            self.site.add_uplink(isp, interface, TRANSIT[isp], OUTSIDE[isp],
                                 more=f'preference = {PREFERENCE[isp]}\nprobes = ["{PROBED}"]')
        self.site.add_inside("lan0", LOCATOR, demo.GUEST)
        host_address(self.site.add_inside("lan1", PLAIN, "plain"), "eth0", f"{PLAIN}::10")
        lab.namespace("p")
        lab.link("p", "eth0", "2001:db8:c1::")
        outside_host(lab, "q", "2001:db8:c2::")
        names = {isp: self.site.name_of(LOCATOR, isp) for isp in OUTSIDE}
        lab.start_dns(records_of("p", NID_PEER, "2001:db8:c1:0") + records_of(demo.GUEST, demo.NID_GUEST, names["isp1"], aaaa=False) +
                      f"{demo.GUEST} L64 20 {names['isp2']}\n"
                      f"{demo.GUEST} AAAA {names[self.options.ip_only_by]}:{demo.NID_GUEST}\n")
        self.isp1 = Provider(self.site, "isp1", INTERFACE["isp1"], TRANSIT["isp1"])

    def start(self):
        self.site.start()
        wait_until(lambda: all(u["state"] == "up" for u in self.site.router.ask("uplinks")["uplinks"]), 20, "both uplinks")
        self.display.step("ilnp-host in the ILNP peer, and in the guest, with session.bind_ip_only for its IP-only peers")
        self.peer = self.lab.host("p", NID_PEER).start()
        self.guest = self.lab.host(demo.GUEST, demo.NID_GUEST, session="bind_ip_only = true").start()

    def captured(self):
        return [("r", "p-eth0"), ("r", "q-eth0")] + [("sbr", interface) for interface in INTERFACE.values()]

    def where(self):
        return ", ".join(f"{u['name']} {u['state']}" for u in self.site.router.ask("uplinks")["uplinks"])

    def state(self):
        session = self.peer.session(demo.NID_GUEST)
        return {"peer_uses": session["using"]["remote"] if session else None}

    # ---------------------------------------------------------------- events

    def happen(self, event):
        kind = event["kind"]
        self.display.event(f"{event['number']} {kind}: {WORDS[kind]}")
        if kind == "balance":
            self._balance(event)
        else:
            self._fail(event, *{"carrier": (lambda: self._carrier("down"), lambda: self._carrier("up")),
                                "silent": (self.isp1.silence, self.isp1.heal),
                                "hole": (self.isp1.lead_nowhere, self.isp1.heal)}[kind])

    def _carrier(self, state):
        self.lab.namespaces["wide"].ip("link", "set", f"sbr-{INTERFACE['isp1']}-a", state)

    def _fail(self, event, break_it, mend_it):
        began = time.monotonic()
        break_it()
        wait_until(lambda: self.isp1.state() == "down", 20, "the router's knowledge that isp1 is down")
        event["known_after_ms"] = ms(time.monotonic() - began)
        event["new_flows"] = sources(self.site, PLAIN, 4, outside="q")
        time.sleep(max(0.0, began + self.options.outage / 1000 - time.monotonic()))
        mend_it()
        mended = time.monotonic()
        wait_until(lambda: self.isp1.state() == "up", 30, "the return of isp1")
        event["back_after_ms"] = ms(time.monotonic() - mended)
        event["flows_then"] = sources(self.site, PLAIN, 4, outside="q")

    def _balance(self, event):
        router = self.site.router
        text = router.text
        router.write_config(text.replace("preference = 20", "preference = 10\nweight = 3"))
        router.ask("reload")
        event["new_flows"] = sources(self.site, PLAIN, BALANCED, outside="q")
        router.write_config(text)
        router.ask("reload")

    # ---------------------------------------------------------------- result

    @staticmethod
    def rows(events):
        def flows(seen):
            return seen and ", ".join(f"{name} {count}" for name, count in seen.items() if count)
        return [("known after, ms", [e.get("known_after_ms") for e in events]),
                ("new flows of a plain host by", [flows(e["new_flows"]) for e in events]),
                ("usable again after, ms", [e.get("back_after_ms") for e in events]),
                ("new flows then by", [flows(e.get("flows_then")) for e in events]),
                ("ILNP peer sends to", [e["after"]["peer_uses"] for e in events])]

    @staticmethod
    def checks(events):
        found = []
        for e in events:
            name = f"event {e['number']} ({e['kind']})"
            if e["kind"] == "balance":
                share = e["new_flows"]["isp2"]
                found.append(check(f"{name}: three of four new flows by isp2", 0.6 <= share / BALANCED <= 0.9,
                                   f"{share} of {BALANCED}"))
                continue
            found.append(check(f"{name}: new flows by isp2, then by isp1 again",
                               e["new_flows"]["isp1"] == 0 and e["flows_then"]["isp2"] == 0,
                               f"known after {e['known_after_ms']:.0f} ms; {e['new_flows']}, then {e['flows_then']}"))
            found.append(check(f"{name}: known in time", e["known_after_ms"] < 1000 * KNOWN_WITHIN,
                               f"{e['known_after_ms']:.0f} ms", timed=True))
            for peer, words, most in (("p", "ILNP sessions change over at once", ILNP_STALL),
                                      ("q", "IP-only sessions stay where they are", IP_ONLY_STALL)):
                stall = max(value for key, value in e["sessions"][peer].items() if key.startswith("udp"))
                found.append(check(f"{name}: {words}", stall < most, f"longest silence {stall:.0f} ms", timed=True))
        return found


if __name__ == "__main__":
    sys.exit(demo.run(NAME, arguments(), MultihomedSite))
