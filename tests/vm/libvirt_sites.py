# SPDX-License-Identifier: Apache-2.0
"""Two sites whose hypervisors are libvirt's: all that the network hears of a move comes from our hook and its service,
installed as docs/operations/migration.md says."""
from vm_sites import VmSites

# pylint: disable=wrong-import-order
from lab import check, wait_until
from libvirt import PrivateLibvirt, why_not
from libvirt_machine import LibvirtMachine
from moments import monotonic, seconds
from two_sites import OTHER

OPTIONS = {"stop": (), "live": ("--live",), "postcopy": ("--live", "--postcopy", "--postcopy-after-precopy")}  # of virsh migrate


class LibvirtSites(VmSites):
    """Each hypervisor has a libvirtd with our hook."""
    machine_class = LibvirtMachine

    def start_libvirts(self):
        reason = why_not()
        check(not reason, reason)
        self.libvirts = {site: PrivateLibvirt(each).start() for site, each in self.hypervisors.items()}
        for site, its_libvirt in self.libvirts.items():
            its_libvirt.wait_up()
            self.install_hooks(site, its_libvirt)
            its_libvirt.restart()
            its_libvirt.watch()

    def install_hooks(self, site, its_libvirt):
        router = self.sites[site].router.socket_path
        its_libvirt.install_hook("sbr", "ilnp", "libvirt-hook.conf",
                                 f"site={site}\nilnpctl='{self.lab.ctl} --socket {router}'\n")
        its_libvirt.append("/etc/ilnp/guests", "".join(f"{name} {self.node(name)} {self.place('dc1')}\n" for name in self.nids))

    def machine(self, name, **settings):
        return super().machine(name, libvirts=self.libvirts, **settings)

    def virsh_migrate(self, name, *options):
        """To the other site; its times. Nobody but libvirt tells the routers."""
        source = self.where[name]
        to = OTHER[source]
        times = self.machines[name].machine.migrate(to, *options)
        begin = times["begin"]
        self.where[name] = to
        self.wait_presence(name, to, self.inside(name, to))
        for step, found in (("prepare", lambda: self.router_did(to, "prepare", begin)), ("activated", lambda: self.activated(begin)),
                            ("release", lambda: self.router_did(source, "release", begin))):
            times[step] = wait_until(found, lambda s=step: f"no {s}: {self.sites[to].router.log_text()[-1500:]}")
        return times

    def router_did(self, site, step, since):
        """When its border router took this step, asked or by itself, the first time after `since`."""
        for event in self.sites[site].router.events():
            if event.get("event") in ("move_step", "own_move_step") and event.get("step") == step:
                when = monotonic(seconds(event))
                if when > since:
                    return when
        return None

    def activated(self, since):
        """By the site that the guest has left, when libvirt said so, or by the one that heard it."""
        return min(filter(None, (self.router_did(site, "activate", since) for site in OTHER)), default=None)
