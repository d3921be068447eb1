#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The ways from a LISP client to a node behind ilnp-gateway, against the kernel's forwarding through the same machine, in
one run.

  nodes.py [--build build/dev] [--rounds 5] [--seconds 3] [--unpinned] [--json]

    a --- g --- b     a: a client and its xTR; g: the gateway; b: the node, with ilnp-host
                      plain   no LISP, g forwards
                      lisp    to an address of b that is an EID (mode X)
                      mode_n  to the EID of the ILNP node: g has a session with it for the client
                      siit    from IPv4 to that of mode X, mode_n_siit to that of mode N

`a` and `b` have a processor each, `g` shares them; with --unpinned all run where the scheduler likes. The measurements of
the paths alternate, ratios are taken round by round. There are no targets. Needs root; removes what it made, also when it
is interrupted.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from pair import Network, clean_up_when_terminated, options_of, report  # noqa: E402
from lisp import results_of, words  # noqa: E402

PORT = "7007"
CLIENT, NODE, ENTRY = "2001:db8:be:a::", "2001:db8:be:b::", "2001:db8:be:ff::/64"
CLIENT_EID, CLIENT_EID4, CLIENTS4 = "2001:db8:e2::a", "10.6.0.10", "2001:db8:64::/96"
PLAIN_EID, PLAIN_EID4 = "2001:db8:e1::b", "10.5.0.8"
NID, NODE_EID, NODE_EID4 = "0200+0000+0000+0b0b", "2001:db8:e1:1:200::b0b", "10.5.0.7"
HOSTS = {"plain": f"{NODE}b", "lisp": PLAIN_EID, "mode_n": NODE_EID, "siit": f"::ffff:{PLAIN_EID4}",
         "mode_n_siit": f"::ffff:{NODE_EID4}"}
RATIOS = [(figure, path, baseline, None) for figure in ("tcp_1_stream", "udp_64", "udp_64_uso", "rtt_p50")
          for path, baseline in (("lisp", "plain"), ("mode_n", "plain"), ("siit", "plain"), ("mode_n_siit", "plain"),
                                 ("mode_n", "lisp"), ("siit", "lisp"))]


def quoted(items):
    return ", ".join(f'"{item}"' for item in items)


class Ways(Network):
    """Static mappings, and the node's locator is configured: nobody is asked anything."""

    def __init__(self, build, pin):
        super().__init__(build, "agb", pin)

    def build_network(self):
        self.join("a", "eth0", f"{CLIENT}a", "g", "eth0", f"{CLIENT}f")
        self.join("b", "eth0", f"{NODE}b", "g", "eth1", f"{NODE}f")
        for end, prefix in (("a", CLIENT), ("b", NODE)):
            self.inside(end, "ip", "-6", "route", "add", "default", "via", f"{prefix}f", "dev", "eth0")
        # Not a locator: it is not preferred, and a prefix of its own.
        self.inside("b", "ip", "addr", "add", f"{PLAIN_EID}/128", "dev", "eth0", "nodad", "preferred_lft", "0")
        for clients in (f"{CLIENT_EID}/128", CLIENTS4):
            self.inside("b", "ip", "-6", "route", "add", clients, "via", f"{NODE}f", "dev", "eth0", "src", PLAIN_EID)
        self.inside("g", "ip", "-6", "route", "add", f"{PLAIN_EID}/128", "via", f"{NODE}b", "dev", "eth1")
        self.inside("g", "sysctl", "-qw", "net.ipv6.conf.all.forwarding=1", "net.ipv4.ip_forward=1")

    def set_up(self):
        self.start_host("b", NID)
        clients, nodes = (CLIENT_EID, CLIENT_EID4), ("2001:db8:e1::/48", f"{PLAIN_EID4}/32", f"{NODE_EID4}/32")
        hosts = [f"{eid}/{32 if '.' in eid else 128}" for eid in clients]
        self.start_gateway("a", f"{CLIENT}a", f"{CLIENT}f", clients, nodes, hosts)
        self.start_gateway("g", f"{CLIENT}f", f"{CLIENT}a", ("2001:db8:e1:ffff::1", "10.5.0.1"), [*hosts, CLIENTS4],
                           ["2001:db8:e1::/48"], others=hosts, more=f"""
[ilnp]
locators = ["{ENTRY}"]
[[node]]
eid = "{NODE_EID}/128"
locators = ["{NODE}/64"]
[translation]
clients = "{CLIENTS4}"
[[eam]]
ipv4 = "{PLAIN_EID4}/32"
ipv6 = "{PLAIN_EID}/128"
[[eam]]
ipv4 = "{NODE_EID4}/32"
ipv6 = "{NODE_EID}/128"
""")
        self.serve_traffic("b", PORT)
        for host in HOSTS.values():
            self.await_path(host, PORT)

    def start_gateway(self, end, rloc, other_rloc, addresses, routes, own, others=None, more=""):
        home = self.home(end)
        with open(os.open(f"{home}/key", os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as f:
            f.write("nobody is asked")
        mappings = "".join(f'[[mapping]]\neid = "{eid}"\nrlocs = ["{other_rloc}"]\n' for eid in others or routes)
        eids = "".join(f'[[eid]]\nprefix = "{eid}"\n' for eid in own)
        self.start_daemon(end, "gateway/ilnp-gateway", f"""
[[rloc]]
address = "{rloc}"
[[interface]]
name = "lisp0"
addresses = [{quoted(addresses)}]
routes = [{quoted(routes)}]
{mappings}{eids}
[[key]]
name = "k"
file = "{home}/key"
[[map_server]]
name = "nobody"
address = "{CLIENT}ffff"
keys = ["k"]
{more}""")


def main():
    parser = options_of(__doc__, seconds=3)
    parser.add_argument("--unpinned", action="store_true")
    options = parser.parse_args()
    clean_up_when_terminated()
    ways = Ways(options.build, not options.unpinned)
    try:
        rounds = ways.measure_in_turn(HOSTS, PORT, options)
    finally:
        ways.close()
    return report(options, "lisp_nodes", results_of(rounds, RATIOS), words)


if __name__ == "__main__":
    sys.exit(main())
