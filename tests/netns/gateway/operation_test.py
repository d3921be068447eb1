#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What an operator does: checks a configuration, looks at the tables, reads the configuration anew; and mistakes."""
import json
import os
import re
import signal

from gateway_lab import EIDS, Sites, host_of, listed, ping

# pylint: disable=wrong-import-order
from lab import check, run, test_main, wait_until


def checks(sites):
    """All mistakes at once, exit code 3, and the network is not touched."""
    g1 = sites.gateways[1]
    check(g1.ns.run(g1.program, "--check", "--config", g1.config).stdout.strip().endswith("good"), "the good one")
    bad = os.path.join(g1.directory, "bad.toml")
    text = g1.text.replace("2001:db8:a1::2", "ff02::1").replace('keys = ["ours"]', 'keys = ["theirs"]')
    with open(bad, "w", encoding="utf-8") as f:
        f.write(text + '[data]\nlb = "round_robin"\n')
    done = g1.ns.run(g1.program, "--check", "--config", bad, check_status=False)
    check(done.returncode == 3, f"exit code {done.returncode}")
    with open(bad, "w", encoding="utf-8") as f:
        f.write(text)
    for part in ("rloc[0].address", 'there is no [[key]] "theirs"'):
        said = g1.ns.run(g1.program, "--check", "--config", bad, check_status=False).stderr
        check(part in said and re.search(r"bad\.toml:\d+:\d+: ", said), f"{part}: {said}")
    os.chmod(os.path.join(g1.directory, "ours"), 0o644)
    check("0644" in g1.ns.run(g1.program, "--check", "--config", g1.config, check_status=False).stderr, "a public secret")
    os.chmod(os.path.join(g1.directory, "ours"), 0o600)
    check("lisp0" not in g1.ns.ip("link", "show"), "a check makes devices")


def tables(sites):
    """Every table of `ilnpctl lisp` has what it should, as text and as JSON."""
    g1, g2 = sites.gateways[1], sites.gateways[2]
    for family in (6, 4):
        check(ping(sites.hosts[1], host_of(2, family)), "no packets")
    shown = g1.lisp("map-cache")
    check("2001:db8:e2::/48" in shown and "active" in shown and "2001:db8:a2::2 1/100" in shown, shown)
    answer = json.loads(g1.lisp("map-cache", "--json"))
    check(answer["schema"] == "ilnp.map_cache/1" and answer["left_out"] == 0, f"{answer}")
    check("yes" in g1.lisp("registrations") and "no" not in g1.lisp("registrations").split(), g1.lisp("registrations"))
    wait_until(lambda: "2001:db8:a1::2" in g2.lisp("clients"), lambda: f"clients of g2: {g2.lisp('clients')}")
    wait_until(lambda: re.search(r"2001:db8:a2::2 +up", g1.lisp("rlocs")), lambda: g1.lisp("rlocs"))
    check("no mobile EIDs" in g1.lisp("eids"), g1.lisp("eids"))
    said = g1.lisp("arrive", "2001:db8:e1::77", ok=False)
    check("in no [[mobile]] block" in said, said)
    status = run(g1.lab.ctl, "--socket", g1.socket_path, "status").stdout
    check("ilnp-gateway" in status and "2 of them registered" in status, status)
    ms = run(sites.ms.lab.ctl, "--socket", sites.ms.socket_path, "status").stdout
    check("4 registrations" in ms, ms)
    metrics = run(g1.lab.ctl, "--socket", g1.socket_path, "show", "metrics").stdout
    check("ilnp_data_sent_total" in metrics, metrics[:300])


def rloc_goes(sites):
    """A router that is away is found by its probes, and when it is back as well."""
    g1, g2 = sites.gateways[1], sites.gateways[2]
    g2.stop(signal.SIGKILL)
    wait_until(lambda: (ping(sites.hosts[1], host_of(2, 6), "-w", "1"), "down" in g1.lisp("rlocs"))[1],
               lambda: g1.lisp("rlocs"))
    status = run(g1.lab.ctl, "--socket", g1.socket_path, "status", check_status=False)
    check(status.returncode == 1 and "does not answer" in status.stdout, f"{status.returncode}: {status.stdout}")
    check(g1.events("rloc_down"), "nobody is told")
    g2.start()
    wait_until(lambda: ping(sites.hosts[1], host_of(2, 6), "-w", "1"), "it is back, and not used")
    check(g1.events("rloc_up"), "nobody is told that it is back")


def reload(sites):
    """Routes change at once, what cannot is named, and a bad file changes nothing."""
    g1 = sites.gateways[1]
    text = g1.text
    g1.write_config(text.replace(listed(EIDS), listed(EIDS + ["10.200.0.0/16"])))
    answer = g1.ask("reload")
    check([c["key"] for c in answer["applied"]] == ["interface[lisp0].routes"], f"{answer}")
    check("10.200.0.0/16 dev lisp0" in g1.ns.ip("route", "show"), g1.ns.ip("route", "show"))
    g1.write_config(text + "[data]\nsource_ports = 3\n")
    answer = g1.ask("reload")
    check("data.source_ports" in [c["key"] for c in answer["needs_restart"]], f"{answer}")
    check("10.200.0.0/16" not in g1.ns.ip("route", "show"), "the route stays")
    g1.write_config(text.replace('keys = ["ours"]', 'keys = ["theirs"]'))
    g1.process.send_signal(signal.SIGHUP)
    wait_until(lambda: g1.events("reload_refused"), "a bad file is not refused")
    check("theirs" in g1.events("reload_refused")[-1]["problems"], f"{g1.events('reload_refused')}")
    check(ping(sites.hosts[1], host_of(2, 6)), "a bad file has changed something")
    g1.write_config(text)
    check("error" not in g1.ask("reload"), "the good file again")


def test(lab):
    sites = Sites(lab, more='[probing]\nprobe_period = "1s"\nprobe_wait = "300ms"\n')
    for gateway in sites.gateways.values():
        gateway.write_config()
    checks(sites)
    sites.start()
    tables(sites)
    reload(sites)
    rloc_goes(sites)


test_main(test)
