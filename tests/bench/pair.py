# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks have in common: their options, namespaces and processes in them, and how ratios are shown.

The namespaces `a` and `b` have a processor each, as if each were a machine of its own (unless `pin` is false); others run
where the scheduler likes. Everything is taken back by close()."""
import argparse
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time


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


class Network:
    """Namespaces with these names; subclasses say in build_network() what joins them."""

    def __init__(self, build, ends, pin=True):
        self.build, self.pin, self.processes = build, pin, []
        self.names = {end: f"ilnp-bench-{os.getpid()}-{id(self) % 10000}-{end}" for end in ends}
        self.directory = tempfile.TemporaryDirectory(prefix="ilnp-bench-")
        try:
            for end in ends:
                run("ip", "netns", "add", self.names[end])
                self.inside(end, "ip", "link", "set", "lo", "up")
            self.build_network()
            self.set_up()
        except BaseException:
            self.close()
            raise

    def build_network(self):
        raise NotImplementedError

    def join(self, left, left_interface, left_address, right, right_interface, right_address):
        """A veth pair. Addresses are /64s."""
        run("ip", "link", "add", left_interface, "netns", self.names[left], "type", "veth", "peer", "name",
            right_interface, "netns", self.names[right])
        for end, interface, address in ((left, left_interface, left_address), (right, right_interface, right_address)):
            self.inside(end, "ip", "addr", "add", f"{address}/64", "dev", interface, "nodad")
            self.inside(end, "ip", "link", "set", interface, "up")

    def set_up(self):
        """What a benchmark needs besides; taken back as well when it fails."""

    def command(self, end, *command):
        cpu = ["taskset", "-c", str("ab".index(end) % os.cpu_count())] if self.pin and end in ("a", "b") else []
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
        return self.start_daemon(end, "ilnp-host/ilnp-host", f'[identity]\nmode = "configured"\nnid = "{nid}"\n{more}')

    def start_sbr(self, end, settings):
        """ilnp-sbr; its files are in home(end)."""
        return self.start_daemon(end, "sbr/ilnp-sbr", settings)

    def start_daemon(self, end, program, settings):
        home = self.home(end)
        config = os.path.join(home, "settings.toml")
        with open(config, "w", encoding="ascii") as out:
            out.write(f'{settings}[control]\nsocket = "{home}/s"\n[state]\ndirectory = "{home}"\n'
                      f'runtime_directory = "{home}"\n[log]\nlevel = "warning"\n')
        return self.start(end, f"{self.build}/{program}", "--config", config)

    def control(self, end, command, **more):
        """One answer of the daemon's control socket."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(20)
            s.connect(f"{self.home(end)}/s")
            s.sendall(json.dumps({"command": command, **more}).encode() + b"\n")
            return json.loads(s.makefile().readline())

    def serve_traffic(self, end, port):
        self.start(end, f"{self.build}/tests/bench/datapath/bench_traffic", "server", port, ready="ready")

    def start_relay(self, end, *arguments):
        """See datapath/relay.cpp."""
        self.start(end, f"{self.build}/tests/bench/datapath/bench_relay", *arguments, ready="ready")

    def mac(self, end, interface):
        return self.inside(end, "cat", f"/sys/class/net/{interface}/address").strip()

    def traffic(self, *arguments):
        """From `a`."""
        return json.loads(self.inside("a", f"{self.build}/tests/bench/datapath/bench_traffic", *arguments))

    def await_path(self, host, port):
        """Until something goes there and back."""
        deadline = time.monotonic() + 20
        while True:
            try:
                self.traffic("rtt", host, port, "0.2")
                return
            except subprocess.CalledProcessError:
                if time.monotonic() > deadline:
                    raise RuntimeError(f"nothing passes to {host}") from None
            time.sleep(0.2)

    def measure(self, host, port, seconds):
        s = str(seconds)
        return {
            "tcp_1_stream": self.traffic("tcp", host, port, s, "1")["gbit_s"],
            "tcp_2_streams": self.traffic("tcp", host, port, s, "2")["gbit_s"],
            "udp_64": self.traffic("udp", host, port, s, "64", "1")["kpps"],
            "udp_64_uso": self.traffic("udp", host, port, s, "64", "32")["kpps"],
            "rtt_p50": self.traffic("rtt", host, port, s)["p50_us"],
        }

    def measure_in_turn(self, hosts, port, options):
        """Rounds of figures of each path in `hosts`, in the other order every other round: the machine's speed drifts."""
        return [{path: self.measure(hosts[path], port, options.seconds) for path in list(hosts)[::1 - number % 2 * 2]}
                for number in range(options.rounds)]

    def home(self, end):
        path = os.path.join(self.directory.name, end)
        os.makedirs(path, exist_ok=True)
        return path

    def ask(self, end, *command):
        """What ilnpctl says about the host or the border router of `end`."""
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


