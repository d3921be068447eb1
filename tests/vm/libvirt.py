# SPDX-License-Identifier: Apache-2.0
"""A libvirtd of its own for each hypervisor of a test: what an operator's machine has, on a machine that has several.

    namespace of the hypervisor (network)      bridges; libvirt makes the TAPs
    namespaces for mounts, names, processes    changes of /etc, and a new /run and /var, in a tmpfs

The machine's own libvirt is neither seen nor touched. All that is written lies in the tmpfs, and all processes, QEMU's as
well, are in one process namespace: both go with its first process, also when a test is killed. Only drivers that the tests
need are loaded. libvirtd speaks TCP without TLS and starts QEMU as root and without cgroups, which is for a test only.
"""
import os
import re
import subprocess
import threading
import time
import uuid

from lab import check, run, wait_until

LIBVIRTD, VIRSH = "/usr/sbin/libvirtd", "/usr/bin/virsh"
DRIVERS = "/usr/lib/x86_64-linux-gnu/libvirt/connection-driver"
PACKAGES = "libvirt-daemon libvirt-daemon-driver-qemu libvirt-clients"
HERE = os.path.dirname(os.path.abspath(__file__))

# The first process: it takes what is left behind by others and starts libvirtd again when that was ended.
INIT = """set -e
mount -t tmpfs -o mode=755 tmpfs "$1"
cd "$1"
mkdir etc work var run drivers
mount -t overlay overlay -o "lowerdir=/etc,upperdir=$1/etc,workdir=$1/work" /etc
mount --bind var /var
mount --bind run /run
mount -t sysfs sysfs /sys
cp "$2/libvirt_driver_qemu.so" drivers
mount --bind drivers "$2"
hostname "$3"
mkdir -p /var/log /var/lib /var/tmp /run/lock
ln -s /run /var/run
cat >/etc/libvirt/libvirtd.conf "$4/libvirtd.conf"
cat >/etc/libvirt/qemu.conf "$4/qemu.conf"
grep -q ^libvirt-qemu: /etc/passwd || echo libvirt-qemu:x:64055:0::/:/bin/false >>/etc/passwd
grep -q ^libvirt-qemu: /etc/group || echo libvirt-qemu:x:64055: >>/etc/group
while rm "$4/again" 2>/dev/null; do "$5" --listen; done
"""
DAEMON = """listen_tls = 0
listen_tcp = 1
auth_tcp = "none"
auth_unix_rw = "none"
host_uuid = "{uuid}"
log_outputs = "1:file:{directory}/libvirtd.log"
log_filters = "1:util.hook 2:qemu 3:*"
"""
QEMU = """security_driver = "none"
user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
cgroup_controllers = []
namespaces = []
stdio_handler = "file"
"""
EVENT = re.compile(r"event (\w+) at (\d+\.\d+) for domain '([^']*)'")


def why_not():
    """What keeps libvirt from running here; empty if nothing does."""
    missing = [path for path in (LIBVIRTD, VIRSH, f"{DRIVERS}/libvirt_driver_qemu.so") if not os.path.exists(path)]
    return f"{', '.join(missing)}: not there (packages {PACKAGES})" if missing else ""


def children_of(pid):
    """Its processes, the oldest first."""
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as pids:
        return [int(word) for word in pids.read().split()]


