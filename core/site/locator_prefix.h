// SPDX-License-Identifier: Apache-2.0
// The leading bits of a locator: what a provider delegates, or what a site numbers its subnets from.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "core/ipv6/address.h"

namespace ilnp {

struct LocatorPrefix {
  Locator locator;
  std::uint8_t length = 64;  ///< bits, 1..64
  bool operator==(const LocatorPrefix&) const = default;

  constexpr std::uint64_t mask() const { return ~std::uint64_t{0} << (64 - length); }
  constexpr bool contains(Locator l) const { return ((l.bits ^ locator.bits) & mask()) == 0; }
  /// All of the other one lies in this one.
  constexpr bool contains(const LocatorPrefix& other) const {
    return length <= other.length && contains(other.locator);
  }
  constexpr bool overlaps(const LocatorPrefix& other) const {
    return contains(other.locator) || other.contains(locator);
  }
};

/// Number of another site, from 0, as configured.
using SiteId = std::uint8_t;
inline constexpr std::size_t max_sites = 64;

/// Which site has which inside locators. A few, in the order of the configuration.
class SitePrefixes {
 public:
  void push_back(const std::pair<LocatorPrefix, SiteId>& entry) { entries_.push_back(entry); }
  std::optional<SiteId> find(Locator locator) const {
    for (const auto& [prefix, site] : entries_)
      if (prefix.contains(locator)) return site;
    return std::nullopt;
  }

 private:
  std::vector<std::pair<LocatorPrefix, SiteId>> entries_;
};

}  // namespace ilnp
