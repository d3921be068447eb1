# SPDX-License-Identifier: Apache-2.0
"""The private channel between gateways: certificates, and what is configured for it."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../truth"))

# pylint: disable=wrong-import-position
from lab import wait_until  # noqa: E402
from truth_lab import Authority  # noqa: E402

PORT = 4349


def join(lab, addresses):
    """`addresses`: of each gateway, one that is its own."""
    authority = Authority(lab.directory, "group")
    for gateway, own in addresses.items():
        authority.sign(gateway.name, f"IP:{own}")
        peers = ", ".join(f'"[{other}]:{PORT}"' for other in addresses.values() if other != own)
        gateway.text += (f'[group]\nlisten = "[{own}]:{PORT}"\npeers = [{peers}]\nca_file = "{authority.path("pem")}"\n'
                         f'certificate_file = "{authority.path("pem", gateway.name)}"\n'
                         f'key_file = "{authority.path("key", gateway.name)}"\n')


def alive(gateway):
    """How many others it hears."""
    return sum(member["alive"] for member in gateway.ask("group")["members"])


def wait_alive(gateway, count):
    wait_until(lambda: alive(gateway) == count, lambda: gateway.lisp("group"))
