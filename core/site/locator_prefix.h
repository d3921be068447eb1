// SPDX-License-Identifier: Apache-2.0
// The leading bits of a locator: what a provider delegates, or what a site numbers its subnets from.
#pragma once

#include <cstdint>

#include "core/ipv6/address.h"

namespace ilnp {

struct LocatorPrefix {
  Locator locator;
  std::uint8_t length = 64;  ///< bits, 1..64
  bool operator==(const LocatorPrefix&) const = default;

  constexpr std::uint64_t mask() const { return ~std::uint64_t{0} << (64 - length); }
  constexpr bool contains(Locator l) const { return ((l.bits ^ locator.bits) & mask()) == 0; }
  constexpr bool overlaps(const LocatorPrefix& other) const {
    return contains(other.locator) || other.contains(locator);
  }
};

}  // namespace ilnp
