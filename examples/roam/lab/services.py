# SPDX-License-Identifier: Apache-2.0
"""The real servers of the demo, with configurations and keys made for the run: radvd at the sites, BIND as the primary
of roam.example, nginx and sshd in the guest. None of them knows of ILNP."""
import base64
import hashlib
import os
import secrets
import shutil
import time

from .processes import Failure, run, wait_until
from .topology import NAME_SERVER, SITES, site_prefix

ZONE = "roam.example"
GUEST, CLIENT = f"guest.{ZONE}", f"client.{ZONE}"
# The reverse zone of the identity prefix fd49:4c4e:5036:6631::/64: names for identity addresses that nobody resolved.
REVERSE_ZONE = "1.3.6.6.6.3.0.5.e.4.c.4.9.4.d.f.ip6.arpa"
HTTP_PORT, SSH_PORT = 80, 22


def write(path, text, mode=0o644):
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w") as out:
        out.write(text)
    return path


def program(name):
    """Servers live in sbin, which not every PATH has."""
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/local/sbin")
    if not found:
        raise Failure(f"{name} is not installed; examples/roam/run.sh installs what is missing")
    return found


# ---------------------------------------------------------------- routers

def start_radvd(lab):
    """Advertisements every few seconds: what moves fast here does so because it solicits. MinDelayBetweenRAs (RFC 6275
    section 7.5) lets a router answer a solicitation although it has advertised just now; without it, up to 3 s pass."""
    for site in SITES:
        conf = write(os.path.join(lab.directory, f"radvd-{site}.conf"), f"""\
interface lan {{
  AdvSendAdvert on;
  AdvIntervalOpt on;
  MinDelayBetweenRAs 0.05;
  MinRtrAdvInterval 3;
  MaxRtrAdvInterval 4;
  AdvDefaultLifetime 1800;
  prefix {site_prefix(site)}/64 {{ AdvOnLink on; AdvAutonomous on; AdvValidLifetime 3600; AdvPreferredLifetime 1800; }};
}};
""")
        lab.spawn(site, f"radvd-{site}", [program("radvd"), "-n", "-m", "stderr", "-d", "2", "-C", conf,
                                          "-p", os.path.join(lab.directory, f"radvd-{site}.pid")])


# ---------------------------------------------------------------- names

class NameServer:
    """BIND with one TSIG key per mobile node, each of which may change its own name only."""

    def __init__(self, lab):
        self.lab = lab
        self.directory = os.path.join(lab.directory, "named")
        os.mkdir(self.directory, 0o700)
        self.keys = {owner: base64.b64encode(secrets.token_bytes(32)).decode() for owner in ("guest", "client")}

    def key_file(self, owner):
        return os.path.join(self.directory, f"{owner}.key")

    def start(self):
        includes, grants, reverse_grants = "", "", ""
        for owner, secret in self.keys.items():
            write(self.key_file(owner),
                  f'key "{owner}-key" {{\n  algorithm hmac-sha256;\n  secret "{secret}";\n}};\n', 0o600)
            includes += f'include "{self.key_file(owner)}";\n'
            grants += f"    grant {owner}-key name {owner}.{ZONE}. NID L64 LP AAAA TXT;\n"
            reverse_grants += f"    grant {owner}-key zonesub PTR;\n"
        soa = "@ 5 IN SOA ns.%s. hostmaster.%s. 1 3600 600 86400 1\n@ 60 IN NS ns.%s.\n" % (ZONE, ZONE, ZONE)
        zone = write(os.path.join(self.directory, "zone"), soa + f"ns 60 IN AAAA {NAME_SERVER}\n")
        reverse = write(os.path.join(self.directory, "reverse"), soa)
        conf = write(os.path.join(self.directory, "named.conf"), f"""\
{includes}
options {{
  directory "{self.directory}";
  pid-file none;
  session-keyfile none;
  listen-on {{ none; }};
  listen-on-v6 {{ {NAME_SERVER}; }};
  recursion yes;
  allow-transfer {{ none; }};
  notify no;
  empty-zones-enable no;
  dnssec-validation no;
}};
controls {{ }};
zone "{ZONE}" {{
  type primary;
  file "{zone}";
  update-policy {{
{grants}  }};
}};
zone "{REVERSE_ZONE}" {{
  type primary;
  file "{reverse}";
  update-policy {{
{reverse_grants}  }};
}};
""")
        # A copy under another path: where AppArmor confines /usr/sbin/named, it could not read a private directory.
        copy = shutil.copy(program("named"), os.path.join(self.directory, "named"))
        named = self.lab.spawn("ns", "named", [copy, "-g", "-n", "1", "-c", conf])
        named.wait_for_log("running", 10)

    def publish_address(self, owner, address):
        """What a host without ILNP does when it moved: its AAAA follows, by a signed update."""
        run(self.lab.inside("ns") + [program("nsupdate"), "-t", "3", "-k", self.key_file(owner)], timeout=5, input_text=f"""\
server {NAME_SERVER}
zone {ZONE}.
update delete {owner}.{ZONE}. AAAA
update add {owner}.{ZONE}. 1 AAAA {address}
send
""")

    def records(self, name, kinds=("NID", "L64", "AAAA")):
        out = []
        for kind in kinds:
            answer = run(self.lab.inside("ns") + [program("dig"), "+short", "+time=1", "+tries=1", f"@{NAME_SERVER}", name,
                                                  kind], timeout=4, check=False)
            out += [f"{kind} {line}" for line in answer.split("\n") if line and not line.startswith(";")]
        return out


