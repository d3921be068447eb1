#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""libvirt's own sequences of calls against the hook, with an ilnpctl that keeps a record of one node."""
import os
import subprocess
import sys
import tempfile
import time
import unittest

HOOK = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../sbr/deploy/libvirt/ilnp")
XML = "<domain type='qemu'>" + "<!-- as long as real ones -->\n" * 400 + (
    "<interface type='bridge'>\n  <target dev='tap7'/>\n</interface>\n<disk>\n  <target dev='vda' bus='virtio'/>\n</disk></domain>")
NODE = "0200+00ff+fe00+1234"

# Answers as the router does; what it was asked and what the node's phase is are in files.
FAKE = '''#!/bin/sh
printf '%s\\n' "$*" >>"$DIR/asked"
[ ! -e "$DIR/hang" ] || exec sleep 20
[ ! -e "$DIR/down" ] || { echo '{"schema":"ilnp.status/1","state":"down"}'; exit 2; }
refuse() { echo "{\\"schema\\":\\"ilnp.error/1\\",\\"code\\":\\"$1\\",\\"error\\":\\"$1\\"}"; exit 1; }
[ ! -e "$DIR/code" ] || refuse "$(cat "$DIR/code")"
read -r epoch <"$DIR/epoch"
case "$*" in *"--epoch $epoch"*) ;; *--epoch*) refuse stale ;; esac
echo '{"epoch":'$epoch',"outcome":"done","record":null,"schema":"ilnp.migrate/1"}'
'''
# virsh, of which --watch takes libvirt's events.
EVENTS = '''#!/bin/sh
echo "$*" >"$DIR/virsh.asked"
exec cat "$DIR/events"
'''


class Calls(unittest.TestCase):
    """A hypervisor of dc2."""

    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.dir = self.directory.name
        self.write("ilnpctl", FAKE)
        os.chmod(f"{self.dir}/ilnpctl", 0o755)
        self.write("guests", f"other 0200+00ff+fe00+9999 dc1\nvm1 {NODE} dc1\n")
        self.write("epoch", "7\n")
        self.write("ip", f'echo "$*" >>{self.dir}/ip.asked\n')
        self.write("conf", f"site=dc2\nilnpctl='env DIR={self.dir} {self.dir}/ilnpctl'\nguests={self.dir}/guests\n"
                           f"state={self.dir}/state\nip='sh {self.dir}/ip'\npatience=${{ILNP_TEST_PATIENCE:-5}}\n")

    def tearDown(self):
        self.directory.cleanup()

    def write(self, name, text):
        with open(f"{self.dir}/{name}", "w", encoding="utf-8") as f:
            f.write(text)

    def call(self, *words, patience="5"):
        environment = {**os.environ, "ILNP_HOOK_CONF": f"{self.dir}/conf", "ILNP_TEST_PATIENCE": patience}
        begin = time.monotonic()
        done = subprocess.run([HOOK, *words], input=XML, text=True, capture_output=True, env=environment, check=False,
                              timeout=30)
        self.seconds = time.monotonic() - begin
        self.assertEqual(done.stdout, "", "libvirt would take this for a domain")
        return done

    def calls(self, guest, *sequence):
        for words in sequence:
            self.assertEqual(self.call(guest, *words.split(), "-").returncode, 0, words)

    def asked(self, expected, timeout=5):
        """What the router was asked; background requests take a moment."""
        end = time.monotonic() + timeout
        while True:
            try:
                with open(f"{self.dir}/asked", encoding="utf-8") as f:
                    lines = f.read().splitlines()
            except FileNotFoundError:
                lines = []
            if lines == expected or time.monotonic() > end:
                return self.assertEqual(lines, expected)
            time.sleep(0.02)

    def asked_only(self, expected):
        """And nothing else in a while."""
        self.asked(expected)
        time.sleep(0.3)
        self.asked(expected, timeout=0)

    PREPARE = f"--json migrate prepare {NODE} --to dc2 --when-heard --home dc1"


