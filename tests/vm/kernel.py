# SPDX-License-Identifier: Apache-2.0
"""A guest's kernel: Debian's cloud kernel out of its package, which is not installed. Kept in the build directory."""
import glob
import lzma
import os
import shutil
import struct
import subprocess

from lab import Failure, check, run

SERIES = {"6.1": "linux-image-cloud-amd64", "6.12": "linux-image-6.12-cloud-amd64"}
# What a guest needs, besides what these need themselves.
MODULES = ("virtio_pci", "virtio_net", "virtio_console", "virtio_rng", "tun", "nf_tables", "nft_objref",
           "sch_ingress", "cls_bpf", "act_bpf", "veth", "af_packet")
UNPACK = {b"\x02\x21\x4c\x18": ("lz4", "-dc"), b"\x28\xb5\x2f\xfd": ("zstd", "-dcq")}


class Kernel:
    """`image`: an ELF that QEMU boots by PVH; `modules`: a tree with lib/modules/RELEASE that depmod has seen."""

    def __init__(self, folder):
        found = glob.glob(f"{folder}/lib/modules/*")
        check(len(found) == 1, f"{folder} is not one kernel")
        self.release, self.image, self.modules = os.path.basename(found[0]), f"{folder}/vmlinux", folder


def kernel(build, series="6.1"):
    """Of the newest package that apt knows; unpacked once."""
    package = newest_package(series)
    folder = os.path.join(build, "vm", package)
    if not os.path.exists(folder):
        unfinished = f"{folder}-{os.getpid()}"
        os.makedirs(unfinished)
        try:
            _unpack(package, unfinished)
            os.rename(unfinished, folder)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    return Kernel(folder)


def newest_package(series):
    words = run("apt-cache", "depends", "--important", SERIES[series]).stdout.split()
    found = [word for word in words if word.startswith("linux-image-") and word != SERIES[series]]
    check(found, f"apt knows no {SERIES[series]}: apt-get update?")
    return found[0]


def _unpack(package, folder):
    # Root's directories are closed to the user that apt would download as.
    run("apt-get", "download", "-q", "-o", "APT::Sandbox::User=root", package, cwd=folder, timeout=300)
    archive, = glob.glob(f"{folder}/*.deb")
    run("dpkg-deb", "-x", archive, f"{folder}/package", timeout=120)
    os.unlink(archive)
    release = package.removeprefix("linux-image-")
    with open(f"{folder}/vmlinux", "wb") as out:
        out.write(_uncompressed(f"{folder}/package/boot/vmlinuz-{release}"))
    _keep_modules(f"{folder}/package", folder, release)
    shutil.rmtree(f"{folder}/package")


def _uncompressed(path):
    """The ELF inside of a bzImage: it starts a second sooner. Fields: the kernel's Documentation/x86/boot.rst."""
    with open(path, "rb") as file:
        data = file.read()
    setup_sectors = data[0x1f1] or 4
    offset, length = struct.unpack("<II", data[0x248:0x250])
    start = (setup_sectors + 1) * 512 + offset
    payload = data[start:start + length - 4]  # the last four octets are the size
    command = UNPACK.get(payload[:4])
    check(command, f"{path} is compressed by an unknown method ({payload[:4].hex()})")
    done = subprocess.run(command, input=payload, capture_output=True, check=False, timeout=60)
    if done.stdout[:4] != b"\x7fELF":
        raise Failure(f"{path} does not hold an ELF: {done.stderr.decode()}")
    return done.stdout


def _keep_modules(package, folder, release):
    """Those of MODULES and what they depend on, uncompressed: busybox reads no others."""
    tree = f"lib/modules/{release}"
    for path in glob.glob(f"{package}/{tree}/kernel/**/*.ko.xz", recursive=True):
        with lzma.open(path) as packed, open(path.removesuffix(".xz"), "wb") as plain:
            shutil.copyfileobj(packed, plain)
        os.unlink(path)
    run("depmod", "-b", package, release, timeout=60)
    wanted = set()
    with open(f"{package}/{tree}/modules.dep", encoding="ascii") as lines:
        needs = dict(line.split(":", 1) for line in lines)
    by_name = {os.path.basename(path).removesuffix(".ko").replace("-", "_"): path for path in needs}
    for name in MODULES:
        if name in by_name:  # others are built in
            wanted |= {by_name[name], *needs[by_name[name]].split()}
    for path in wanted:
        os.makedirs(os.path.dirname(f"{folder}/{tree}/{path}"), exist_ok=True)
        shutil.copy(f"{package}/{tree}/{path}", f"{folder}/{tree}/{path}")
    for name in ("modules.order", "modules.builtin", "modules.builtin.modinfo"):
        shutil.copy(f"{package}/{tree}/{name}", f"{folder}/{tree}/{name}")
    run("depmod", "-b", folder, release, timeout=60)
