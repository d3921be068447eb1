# SPDX-License-Identifier: Apache-2.0
"""The name of a guest in the DNS (BIND). Whoever moves the guest says its new locator there, by ilnp-dns and a signed update,
when it has arrived: behind border routers it does not know its outside locator, and a move may still fail before."""
import os
import threading
import time

from wire import answer_names, packed

ZONE, SECRET = "ex.example", "b25lIGtleSBmb3IgdGhlIG5hbWVzIG9mIGd1ZXN0cw=="
KEY = f'key "guests" {{ algorithm hmac-sha256; secret "{SECRET}"; }};\n'
PAUSE = 0.01  # s between two questions of a Watch


def updates_by(guests):
    """How BIND is told that this key may say where the guests are, and nothing else: settings of Lab.start_dns()."""
    grants = "".join(f"grant guests name {name}.{ZONE}. L64 AAAA; " for name, _ in guests)
    return {"keys": KEY, "policy": f"update-policy {{ {grants}}};"}


def publish(lab, namespace, name, nid, locator):
    """From this namespace: the locator takes the place of all others, also in AAAA records for hosts without ILNP."""
    key = os.path.join(lab.directory, "guests.key")
    with open(os.open(key, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as out:
        out.write(KEY)
    namespace.run(os.path.join(lab.build, "dns/ilnp-dns"), "publish", f"{name}.{ZONE}", "--server", lab.name_server, "--zone", ZONE,
                  "--key", key, "--if-nid", ":".join(word.zfill(4) for word in nid.split(":")),
                  "--replace", f"L64 10 {locator}", "--mirror")


def locators(lab, name):
    """What BIND answers, as octets."""
    return [data[2:] for data in answer_names(lab.namespaces["ns"], (lab.name_server, 53), f"{name}.{ZONE}", "L64", 1)]


class Watch:
    """Asks BIND again and again, from now on, until it names this locator alone."""

    def __init__(self, lab, name, locator):
        self.lab, self.name, self.wanted, self.seen = lab, name, [packed(f"{locator.replace('-', ':')}::")[:8]], None
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._ask, daemon=True)
        self.thread.start()

    def _ask(self):
        while self.seen is None and not self.over.is_set():
            if locators(self.lab, self.name) == self.wanted:
                self.seen = time.monotonic()
            time.sleep(PAUSE)

    def wait(self, timeout=5):
        """When it was seen (CLOCK_MONOTONIC); None: it was not."""
        self.thread.join(timeout)
        self.over.set()
        return self.seen