class Pair(Network):
    """`a` and `b` on one link."""

    def __init__(self, build, prefix, pin=True):
        self.prefix = prefix
        super().__init__(build, "ab", pin)

    def build_network(self):
        self.join("a", "eth0", f"{self.prefix}a", "b", "eth0", f"{self.prefix}b")
        for end, other in ("ab", "ba"):
            self.inside(end, "ip", "-6", "route", "add", "default", "via", f"{self.prefix}{other}", "dev", "eth0")


def against(rounds, targets, subject, baseline):
    """What each figure of `subject` is in terms of `baseline` and of `relay`, round by round; `targets`: name -> (limit,
    "min" or "max"), or None for a figure without a target."""
    results = {}
    for name, target in targets.items():
        ratios = [figures[subject][name] / figures[baseline][name] for figures in rounds]
        ratio = statistics.median(ratios)
        limit, kind = target or (None, None)
        results[name] = {path: statistics.median(figures[path][name] for figures in rounds) for path in rounds[0]}
        results[name].update({"ratio": ratio, "low": min(ratios), "high": max(ratios), "target": limit, "kind": kind,
                              "met": kind is None or (ratio >= limit if kind == "min" else ratio <= limit),
                              "of_relay": statistics.median(figures[subject][name] / figures["relay"][name]
                                                            for figures in rounds),
                              "relay_ratio": statistics.median(figures["relay"][name] / figures[baseline][name]
                                                               for figures in rounds)})
    return results


def target_text(result):
    if result["target"] is None:
        return ""
    sign = ">=" if result["kind"] == "min" else "<="
    return f"   {sign} {result['target']:.2f} {'met' if result['met'] else 'MISSED'}"


def report(options, benchmark, results, words, heading=None):
    """Prints the figures of each name in `results`, as JSON or in words; the exit status."""
    if options.json:
        answer = {"schema": f"ilnp.bench.{benchmark}/1", "rounds": options.rounds, "results": results}
        print(json.dumps(answer, indent=1))
    else:
        if heading:
            print(heading)
        for name, result in results.items():
            print(words(name, result))
    return 0 if all(result["met"] for result in results.values()) else 1


def report_paths(options, benchmark, rounds, targets, subject, baseline):
    """The figures of three paths: `baseline`, `relay` and `subject`."""
    return report(
        options, benchmark, against(rounds, targets, subject, baseline),
        lambda name, r: f"{name:16}{r[baseline]:10.2f}{r['relay']:10.2f}{r[subject]:10.2f}{r['relay_ratio']:14.2f}"
                        f"{r['of_relay']:12.2f}{r['ratio']:12.2f}{r['low']:7.2f}{r['high']:7.2f}{target_text(r)}",
        f"{'':16}{baseline:>10}{'relay':>10}{subject:>10}{'relay:' + baseline:>14}{subject + ':relay':>12}"
        f"{subject + ':' + baseline:>12}{'low':>7}{'high':>7}   target")


def clean_up_when_terminated():
    """SIGTERM runs the `finally` blocks, as an interrupt from the keyboard does; another one does not stop them."""
    def end(*_):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        sys.exit(1)
    signal.signal(signal.SIGTERM, end)
