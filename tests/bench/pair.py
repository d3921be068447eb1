# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks have in common: their options, and two namespaces joined by a veth pair.

The namespaces `a` and `b` have a processor each, as if each were a machine of its own (unless `pin` is false). Everything
is taken back by close()."""
import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile


BUILD = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../build/dev")


def options_of(description, seconds):
    """A parser with the options that every benchmark has."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=BUILD)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=seconds, help="of traffic in each round (default: %(default)s)")
    parser.add_argument("--json", action="store_true")
    return parser


def run(*command, **options):
    return subprocess.run(command, check=True, text=True, capture_output=True, **options).stdout


class Pair:
    def __init__(self, build, prefix, pin=True):
        self.build, self.prefix, self.pin, self.processes = build, prefix, pin, []
        self.names = {end: f"ilnp-bench-{os.getpid()}-{id(self) % 10000}-{end}" for end in "ab"}
        self.directory = tempfile.TemporaryDirectory(prefix="ilnp-bench-")
        try:
            self.build_network()
            self.set_up()
        except BaseException:
            self.close()
            raise

    def build_network(self):
        for end in "ab":
            run("ip", "netns", "add", self.names[end])
            self.inside(end, "ip", "link", "set", "lo", "up")
        run("ip", "link", "add", "eth0", "netns", self.names["a"], "type", "veth", "peer", "name", "eth0", "netns",
            self.names["b"])
        for end, other in ("ab", "ba"):
            self.inside(end, "ip", "addr", "add", f"{self.prefix}{end}/64", "dev", "eth0", "nodad")
            self.inside(end, "ip", "link", "set", "eth0", "up")
            self.inside(end, "ip", "-6", "route", "add", "default", "via", f"{self.prefix}{other}", "dev", "eth0")

    def set_up(self):
        """What a benchmark needs besides; taken back as well when it fails."""

    def command(self, end, *command):
        cpu = ["taskset", "-c", str("ab".index(end) % os.cpu_count())] if self.pin else []
        return [*cpu, "ip", "netns", "exec", self.names[end], *command]

    def inside(self, end, *command):
        return run(*self.command(end, *command))

    def start(self, end, *command, ready=None, **options):
        process = subprocess.Popen(self.command(end, *command), text=True, stdout=subprocess.PIPE if ready else None,
                                   **options)
        self.processes.append(process)
        if ready and process.stdout.readline().strip() != ready:
            raise RuntimeError(f"{command[0]} did not start")
        return process

    def start_host(self, end, nid, more=""):
        """ilnp-host with a configured NID; its files are in home(end)."""
        home = self.home(end)
        config = os.path.join(home, "host.toml")
        with open(config, "w", encoding="ascii") as out:
            out.write(f'[identity]\nmode = "configured"\nnid = "{nid}"\n[control]\nsocket = "{home}/s"\n'
                      f'[state]\ndirectory = "{home}"\nruntime_directory = "{home}"\n[log]\nlevel = "warning"\n{more}')
        return self.start(end, f"{self.build}/ilnp-host/ilnp-host", "--config", config)

    def home(self, end):
        path = os.path.join(self.directory.name, end)
        os.makedirs(path, exist_ok=True)
        return path

    def ask(self, end, *command):
        """What ilnpctl says about the host of `end`."""
        return json.loads(self.inside(end, f"{self.build}/ctl/ilnpctl", "--json", "--socket", f"{self.home(end)}/s",
                                      *command))

    def close(self):
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
        for name in self.names.values():
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)
            subprocess.run(["rm", "-rf", f"/etc/netns/{name}"], check=False)
        self.directory.cleanup()


def clean_up_when_terminated():
    """SIGTERM runs the `finally` blocks, as an interrupt from the keyboard does."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
