// SPDX-License-Identifier: Apache-2.0
#include "io/truth/site_names.h"

#include <algorithm>

namespace ilnp {
namespace {

bool is_name(std::string_view text) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.';
  };
  return !text.empty() && text.size() <= 63 && std::all_of(text.begin(), text.end(), allowed);
}

}  // namespace

Result<void> SiteNames::add(SiteId site, const std::string& name) {
  if (!is_name(name)) return error("\"" + name + "\" is no name of a site: 1 to 63 letters, digits, '-', '_' and '.'");
  if (by_name_.contains(name)) return error("there are two sites \"" + name + "\"");
  if (!by_number_.emplace(site, name).second) return error("there are two sites " + std::to_string(site));
  by_name_.emplace(name, site);
  return ok();
}

std::string_view SiteNames::name_of(SiteId site) const {
  const auto found = by_number_.find(site);
  return found == by_number_.end() ? std::string_view{} : std::string_view{found->second};
}

std::optional<SiteId> SiteNames::find(std::string_view name) const {
  const auto found = by_name_.find(name);
  if (found == by_name_.end()) return std::nullopt;
  return found->second;
}

}  // namespace ilnp