# ---------------------------------------------------------------- the guest's servers

class Download:
    """A file of random octets, and what its SHA-256 has to be."""

    def __init__(self, directory, octets):
        self.octets = octets
        os.mkdir(os.path.join(directory, "www"))
        self.path = os.path.join(directory, "www", "download.bin")
        digest = hashlib.sha256()
        with open(self.path, "wb") as out:
            left = octets
            while left > 0:
                block = os.urandom(min(left, 4 << 20))
                out.write(block)
                digest.update(block)
                left -= len(block)
        self.sha256 = digest.hexdigest()


def start_nginx(lab, octets_per_second):
    """The server limits the rate, so that the download spans the moves whatever buffers the client has; small chunks
    make it an even stream."""
    base = os.path.join(lab.directory, "nginx")
    os.mkdir(base)
    conf = write(os.path.join(base, "nginx.conf"), f"""\
user root;
worker_processes 1;
pid {base}/pid;
error_log stderr;
events {{ worker_connections 64; }}
http {{
  access_log off;
  sendfile on;
  sendfile_max_chunk 64k;
  limit_rate {octets_per_second};
  send_timeout 20s;
  client_body_temp_path {base}/body; proxy_temp_path {base}/proxy; fastcgi_temp_path {base}/fastcgi;
  uwsgi_temp_path {base}/uwsgi; scgi_temp_path {base}/scgi;
  server {{ listen [::]:{HTTP_PORT}; root {lab.directory}/www; }}
}}
""")
    lab.spawn("guest", "nginx", [program("nginx"), "-e", "stderr", "-p", base, "-c", conf, "-g", "daemon off;"])
    wait_listening(lab, HTTP_PORT)


class SshServer:
    """sshd with its own host key; one user key, made for the run, opens it."""

    def __init__(self, lab):
        self.lab = lab
        self.directory = os.path.join(lab.directory, "ssh")
        os.mkdir(self.directory, 0o700)

    def start(self):
        host_key, user_key = (os.path.join(self.directory, name) for name in ("host_key", "user_key"))
        for key in (host_key, user_key):
            run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "roam", "-f", key])
        shutil.copy(user_key + ".pub", os.path.join(self.directory, "authorized_keys"))
        public = open(host_key + ".pub").read().split()
        write(os.path.join(self.directory, "known_hosts"), f"{GUEST} {public[0]} {public[1]}\n")
        # Where root's password is locked, sshd lets a key in only by way of PAM.
        conf = write(os.path.join(self.directory, "sshd_config"), f"""\
Port {SSH_PORT}
ListenAddress ::
HostKey {host_key}
PidFile none
AuthorizedKeysFile {self.directory}/authorized_keys
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
StrictModes no
UseDNS no
UsePAM {"yes" if root_is_locked() else "no"}
PrintMotd no
ClientAliveInterval 0
""")
        self.lab.share_directory("/run/sshd")
        self.lab.spawn("guest", "sshd", [program("sshd"), "-D", "-e", "-f", conf])
        wait_listening(self.lab, SSH_PORT)

    def client_command(self, dead_after, remote):
        return [program("ssh"), "-F", "none", "-tt", "-i", os.path.join(self.directory, "user_key"),
                "-o", f"UserKnownHostsFile={self.directory}/known_hosts", "-o", "StrictHostKeyChecking=yes",
                "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-o", "LogLevel=ERROR", "-o", "ConnectTimeout=10",
                "-o", "ServerAliveInterval=1", "-o", f"ServerAliveCountMax={max(1, int(dead_after))}",
                "-p", str(SSH_PORT), f"root@{GUEST}", remote]


def root_is_locked():
    try:
        with open("/etc/shadow") as shadow:
            return any(line.startswith("root:!") for line in shadow)
    except OSError:
        return False


def wait_listening(lab, port, timeout=5):
    def listening():
        return run(lab.inside("guest") + ["ss", "-Hltn", f"sport = :{port}"]).strip()
    wait_until(listening, timeout, f"a server on port {port} of the guest")
    return time.monotonic()
