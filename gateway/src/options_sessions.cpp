// SPDX-License-Identifier: Apache-2.0
#include "gateway/src/options_sessions.h"

namespace ilnp {

using enum OptionType;

std::vector<SectionHelp> session_sections() {
  return {
      {"ilnp", "Sessions with ILNP nodes in the name of LISP clients (mode N)."},
      {"gateway_of", "One table per place of ILNP nodes: by which of our RLOCs LISP clients reach it best."},
      {"node", "One table per EID of an ILNP node: a session with it is an ILNP session of ours on the other side."},
      {"eam", "One table per row of IPv4 and IPv6 addresses of one node (RFC 7757): families are translated by it."},
      {"translation", "Between IPv4 and IPv6 (RFC 7915): IPv4-only clients of IPv6-only nodes."},
  };
}

std::vector<Option> session_options() {
  return {
      {.key = "ilnp.interface",
       .type = string,
       .help = "TUN device of the ILNP side, where there are [[node]]s.",
       .fallback = "ilnp0"},
      {.key = "ilnp.locators",
       .type = ip_prefix,
       .help = "Our /64s, routed to this machine and into the device: clients have them in the ILNP world.",
       .list = true},
      {.key = "ilnp.mtu",
       .type = integer,
       .help = "Largest packet of the ILNP side, in octets.",
       .fallback = "1500",
       .range = "1280..65535"},
      {.key = "ilnp.table", .type = integer, .help = "Routing table.", .fallback = "254", .range = "1..4294967295"},
      {.key = "ilnp.upstream", .type = endpoint, .help = "Name servers for node.name.", .list = true},
      {.key = "ilnp.keep",
       .type = duration,
       .help = "A session without a packet ends after this: connections may be quiet (RFC 5382 section 5).",
       .fallback = "124m",
       .range = "5m..7d"},
      {.key = "ilnp.most_clients",
       .type = integer,
       .help = "Clients with a NID, at most. Who was silent for ten minutes makes way.",
       .fallback = "65536",
       .range = "1..1000000"},
      {.key = "ilnp.rloc_mode",
       .type = string,
       .help = "RLOCs of nodes whose EIDs are in [[mobile]] blocks. anchor: nothing is registered by itself. per_site: "
               "those of [[gateway_of]] their locators. hybrid: the same, and all of ours behind them.",
       .fallback = "anchor",
       .choices = {"anchor", "per_site", "hybrid"}},
      {.key = "gateway_of[].locator", .type = ip_prefix, .help = "A /64 where nodes can be.", .identity = true},
      {.key = "gateway_of[].rlocs",
       .type = ip_address,
       .help = "RLOCs of ours that are best for it.",
       .list = true,
       .required = true},
      {.key = "node[].eid",
       .type = eid_prefix,
       .help = "Its EID, a /128: the lower half is its NID. The upper half is the same for all nodes of an instance.",
       .identity = true},
      {.key = "node[].name", .type = string, .help = "Its name in the DNS, with NID and L64 records."},
      {.key = "node[].locators",
       .type = ip_prefix,
       .help = "The /64s where it is, as far as its name and its sessions do not say otherwise; the best first.",
       .list = true},
      {.key = "eam[].ipv4", .type = eid_prefix, .help = "IPv4 side of the row.", .identity = true},
      {.key = "eam[].ipv6", .type = ip_prefix, .help = "IPv6 side of the row.", .required = true},
      {.key = "eam[].speaks",
       .type = string,
       .help = "What its nodes have themselves. ipv6: nodes of ours, and the IPv4 EID, a /32, is registered. ipv4: "
               "clients.",
       .fallback = "ipv6",
       .choices = {"ipv6", "ipv4"}},
      {.key = "translation.clients",
       .type = ip_prefix,
       .help = "The /96 in which IPv6-only nodes see IPv4 clients that have no row."},
      {.key = "translation.pool",
       .type = eid_prefix,
       .help = "IPv4 EIDs that exist by rows only: one without a row is answered with host unreachable.",
       .list = true},
      {.key = "translation.hairpin",
       .type = boolean,
       .help = "IPv6-only nodes may reach each other by their IPv4 EIDs.",
       .fallback = "false"},
  };
}

}  // namespace ilnp
