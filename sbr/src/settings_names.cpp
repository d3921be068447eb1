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

}  // namespace

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
