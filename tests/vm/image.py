# SPDX-License-Identifier: Apache-2.0
"""A guest's initramfs, made of archives that the kernel unpacks one over the other: the system (busybox, modules, programs
with their libraries), which is kept in the build directory, and the files of one guest."""
import hashlib
import os
import re
import shutil
import subprocess
import tempfile

from kernel import MODULES
from lab import Failure, check, run

HERE = os.path.dirname(os.path.abspath(__file__))
BUSYBOX = "/bin/busybox"
SYSTEM = ("/usr/sbin/nft", "/usr/sbin/sshd", "/usr/sbin/nginx", "/usr/bin/ssh", "/usr/bin/curl", "/usr/bin/cat",
          "/usr/bin/stty", "/sbin/ip", "/usr/bin/ss", "/usr/bin/tcpdump")
OURS = ("ilnp-host/ilnp-host", "ctl/ilnpctl", "examples/roam/counter")
# getaddrinfo() asks the DNS; sshd wants its user and a shell for root.
FILES = {
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nsshd:x:100:65534::/run/sshd:/bin/false\nnobody:x:65534:65534::/:/bin/false\n",
    "etc/group": "root:x:0:\nnogroup:x:65534:\n",
    "etc/shadow": "root:*:19000:0:99999:7:::\n",
    "etc/shells": "/bin/sh\n",
    "etc/hosts": "127.0.0.1 localhost\n::1 localhost\n",
}


def libraries_of(programs):
    """What the loader would load, itself too."""
    found = set()
    for program in programs:
        done = run("ldd", program, check_status=False).stdout
        check("not found" not in done, f"{program} lacks libraries: {done}")
        found |= set(re.findall(r"(?:=> )?(/\S+) \(0x", done))
    return found


class Tree:
    """Files to be archived."""

    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="ilnp-image-")

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        shutil.rmtree(self.directory)

    def path(self, name):
        path = os.path.join(self.directory, name.lstrip("/"))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return path

    def write(self, name, text, mode=0o644):
        with open(os.open(self.path(name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as out:
            out.write(text if isinstance(text, bytes) else text.encode())

    def copy(self, source, name=None):
        shutil.copy(os.path.realpath(source), self.path(name or source))

    def archive(self, path):
        """The form that the kernel reads (newc); all files are root's."""
        names = "\n".join(os.path.relpath(os.path.join(folder, name), self.directory)
                          for folder, folders, files in os.walk(self.directory) for name in (*sorted(folders), *sorted(files)))
        with open(path, "wb") as out:
            done = subprocess.run(["cpio", "-o", "-H", "newc", "-R", "0:0", "--quiet"], cwd=self.directory, check=False,
                                  input=names.encode(), stdout=out, stderr=subprocess.PIPE, timeout=60)
        if done.returncode != 0:
            raise Failure(f"cpio: {done.stderr.decode()}")


def system_archive(build, kernel):
    """The archive with everything that is the same for each guest; made again when something in it has changed."""
    ours = [os.path.join(build, path) for path in OURS]
    programs = [path for path in (*SYSTEM, *ours) if os.path.exists(path)]
    missing = {*SYSTEM, *ours} - set(programs)
    check(not missing, f"not there: {', '.join(sorted(missing))} (scripts/install-packages.sh vm, and a build)")
    parts = [BUSYBOX, os.path.join(HERE, "guest/init"), *programs, *sorted(libraries_of(programs))]
    state = [(path, os.stat(path).st_mtime_ns, os.stat(path).st_size) for path in parts]
    key = hashlib.sha256(repr((state, kernel.release, MODULES, FILES)).encode()).hexdigest()[:16]
    path = os.path.join(build, "vm", f"system-{key}.cpio")
    if not os.path.exists(path):
        unfinished = f"{path}-{os.getpid()}"
        with Tree() as tree:
            _fill(tree, kernel, programs, ours)
            tree.archive(unfinished)
        os.rename(unfinished, path)
    return path


def _fill(tree, kernel, programs, ours):
    for folder in ("dev", "proc", "sys", "run", "tmp", "root", "bin"):
        os.makedirs(tree.path(f"{folder}/x").removesuffix("/x"), exist_ok=True)
    tree.copy(BUSYBOX, "bin/busybox")
    tree.copy(os.path.join(HERE, "guest/init"), "init")
    for program in programs:
        if program in ours:
            name = f"usr/bin/{os.path.basename(program)}"
            run("strip", "-o", tree.path(name), program)
        else:
            tree.copy(program)
    for library in libraries_of(programs):
        tree.copy(library)
    for name, text in FILES.items():
        tree.write(name, text)
    tree.write("etc/modules", "\n".join(MODULES) + "\n")
    shutil.copytree(f"{kernel.modules}/lib/modules", f"{tree.directory}/lib/modules")


def guest_archive(path, files):
    """`files`: {name: text or octets}; those in etc/guest/ run, or are read by /init."""
    with Tree() as tree:
        for name, text in files.items():
            executable = name.endswith(".sh")
            tree.write(name, text, 0o755 if executable else 0o600)
        tree.archive(path)


def initramfs(path, *archives):
    with open(path, "wb") as out:
        for archive in archives:
            with open(archive, "rb") as part:
                shutil.copyfileobj(part, out)
    return path
