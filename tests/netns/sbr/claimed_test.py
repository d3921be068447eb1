#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Somebody at one site uses the name of a guest that is at the other one: a clone with ilnp-host, and a liar with packets of its
own making. The border router there says who, the operator finds it in the status, and the sessions of the guests go on."""
from two_sites import OTHER, TwoSites, nid_text, node_nid

# pylint: disable=wrong-import-order
from lab import check, same, test_main, wait_until
from sessions import Sessions
from wire import Frames, ipv6, udp

PLAIN = 77  # the lower half of the address of a guest without ilnp-host


def alarm(sites, site, nid):
    """What the router said of that node's name, once."""
    router = sites.sites[site].router
    told = wait_until(lambda: [e for e in router.events("node_claimed") if e["nid"] == nid],
                      lambda: f"no alarm at {site}: {router.events()[-5:]}")
    check(len(told) == 1 and told[0]["at"] == OTHER[site], f"the alarm at {site}: {told}")
    return told[0]


def claimed(sites, site, count):
    """In the status and among the counters of that site."""
    router = sites.sites[site].router
    problems = [each["what"] for each in router.ask("status")["problems"]]
    check(any(what.endswith(f"claimed here: {count}") for what in problems), f"{site}: {problems}")
    counters = router.counters()
    check(counters["directory.claimed"] == count and counters["directory.claims"] >= count, f"{site}: {counters}")


def clone(sites):
    """From the same image, booted at dc2 while the guest lives at dc1."""
    sites.nids["clone"] = sites.nids["g"]
    other = sites.guest("clone", site="dc2")
    wait_until(other.locators, "the clone has no locator")
    told = alarm(sites, "dc2", sites.node("g"))
    check(told["locator"] == sites.place("dc1").split("/")[1], f"not where the guest is: {told}")
    check(told["mac"] == mac_of(other.ns), f"not the clone's link-layer address: {told}")
    check(sites.presence("g", "dc1") == "here" and sites.presence("g", "dc2") is None, "the guest lost its entry")
    other.stop()
    claimed(sites, "dc2", 1)


def mac_of(namespace, interface="eth0"):
    return namespace.ip("-br", "link", "show", interface).split()[2]


def liar(sites, name, address):
    """At dc1, by the address of a guest that has gone to dc2."""
    namespace, router = sites.lab.namespaces["liar"], sites.sites["dc1"]
    before = router.router.counters()["drop.inside_source_elsewhere"]
    mac = bytes.fromhex(mac_of(router.ns, "lan0").replace(":", ""))
    frames = Frames(namespace, "eth0")
    # Right after the move it could be the guest itself, whose packet is late.
    wait_until(lambda: frames.send(mac, ipv6(address, "2001:db8:c2::2", 17, udp(address, "2001:db8:c2::2", 7, 9, b"lie")))
               or router.router.counters()["directory.claims"], "nobody notices", pause=0.2)
    frames.close()
    told = alarm(sites, "dc1", node_nid(sites.node(name)))
    check(same(told["by"], address) and told["mac"] == mac_of(namespace), f"not the liar: {told}")
    check(router.router.counters()["drop.inside_source_elsewhere"] > before, "the lie went out")



def test(lab):
    sites = TwoSites(lab)
    sites.start()
    guest, plain = sites.guest("g"), sites.plain_guest("v", PLAIN)
    sessions = Sessions()
    sessions.counter("ILNP", guest.ns, lab.namespaces["p"], guest.resolve_peer(sites.peer), hertz=100)
    sessions.stream("plain", lab.namespaces["q"], plain, sites.outside_name(plain.address))
    sites.step("dc1", "claim", nid_text(sites.nids["g"]), "--home", sites.place("dc1"))
    clone(sites)
    sessions.go_on()
    sites.wire("liar", "dc1")
    sites.move("v", "dc2")
    liar(sites, "v", plain.address)
    claimed(sites, "dc1", 1)
    sessions.end()


test_main(test)
