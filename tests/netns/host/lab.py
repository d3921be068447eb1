# SPDX-License-Identifier: Apache-2.0
"""Namespaces with the real ilnp-host in them, for the tests of this folder.

Lab owns everything: namespaces (names start with ilnp-<pid>-), processes, files. It takes all of it back at the end, on
a failure, on an interrupt and when the time given to a test is over. This process opens sockets in any namespace
(Namespace.entered), so that a test needs no helper program to speak or listen somewhere; traffic with a clock of its own
runs in traffic.py. Routers are RouterThread objects: router advertisements exactly when a test wants them.
"""
import contextlib
import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from wire import Router, answer_names

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET, PR_SET_PDEATHSIG = 0x40000000, 1
HERE = os.path.dirname(os.path.abspath(__file__))
PREFIX = "fd49:4c4e:5036:6631"
IDENTITY_OCTETS = bytes.fromhex("fd494c4e")


class Failure(Exception):
    pass


def check(condition, words):
    if not condition:
        raise Failure(words)


def wait_until(condition, words, timeout=20.0, pause=0.02):
    """Waits for an event that nothing announces; returns what the condition returned. The limit is for what never comes:
    a promise about time is measured, and judged by the best of several tries (flows.promise)."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        check(time.monotonic() < end, f"not within {timeout} s: {words() if callable(words) else words}")
        time.sleep(pause)


def run(*command, check_status=True, stdin=None, timeout=20, **more):
    done = subprocess.run(command, capture_output=True, text=True, input=stdin, timeout=timeout, **more)
    if check_status and done.returncode != 0:
        raise Failure(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
    return done


class Namespace:
    def __init__(self, lab, name):
        self.lab, self.name, self.full = lab, name, f"ilnp-{os.getpid()}-{name}"
        run("ip", "netns", "add", self.full)
        self.fd = os.open(f"/run/netns/{self.full}", os.O_RDONLY)
        self.sysctl("net.ipv6.conf.default.accept_dad", 0)
        self.sysctl("net.ipv6.conf.default.router_solicitation_delay", 0)
        self.ip("link", "set", "lo", "up")

    @contextlib.contextmanager
    def entered(self):
        """Sockets opened inside belong to this namespace for good (only the calling thread is there)."""
        here = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        try:
            if LIBC.setns(self.fd, CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")
            yield
        finally:
            LIBC.setns(here, CLONE_NEWNET)
            os.close(here)

    def _prepare(self):
        fd = self.fd

        def in_child():
            LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if LIBC.setns(fd, CLONE_NEWNET) != 0:
                os._exit(126)
        return in_child

    def run(self, *command, **more):
        return run(*[str(c) for c in command], preexec_fn=self._prepare(), **more)

    def start(self, *command, **more):
        process = subprocess.Popen([str(c) for c in command], preexec_fn=self._prepare(), **more)
        self.lab.processes.append(process)
        return process

    def python(self, script, *arguments, **more):
        return self.start("/usr/bin/python3", os.path.join(HERE, script), *arguments, **more)

    def ip(self, *arguments, **more):
        return self.run("ip", *arguments, **more).stdout

    def sysctl(self, key, value):
        with self.entered(), open("/proc/sys/" + key.replace(".", "/"), "w", encoding="ascii") as f:
            f.write(str(value))

    def socket(self, *arguments):
        with self.entered():
            return socket.socket(*arguments)

    def ifindex(self, interface):
        with self.entered():
            return socket.if_nametoindex(interface)

    def snmp(self, *names):
        with self.entered(), open("/proc/thread-self/net/snmp6", encoding="ascii") as f:
            values = dict(line.split() for line in f)
        with self.entered(), open("/proc/thread-self/net/snmp", encoding="ascii") as f:
            lines = [line.split() for line in f]
        for head, body in zip(lines[::2], lines[1::2]):
            values.update({head[0][:-1] + key: value for key, value in zip(head[1:], body[1:])})
        return {name: int(values.get(name, 0)) for name in names}

    def close(self):
        os.close(self.fd)
        run("ip", "netns", "del", self.full, check_status=False)


class Program:
    """One of our daemons in a namespace: its files lie in a directory of their own, its socket is <kind>.sock. `folder`:
    the directory's name, where a namespace has several daemons."""

    def __init__(self, lab, name, program, kind, folder=None):
        self.lab, self.name, self.program = lab, folder or name, program
        self.ns = lab.namespaces[name]
        self.directory = os.path.join(lab.directory, self.name)
        os.makedirs(self.directory, exist_ok=True)
        self.socket_path = os.path.join(self.directory, f"{kind}.sock")
        self.config = os.path.join(self.directory, f"{kind}.toml")
        self.log_path = os.path.join(self.directory, "log")
        self.process = None
        lab.daemons[self.name] = self

    def common_settings(self):
        return (f'[control]\nsocket = "{self.socket_path}"\n'
                f'[state]\ndirectory = "{self.directory}"\nruntime_directory = "{self.directory}"\n'
                f'[log]\nlevel = "debug"\nformat = "json"\n')

    def launch(self):
        with open(self.log_path, "ab") as log:
            self.process = self.ns.start(self.program, "--config", self.config, stdout=log, stderr=log)

    def wait_up(self):
        wait_until(self.is_up, lambda: f"{self.name} is not up: {self.log_text()[-600:]}")

    def is_up(self):
        check(self.process.poll() is None, f"{self.name} ended with {self.process.returncode}: {self.log_text()[-600:]}")
        try:
            return self.ask("status")
        except OSError:
            return None

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        status = self.process.wait(20)
        self.process = None
        return status

    def ask(self, command):
        """One answer of the control socket."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(20)
            s.connect(self.socket_path)
            s.sendall(json.dumps({"command": command}).encode() + b"\n")
            return json.loads(s.makefile().readline())

    def counters(self):
        """Counters that are not zero; those that a test names are there."""
        found = self.ask("counters")["counters"]

        class Zero(dict):
            def __missing__(self, key):
                return 0
        return Zero({k: v for k, v in flatten(found).items() if v})

    def log_text(self):
        return text_of(self.log_path)

    def events(self, name=None):
        return events_in(self.log_text(), name)


class ProgramWithText(Program):
    """Its configuration is a text that a test may change."""

    def __init__(self, lab, name, program, kind, folder=None, text=""):
        super().__init__(lab, name, program, kind, folder)
        self.text = text

    def write_config(self, text=None):
        if text is not None:
            self.text = text
        with open(self.config, "w", encoding="utf-8") as f:
            f.write(self.text + self.common_settings())


class Host(Program):
    """A namespace with an ilnp-host of its own."""

    def __init__(self, lab, name, nid, settings):
        super().__init__(lab, name, lab.program, "host")
        self.nid = nid
        self.write_config(**settings)

    def write_config(self, text="", dns="", session="", publish="", identity=""):
        words = self.nid.replace(":", "+")
        with open(self.config, "w", encoding="utf-8") as f:
            f.write(f'[identity]\n{identity or f"""mode = "configured"{chr(10)}nid = "{words}" """}\n'
                    f'[dns]\nhold = "5s"\n{dns or f"""upstream = ["[{self.lab.name_server}]:53"]"""}\n'
                    f'[session]\n{session}\n[publish]\n{publish}\n{self.common_settings()}{text}\n')

    def identity(self):
        return f"{PREFIX}:{self.nid}"

    def start(self, wait=True, locators=1):
        self.launch()
        if wait:
            self.wait_ready(locators)
        return self

    def wait_ready(self, locators=1):
        self.wait_up()
        wait_until(lambda: len(self.locators()) >= locators, f"{self.name} has no locator")

    def locators(self):
        return self.ask("locators")["locators"]

    def sessions(self):
        return self.ask("sessions")["sessions"]

    def session(self, peer_nid):
        words = "+".join(w.zfill(4) for w in peer_nid.split(":"))
        found = [s for s in self.sessions() if s["remote_nid"] == words and s["state"] != "tentative_in"]
        return found[0] if found else None

    def resolve(self, name, kind="AAAA"):
        """Asks this host's stub resolver as an application would; the addresses."""
        return answer_names(self.ns, ("127.0.0.106", 53), name, kind)

    def resolve_peer(self, peer):
        addresses = self.resolve(f"{peer.name}.ex.example")
        check(peer.identity() and addresses and same(addresses[0], peer.identity()),
              f"{self.name} resolves {peer.name} to {addresses}")
        return addresses[0]


