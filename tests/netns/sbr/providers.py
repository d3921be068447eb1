# SPDX-License-Identifier: Apache-2.0
"""The providers of a site: what can befall an uplink, and which of them flows use."""
import socket


class Provider:
    """The provider's end of an uplink, and what can befall it."""

    def __init__(self, site, name, interface, transit):
        self.site, self.name, self.transit = site, name, transit
        self.far = f"{site.ns.name}-{interface}"

    def state(self):
        return self.site.router.uplink(self.name)["state"]

    def carrier(self, on):
        world = self.site.world
        world.ip("link", "set", self.far, "up" if on else "down")
        if on:  # the kernel took these away
            world.ip("addr", "replace", f"{self.transit}::1/64", "dev", self.far, "nodad")
            world.ip("-6", "route", "replace", self.site.outside[self.name][0], "via", f"{self.transit}::2", "dev",
                     self.far)

    def _drop(self, match):
        self.site.world.run("/usr/sbin/nft", "-f", "-", stdin=(
            f'table netdev cut_{self.name} {{ chain c {{ type filter hook ingress device "{self.far}" priority 0; '
            f'{match} drop; }}\n}}\n'))

    def silence(self):
        """What comes from the site is lost, neighbour discovery as well."""
        self._drop("meta protocol ip6")

    def lead_nowhere(self):
        """The provider's router answers, and behind it everything is lost in both directions."""
        self._drop(f"ip6 daddr != {self.transit}::/64 ip6 daddr != fe80::/10 ip6 daddr != ff00::/8")
        self.site.world.ip("-6", "route", "add", "blackhole", self.site.outside[self.name][0], "metric", "1")

    def heal(self):
        self.site.world.run("/usr/sbin/nft", "delete", "table", "netdev", f"cut_{self.name}")
        self.site.world.ip("-6", "route", "del", "blackhole", self.site.outside[self.name][0], check_status=False)


def sources(site, locator, count, outside="out", port=9):
    """By how many flows of the plain host <locator>::10 each uplink is used: UDP from new ports, seen outside."""
    target, inside = site.lab.namespaces[outside], site.lab.namespaces["plain"]
    seen = {name: 0 for name in site.outside}
    names = {f"{site.name_of(locator, uplink)}::10": uplink for uplink in site.outside}
    with target.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
        s.bind(("::", port))
        s.settimeout(20)
        for done in range(0, count, 40):
            batch = min(40, count - done)
            for _ in range(batch):
                with inside.socket(socket.AF_INET6, socket.SOCK_DGRAM) as c:
                    c.sendto(b"x", (target.address, port))
            for _ in range(batch):
                seen[names[s.recvfrom(64)[1][0]]] += 1
    return seen
