// SPDX-License-Identifier: Apache-2.0
#include "sbr/src/settings.h"

#include <algorithm>
#include <set>

#include "io/sockets/wire_filter.h"
#include "io/truth/site_names.h"
#include "io/truth/truth_settings.h"
#include "sbr/src/settings_names.h"

namespace ilnp {
namespace {

/// Reads one configuration; every mistake becomes a problem and reading goes on.
class Reader {
 public:
  explicit Reader(const Configuration& configuration) : configuration_{configuration} {}

  Result<SbrSettings, std::vector<Problem>> read() {
    static_cast<DaemonSettings&>(out_) = daemon_settings(configuration_);
    read_site();
    read_uplinks();
    read_mappings();
    read_policy();
    read_links();
    read_other_sites(configuration_, out_, problems_);
    check_numbers();
    check_prefixes();
    check_interfaces();
    read_publish(configuration_, out_, problems_);
    read_tuning();
    out_.truth = read_truth(configuration_, problems_);
    if (!problems_.empty()) return problems_;
    return std::move(out_);
  }

 private:
  void complain(const Section& section, const char* option, const std::string& named, std::string reason) {
    problems_.push_back({section.place(option), named, std::move(reason)});
  }

  LocatorPrefix locator_prefix(const Section& section, const char* option, const std::string& named,
                               const Prefix& prefix) {
    if (prefix.length < 1 || prefix.length > 64) complain(section, option, named, "must be a /64 or shorter");
    return {prefix.address.locator, static_cast<std::uint8_t>(std::clamp(prefix.length, 1, 64))};
  }

  std::vector<LocatorPrefix> locator_prefixes(const Section& section, const char* option, const std::string& named) {
    std::vector<LocatorPrefix> out;
    for (const Prefix& prefix : section.list<Prefix>(option))
      out.push_back(locator_prefix(section, option, named, prefix));
    if (out.empty()) complain(section, option, named, "empty");
    return out;
  }

  std::optional<std::size_t> optional_size(const Section& section, const char* option) {
    if (!section.has(option)) return std::nullopt;
    return static_cast<std::size_t>(section.integer(option));
  }

  std::optional<UplinkId> uplink_named(const std::string& name) const {
    const auto it =
        std::find_if(out_.uplinks.begin(), out_.uplinks.end(), [&](const auto& u) { return u.name == name; });
    if (it == out_.uplinks.end()) return std::nullopt;
    return static_cast<UplinkId>(it - out_.uplinks.begin());
  }

  static std::string key(const char* section, std::size_t index, const char* option) {
    return std::string{section} + "[" + std::to_string(index) + "]." + option;
  }

  void read_site() {
    const Section& site = configuration_.section("site");
    out_.site_name = site.text("name");
    out_.site_number = static_cast<SiteId>(site.integer("number"));
    out_.kernel = site.list<Prefix>("kernel");
    if (out_.kernel.size() > max_kernel_prefixes)
      complain(site, "kernel", "site.kernel", "more than " + std::to_string(max_kernel_prefixes));
    const auto& tables = configuration_.repeated("inside");
    for (std::size_t i = 0; i < tables.size(); ++i) {
      const Section& table = tables[i];
      InsideSettings one;
      one.interface = table.text("interface");
      one.locators = locator_prefixes(table, "locators", key("inside", i, "locators"));
      if (table.has("router")) one.router = table.address("router");
      one.advertise = table.boolean("advertise");
      one.router_address = table.address("router_address");
      if (!one.router_address.is_link_local())
        complain(table, "router_address", key("inside", i, "router_address"), "must be a link-local address");
      out_.inside.push_back(std::move(one));
    }
    if (tables.empty()) problems_.push_back({site.place("name"), "inside", "at least one [[inside]] is needed"});
  }

  void read_uplinks() {
    for (const Section& table : configuration_.repeated("uplink")) {
      UplinkSettings one;
      one.name = table.text("name");
      one.interface = table.text("interface");
      if (table.has("gateway")) one.gateway = table.address("gateway");
      one.preference = static_cast<std::uint16_t>(table.integer("preference"));
      one.weight = static_cast<std::uint16_t>(table.integer("weight"));
      one.probes = table.list<Address>("probes");
      one.mtu = optional_size(table, "mtu");
      if (out_.uplinks.size() == max_uplinks)
        return complain(table, "name", "uplink", "more than " + std::to_string(max_uplinks));
      out_.uplinks.push_back(std::move(one));
    }
  }

