#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What an operator meets: refusals that say why, mistakes in the configuration, ilnpctl that agrees with reality."""
import json
import os
import signal

from flows import Stream
from lab import check, standard, test_main, wait_until


def refused(host, words, *command, status=2, **more):
    done = host.ns.run(*command, check_status=False, **more)
    text = done.stdout + done.stderr
    check(done.returncode == status, f"exit status {done.returncode}, expected {status}: {text[-400:]}")
    for word in words:
        check(word in text, f"expected {word!r} in: {text[-400:]}")
    return text


def hidden(lab, host, shell):
    """Runs the daemon in a mount namespace of its own after `shell`."""
    return ("unshare", "--mount", "sh", "-c", f"{shell}; exec {lab.program} --config {host.config}")


def ctl(lab, host, *command, status=0):
    done = host.ns.run(lab.ctl, "--socket", host.socket_path, *command, check_status=False)
    check(done.returncode == status, f"ilnpctl {command}: status {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def mistakes(lab, host):
    bad = os.path.join(lab.directory, "bad.toml")
    with open(bad, "w", encoding="utf-8") as f:
        f.write('[identity]\nmode = "sometimes"\nnid = "zz"\n[session]\nnonce_octets = 5\nidle = "1s"\n[nonsense]\nx = 1\n')
    text = refused(host, [f"{bad}:2:", f"{bad}:3:", f"{bad}:6:", "nonsense"], lab.program, "--config", bad, status=3)
    check(len(text.splitlines()) >= 4, f"not all mistakes at once: {text}")
    refused(host, [f"{bad}:2:"], lab.program, "--check", "--config", bad, status=3)
    refused(host, [], lab.program, "--no-such-option", status=3)


def test(lab):
    a, b = standard(lab)
    mistakes(lab, a)
    refused(a, ["/dev/net/tun"], *hidden(lab, a, "mount --bind /dev/null /dev/net && true || mount -t tmpfs none /dev/net"))
    refused(a, ["nft", "nftables"], *hidden(lab, a, "mount --bind /dev/null /usr/sbin/nft"))
    rights = os.path.join(lab.directory, "nobody")
    os.makedirs(rights)
    os.chmod(lab.directory, 0o755)
    os.chmod(rights, 0o777)
    as_nobody = os.path.join(rights, "host.toml")
    text = read(a.config).replace(a.directory, rights)
    with open(as_nobody, "w", encoding="utf-8") as f:
        f.write(text)
    told = refused(a, [], "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", lab.program, "--config", as_nobody)
    check("ermi" in told or "CAP_" in told, f"no permission, but it says: {told}")

    a.start()
    b.start()
    told = refused(a, [], lab.program, "--config", a.config)
    check("already" in told or "in use" in told or "another" in told, f"a second instance is told: {told}")
    check(a.is_up() is not None, "the first instance goes on")

    identity = a.resolve_peer(b)
    stream = Stream(a.ns, b.ns, identity, port=7301, rate=2_000_000)
    wait_until(lambda: (a.session(b.nid) or {}).get("state") == "established", "no session")
    status = json.loads(ctl(lab, a, "status", "--json"))
    check(status["state"] == "ok" and status["problems"] == [] and status["pid"] == a.process.pid, f"status: {status}")
    sessions = json.loads(ctl(lab, a, "show", "sessions", "--json"))["sessions"]
    check([s["identity"] for s in sessions] == [identity] and sessions[0]["octets"]["out"] > 0, f"sessions: {sessions}")
    locators = json.loads(ctl(lab, a, "show", "locators", "--json"))["locators"]
    check([(l["locator"], l["interface"]) for l in locators] == [("2001-0db8-00a1-0000", "eth0")], f"locators: {locators}")
    check(locators[0]["address"] in a.ns.ip("-6", "addr"), "the I-LV is an address of the kernel")
    check("2001-0db8-00a1-0000" in ctl(lab, a, "show", "locators"), "and for people")

    # Somebody starts the packet filter over: our rules are back at once, and again when it happens again.
    for times in (1, 2):
        a.ns.run("/usr/sbin/nft", "flush", "ruleset")
        wait_until(lambda: len(a.events("filter_restored")) == times, "a flushed packet filter is noticed")
        wait_until(lambda: a.ns.run("/usr/sbin/nft", "list", "tables").stdout.count(" ilnp") == 2, "our tables are back")
    check('hook ingress device "eth0"' in a.ns.run("/usr/sbin/nft", "list", "ruleset").stdout, "without their chains")

    # A broken configuration never touches a running daemon.
    good = read(a.config)
    with open(a.config, "w", encoding="utf-8") as f:
        f.write("[log]\nlevel = 7\n")
    a.process.send_signal(signal.SIGHUP)
    wait_until(lambda: a.events("reload_refused"), "the mistake is reported")
    with open(a.config, "w", encoding="utf-8") as f:
        f.write(good)
    a.process.send_signal(signal.SIGHUP)
    wait_until(lambda: a.events("reloaded"), "the good one is read")
    check((a.session(b.nid) or {}).get("state") == "established", "the session goes on")

    # No DNS server: what is open goes on, a start works.
    lab.namespaces["ns"].ip("link", "set", "eth0", "down")
    a.stop(signal.SIGKILL)
    a.start()
    heard = os.path.join(lab.directory, "monitor")
    with open(heard, "wb") as out:
        monitor = a.ns.start(lab.ctl, "--socket", a.socket_path, "monitor", "--json", stdout=out)

    def wait_heard(event):
        wait_until(lambda: f'"event":"{event}"' in read(heard), lambda: f"the monitor told: {read(heard)}")
    wait_heard("monitor_started")
    a.ns.ip("link", "set", "eth0", "down")
    wait_until(lambda: not a.locators(), "detached")
    status = json.loads(ctl(lab, a, "status", "--json", status=2))
    check(status["state"] == "down" and "no usable locator" in status["problems"][0]["what"], f"detached: {status}")
    a.ns.ip("link", "set", "eth0", "up")
    wait_until(lambda: a.locators(), "attached again")
    for event in ("detached", "attached"):
        wait_heard(event)
    monitor.terminate()
    stream.stop()

    a.stop()
    ctl(lab, a, "status", status=2)


test_main(test)
