// SPDX-License-Identifier: Apache-2.0
#include "gateway/src/settings.h"

#include <algorithm>
#include <charconv>

#include "gateway/src/settings_reader.h"

namespace ilnp {
namespace {

std::size_t size_of(const Section& section, const char* option) {
  return static_cast<std::size_t>(section.integer(option));
}

void read_gateway(SettingsReader& reader) {
  const Section& section = reader.configuration.section("gateway");
  reader.out.name = section.text("name");
  reader.out.stands_by = section.boolean("stand_by");
  reader.out.xtr.own.site = static_cast<std::uint64_t>(section.integer("site_id"));
  if (section.has("xtr_id")) {
    reader.out.xtr_id = parse_xtr_id(section.text("xtr_id"));
    if (!reader.out.xtr_id)
      reader.complain(section, "xtr_id", "gateway.xtr_id", "is not 32 hexadecimal digits");
    else
      reader.out.xtr.own.xtr = *reader.out.xtr_id;
  }
  lisp::XtrSettings& xtr = reader.out.xtr;
  reader.each("rloc", [&](const Section& table, const auto& wrong) {
    const lisp::IpAddress& address = table.ip_address("address");
    if (!address.is_routable_unicast()) wrong("address", "names no router in the underlay");
    xtr.underlay.rlocs.push_back(address);
    lisp::RlocRecord record{address};
    record.priority = static_cast<std::uint8_t>(table.integer("priority"));
    record.weight = static_cast<std::uint8_t>(table.integer("weight"));
    record.is_local = true;
    xtr.rlocs.push_back(record);
  });
  std::sort(xtr.rlocs.begin(), xtr.rlocs.end(), [](const auto& a, const auto& b) { return a.address < b.address; });
  if (xtr.rlocs.empty()) reader.problems.push_back({section.place("name"), "rloc", "at least one [[rloc]] is needed"});
}

bool is_interface_name(const std::string& name) {
  return !name.empty() && name.size() <= 15 && name.find_first_of("/ %\"") == std::string::npos;
}

void read_interfaces(SettingsReader& reader) {
  reader.each("interface", [&](const Section& table, const auto& wrong) {
    TunSettings one;
    one.name = table.text("name");
    one.instance = static_cast<std::uint32_t>(table.integer("instance"));
    one.mtu = static_cast<std::uint32_t>(table.integer("mtu"));
    one.addresses = table.list<lisp::IpAddress>("addresses");
    one.routes = table.list<lisp::IpPrefix>("routes");
    one.table = static_cast<std::uint32_t>(table.integer("table"));
    if (!is_interface_name(one.name)) wrong("name", "not an interface name (1 to 15 characters)");
    if (reader.out.interface_of(one.instance) != nullptr)
      wrong("instance", std::to_string(one.instance) + " has an interface already");
    // A tunnel through itself: nothing would ever leave.
    for (const lisp::IpPrefix& route : one.routes)
      for (const lisp::IpAddress& rloc : reader.out.xtr.underlay.rlocs)
        if (route.contains(rloc)) wrong("routes", to_string(route) + " contains the RLOC " + to_string(rloc));
    reader.out.interfaces.push_back(std::move(one));
  });
}

void read_eids(SettingsReader& reader) {
  GatewaySettings& out = reader.out;
  const auto has_interface = [&](const lisp::EidPrefix& eid) { return out.interface_of(eid.instance) != nullptr; };
  reader.each("eid", [&](const Section& table, const auto& wrong) {
    const lisp::EidPrefix& prefix = table.eid_prefix("prefix");
    if (!has_interface(prefix)) wrong("prefix", "its instance has no [[interface]]");
    out.xtr.site.push_back(prefix);
  });
  reader.each("mobile", [&](const Section& table, const auto& wrong) {
    MobileSettings one;
    one.prefix = table.eid_prefix("prefix");
    one.interface = table.text("interface");
    if (table.has("next_hop")) one.next_hop = table.ip_address("next_hop");
    if (!has_interface(one.prefix)) wrong("prefix", "its instance has no [[interface]]");
    if (!is_interface_name(one.interface)) wrong("interface", "not an interface name (1 to 15 characters)");
    if (one.next_hop && one.next_hop->family() != one.prefix.prefix.family())
      wrong("next_hop", "is not of the prefix's family");
    for (const lisp::EidPrefix& site : out.xtr.site)
      if (site.contains(one.prefix)) wrong("prefix", "is in the [[eid]] " + to_string(site));
    out.xtr.mobile.push_back(one.prefix);
    out.mobile.push_back(std::move(one));
  });
}

void read_data(SettingsReader& reader) {
  const Section& data = reader.configuration.section("data");
  GatewaySettings& out = reader.out;
  InterworkingSettings& to = out.interworking;
  to.dscp = data.text("dscp_mode") == "pipe" ? lisp::DscpMode::pipe : lisp::DscpMode::uniform;
  to.is_pitr = data.boolean("pitr");
  to.petr_clients = data.list<lisp::IpPrefix>("petr_clients");
  if (data.has("proxy_etr")) to.proxy_etr = data.ip_address("proxy_etr");
  to.clamp_mss = data.boolean("clamp_mss");
  to.check_sources = data.boolean("check_sources");
  to.errors_per_second = out.translation.errors_per_second = static_cast<double>(data.integer("errors_per_second"));
  to.default_path_mtu = size_of(data, "path_mtu");
  to.path_mtu_life = data.duration("path_mtu_life");
  out.real_checksums = data.boolean("udp_csum_data");
  out.source_ports = size_of(data, "source_ports");
  out.offload = data.boolean("offload");
  out.xtr.proxies = to.is_pitr;
  using Balancing = lisp::RlocPolicy::Balancing;
  out.xtr.itr.rlocs.balancing = data.text("lb") == "mod_sport" ? Balancing::mod_sport : Balancing::weight;
  out.xtr.itr.rlocs.last_resort = data.boolean("last_resort");
  out.xtr.itr.native_while_pending = data.boolean("native_while_pending");
  const Section& hold = reader.configuration.section("hold");
  to.hold_packets = size_of(hold, "hold_packets");
  to.hold_octets = size_of(hold, "hold_octets");
  to.hold_time = hold.duration("hold_time");
  out.xtr.presence.relay_for = hold.duration("away");
  out.xtr.presence.hold = hold.duration("without_locator");
}

void read_control_plane(SettingsReader& reader) {
  lisp::XtrSettings& to = reader.out.xtr;
  const Section& registration = reader.configuration.section("registration");
  to.registration.period = registration.duration("register_period");
  to.registration.quick_period = registration.duration("quick_period");
  to.site_ttl = static_cast<std::uint32_t>(registration.integer("ttl"));
  to.mobile_ttl = static_cast<std::uint32_t>(registration.integer("mobile_ttl_cap"));
  const Section& probing = reader.configuration.section("probing");
  to.probing.period = probing.duration("probe_period");
  to.probing.wait = probing.duration("probe_wait");
  to.probing.repetitions = static_cast<int>(probing.integer("probe_repetitions"));
  const Section& signalling = reader.configuration.section("signalling");
  to.change_priority = signalling.boolean("cp15");
  to.change_priority_subtype = static_cast<std::uint16_t>(signalling.integer("cp15_subtype"));
  to.signalling.smr_after_at_most = signalling.duration("smr_after");
  to.resolution.smr_strict = signalling.boolean("smr_strict");
  to.resolution.smr_asks_for_host = signalling.boolean("lpm_probe");
  const Section& cache = reader.configuration.section("cache");
  to.cache.capacity = size_of(cache, "capacity");
  to.resolution.waiting.packets = size_of(cache, "waiting_packets");
  to.cache.longest_ttl = cache.duration("longest_ttl");
  to.rules.shortest_ipv4 = static_cast<std::uint8_t>(cache.integer("min_eid_len4"));
  to.rules.shortest_ipv6 = static_cast<std::uint8_t>(cache.integer("min_eid_len6"));
  to.rules.eid_blocks = cache.list<lisp::IpPrefix>("eid_blocks");
  to.rules.is_public = cache.boolean("public_internet");
}

/// EIDs need somebody who hears of them.
void check_whole(SettingsReader& reader) {
  const GatewaySettings& out = reader.out;
  const bool has_eids = !out.xtr.site.empty() || !out.xtr.mobile.empty();
  const FilePlace& place = reader.configuration.section("gateway").place("name");
  if (has_eids && out.xtr.map_servers.empty())
    reader.problems.push_back({place, "map_server", "at least one [[map_server]] is needed for EIDs of ours"});
  if (!out.interfaces.empty() && out.xtr.map_resolvers.empty() && out.xtr.static_mappings.empty())
    reader.problems.push_back({place, "map_resolver", "without [[map_resolver]] and [[mapping]] no packet can leave"});
}

}  // namespace

const MobileSettings* GatewaySettings::block_of(const lisp::Eid& eid) const {
  const MobileSettings* best = nullptr;
  for (const MobileSettings& block : mobile)
    if (block.prefix.contains(eid) && (best == nullptr || best->prefix.prefix.length < block.prefix.prefix.length))
      best = &block;
  return best;
}

const TunSettings* GatewaySettings::interface_of(std::uint32_t instance) const {
  for (const TunSettings& one : interfaces)
    if (one.instance == instance) return &one;
  return nullptr;
}

Result<GatewaySettings, std::vector<Problem>> gateway_settings(const Configuration& configuration) {
  GatewaySettings out;
  std::vector<Problem> problems;
  static_cast<DaemonSettings&>(out) = daemon_settings(configuration);
  SettingsReader reader{configuration, out, problems};
  for (const auto read :
       {read_gateway, read_interfaces, read_eids, read_keys, read_map_servers, read_peers, read_mappings, read_server,
        read_data, read_control_plane, read_shared_truth, read_group, read_nodes, read_translation, check_whole})
    read(reader);
  if (!problems.empty()) return problems;
  return out;
}

std::optional<std::array<std::uint8_t, 16>> parse_xtr_id(std::string_view text) {
  std::array<std::uint8_t, 16> out{};
  if (text.size() != 2 * out.size()) return std::nullopt;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const char* begin = text.data() + 2 * i;
    const auto [end, problem] = std::from_chars(begin, begin + 2, out[i], 16);
    if (problem != std::errc{} || end != begin + 2) return std::nullopt;
  }
  return out;
}

std::string to_text(const std::array<std::uint8_t, 16>& xtr_id) {
  constexpr const char* digits = "0123456789abcdef";
  std::string out;
  for (const std::uint8_t octet : xtr_id) {
    out += digits[octet >> 4];
    out += digits[octet & 15];
  }
  return out;
}

}  // namespace ilnp
