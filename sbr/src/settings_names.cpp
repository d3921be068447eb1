// SPDX-License-Identifier: Apache-2.0
#include "sbr/src/settings_names.h"

#include <algorithm>

#include "core/records/dns_name.h"

namespace ilnp {
namespace {

/// Nothing: the network has no node there.
std::optional<Locator> inside_locator(const Section& table, const SbrSettings& settings) {
  if (!table.has("inside")) {
    if (settings.inside.empty() || settings.inside.front().locators.empty()) return std::nullopt;
    return settings.inside.front().locators.front().locator;
  }
  const Prefix prefix = table.prefix("inside");
  const bool is_ours = std::any_of(settings.inside.begin(), settings.inside.end(), [&](const InsideSettings& inside) {
    return std::any_of(inside.locators.begin(), inside.locators.end(),
                       [&](const LocatorPrefix& p) { return p.contains(prefix.address.locator); });
  });
  if (prefix.length != 64 || !is_ours) return std::nullopt;
  return prefix.address.locator;
}

/// Those of an option that lie in `whole`.
std::vector<LocatorPrefix> prefixes_within(const Section& table, const char* option, const std::string& named,
                                           const std::vector<LocatorPrefix>& whole, std::vector<Problem>& problems) {
  std::vector<LocatorPrefix> out;
  if (!table.has(option)) return out;
  for (const Prefix& prefix : table.list<Prefix>(option)) {
    const auto holds = [&](const LocatorPrefix& p) {
      return p.contains(LocatorPrefix{prefix.address.locator, static_cast<std::uint8_t>(prefix.length)});
    };
    if (prefix.length < 1 || prefix.length > 64 || std::none_of(whole.begin(), whole.end(), holds))
      problems.push_back({table.place(option), named, to_string(prefix) + " is not among the site's inside locators"});
    else
      out.push_back({prefix.address.locator, static_cast<std::uint8_t>(prefix.length)});
  }
  return out;
}

std::string key(const char* section, std::size_t index, const char* option) {
  return std::string{section} + "[" + std::to_string(index) + "]." + option;
}

void read_relays(const Configuration& configuration, SbrSettings& settings, std::vector<Problem>& problems) {
  std::vector<LocatorPrefix> ours;
  for (const InsideSettings& inside : settings.inside)
    ours.insert(ours.end(), inside.locators.begin(), inside.locators.end());
  const auto& tables = configuration.repeated("site_link");
  for (std::size_t i = 0; i < settings.links.size(); ++i) {
    SiteLinkSettings& link = settings.links[i];
    link.relayed = prefixes_within(tables[i], "relayed", key("site_link", i, "relayed"), link.inside, problems);
    link.relay = prefixes_within(tables[i], "relay", key("site_link", i, "relay"), ours, problems);
    for (const LocatorPrefix& prefix : link.relayed) {
      if (!settings.has_mapping(prefix))
        problems.push_back({tables[i].place("relayed"), key("site_link", i, "relayed"),
                            "needs a [[mapping]] that gives these locators outside names"});
    }
  }
}

}  // namespace

Mapping mapping_mode(const std::string& text) {
  if (text == "neutral") return Mapping::neutral;
  return text == "replace" ? Mapping::replace : Mapping::hide;
}

void read_other_sites(const Configuration& configuration, SbrSettings& settings, std::vector<Problem>& problems) {
  read_relays(configuration, settings, problems);
  std::map<SiteId, SubnetMap> maps;
  const auto& tables = configuration.repeated("site_mapping");
  for (std::size_t i = 0; i < tables.size(); ++i) {
    const Section& table = tables[i];
    const auto link = std::find_if(settings.links.begin(), settings.links.end(),
                                   [&](const SiteLinkSettings& l) { return l.name == table.text("site"); });
    if (link == settings.links.end()) {
      problems.push_back({table.place("site"), key("site_mapping", i, "site"), "there is no such [[site_link]]"});
      continue;
    }
    const auto locators = [&](const char* option) {
      const Prefix prefix = table.prefix(option);
      return LocatorPrefix{prefix.address.locator, static_cast<std::uint8_t>(std::clamp(prefix.length, 0, 65))};
    };
    const MappingRule rule{locators("inside"), locators("outside"), static_cast<UplinkId>(link->mappings.size()),
                           mapping_mode(table.text("mode"))};
    if (link->mappings.size() == max_uplinks)
      problems.push_back({table.place("site"), key("site_mapping", i, "site"), "too many mappings"});
    else if (const auto added = maps[link->number].add(rule); !added)
      problems.push_back({table.place("outside"), key("site_mapping", i, "outside"), reason_of(added.error())});
    else
      link->mappings.push_back(rule);
  }
}

void read_publish(const Configuration& configuration, SbrSettings& settings, std::vector<Problem>& problems) {
  const auto& tables = configuration.repeated("publish");
  for (std::size_t i = 0; i < tables.size(); ++i) {
    const Section& table = tables[i];
    const auto complain = [&](const char* option, const char* reason) {
      problems.push_back({table.place(option), "publish[" + std::to_string(i) + "]." + option, reason});
    };
    PublishSettings one;
    one.name = table.text("name");
    one.zone = table.text("zone");
    const auto name = DnsName::from_text(one.name);
    const auto zone = one.zone.empty() ? name : DnsName::from_text(one.zone);
    if (!name) complain("name", "not a DNS name");
    if (!zone) complain("zone", "not a DNS name");
    if (name && zone && !name->is_within(*zone)) complain("name", "is not in the zone");
    const Endpoint& server = table.endpoint("server");
    one.server = {boost::asio::ip::make_address(server.address), server.port};
    one.key_file = table.text("key_file");
    one.ttl = std::chrono::duration_cast<seconds>(table.duration("ttl"));
    const auto inside = inside_locator(table, settings);
    if (!inside) complain("inside", "no /64 of inside.locators");
    one.inside = inside.value_or(Locator{});
    settings.publish.push_back(std::move(one));
  }
}

}  // namespace ilnp
