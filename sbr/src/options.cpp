// SPDX-License-Identifier: Apache-2.0
// The option table.
#include "io/truth/truth_settings.h"
#include "sbr/src/settings.h"

namespace ilnp {
namespace {

using enum OptionType;

std::vector<SectionHelp> sections() {
  return {
      {"site", "This site."},
      {"inside", "One table per interface towards the site."},
      {"uplink", "One table per uplink to a provider. Their order numbers them."},
      {"mapping", "One table per pair of prefixes: how inside locators look by an uplink (RFC 6748 section 3)."},
      {"policy",
       "One table per rule: which uplinks flows use. The first rule that matches counts; unset fields match "
       "everything."},
      {"site_link", "One table per other site: the link to its border router."},
      {"site_mapping",
       "One table per mapping of another site: correspondents of a node that was at home there are told the names that "
       "still work, beside the new ones. The best first."},
      {"publish",
       "One table per name: keeps the outside locators of the site as the L64 records of that name, by signed dynamic "
       "updates."},
      {"liveness", "How it is known whether an uplink works."},
      {"forwarding", "Sizes and limits of the data path."},
      {"migration", "Nodes that move between sites."},
      {"truth", "Where the sites keep which node is where."},
  };
}

std::vector<Option> site_options() {
  return {
      {.key = "site.name", .type = string, .help = "Its name in the table of truth.", .fallback = "site"},
      {.key = "site.number",
       .type = integer,
       .help = "Its number, different from that of every other site.",
       .fallback = "0",
       .range = "0..63"},
      {.key = "site.kernel",
       .type = prefix,
       .help = "Destinations that the kernel forwards, by its own routes, and this router leaves alone: what goes into "
               "a tunnel of this machine, such as the EIDs that ilnp-gateway reaches. 16 at most.",
       .list = true},
      {.key = "inside[].interface",
       .type = string,
       .help = "Name of the interface.",
       .required = true,
       .identity = true},
      {.key = "inside[].locators",
       .type = prefix,
       .help = "Locators of the nodes on this link (or behind inside.router): /64 or shorter.",
       .list = true,
       .required = true},
      {.key = "inside[].router", .type = address, .help = "The locators are not on this link but behind this router."},
      {.key = "inside[].advertise",
       .type = boolean,
       .help = "Send router advertisements: each /64 of inside.locators, and ourselves as default router.",
       .fallback = "true"},
      {.key = "inside[].router_address",
       .type = address,
       .help = "Our link-local address there, the same at every site, so that a guest finds its gateway everywhere.",
       .fallback = "fe80::1"},
  };
}

std::vector<Option> uplink_options() {
  return {
      {.key = "uplink[].name", .type = string, .help = "Its name.", .required = true, .identity = true},
      {.key = "uplink[].interface", .type = string, .help = "Name of the interface.", .required = true},
      {.key = "uplink[].gateway",
       .type = address,
       .help = "The provider's router. Unset: that of the kernel's default route by this interface."},
      {.key = "uplink[].preference",
       .type = integer,
       .help = "Lower is better: only the best of the uplinks that work get new flows.",
       .fallback = "10",
       .range = "0..60000",
       .reloadable = true},
      {.key = "uplink[].weight",
       .type = integer,
       .help = "Share of the new flows among uplinks of the same preference.",
       .fallback = "1",
       .range = "1..65535",
       .reloadable = true},
      {.key = "uplink[].probes",
       .type = address,
       .help = "Sent ICMPv6 Echo Requests by this uplink; one that answers is enough. Unset: the gateway.",
       .list = true},
      {.key = "uplink[].mtu",
       .type = integer,
       .help = "Largest packet in octets that the provider takes. Unset: the interface's MTU.",
       .range = "1280..65535"},
      {.key = "mapping[].uplink", .type = string, .help = "Name of the uplink.", .required = true},
      {.key = "mapping[].inside", .type = prefix, .help = "Inside locators, /64 or shorter.", .required = true},
      {.key = "mapping[].outside",
       .type = prefix,
       .help = "What the provider delegated. Unset: the prefix that routers advertise on the uplink, without the "
               "on-link flag (a network that moves)."},
      {.key = "mapping[].mode",
       .type = string,
       .help =
           "neutral: no checksum changes (both prefixes /48 or shorter). replace: the prefix is exchanged. hide: all "
           "subnets appear as one /64.",
       .fallback = "neutral",
       .choices = {"neutral", "replace", "hide"}},
      {.key = "policy[].inside", .type = prefix, .help = "Locator of the node inside.", .reloadable = true},
      {.key = "policy[].outside", .type = prefix, .help = "Locator of the correspondent.", .reloadable = true},
      {.key = "policy[].inside_nid", .type = nid, .help = "NID of the node inside.", .reloadable = true},
      {.key = "policy[].outside_nid", .type = nid, .help = "NID of the correspondent.", .reloadable = true},
      {.key = "policy[].protocol",
       .type = integer,
       .help = "IP protocol: 6 TCP, 17 UDP, 58 ICMPv6.",
       .range = "0..255",
       .reloadable = true},
      {.key = "policy[].dscp", .type = integer, .help = "DSCP.", .range = "0..63", .reloadable = true},
      {.key = "policy[].outside_port",
       .type = integer,
       .help = "Port of the correspondent.",
       .range = "0..65535",
       .reloadable = true},
      {.key = "policy[].uplinks",
       .type = string,
       .help = "Names of uplinks in the order of preference.",
       .list = true,
       .required = true,
       .reloadable = true},
      {.key = "policy[].strict",
       .type = boolean,
       .help = "No other uplink will do, even when none of these works.",
       .fallback = "false",
       .reloadable = true},
  };
}

std::vector<Option> link_options() {
  return {
      {.key = "site_link[].name",
       .type = string,
       .help = "Name of the other site in the table of truth.",
       .required = true,
       .identity = true},
      {.key = "site_link[].number", .type = integer, .help = "Its number.", .range = "0..63", .required = true},
      {.key = "site_link[].inside",
       .type = prefix,
       .help = "Inside locators of that site.",
       .list = true,
       .required = true},
      {.key = "site_link[].interface", .type = string, .help = "Name of the interface.", .required = true},
      {.key = "site_link[].router",
       .type = address,
       .help = "Address of that site's border router on this link.",
       .required = true},
      {.key = "site_link[].relayed",
       .type = prefix,
       .help = "Location privacy: inside locators of that site whose nodes the world knows by our names.",
       .list = true},
      {.key = "site_link[].relay",
       .type = prefix,
       .help = "Location privacy: our inside locators whose nodes the world knows by that site's names.",
       .list = true},
      {.key = "site_link[].mtu",
       .type = integer,
       .help = "Largest packet in octets, if the link takes it: that is probed. Unset: the interface's MTU.",
       .range = "1280..65535"},
  };
}

std::vector<Option> publish_options() {
  return {
      {.key = "site_mapping[].site", .type = string, .help = "Name of a [[site_link]].", .required = true},
      {.key = "site_mapping[].inside",
       .type = prefix,
       .help = "Its inside locators, /64 or shorter.",
       .required = true},
      {.key = "site_mapping[].outside", .type = prefix, .help = "What its provider delegated.", .required = true},
      {.key = "site_mapping[].mode",
       .type = string,
       .help = "As there.",
       .fallback = "neutral",
       .choices = {"neutral", "replace", "hide"}},
      {.key = "publish[].name",
       .type = string,
       .help = "The name that the LP records of the nodes point to. It has no NID.",
       .required = true,
       .identity = true},
      {.key = "publish[].inside",
       .type = prefix,
       .help =
           "The inside locator whose outside names are published, a /64. Unset: the first of the first [[inside]]."},
      {.key = "publish[].server",
       .type = endpoint,
       .help = "The primary server of the zone.",
       .required = true,
       .default_port = 53},
      {.key = "publish[].zone", .type = string, .help = "The zone. Empty: asked from the server.", .fallback = ""},
      {.key = "publish[].key_file",
       .type = path,
       .help = "TSIG key (mode 0600), as tsig-keygen writes it.",
       .required = true},
      {.key = "publish[].ttl",
       .type = duration,
       .help = "TTL of the L64 records.",
       .fallback = "0s",
       .range = "0s..1d"},
  };
}

std::vector<Option> tuning_options() {
  return {
      {.key = "liveness.interval",
       .type = duration,
       .help = "Between two probes; an uplink is left after three of them at most.",
       .fallback = "100ms",
       .range = "10ms..60s"},
      {.key = "liveness.proofs_to_return",
       .type = integer,
       .help = "Answered probes in a row before an uplink is used again.",
       .fallback = "10",
       .range = "1..1000"},
      {.key = "liveness.longest_return",
       .type = duration,
       .help = "An uplink that flaps waits twice as long each time, up to this.",
       .fallback = "30s",
       .range = "1s..1h"},
      {.key = "liveness.forgive",
       .type = duration,
       .help = "After this time without a failure flaps are forgotten.",
       .fallback = "60s",
       .range = "1s..1d"},
      {.key = "forwarding.flows",
       .type = integer,
       .help = "Size of the flow table.",
       .fallback = "262144",
       .range = "64..16777216"},
      {.key = "forwarding.sessions",
       .type = integer,
       .help = "Size of the table of ILNP sessions that pass; on behalf of these Locator Updates can be sent.",
       .fallback = "65536",
       .range = "64..16777216"},
      {.key = "forwarding.max_nodes",
       .type = integer,
       .help = "Size of the table of nodes.",
       .fallback = "1048576",
       .range = "64..4194304"},
      {.key = "forwarding.learnt_lifetime",
       .type = duration,
       .help = "Hidden nodes that are silent for this long are forgotten.",
       .fallback = "5m",
       .range = "1s..1d"},
      {.key = "forwarding.errors_per_second",
       .type = integer,
       .help = "ICMPv6 errors of our own, at most (RFC 4443 section 2.4 f).",
       .fallback = "100",
       .range = "1..100000"},
      {.key = "migration.grace",
       .type = duration,
       .help = "How long late packets are sent after a node that has moved.",
       .fallback = "5m",
       .range = "1s..1d"},
      {.key = "migration.prepare_timeout",
       .type = duration,
       .help = "A prepared move that nobody activates is aborted after this.",
       .fallback = "15m",
       .range = "1s..1d"},
      {.key = "migration.activate",
       .type = string,
       .help = "When a move becomes active whose preparation does not say it: when somebody says so, or also when the "
               "destination hears the node.",
       .fallback = "asked",
       .choices = {"asked", "heard"}},
      {.key = "migration.hold_packets",
       .type = integer,
       .help = "Packets that wait for one node to arrive, at most.",
       .fallback = "4096",
       .range = "1..65536"},
      {.key = "migration.hold_octets",
       .type = integer,
       .help = "Octets that wait for all of them, at most.",
       .fallback = "33554432",
       .range = "0..4294967296"},
      {.key = "migration.hold_time",
       .type = duration,
       .help = "How long a packet waits, at most.",
       .fallback = "5s",
       .range = "10ms..60s"},
  };
}

}  // namespace

std::shared_ptr<const Schema> sbr_schema() {
  static const auto schema = [] {
    std::vector<Option> options = site_options();
    for (const auto& more :
         {uplink_options(), link_options(), publish_options(), tuning_options(), truth_option_rows()})
      options.insert(options.end(), more.begin(), more.end());
    return daemon_schema("ilnp-sbr", sections(), std::move(options),
                         {.control_socket = "/run/ilnp/sbr.sock",
                          .state_directory = "What survives a reboot.",
                          .runtime_directory = "Holds the flows while the daemon restarts (mode 0600)."});
  }();
  return schema;
}

}  // namespace ilnp
