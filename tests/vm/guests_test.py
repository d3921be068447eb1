#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Guests and places that are not as they should be: a second guest with the NID of the first one (made from the same image, or a
liar) on its link, and a site whose border router is down. The first guest, which has a newer kernel, keeps its names, and its
sessions go on. At last it lies itself: it takes the NID of a neighbour who is elsewhere."""
from vm_sites import HOST_LOG, LINK_UP, START_HOST, VmSites, host_settings

# pylint: disable=wrong-import-order
from counters import go_on
from lab import check, test_main, wait_until
from machine import Machine
from operators import NOT_DONE, Operator, sessions_of
from two_sites import nid_text

NEIGHBOUR = "200:0:0:d"


def second_of_its_name(sites, sessions):
    """It says so, and gets no locator there; who was first hears nothing of it."""
    first = sites.machines["guest"]
    before = first.locators()
    second = Machine(sites.control, "second", sites.hypervisors, mac="52:54:00:00:00:0b", network=LINK_UP + START_HOST,
                     files={"etc/ilnp/host.toml": host_settings(first.nid, sites.lab.name_server)})
    second.boot()
    wait_until(lambda: b'"duplicate_address"' in second.read(HOST_LOG), lambda: f"no alarm: {second.read(HOST_LOG)[-2000:]}")
    go_on(sessions)
    check(not first.events("duplicate_address"), "the first one gives way")
    places = [[each["locator"] for each in found] for found in (before, first.locators())]
    check(places[0] == places[1], f"the first one had other locators before: {places}")
    second.close()
    go_on(sessions)


def router_down(sites, operator, sessions):
    """A move to there is not begun; when it dies after a move, the guest is reached again as soon as it is back."""
    router = sites.sites[operator.to].router
    router.stop(9)
    run = operator.begin()
    code, last = run.end()
    check(not any(line.get("next") == "prepare" for line in run.lines), "a move to a site without a border router was begun")
    check(code == NOT_DONE and last["seen"] == {"source": "running", "destination": "gone", "copy": None, "record": "settled"},
          f"a move to a site without a border router: {last}")
    go_on(sessions)
    router.start()
    operator.stayed((code, last))
    operator.arrived(operator.run("move"))
    router.stop(9)
    router.start()
    go_on(sessions)
    operator.arrived_though_router_dies()
    go_on(sessions)


def other_name(sites, operator):
    """After a move it takes the NID of a neighbour at its home: its new router tells, and the neighbour keeps its record."""
    operator.arrived(operator.run("move"))
    site, node = sites.where["guest"], nid_text(NEIGHBOUR)
    machine, router = operator.machine, sites.sites[site].router
    sites.step("dc1", "claim", node, "--home", sites.place("dc1"))
    machine.run("kill $(pidof ilnp-host); while pidof ilnp-host; do sleep 0.1; done")
    machine.run(f"sed -i 's/{sites.nids['guest'].replace(':', '+')}/{node}/' /etc/ilnp/host.toml; {START_HOST}")
    told = wait_until(lambda: router.events("node_claimed"), lambda: f"no alarm at {site}: {router.events()[-5:]}")
    check({e["nid"] for e in told} == {node}, f"an alarm of others: {told}")
    known = {n["nid"]: (n["presence"], n["now"]) for n in sites.sites["dc1"].router.ask("nodes")["nodes"]}
    check(known[node] == ("here", sites.place("dc1").split("/")[1]), f"the neighbour lost its entry: {known}")


def test(lab):
    sites = VmSites(lab)
    guest = sites.machine("guest", series="6.12", shared=False)
    sessions = sessions_of(sites, "guest")
    with guest.machine.needed():
        second_of_its_name(sites, sessions)
        print("a second guest of its NID: sessions of the first one go on")
        operator = Operator(sites, "guest")
        router_down(sites, operator, sessions)
        print("a site without a border router: sessions go on")
        for session in sessions:
            session.end()
        other_name(sites, operator)
        operator.destination.end()
        print("another name after a move: an alarm, and its neighbour keeps it")


test_main(test)
