# SPDX-License-Identifier: Apache-2.0
"""Three etcd members with TLS in namespaces of their own, and programs around the store (truth_client) in others.

Every node has one link to the router r; a node's address is PREFIX:<node>::2. Certificates are made here, by openssl.
"""
import json
import os
import queue
import subprocess
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../host"))
from lab import check, run, wait_until  # noqa: E402  pylint: disable=wrong-import-position

MEMBERS = ("e1", "e2", "e3")
NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2")


def address(node):
    return f"2001:db8:{node}::2"


def endpoint(node):
    return f"https://[{address(node)}]:2379"


def nid(number):
    return f"0200+0000+{number >> 16:04x}+{number & 0xffff:04x}"


def key(number):
    return f"nid/{nid(number)}"


def record(number, site="dc1"):
    place = {"site": site, "locator": "fd00-0001-0000-0010"}
    return {"schema": "ilnp.ownership/1", "nid": nid(number), "home": place, "at": place, "phase": "settled"}


class Authority:
    """A certificate authority and what it signed, as files."""

    def __init__(self, directory, name):
        self.directory, self.name = directory, name
        run("openssl", "req", "-x509", *NEW_KEY, "-subj", f"/CN={name}", "-keyout", self.path("key"), "-out",
            self.path("pem"))

    def path(self, kind, owner=None):
        return os.path.join(self.directory, f"{owner or self.name}.{kind}")

    def sign(self, owner, names):
        """A certificate for both ends of a connection; etcd's gateway is a client of its own member."""
        run("openssl", "req", "-x509", *NEW_KEY, "-subj", f"/CN={owner}", "-CA", self.path("pem"), "-CAkey",
            self.path("key"), "-addext", f"subjectAltName={names}", "-addext", "basicConstraints=critical,CA:FALSE",
            "-addext", "extendedKeyUsage=serverAuth,clientAuth", "-keyout", self.path("key", owner), "-out",
            self.path("pem", owner))


class Member:
    def __init__(self, cluster, name):
        self.cluster, self.name, self.ns = cluster, name, cluster.lab.namespaces[name]
        self.data = os.path.join(cluster.directory, f"{name}.data")
        self.process = None

    def start(self, state="new"):
        files = self.cluster.authority.path
        tls = []
        for role in ("", "peer-"):
            tls += [f"--{role}client-cert-auth", f"--{role}trusted-ca-file={files('pem')}",
                    f"--{role}cert-file={files('pem', self.name)}", f"--{role}key-file={files('key', self.name)}"]
        here = f"https://[{address(self.name)}]"
        with open(self.data + ".log", "ab") as log:
            self.process = self.ns.start(
                "/usr/bin/etcd", "--name", self.name, "--data-dir", self.data, *tls,
                "--listen-client-urls", f"{here}:2379,https://[::]:2377", "--advertise-client-urls", f"{here}:2379",
                "--listen-peer-urls", f"{here}:2380", "--initial-advertise-peer-urls", f"{here}:2380",
                "--initial-cluster", self.cluster.peers(), "--initial-cluster-token", self.cluster.token,
                "--initial-cluster-state", state, stdout=log, stderr=log)

    def kill(self):
        self.process.kill()
        self.process.wait()


class Cluster:
    """With the namespaces of its members and those of its clients, around the router r (made when it is missing)."""

    def __init__(self, lab, clients=("c1", "c2")):
        self.lab, self.directory, self.token = lab, lab.directory, "first"
        if "r" not in lab.namespaces:
            lab.router()
        for node in MEMBERS + clients:
            namespace = lab.namespace(node)
            lab.link(node, "eth0", f"2001:db8:{node}::", advertise=False)
            namespace.ip("addr", "add", f"{address(node)}/64", "dev", "eth0", "nodad")
            namespace.ip("-6", "route", "add", "default", "via", f"2001:db8:{node}::1")
        self.tools = lab.namespaces[(MEMBERS + clients)[-1]]
        self.authority = Authority(lab.directory, "ca")
        for member in MEMBERS:
            self.authority.sign(member, f"IP:{address(member)}")
        self.authority.sign("client", "DNS:client")
        self.members = {name: Member(self, name) for name in MEMBERS}

    def peers(self):
        return ",".join(f"{name}=https://[{address(name)}]:2380" for name in MEMBERS)

    def start(self):
        for member in self.members.values():
            member.start()
        wait_until(self.leader, "the cluster has no leader", 40, 0.1)

    def ctl(self, *arguments, node=None, check_status=True):
        path = self.authority.path
        nodes = [node] if node else MEMBERS
        return self.tools.run(
            "etcdctl", f"--cacert={path('pem')}", f"--cert={path('pem', 'client')}", f"--key={path('key', 'client')}",
            "--endpoints", ",".join(endpoint(n) for n in nodes), f"--command-timeout={20 if check_status else 2}s", "--dial-timeout=1s",
            *arguments, check_status=check_status, env={**os.environ, "ETCDCTL_API": "3"})

    def leader(self):
        """The member that a majority follows, or None."""
        done = self.ctl("endpoint", "status", "-w", "json", check_status=False)
        try:
            states = json.loads(done.stdout)
        except ValueError:
            return None
        leaders = {state["Status"].get("leader") for state in states}
        for state in states:
            header = state["Status"]["header"]
            if leaders == {header["member_id"]} and len(states) > 1:
                return next(n for n in MEMBERS if endpoint(n) == state["Endpoint"])
        return None

    def client(self, node, name=None, members=MEMBERS, **options):
        return Client(self, node, name or node, {"endpoints": [endpoint(m) for m in members], **options})


