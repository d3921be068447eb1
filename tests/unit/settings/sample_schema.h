// SPDX-License-Identifier: Apache-2.0
// An option table with one option of every kind.
#pragma once

#include <memory>

#include "io/settings/configuration.h"

namespace ilnp {

inline const std::shared_ptr<const Schema>& sample_schema() {
  using enum OptionType;
  static const auto schema = std::make_shared<const Schema>(
      "sample",
      std::vector<SectionHelp>{{"identity", "Who this node is."},
                               {"dns", "Names."},
                               {"interface", "Interfaces and how much each is liked."}},
      std::vector<Option>{
          {.key = "identity.prefix",
           .type = prefix,
           .help = "Prefix of identity addresses.",
           .fallback = "fd49:4c4e:5036:6631::/64"},
          {.key = "identity.nid", .type = nid, .help = "Fixed node identifier."},
          {.key = "identity.state_file",
           .type = path,
           .help = "Where the identifier is kept.",
           .fallback = "/var/lib/ilnp/nid"},
          {.key = "identity.checksum",
           .type = string,
           .help = "Checksum rule.",
           .fallback = "ipv6",
           .choices = {"ipv6", "rfc6741", "auto"},
           .reloadable = true},
          {.key = "dns.enabled", .type = boolean, .help = "Run the stub resolver.", .fallback = "true"},
          {.key = "dns.listen",
           .type = endpoint,
           .help = "Address of the stub.",
           .fallback = "127.0.0.106:53",
           .default_port = 53},
          {.key = "dns.upstream",
           .type = endpoint,
           .help = "Servers to ask.",
           .list = true,
           .reloadable = true,
           .default_port = 53},
          {.key = "dns.search",
           .type = string,
           .help = "Search list.",
           .fallback = "example.com, example.net",
           .list = true},
          {.key = "dns.ttl",
           .type = duration,
           .help = "TTL of own locators.",
           .fallback = "30s",
           .range = "0s..1d",
           .reloadable = true},
          {.key = "dns.publish.name", .type = string, .help = "Own name."},
          {.key = "dns.publish.key_file", .type = path, .help = "TSIG key."},
          {.key = "interface[].name", .type = string, .help = "Interface.", .identity = true},
          {.key = "interface[].preference",
           .type = integer,
           .help = "Lower is better.",
           .fallback = "10",
           .range = "0..65535",
           .reloadable = true},
          {.key = "interface[].locator", .type = locator, .help = "Fixed locator."},
          {.key = "interface[].gateway", .type = address, .help = "Fixed gateway.", .required = true},
      });
  return schema;
}

}  // namespace ilnp
