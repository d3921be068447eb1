# SPDX-License-Identifier: Apache-2.0
"""A site with the real ilnp-sbr, its providers and the world, on top of the lab of the host's tests.

    in* --- lan* [sbr] wan* --- r --- out*

`r` is the world: a kernel router that has every provider's end of the uplinks and knows which outside prefix goes to
which of them.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../host"))

# pylint: disable=wrong-import-position
from lab import ProgramWithText, run, wait_until  # noqa: E402
from wire import ones_complement, packed  # noqa: E402

INSIDE = "2001:db8:100::/48"


def words(locator):
    """2001:db8:100:1 -> its 8 octets."""
    return packed(f"{locator}::" if locator.count(":") == 3 else locator)[:8]


def locator_text(octets):
    return ":".join(f"{octets[i] << 8 | octets[i + 1]:x}" for i in range(0, 8, 2))


def neutral(locator, outside):
    """What a neutral pair of /48s makes of an inside locator (RFC 6296 section 3.1)."""
    before, prefix = words(locator), packed(outside.split("/")[0])[:6]
    subnet = ones_complement(before + (0xffff - ones_complement(prefix)).to_bytes(2, "big"))
    return locator_text(prefix + (0 if subnet == 0xffff else subnet).to_bytes(2, "big"))


class BorderRouter(ProgramWithText):
    """A namespace with an ilnp-sbr of its own; uplinks and inside links are made by Site."""

    def __init__(self, lab, name="sbr", text=""):
        super().__init__(lab, name, os.path.join(lab.build, "sbr/ilnp-sbr"), "sbr", text=text)

    def start(self, wait=True):
        self.launch()
        if wait:
            self.wait_up()
            wait_until(lambda: self.ask("status")["state"] in ("ok", "degraded"), lambda: str(self.ask("status")))
        return self

    def uplink(self, name):
        return [u for u in self.ask("uplinks")["uplinks"] if u["name"] == name][0]


def veth(left, left_name, right, right_name, mtu=None):
    """A link; it needs no program to work."""
    lab = left.lab
    lab.peer_index += 1
    run("ip", "link", "add", left_name, "netns", left.full, "type", "veth", "peer", "name", right_name, "index",
        str(lab.peer_index), "netns", right.full)
    for namespace, name in ((left, left_name), (right, right_name)):
        if mtu:
            namespace.ip("link", "set", name, "mtu", str(mtu))
        namespace.ip("link", "set", name, "up")


def wide_area(lab):
    """The namespace that cables of the wide area pass, where the program `wire` joins their halves."""
    if "wide" not in lab.namespaces:
        lab.namespace("wide").sysctl("net.ipv6.conf.default.disable_ipv6", 1)
    return lab.namespaces["wide"]


def wide_cable(left, left_name, right, right_name, mtu=None):
    """Two halves of a cable. Its name is that of the left end; how wire calls them."""
    name, wide = f"{left.name}-{left_name}", wide_area(left.lab)
    for side, namespace, interface in (("a", left, left_name), ("b", right, right_name)):
        veth(namespace, interface, wide, f"{name}-{side}", mtu)
        # Before Linux 6.2 a packet socket cannot carry UDP super-packets: let the sender cut them.
        namespace.run("ethtool", "-K", interface, "tx-udp-segmentation", "off", check_status=False)
    return name, f"{name}-a,{name}-b,name={name}"


class Site:
    """One border router `sbr` with inside links and uplinks. The configuration grows with them."""

    def __init__(self, lab, name="sbr", inside=INSIDE, world="r", number=0, cable=veth):
        """`cable` makes the links to the providers, as veth does."""
        self.lab, self.inside, self.world, self.cable = lab, inside, lab.namespaces[world], cable
        self.ns = lab.namespace(name)
        self.router = BorderRouter(lab, name)
        self.text = f'[site]\nname = "{name}"\nnumber = {number}\n'
        self.outside = {}

    def add_inside(self, interface, locator, host, host_interface="eth0", more=""):
        """A link with the subnet `locator`, and a plain host <locator>::<n> on it. The host's default route is ours."""
        if host not in self.lab.namespaces:
            self.lab.namespace(host)
        ns = self.lab.namespaces[host]
        veth(ns, host_interface, self.ns, interface)
        self.ns.ip("addr", "add", f"{locator}::1/64", "dev", interface, "nodad")
        self.text += f'[[inside]]\ninterface = "{interface}"\nlocators = ["{locator}::/64"]\n{more}\n'
        return ns

    def add_uplink(self, name, interface, transit, outside, mode="neutral", more=""):
        """`transit` like 2001:db8:f0:1: the provider's end has ::1, ours ::2. `outside` None: it is learnt."""
        far = f"{self.ns.full.split('-')[-1]}-{interface}"
        self.cable(self.ns, interface, self.world, far)
        self.world.ip("addr", "add", f"{transit}::1/64", "dev", far, "nodad")
        self.ns.ip("addr", "add", f"{transit}::2/64", "dev", interface, "nodad")
        if outside:
            self.world.ip("-6", "route", "add", outside, "via", f"{transit}::2", "dev", far)
        self.text += (f'[[uplink]]\nname = "{name}"\ninterface = "{interface}"\ngateway = "{transit}::1"\n{more}\n'
                      f'[[mapping]]\nuplink = "{name}"\ninside = "{self.inside}"\n'
                      + (f'outside = "{outside}"\n' if outside else "") + f'mode = "{mode}"\n')
        self.outside[name] = (outside, mode)
        return far

    def start(self, more=""):
        self.router.write_config(self.text + more)
        return self.router.start()

    def name_of(self, locator, uplink):
        """The outside locator of an inside one."""
        outside, mode = self.outside[uplink]
        if mode == "neutral":
            return neutral(locator, outside)
        return locator_text(packed(outside.split("/")[0])[:6] + words(locator)[6:])


def host_address(namespace, interface, address, gateway="fe80::1"):
    """A plain kernel IPv6 host."""
    namespace.ip("addr", "add", f"{address}/64", "dev", interface, "nodad")
    if gateway:
        namespace.ip("-6", "route", "replace", "default", "via", gateway, "dev", interface)


def outside_host(lab, name, prefix, router="r"):
    """A plain host in the world: <prefix>2."""
    namespace = lab.namespace(name)
    namespace.address = f"{prefix}2"
    lab.link(name, "eth0", prefix, router, advertise=False)
    host_address(namespace, "eth0", namespace.address, f"{prefix}1")
    return namespace.address
