# SPDX-License-Identifier: Apache-2.0
"""The servers of the network, with configurations and keys made for the run: radvd at the sites, BIND as the primary of
roam.example. None of them knows of ILNP."""
import base64
import os
import secrets
import shutil

from common.processes import run
from common.servers import program, write

from .topology import NAME_SERVER, SITES, site_prefix

ZONE = "roam.example"
GUEST, CLIENT = f"guest.{ZONE}", f"client.{ZONE}"
# The reverse zone of the identity prefix fd49:4c4e:5036:6631::/64: names for identity addresses that nobody resolved.
REVERSE_ZONE = "1.3.6.6.6.3.0.5.e.4.c.4.9.4.d.f.ip6.arpa"


# ---------------------------------------------------------------- routers

def start_radvd(lab):
    """Advertisements every few seconds: what moves fast here does so because it solicits. MinDelayBetweenRAs (RFC 6275
    section 7.5) lets a router answer a solicitation although it has advertised just now; without it, up to 3 s pass."""
    for site in SITES:
        conf = write(os.path.join(lab.directory, f"radvd-{site}.conf"), f"""\
interface lan {{
  AdvSendAdvert on;
  AdvIntervalOpt on;
  MinDelayBetweenRAs 0.05;
  MinRtrAdvInterval 3;
  MaxRtrAdvInterval 4;
  AdvDefaultLifetime 1800;
  prefix {site_prefix(site)}/64 {{ AdvOnLink on; AdvAutonomous on; AdvValidLifetime 3600; AdvPreferredLifetime 1800; }};
}};
""")
        lab.spawn(site, f"radvd-{site}", [program("radvd"), "-n", "-m", "stderr", "-d", "2", "-C", conf,
                                          "-p", os.path.join(lab.directory, f"radvd-{site}.pid")])


# ---------------------------------------------------------------- names

class NameServer:
    """BIND with one TSIG key per mobile node, each of which may change its own name only."""

    def __init__(self, lab):
        self.lab = lab
        self.directory = os.path.join(lab.directory, "named")
        os.mkdir(self.directory, 0o700)
        self.keys = {owner: base64.b64encode(secrets.token_bytes(32)).decode() for owner in ("guest", "client")}

    def key_file(self, owner):
        return os.path.join(self.directory, f"{owner}.key")

    def start(self):
        includes, grants, reverse_grants = "", "", ""
        for owner, secret in self.keys.items():
            write(self.key_file(owner),
                  f'key "{owner}-key" {{\n  algorithm hmac-sha256;\n  secret "{secret}";\n}};\n', 0o600)
            includes += f'include "{self.key_file(owner)}";\n'
            grants += f"    grant {owner}-key name {owner}.{ZONE}. NID L64 LP AAAA TXT;\n"
            reverse_grants += f"    grant {owner}-key zonesub PTR;\n"
        soa = "@ 5 IN SOA ns.%s. hostmaster.%s. 1 3600 600 86400 1\n@ 60 IN NS ns.%s.\n" % (ZONE, ZONE, ZONE)
        zone = write(os.path.join(self.directory, "zone"), soa + f"ns 60 IN AAAA {NAME_SERVER}\n")
        reverse = write(os.path.join(self.directory, "reverse"), soa)
        conf = write(os.path.join(self.directory, "named.conf"), f"""\
{includes}
options {{
  directory "{self.directory}";
  pid-file none;
  session-keyfile none;
  listen-on {{ none; }};
  listen-on-v6 {{ {NAME_SERVER}; }};
  recursion yes;
  allow-transfer {{ none; }};
  notify no;
  empty-zones-enable no;
  dnssec-validation no;
}};
controls {{ }};
zone "{ZONE}" {{
  type primary;
  file "{zone}";
  update-policy {{
{grants}  }};
}};
zone "{REVERSE_ZONE}" {{
  type primary;
  file "{reverse}";
  update-policy {{
{reverse_grants}  }};
}};
""")
        # A copy under another path: where AppArmor confines /usr/sbin/named, it could not read a private directory.
        copy = shutil.copy(program("named"), os.path.join(self.directory, "named"))
        named = self.lab.spawn("ns", "named", [copy, "-g", "-n", "1", "-c", conf])
        named.wait_for_log("running", 10)

    def publish_address(self, owner, address):
        """What a host without ILNP does when it moved: its AAAA follows, by a signed update."""
        run(self.lab.inside("ns") + [program("nsupdate"), "-t", "15", "-k", self.key_file(owner)], timeout=20, input_text=f"""\
server {NAME_SERVER}
zone {ZONE}.
update delete {owner}.{ZONE}. AAAA
update add {owner}.{ZONE}. 1 AAAA {address}
send
""")

    def records(self, name, kinds=("NID", "L64", "AAAA")):
        out = []
        for kind in kinds:
            answer = run(self.lab.inside("ns") + [program("dig"), "+short", "+time=1", "+tries=1", f"@{NAME_SERVER}", name,
                                                  kind], timeout=4, check=False)
            out += [f"{kind} {line}" for line in answer.split("\n") if line and not line.startswith(";")]
        return out