class PrivateLibvirt:
    """On a Hypervisor that has joined the control network."""

    def __init__(self, hypervisor):
        self.lab, self.hypervisor, self.name = hypervisor.lab, hypervisor, hypervisor.name
        self.directory = os.path.join(self.lab.directory, f"libvirt-{self.name}")
        os.makedirs(f"{self.directory}/root")
        self._write("libvirtd.conf", DAEMON.format(uuid=uuid.uuid4(), directory=self.directory))
        self._write("qemu.conf", QEMU)
        # Ports of its bridges are not hosts.
        hypervisor.ns.sysctl("net.ipv6.conf.default.disable_ipv6", 1)
        self.process = self.first = None
        self.events = []  # (CLOCK_MONOTONIC seconds, QEMU's name of it, domain)

    def _write(self, name, text):
        with open(f"{self.directory}/{name}", "w", encoding="utf-8") as out:
            out.write(text)

    # ---------------------------------------------------------------- the daemon

    def start(self):
        """Several may start at once: wait_up() waits."""
        self._write("again", "")
        with open(f"{self.directory}/output", "wb") as out:
            self.process = self.hypervisor.ns.start(
                "unshare", "--mount", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "private",
                "sh", "-c", INIT, "sh", f"{self.directory}/root", DRIVERS, self.name, self.directory, LIBVIRTD,
                stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        return self

    def wait_up(self):
        wait_until(self._answers, lambda: f"libvirtd of {self.name} does not start: {self.log()[-1500:]}", 60, pause=0.1)
        self._listen()
        return self

    def _answers(self):
        check(self.process.poll() is None, f"libvirtd of {self.name} ended: {self.log()[-1500:]}")
        self.first = next(iter(children_of(self.process.pid)), None)
        return self.first and self.virsh("version", check_status=False).returncode == 0

    def restart(self):
        """libvirtd alone, as systemd does it: guests go on."""
        self._write("again", "")
        self.run("sh", "-c", "kill $(cat /run/libvirtd.pid)")
        wait_until(lambda: not os.path.exists(f"{self.directory}/again"), f"libvirtd of {self.name} does not end", pause=0.05)
        self.wait_up()

    def stop(self):
        """With all guests on it."""
        self.process.kill()
        self.process.wait()

    def log(self):
        """What it complained about."""
        text = ""
        for name in ("output", "libvirtd.log"):
            path = f"{self.directory}/{name}"
            if os.path.exists(path):
                with open(path, encoding="utf-8", errors="replace") as lines:
                    text += lines.read()
        return text

    # ---------------------------------------------------------------- what an operator does

    def run(self, *words, **more):
        """As root of this hypervisor."""
        return run(*self._inside(), *words, **more)

    def _inside(self):
        return "nsenter", "--target", str(self.first), "--mount", "--uts", "--net", "--pid", "--"

    def virsh(self, *words, **more):
        return self.run(VIRSH, "-q", *words, **more)

    def watch(self):
        """The hook's service, which takes libvirt's events."""
        return self.hypervisor.ns.start(*self._inside(), "/etc/libvirt/hooks/qemu.d/ilnp", "--watch", stdin=subprocess.DEVNULL)

    def append(self, path, text):
        self.run("sh", "-c", f"cat >>{path}", stdin=text)

    def install_hook(self, program, name, conf, settings):
        """Of `program` (its folder), as docs/operations/migration.md says; `settings` are lines for its file `conf`. The
        next restart() of libvirtd finds it."""
        deploy = os.path.join(HERE, f"../../{program}/deploy/libvirt")
        self.run("install", "-D", "-m", "755", f"{deploy}/{name}", f"/etc/libvirt/hooks/qemu.d/{name}")
        self.run("install", "-D", "-m", "644", f"{deploy}/{conf}", f"/etc/ilnp/{conf}")
        self.append(f"/etc/ilnp/{conf}", settings)

    def migration(self, name, to, *options):
        """`virsh migrate`, under way."""
        there = to.hypervisor.address
        return self.hypervisor.ns.start(
            *self._inside(), VIRSH, "-q", "migrate", *options, name, f"qemu+tcp://{there}/system", "--migrateuri", f"tcp://{there}",
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def migrate(self, name, to, *options, timeout=120):
        """(stopped, resumed): CLOCK_MONOTONIC seconds, from QEMU's events, because no call of a hook tells them."""
        begin = len(self.events), len(to.events)
        command = self.migration(name, to, *options)
        _, errors = command.communicate(timeout=timeout)
        check(command.returncode == 0, f"virsh migrate: {errors}\n{self.name}: {self.log()[-1500:]}\n{to.name}: {to.log()[-1500:]}")
        return self.wait_event("STOP", name, begin[0]), to.wait_event("RESUME", name, begin[1])

    # ---------------------------------------------------------------- events

    def _listen(self):
        watcher = self.hypervisor.ns.start(*self._inside(), VIRSH, "qemu-monitor-event", "--loop",
                                           stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        threading.Thread(target=self._read_events, args=(watcher.stdout,), daemon=True).start()

    def _read_events(self, lines):
        """QEMU's own time, which is CLOCK_REALTIME."""
        for line in lines:
            found = EVENT.match(line)
            if found:
                name, seconds, domain = found.groups()
                self.events.append((float(seconds) - time.time() + time.monotonic(), name, domain))

    def wait_event(self, name, domain, since=0):
        """When the first one came after number `since` of the list."""
        def found():
            return next((when for when, event, of in self.events[since:] if (event, of) == (name, domain)), None)
        return wait_until(found, lambda: f"no {name} of {domain} at {self.name}: {self.events[since:]}", pause=0.005)