class Client:
    """A truth_client; its copy stays when it is stopped and started again."""

    def __init__(self, cluster, node, name, options):
        path = cluster.authority.path
        self.name, self.ns = name, cluster.lab.namespaces[node]
        self.program = os.path.join(cluster.lab.build, "tests/netns/truth/truth_client")
        self.options = os.path.join(cluster.directory, f"{name}.json")
        with open(self.options, "w", encoding="ascii") as f:
            json.dump({"store": "etcd", "path": os.path.join(cluster.directory, f"{name}.db"), "ca": path("pem"),
                       "certificate": path("pem", "client"), "key": path("key", "client"), "timeout_ms": 2000,
                       **options}, f)
        self.next_id = 0
        self.start()

    def start(self):
        self.events, self.answers, self.lines = [], {}, queue.Queue()
        self.process = self.ns.start(self.program, self.options, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

        def read(stream, lines):
            for line in stream:
                lines.put(json.loads(line))
        threading.Thread(target=read, args=(self.process.stdout, self.lines), daemon=True).start()
        return self

    def stop(self):
        self.process.stdin.close()
        check(self.process.wait(20) == 0, f"{self.name} ended with {self.process.returncode}")

    def take(self):
        check(self.process.poll() is None, f"{self.name} ended with {self.process.returncode}")
        while not self.lines.empty():
            line = self.lines.get()
            if "event" in line:
                self.events.append(line)
            else:
                self.answers[line["id"]] = line

    def send(self, what, **more):
        self.next_id += 1
        self.process.stdin.write(json.dumps({"do": what, "id": self.next_id, **more}) + "\n")
        self.process.stdin.flush()
        return self.next_id

    def answer(self, number):
        def there():
            self.take()
            return self.answers.get(number)
        return wait_until(there, f"{self.name} does not answer", pause=0.002)

    def ask(self, what, **more):
        return self.answer(self.send(what, **more))

    def claim(self, number, site="dc1"):
        return self.send("replace", key=key(number), record=record(number, site), expected=0)

    def read(self, number):
        """What the store has, however often it must be asked."""
        def answered():
            answer = self.ask("read", key=key(number))
            return answer if answer["outcome"] == "done" else None
        return wait_until(answered, lambda: f"{self.name} cannot read: {self.ask('status')}")

    def records(self):
        return self.ask("records")["records"]

    def wait_state(self, state):
        wait_until(lambda: self.ask("status")["state"] == state,
                   lambda: f"{self.name} is not {state}: {self.ask('status')}")
        return self

    def wait_event(self, name, **fields):
        def there():
            self.take()
            return [e for e in self.events if e["event"] == name and all(e[k] == v for k, v in fields.items())]
        return wait_until(there, f"{self.name}: no event {name} {fields}")[-1]

    def cut(self, off=True):
        """The link of this client's node, at the router."""
        run("ip", "-n", self.ns.lab.namespaces["r"].full, "link", "set", f"{self.ns.name}-eth0", "down" if off else "up")
        if not off:
            router = self.ns.lab.namespaces["r"]
            router.ip("addr", "replace", f"2001:db8:{self.ns.name}::1/64", "dev", f"{self.ns.name}-eth0", "nodad")


def outcomes(client, numbers):
    return [client.answer(n) for n in numbers]


def restored(cluster, snapshot, token):
    """All members anew, from a file of `etcdctl snapshot save`."""
    cluster.token = token
    for member in cluster.members.values():
        if member.process.poll() is None:
            member.kill()
        member.data = f"{member.data}.{token}"
        run("etcdctl", "snapshot", "restore", snapshot, "--name", member.name, "--data-dir", member.data,
            "--initial-cluster", cluster.peers(), "--initial-cluster-token", token,
            "--initial-advertise-peer-urls", f"https://[{address(member.name)}]:2380",
            env={**os.environ, "ETCDCTL_API": "3"})
    cluster.start()