  void read_mappings() {
    SubnetMap map;
    const auto& tables = configuration_.repeated("mapping");
    for (std::size_t i = 0; i < tables.size(); ++i) {
      const Section& table = tables[i];
      const auto uplink = uplink_named(table.text("uplink"));
      if (!uplink) complain(table, "uplink", key("mapping", i, "uplink"), "there is no such [[uplink]]");
      const Mapping mapping = mapping_mode(table.text("mode"));
      const LocatorPrefix inside = locator_prefix(table, "inside", key("mapping", i, "inside"), table.prefix("inside"));
      if (!uplink) continue;
      if (!table.has("outside")) {
        read_learnt(table, i, *uplink, inside, mapping);
        continue;
      }
      const MappingRule rule{inside,
                             locator_prefix(table, "outside", key("mapping", i, "outside"), table.prefix("outside")),
                             *uplink, mapping};
      if (const auto added = map.add(rule); !added)
        complain(table, "outside", key("mapping", i, "outside"), reason_of(added.error()));
      out_.mappings.push_back(rule);
    }
    for (std::size_t k = 0; k < out_.uplinks.size(); ++k)
      if (out_.uplinks[k].learnt && std::any_of(out_.mappings.begin(), out_.mappings.end(),
                                                [&](const MappingRule& rule) { return rule.uplink == k; }))
        complain(configuration_.repeated("uplink")[k], "name", key("uplink", k, "name"),
                 "has a mapping without an outside prefix, so it cannot have another mapping");
  }

  /// The outside prefix comes from router advertisements.
  void read_learnt(const Section& table, std::size_t i, UplinkId uplink, const LocatorPrefix& inside, Mapping mapping) {
    const MappingRule sample{
        inside, {{0x2000ull << 48}, mapping == Mapping::hide ? std::uint8_t{64} : neutral_limit}, uplink, mapping};
    if (const auto added = SubnetMap{}.add(sample); !added)
      complain(table, "inside", key("mapping", i, "inside"), reason_of(added.error()));
    auto& learnt = out_.uplinks[uplink].learnt;
    if (learnt)
      complain(table, "outside", key("mapping", i, "outside"),
               "missing, as in another mapping of this uplink: there is one prefix to learn");
    const std::size_t number = out_.uplinks.size() + learnt_++;
    if (number >= max_uplinks)
      complain(table, "outside", key("mapping", i, "outside"),
               "uplinks whose prefix is learnt count twice, and there are more than " + std::to_string(max_uplinks));
    learnt = UplinkSettings::Learnt{inside, mapping, static_cast<UplinkId>(std::min(number, max_uplinks - 1))};
  }

  void read_policy() {
    const auto& tables = configuration_.repeated("policy");
    for (std::size_t i = 0; i < tables.size(); ++i) {
      const Section& table = tables[i];
      PolicyRule rule;
      if (table.has("inside"))
        rule.inside = locator_prefix(table, "inside", key("policy", i, "inside"), table.prefix("inside"));
      if (table.has("outside"))
        rule.outside = locator_prefix(table, "outside", key("policy", i, "outside"), table.prefix("outside"));
      if (table.has("inside_nid")) rule.inside_nid = table.nid("inside_nid");
      if (table.has("outside_nid")) rule.outside_nid = table.nid("outside_nid");
      if (table.has("protocol")) rule.protocol = static_cast<std::uint8_t>(table.integer("protocol"));
      if (table.has("dscp")) rule.dscp = static_cast<std::uint8_t>(table.integer("dscp"));
      if (table.has("outside_port")) rule.outside_port = static_cast<std::uint16_t>(table.integer("outside_port"));
      rule.strict = table.boolean("strict");
      for (const std::string& name : table.list<std::string>("uplinks")) {
        if (const auto uplink = uplink_named(name))
          rule.uplinks.push_back(*uplink);
        else
          complain(table, "uplinks", key("policy", i, "uplinks"), "there is no [[uplink]] \"" + name + "\"");
      }
      out_.policy.push_back(std::move(rule));
    }
  }

  void read_links() {
    const auto& tables = configuration_.repeated("site_link");
    for (std::size_t i = 0; i < tables.size(); ++i) {
      const Section& table = tables[i];
      SiteLinkSettings one;
      one.name = table.text("name");
      one.number = static_cast<SiteId>(table.integer("number"));
      one.inside = locator_prefixes(table, "inside", key("site_link", i, "inside"));
      one.interface = table.text("interface");
      one.router = table.address("router");
      if (one.router.is_multicast() || one.router.is_unspecified())
        complain(table, "router", key("site_link", i, "router"), "not the address of a node");
      one.mtu = optional_size(table, "mtu");
      out_.links.push_back(std::move(one));
    }
  }

  void check_numbers() {
    SiteNames names;
    if (auto added = names.add(out_.site_number, out_.site_name); !added)
      complain(configuration_.section("site"), "name", "site.name", added.error().message);
    const auto& tables = configuration_.repeated("site_link");
    for (std::size_t i = 0; i < out_.links.size(); ++i)
      if (auto added = names.add(out_.links[i].number, out_.links[i].name); !added)
        complain(tables[i], "number", key("site_link", i, "number"), added.error().message);
  }

