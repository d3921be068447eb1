# SPDX-License-Identifier: Apache-2.0
"""The real servers in a guest, with configurations and keys made for the run: nginx and sshd, and the file to fetch. None
of them knows of ILNP."""
import hashlib
import os
import shutil

from .processes import Failure, run, wait_until

HTTP_PORT, SSH_PORT = 80, 22


def write(path, text, mode=0o644):
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w") as out:
        out.write(text)
    return path


def program(name):
    """Servers live in sbin, which not every PATH has."""
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/local/sbin")
    if not found:
        raise Failure(f"{name} is not installed; the run.sh of the example installs what is missing")
    return found


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


def start_nginx(lab, role, octets_per_second):
    """The server limits the rate, so that the download spans the moves whatever buffers the client has; small chunks
    make it an even stream."""
    base = os.path.join(lab.directory, f"nginx-{role}")
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
    lab.spawn(role, "nginx", [program("nginx"), "-e", "stderr", "-p", base, "-c", conf, "-g", "daemon off;"])
    wait_listening(lab, role, HTTP_PORT)


class SshServer:
    """sshd with its own host key; one user key, made for the run, opens it."""

    def __init__(self, lab, role, name):
        """`name` is what clients call it."""
        self.lab, self.role, self.name = lab, role, name
        self.directory = os.path.join(lab.directory, "ssh")
        os.mkdir(self.directory, 0o700)

    def start(self):
        host_key, user_key = (os.path.join(self.directory, name) for name in ("host_key", "user_key"))
        for key in (host_key, user_key):
            run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "demo", "-f", key])
        shutil.copy(user_key + ".pub", os.path.join(self.directory, "authorized_keys"))
        public = open(host_key + ".pub").read().split()
        write(os.path.join(self.directory, "known_hosts"), f"{self.name} {public[0]} {public[1]}\n")
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
        self.lab.spawn(self.role, "sshd", [program("sshd"), "-D", "-e", "-f", conf])
        wait_listening(self.lab, self.role, SSH_PORT)

    def client_command(self, dead_after, remote):
        return [program("ssh"), "-F", "none", "-tt", "-i", os.path.join(self.directory, "user_key"),
                "-o", f"UserKnownHostsFile={self.directory}/known_hosts", "-o", "StrictHostKeyChecking=yes",
                "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-o", "LogLevel=ERROR", "-o", "ConnectTimeout=10",
                "-o", "ServerAliveInterval=1", "-o", f"ServerAliveCountMax={max(1, int(dead_after))}",
                "-p", str(SSH_PORT), f"root@{self.name}", remote]


def root_is_locked():
    try:
        with open("/etc/shadow") as shadow:
            return any(line.startswith("root:!") for line in shadow)
    except OSError:
        return False


def wait_listening(lab, role, port, timeout=20):
    def listening():
        return run(lab.inside(role) + ["ss", "-Hltn", f"sport = :{port}"]).strip()
    wait_until(listening, timeout, f"a server on port {port} of the {role}")