class Hook(Calls):
    def test_destination_of_a_migration(self):
        self.calls("vm1", "migrate begin", "prepare begin", "start begin", "started begin")
        self.asked([self.PREPARE, self.PREPARE])

    def test_source_of_a_migration(self):
        self.calls("vm1", "stopped end", "release end")
        self.asked([f"--json migrate release {NODE}"])

    def test_ordinary_start_is_no_migration(self):
        self.calls("vm1", "prepare begin", "start begin", "started begin", "reconnect begin", "attach begin")
        self.asked_only([])
        self.assertFalse(os.path.exists(f"{self.dir}/ip.asked"))

    def test_taps_of_a_guest_that_comes_take_what_was_held(self):
        self.calls("vm1", "migrate begin", "prepare begin", "start begin", "started begin")
        with open(f"{self.dir}/ip.asked", encoding="utf-8") as asked:
            self.assertEqual(asked.read(), "link set dev tap7 txqueuelen 10000\n")

    def test_failed_migration_is_aborted(self):
        self.calls("vm1", "migrate begin", "prepare begin", "start begin", "started begin", "stopped end")
        self.asked([self.PREPARE, self.PREPARE, f"--json migrate abort {NODE} --to dc2 --epoch 7"])
        self.calls("vm1", "prepare begin")
        self.asked_only([self.PREPARE, self.PREPARE, f"--json migrate abort {NODE} --to dc2 --epoch 7"])

    def test_guest_that_arrived_and_stops_later_is_not_sent_back(self):
        self.calls("vm1", "migrate begin", "prepare begin", "start begin", "started begin")
        self.write("epoch", "9\n")  # it was heard: activated
        expected = [self.PREPARE, self.PREPARE, f"--json migrate abort {NODE} --to dc2 --epoch 7"]
        self.calls("vm1", "stopped end")
        self.asked(expected)
        self.calls("vm1", "release end")
        self.asked([*expected, f"--json migrate release {NODE}"])

    def test_refusal_stops_the_migration(self):
        self.calls("vm1", "migrate begin")
        self.write("code", "busy")
        done = self.call("vm1", "prepare", "begin", "-")
        self.assertEqual(done.returncode, 1)
        self.assertIn("busy", done.stderr)

    def test_store_that_is_away_does_not(self):
        self.calls("vm1", "migrate begin")
        self.write("code", "no_store")
        self.calls("vm1", "prepare begin")
        os.unlink(f"{self.dir}/code")
        end = time.monotonic() + 5
        while time.monotonic() < end:  # asked again, in the background
            with open(f"{self.dir}/asked", encoding="utf-8") as f:
                if len(f.read().splitlines()) >= 2:
                    return
            time.sleep(0.05)
        self.fail("it was not asked again")

    def test_router_that_hangs_or_is_down_does_not_hold_libvirt_up(self):
        self.calls("vm1", "migrate begin")
        for trouble in ("hang", "down"):
            self.write(trouble, "")
            durations = []
            for _ in range(10):
                self.assertEqual(self.call("vm1", "prepare", "begin", "-", patience="0.03").returncode, 0)
                durations.append(self.seconds)
            print(f"{trouble}: {min(durations) * 1e3:.0f} ms", file=sys.stderr)
            self.assertLess(min(durations), 0.05, trouble)
            os.unlink(f"{self.dir}/{trouble}")

    def test_guests_that_are_not_ours(self):
        for guest in ("vm2", "", "../vm1", ".vm1", "vm1/x"):
            self.calls(guest, "migrate begin", "prepare begin", "release end")
        self.asked_only([])

    def test_nothing_is_configured(self):
        os.unlink(f"{self.dir}/guests")
        self.calls("vm1", "migrate begin", "prepare begin")
        os.unlink(f"{self.dir}/conf")
        self.calls("vm1", "migrate begin", "prepare begin")
        self.asked_only([])