def flatten(tree, prefix=""):
    out = {}
    for key, value in tree.items():
        path = f"{prefix}.{key}" if prefix else key
        if isinstance(value, dict):
            out.update(flatten(value, path))
        else:
            out[path] = value
    return out


def text_of(path):
    """What is in a file, which need not be there yet."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def events_in(log_text, name=None):
    """Of a daemon's log: those of that name, or all."""
    found = []
    for line in log_text.splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if name is None or event.get("event") == name:
            found.append(event)
    return found


def same(a, b):
    return socket.inet_pton(socket.AF_INET6, a) == socket.inet_pton(socket.AF_INET6, b)


class Lab:
    """`with Lab(seconds) as lab:`; `seconds` bounds the test. `build`: else the first argument, else build/dev.
    `directory`: the caller's, who then also has the signals, bounds the time and removes it."""
    name_server = "2001:db8:53::53"

    def __init__(self, seconds=150, build=None, directory=None):
        self.seconds, self.directory, self.is_test = seconds, directory, directory is None
        self.peer_index = 100
        build = build or (sys.argv[1] if len(sys.argv) > 1 else os.path.join(HERE, "../../../build/dev"))
        self.build = os.path.abspath(build)
        self.program = os.path.join(self.build, "ilnp-host/ilnp-host")
        self.ctl = os.path.join(self.build, "ctl/ilnpctl")
        self.namespaces, self.processes, self.hosts, self.routers, self.captures = {}, [], {}, {}, []
        self.daemons, self.closing = {}, []  # closing: functions that take back what is not of the kinds above

    def __enter__(self):
        if self.is_test:
            self._bound()
            self.directory = tempfile.mkdtemp(prefix=f"ilnp-{os.getpid()}-")
        return self

    def _bound(self):
        def ended(number, frame):
            raise Failure(f"ended by signal {number}" if number != signal.SIGALRM else f"over {self.seconds} s")
        for number in (signal.SIGALRM, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, ended)
        signal.alarm(self.seconds)

    def __exit__(self, kind, value, trace):
        if self.is_test:
            signal.alarm(0)
        if self.is_test and kind is not None:
            for daemon in self.daemons.values():
                print(f"--- log of {daemon.name}\n{daemon.log_text()[-3000:]}", file=sys.stderr)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        for close in reversed(self.closing):
            close()
        for router in self.routers.values():
            router.close()
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.wait()
        for namespace in self.namespaces.values():
            namespace.close()
        if self.is_test and (kind is None or "ILNP_KEEP" not in os.environ):
            shutil.rmtree(self.directory, ignore_errors=True)

    def namespace(self, name):
        self.namespaces[name] = Namespace(self, name)
        return self.namespaces[name]

    def router(self, name="r"):
        """A namespace that forwards and advertises."""
        namespace = self.namespace(name)
        namespace.sysctl("net.ipv6.conf.all.forwarding", 1)
        namespace.sysctl("net.ipv4.ip_forward", 1)
        self.routers[name] = Router(namespace)
        return namespace

    def link(self, node, interface, prefix, router="r", up=True, advertise=True, mtu=None):
        """A veth from `node` to the router; `prefix` like 2001:db8:a1::. The router's end is <node>-<interface>."""
        peer = f"{node}-{interface}"
        r, n = self.namespaces[router], self.namespaces[node]
        # Two ends with one number look like one device to the kernel, which then is slow to report a change of carrier.
        self.peer_index += 1
        run("ip", "link", "add", interface, "netns", n.full, "type", "veth", "peer", "name", peer, "index",
            str(self.peer_index), "netns", r.full)
        if mtu:
            r.ip("link", "set", peer, "mtu", str(mtu))
            n.ip("link", "set", interface, "mtu", str(mtu))
        r.ip("link", "set", peer, "up")
        r.ip("addr", "add", f"{prefix}1/64", "dev", peer, "nodad")
        if advertise:
            self.routers[router].advertise(peer, prefix)
        if up:
            n.ip("link", "set", interface, "up")
        return peer

    def start_dns(self, records, keys="", policy="", router="r"):
        """BIND with the zone ex.example."""
        ns = self.namespace("ns")
        self.link("ns", "eth0", "2001:db8:53::", router, advertise=False)
        ns.ip("addr", "add", "2001:db8:53::53/64", "dev", "eth0", "nodad")
        ns.ip("-6", "route", "add", "default", "via", "2001:db8:53::1")
        directory = os.path.join(self.directory, "bind")
        os.mkdir(directory)
        with open(f"{directory}/named.conf", "w", encoding="ascii") as f:
            f.write(f'options {{ directory "{directory}"; listen-on-v6 {{ any; }}; listen-on {{ none; }}; recursion no;\n'
                    f' dnssec-validation no; pid-file "{directory}/pid"; session-keyfile "{directory}/s.key"; }};\n'
                    f'controls {{}};\n{keys}\n'
                    f'zone "ex.example" {{ type primary; file "ex.example.zone"; {policy} }};\n')
        with open(f"{directory}/ex.example.zone", "w", encoding="ascii") as f:
            f.write("$TTL 5\n@ SOA ns h 1 60 60 600 5\n@ NS ns\nns AAAA 2001:db8:53::53\n" + records)
        log = open(f"{directory}/log", "wb")
        ns.start("/usr/sbin/named", "-g", "-n", "1", "-c", f"{directory}/named.conf", stdout=log, stderr=log)
        log.close()
        wait_until(lambda: answer_names(ns, ("2001:db8:53::53", 53), "ns.ex.example", "AAAA", 0.2),
                   lambda: "BIND does not answer: " + open(f"{directory}/log", encoding="utf-8").read()[-500:])

    def host(self, name, nid, **settings):
        if name not in self.namespaces:
            self.namespace(name)
        self.hosts[name] = Host(self, name, nid, settings)
        return self.hosts[name]

    def capture(self, namespace, interface):
        """tcpdump of one interface; the file."""
        path = os.path.join(self.directory, f"{namespace.name}-{interface}.pcap")
        process = namespace.start("/usr/bin/tcpdump", "-i", interface, "-s", "256", "-U", "-w", path, "--immediate-mode",
                                  "-B", "8192", "-Z", "root", stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        check("listening" in process.stderr.readline().decode(), "tcpdump does not start")
        self.captures.append((process, path))
        return path

    def end_captures(self):
        for process, _ in self.captures:
            if process.poll() is None:
                process.terminate()
                process.wait(20)
        return [path for _, path in self.captures]


def records_of(name, nid, locator, aaaa=True):
    """Zone lines of an ILNP node; locator like 2001:db8:a1:0."""
    words = ":".join(w.zfill(4) for w in nid.split(":"))
    place = ":".join(w.zfill(4) for w in locator.split(":"))
    text = f"{name} NID 10 {words}\n{name} L64 10 {place}\n"
    return text + (f"{name} AAAA {locator}:{nid}\n" if aaaa else "")


NID_A, NID_B, NID_P = "200:0:0:a", "200:0:0:b", "200:0:0:c"


def standard(lab, records="", **settings):
    """Hosts a (eth0 at a1, eth1 at a2, down) and b (eth0 at c1, eth1 at c2, down), a router, BIND with both and further
    records. Not started."""
    lab.router()
    for name, first, second in (("a", "a1", "a2"), ("b", "c1", "c2")):
        lab.namespace(name)
        lab.link(name, "eth0", f"2001:db8:{first}::")
        lab.link(name, "eth1", f"2001:db8:{second}::", up=False)
    lab.start_dns(records_of("a", NID_A, "2001:db8:a1:0") + records_of("b", NID_B, "2001:db8:c1:0") + records)
    a = lab.host("a", NID_A, **settings.get("a", {}))
    b = lab.host("b", NID_B, **settings.get("b", {}))
    return a, b


def test_main(test):
    """Runs test(lab): exit status 0 or 1, never a trace of a failed check."""
    begin = time.monotonic()
    try:
        with Lab() as lab:
            test(lab)
    except Failure as failure:
        sys.exit(f"FAILED: {failure}")
    print(f"ok, {time.monotonic() - begin:.1f} s")