  /// Inside prefixes: every locator here has a mapping (when there are uplinks), and none is another site's.
  void check_prefixes() {
    const auto& tables = configuration_.repeated("inside");
    for (std::size_t i = 0; i < out_.inside.size(); ++i) {
      for (const LocatorPrefix& locators : out_.inside[i].locators) {
        const auto is_relayed = [&](const SiteLinkSettings& link) {
          return std::any_of(link.relay.begin(), link.relay.end(),
                             [&](const LocatorPrefix& prefix) { return prefix.contains(locators); });
        };
        if (!out_.has_mapping(locators) && std::none_of(out_.links.begin(), out_.links.end(), is_relayed))
          complain(tables[i], "locators", key("inside", i, "locators"), to_text(locators) + " is in no [[mapping]]");
        for (const SiteLinkSettings& link : out_.links)
          for (const LocatorPrefix& theirs : link.inside)
            if (theirs.overlaps(locators))
              complain(tables[i], "locators", key("inside", i, "locators"), "overlaps site " + link.name);
      }
    }
  }

  /// An interface has one side.
  void check_interfaces() {
    std::set<std::string> used;
    const auto check = [&](const char* section, std::size_t i, const std::string& interface) {
      const Section& table = configuration_.repeated(section)[i];
      if (interface.empty() || interface.size() > 15 || interface.find_first_of("/ %\"") != std::string::npos)
        complain(table, "interface", key(section, i, "interface"), "not an interface name (1 to 15 characters)");
      if (!used.insert(interface).second)
        complain(table, "interface", key(section, i, "interface"), interface + " is used by another table");
    };
    for (std::size_t i = 0; i < out_.inside.size(); ++i) check("inside", i, out_.inside[i].interface);
    for (std::size_t i = 0; i < out_.uplinks.size(); ++i) check("uplink", i, out_.uplinks[i].interface);
    for (std::size_t i = 0; i < out_.links.size(); ++i) check("site_link", i, out_.links[i].interface);
  }

  void read_tuning() {
    const Section& liveness = configuration_.section("liveness");
    out_.liveness.interval = liveness.duration("interval");
    out_.liveness.proofs_to_return = static_cast<int>(liveness.integer("proofs_to_return"));
    out_.liveness.longest_return = liveness.duration("longest_return");
    out_.liveness.forgive = liveness.duration("forgive");
    const Section& forwarding = configuration_.section("forwarding");
    out_.tuning.flows = static_cast<std::size_t>(forwarding.integer("flows"));
    out_.tuning.sessions = static_cast<std::size_t>(forwarding.integer("sessions"));
    out_.tuning.max_nids = static_cast<std::size_t>(forwarding.integer("max_nodes"));
    out_.tuning.learnt_lifetime = forwarding.duration("learnt_lifetime");
    out_.tuning.errors_per_second = static_cast<double>(forwarding.integer("errors_per_second"));
    const Section& migration = configuration_.section("migration");
    out_.tuning.grace = migration.duration("grace");
    out_.migration.prepare_timeout = migration.duration("prepare_timeout");
    out_.migration.activate_when_heard = migration.text("activate") == "heard";
    out_.tuning.hold_packets = static_cast<std::size_t>(migration.integer("hold_packets"));
    out_.tuning.hold_octets = static_cast<std::size_t>(migration.integer("hold_octets"));
    out_.tuning.hold_time = migration.duration("hold_time");
  }

  const Configuration& configuration_;
  SbrSettings out_;
  std::size_t learnt_ = 0;  ///< uplinks whose prefix is learnt
  std::vector<Problem> problems_;
};

}  // namespace

std::string to_text(const LocatorPrefix& prefix) { return to_string(Prefix{{prefix.locator, {}}, prefix.length}); }

std::map<SiteId, std::string> SbrSettings::site_names() const {
  std::map<SiteId, std::string> names{{site_number, site_name}};
  for (const SiteLinkSettings& link : links) names[link.number] = link.name;
  return names;
}

bool SbrSettings::has_mapping(const LocatorPrefix& locators) const {
  return std::any_of(mappings.begin(), mappings.end(),
                     [&](const MappingRule& rule) { return rule.inside.contains(locators); }) ||
         std::any_of(uplinks.begin(), uplinks.end(), [&](const UplinkSettings& uplink) {
           return uplink.learnt && uplink.learnt->inside.contains(locators);
         });
}

std::vector<UplinkId> SbrSettings::numbers_of(UplinkId uplink) const {
  std::vector<UplinkId> numbers{uplink};
  if (const auto& learnt = uplinks.at(uplink).learnt) numbers.push_back(learnt->other);
  return numbers;
}

Result<SbrSettings, std::vector<Problem>> sbr_settings(const Configuration& configuration) {
  return Reader{configuration}.read();
}

}  // namespace ilnp