class Watch(Calls):
    """The hook with `ilnp --watch` beside it; events are written into a pipe."""

    def setUp(self):
        super().setUp()
        self.write("virsh", EVENTS)
        os.chmod(f"{self.dir}/virsh", 0o755)
        with open(f"{self.dir}/conf", "a", encoding="utf-8") as conf:
            conf.write(f"virsh='env DIR={self.dir} {self.dir}/virsh'\n")
        os.mkfifo(f"{self.dir}/events")
        environment = {**os.environ, "ILNP_HOOK_CONF": f"{self.dir}/conf"}
        self.watch = subprocess.Popen([HOOK, "--watch"], env=environment)
        self.events = open(f"{self.dir}/events", "w", encoding="utf-8")

    def tearDown(self):
        self.events.close()
        self.assertEqual(self.watch.wait(10), 0, "it ends with libvirtd")
        super().tearDown()

    def event(self, name, guest="vm1"):
        self.events.write(f"event 'lifecycle' for domain '{guest}': {name}\n")
        self.events.flush()

    ACTIVATE, ABORT, RELEASE = (f"--json migrate {step} {NODE}" for step in ("activate", "abort", "release"))

    def test_guest_that_leaves(self):
        self.event("Suspended Migrated")
        self.asked([self.ACTIVATE])
        self.calls("vm1", "stopped end", "release end")
        self.asked([self.ACTIVATE, self.RELEASE])
        with open(f"{self.dir}/virsh.asked", encoding="utf-8") as f:
            self.assertIn("event --loop --event lifecycle", f.read())

    def test_guest_that_left_and_is_started_here_again(self):
        self.event("Suspended Migrated")
        self.asked([self.ACTIVATE])
        self.calls("vm1", "release end", "prepare begin")
        self.event("Resumed Migrated")
        self.asked_only([self.ACTIVATE, self.RELEASE])

    def test_guest_that_comes_back_though_nobody_said_that_it_had_left(self):
        self.event("Suspended Migrated")
        self.asked([self.ACTIVATE])
        self.calls("vm1", "migrate begin", "prepare begin")
        self.event("Resumed Migrated")
        self.asked_only([self.ACTIVATE, self.PREPARE])

    def test_migration_that_fails_when_the_guest_has_stopped(self):
        self.event("Suspended Migrated")
        self.asked([self.ACTIVATE])
        self.event("Resumed Migrated")
        self.asked([self.ACTIVATE, self.ABORT])
        self.event("Resumed Migrated")
        self.asked_only([self.ACTIVATE, self.ABORT])

    def test_destination_of_such_a_migration_does_not_release_it(self):
        self.calls("vm1", "migrate begin", "prepare begin")
        self.write("epoch", "9\n")  # activated by the source
        self.calls("vm1", "stopped end", "release end")
        self.asked_only([self.PREPARE, f"--json migrate abort {NODE} --to dc2 --epoch 7"])

    def test_guest_that_is_only_paused(self):
        self.event("Suspended Paused")
        self.event("Resumed Unpaused")
        self.asked_only([])

    def test_guest_whose_move_the_router_does_not_know(self):
        self.write("code", "not_prepared")
        self.event("Suspended Migrated")
        self.event("Resumed Migrated")
        self.asked_only([self.ACTIVATE])

    def test_activation_that_nobody_answered_may_have_been_taken(self):
        self.write("down", "")
        self.event("Suspended Migrated")
        self.asked([self.ACTIVATE])
        os.unlink(f"{self.dir}/down")
        self.event("Resumed Migrated")
        self.asked([self.ACTIVATE, self.ABORT])

    def test_events_of_others(self):
        for guest in ("vm2", "", "../vm1", ".vm1", "it's"):
            self.event("Suspended Migrated", guest)
        self.event("Stopped Shutdown")
        self.events.write("\nevent\nerror: Disconnected\nvm1\nvm1: Suspended Migrated\n")
        self.events.flush()
        self.asked_only([])

    def test_guest_that_came_and_leaves_again(self):
        self.calls("vm1", "migrate begin", "prepare begin")
        self.event("Resumed Migrated")
        self.event("Suspended Migrated")
        self.asked([self.PREPARE, self.ACTIVATE])
        self.calls("vm1", "release end")
        self.asked([self.PREPARE, self.ACTIVATE, self.RELEASE])


if __name__ == "__main__":
    unittest.main(verbosity=2)
