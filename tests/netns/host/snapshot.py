# SPDX-License-Identifier: Apache-2.0
"""What the kernel has in a namespace, as comparable lines. Life times and counters that run by themselves are left out."""
import os
import re
import time

VOLATILE = re.compile(r"(valid_lft|preferred_lft|expires) \w+|\bpid \d+|packets \d+ bytes \d+|qdisc noop|qdisc noqueue")
# Kept by the kernel for its own bookkeeping.
RUNNING_SYSCTLS = ("route/gc", "stable_secret")


def lines(text):
    return sorted(VOLATILE.sub("", line).strip() for line in text.replace("\\", " ").splitlines() if line.strip())


def sysctls(namespace, skipped_interface=None):
    out = []
    with namespace.entered():
        for root, _, files in os.walk("/proc/sys/net/ipv6"):
            for name in files:
                path = os.path.join(root, name)
                if any(part in path for part in RUNNING_SYSCTLS) or f"/{skipped_interface}/" in path + "/":
                    continue
                try:
                    with open(path, encoding="ascii") as f:
                        out.append(f"{path} {f.read().strip()}")
                except OSError:
                    pass
    return sorted(out)


def snapshot(namespace):
    """Everything that somebody else might notice. Neighbour and route caches are not configuration."""
    return {
        "links": lines(namespace.ip("-o", "link")),
        "addresses": lines(namespace.ip("-o", "-6", "addr")),
        # That a device has no carrier is shown with its routes some time later; it is not configuration.
        "routes": lines(namespace.ip("-6", "-o", "route", "show", "table", "all").replace(" linkdown", "")),
        "rules": lines(namespace.ip("-6", "rule")),
        "ipv4 addresses": lines(namespace.ip("-o", "-4", "addr")),
        "ipv4 routes": lines(namespace.ip("-4", "-o", "route", "show", "table", "all")),
        "ipv4 rules": lines(namespace.ip("-4", "rule")),
        "groups": [line for line in lines(namespace.ip("maddr", "show")) if "users" not in line],
        "packet filter": lines(namespace.run("/usr/sbin/nft", "list", "ruleset").stdout),
        "sysctls": sysctls(namespace),
    }


def settled(namespace):
    """A snapshot when the kernel has done all that it was told: it joins groups and makes routes some time later."""
    last, now = None, snapshot(namespace)
    while last != now:
        time.sleep(0.2)
        last, now = now, snapshot(namespace)
    return now


def difference(before, after):
    """What was added (+) and what went (-), by part."""
    out = []
    for part in before:
        old, new = set(before[part]), set(after[part])
        out += [f"{part}: + {line}" for line in sorted(new - old)] + [f"{part}: - {line}" for line in sorted(old - new)]
    return out
