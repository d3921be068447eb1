// SPDX-License-Identifier: Apache-2.0
// Nodes that are reached by ILNP sessions, and IPv4 EIDs.
#include <boost/asio/ip/address.hpp>

#include "core/records/dns_name.h"
#include "core/records/ilnp_records.h"
#include "gateway/src/settings_reader.h"

namespace ilnp {
namespace {

/// Nobody sees it: between the exchange of addresses and the node engine.
constexpr Locator identity_prefix{0xfd49'4c4e'5036'6631};
constexpr seconds configured_life{300};

bool is_locator(const lisp::IpPrefix& prefix) {
  return prefix.family() == lisp::Family::ipv6 && prefix.length == 64 &&
         is_global_unicast(prefix.address.ipv6().locator);
}

void read_locators(SettingsReader& reader, const Section& section) {
  GatewaySettings& out = reader.out;
  const auto wrong = [&](std::string reason) {
    reader.complain(section, "locators", "ilnp.locators", std::move(reason));
  };
  std::uint16_t preference = 0;
  for (const lisp::IpPrefix& prefix : out.ilnp.routes) {
    if (!is_locator(prefix)) {
      wrong(to_string(prefix) + " is not a /64 of global addresses");
      continue;
    }
    for (const lisp::IpAddress& rloc : out.xtr.underlay.rlocs)
      if (prefix.contains(rloc)) wrong(to_string(prefix) + " contains the RLOC " + to_string(rloc));
    OwnLocator own;
    own.locator = prefix.address.ipv6().locator;
    own.preference = preference = static_cast<std::uint16_t>(preference + 10);
    own.mtu = static_cast<std::uint16_t>(out.ilnp.mtu);
    out.nodes.locators.push_back(own);
  }
}

std::vector<ResolvedLocator> locators_of(const Section& table, const auto& wrong) {
  std::vector<ResolvedLocator> out;
  for (const lisp::IpPrefix& prefix : table.list<lisp::IpPrefix>("locators")) {
    if (!is_locator(prefix)) wrong("locators", to_string(prefix) + " is not a /64 of global addresses");
    out.push_back({prefix.address.ipv6().locator, static_cast<std::uint16_t>(10 * (out.size() + 1)), configured_life});
  }
  return out;
}

void read_node(GatewaySettings& out, const Section& table, const auto& wrong) {
  const lisp::EidPrefix& eid = table.eid_prefix("eid");
  if (eid.prefix.family() != lisp::Family::ipv6 || !eid.prefix.is_host()) return wrong("eid", "is not a /128");
  const Address address = eid.prefix.address.ipv6();
  if (const char* objection = nid_objection(address.nid)) wrong("eid", std::string{"its lower half: "} + objection);
  const auto [prefix, is_new] = out.nodes.exchange.eid_prefixes.try_emplace(eid.instance, address.locator);
  if (!is_new && prefix->second != address.locator)
    wrong("eid", "another [[node]] of its instance has another upper half");
  const auto contains = [&](const lisp::EidPrefix& other) { return other.contains(eid); };
  if (std::ranges::none_of(out.xtr.site, contains) && std::ranges::none_of(out.xtr.mobile, contains))
    wrong("eid", "is in no [[eid]] or [[mobile]] block");
  NodeSettings::Node node{address.nid, {eid.instance}, {}, locators_of(table, wrong)};
  if (table.has("name")) node.name = table.text("name");
  if (!node.name.empty() && !DnsName::from_text(node.name)) wrong("name", "is not a DNS name");
  if (node.name.empty() && node.locators.empty()) wrong("locators", "neither a name nor locators");
  const auto same = std::ranges::find(out.nodes.nodes, node.nid, &NodeSettings::Node::nid);
  if (same == out.nodes.nodes.end())
    out.nodes.nodes.push_back(std::move(node));
  else if (same->name == node.name)
    same->instances.insert(eid.instance);  // one node, known to several tenants
  else
    wrong("eid", "another [[node]] with this NID has another name");
}

std::vector<GatewayRloc> anchors_of(const lisp::XtrSettings& xtr) {
  std::vector<GatewayRloc> out;
  for (const lisp::RlocRecord& own : xtr.rlocs) {
    const auto better = std::ranges::count_if(xtr.rlocs, [&](const auto& r) { return r.priority < own.priority; });
    if (own.priority != lisp::never_use) out.push_back({own.address, true, static_cast<std::uint8_t>(better)});
  }
  return out;
}

bool is_mobile(const GatewaySettings& out, const NodeSettings::Node& node) {
  return std::ranges::any_of(out.xtr.mobile, [&](const lisp::EidPrefix& block) {
    const auto prefix = out.nodes.exchange.eid_prefixes.find(block.instance);
    return node.instances.contains(block.instance) && prefix != out.nodes.exchange.eid_prefixes.end() &&
           block.contains(lisp::Eid{block.instance, Address{prefix->second, node.nid}});
  });
}

void read_places(SettingsReader& reader, const Section& section) {
  GatewaySettings& out = reader.out;
  LispPlaces places;
  places.mode = section.text("rloc_mode") == "per_site" ? RlocMode::per_site : RlocMode::hybrid;
  places.anchors = anchors_of(out.xtr);
  places.ttl_cap = out.xtr.mobile_ttl;
  reader.each("gateway_of", [&](const Section& table, const auto& wrong) {
    const lisp::IpPrefix& prefix = table.ip_prefix("locator");
    if (!is_locator(prefix)) return wrong("locator", to_string(prefix) + " is not a /64 of global addresses");
    for (const lisp::IpAddress& rloc : table.list<lisp::IpAddress>("rlocs")) {
      // Another gateway does not have the sessions, and would refuse what belongs to them.
      if (!out.xtr.underlay.owns(rloc)) wrong("rlocs", to_string(rloc) + " is not an RLOC of ours");
      places.gateways[prefix.address.ipv6().locator].push_back({rloc, true});
    }
  });
  if (section.text("rloc_mode") == "anchor") return;
  if (std::ranges::none_of(out.nodes.nodes, [&](const NodeSettings::Node& node) { return is_mobile(out, node); }))
    reader.complain(section, "rloc_mode", "ilnp.rloc_mode", "no [[node]] has an EID of a [[mobile]] block");
  out.places = std::move(places);
}

/// The rows of one table do not overlap; what is wrong with a row shows when it is added.
void read_row(GatewaySettings& out, lisp::EamTable& table_so_far, const Section& table, const auto& wrong) {
  const lisp::EidPrefix& ipv4 = table.eid_prefix("ipv4");
  lisp::EamRow row{ipv4.instance, ipv4.prefix, table.ip_prefix("ipv6")};
  row.speaks = table.text("speaks") == "ipv4" ? lisp::Family::ipv4 : lisp::Family::ipv6;
  if (const auto added = table_so_far.add(row); !added) return wrong("ipv4", lisp::name_of(added.error()));
  out.translation.rows.push_back(row);
  if (row.speaks == lisp::Family::ipv4) return;
  if (!ipv4.prefix.is_host()) return wrong("ipv4", "is not a /32: only hosts are registered");
  if (out.interface_of(ipv4.instance) == nullptr) wrong("ipv4", "its instance has no [[interface]]");
  const auto is_there = [&](const lisp::EidPrefix& site) { return site.contains(ipv4); };
  if (std::ranges::none_of(out.xtr.site, is_there)) out.xtr.site.push_back(ipv4);
}

}  // namespace

void read_nodes(SettingsReader& reader) {
  GatewaySettings& out = reader.out;
  const Section& section = reader.configuration.section("ilnp");
  out.ilnp.name = section.text("interface");
  out.ilnp.mtu = static_cast<std::uint32_t>(section.integer("mtu"));
  out.ilnp.table = static_cast<std::uint32_t>(section.integer("table"));
  out.ilnp.routes = section.list<lisp::IpPrefix>("locators");
  out.nodes.keep = section.duration("keep");
  out.nodes.exchange.identity_prefix = identity_prefix;
  out.nodes.exchange.most_clients = static_cast<std::size_t>(section.integer("most_clients"));
  for (const Endpoint& server : section.list<Endpoint>("upstream"))
    out.upstream.emplace_back(boost::asio::ip::make_address(server.address), server.port);
  read_locators(reader, section);
  reader.each("node", [&](const Section& table, const auto& wrong) { read_node(out, table, wrong); });
  if (!out.nodes.nodes.empty() && out.ilnp.routes.empty())
    reader.complain(section, "locators", "ilnp.locators", "[[node]]s are reached from a locator of ours");
  read_places(reader, section);
}

void read_translation(SettingsReader& reader) {
  GatewaySettings& out = reader.out;
  const Section& section = reader.configuration.section("translation");
  if (section.has("clients")) {
    const lisp::IpPrefix& clients = section.ip_prefix("clients");
    if (lisp::EamTable::can_embed(clients))
      out.translation.embedding = clients.address.ipv6();
    else
      reader.complain(section, "clients", "translation.clients", "is not a /96 whose bits 64 to 71 are zero");
  }
  out.translation.pool = section.list<lisp::EidPrefix>("pool");
  out.translation.siit.hairpin = section.boolean("hairpin");
  lisp::EamTable so_far{0, out.translation.embedding};
  reader.each("eam", [&](const Section& table, const auto& wrong) { read_row(out, so_far, table, wrong); });
  // Routers without an IPv4 address speak with ours (RFC 6791).
  for (const TunSettings& one : out.interfaces)
    for (const lisp::IpAddress& own : one.addresses)
      if (own.is_ipv4() && !out.translation.siit.router) out.translation.siit.router = own;
}

}  // namespace ilnp
