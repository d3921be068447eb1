# SPDX-License-Identifier: Apache-2.0
"""LispSites whose gateways read the truth that the border routers share: `ilnpctl migrate` alone moves a guest."""
from lisp_sites import RLOC, LispSites

# pylint: disable=wrong-import-order
from lab import wait_until
from two_sites import OTHER

SITES = ("dc1", "dc2")


class TruthSites(LispSites):
    """The border routers and gateways of dc1 and dc2 open one store."""

    def share(self, settings, start=True):
        """settings(program): the section [truth] without its header, for the border router or the gateway of a site."""
        self.truth = ""
        for name in SITES:
            self.sites[name].text += f"[truth]\n{settings(name + '-sbr')}"
            self.gateways[name].text += f'[truth]\nsite = "{name}"\nsites = ["{OTHER[name]}"]\n{settings(name + "-gateway")}'
        if start:
            self.start()
        return self

    def announce(self, name):
        self.step("dc1", "claim", self.node(name), "--home", self.place("dc1"))
        self.wait_here("dc1", name)

    def wait_followed(self, name, to):
        """The gateway there has it, the other one has not, and the LISP site knows."""
        self.wait_here(to, name)
        wait_until(lambda: self.presence_of(OTHER[to], name) in (None, "moving_out", "away", "lisp_remote"),
                   lambda: str(self.gateways[OTHER[to]].ask("eids")))
        wait_until(lambda: self.mapping_at_client(name) == [RLOC[to]], lambda: str(self.mapping_at_client(name)))
