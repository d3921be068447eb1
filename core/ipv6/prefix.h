// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "core/ipv6/address.h"

namespace ilnp {

/// IPv6 addresses that begin alike.
struct Prefix {
  Address address;  ///< the bits beyond the length are zero
  int length = 0;   ///< 0..128
  bool operator==(const Prefix&) const = default;

  bool contains(const Address& other) const {
    return ((address.locator.bits ^ other.locator.bits) & bits(length)) == 0 &&
           ((address.nid.bits ^ other.nid.bits) & bits(length - 64)) == 0;
  }

 private:
  /// The first n of 64.
  static constexpr std::uint64_t bits(int n) {
    return n <= 0 ? 0 : n >= 64 ? ~std::uint64_t{0} : ~(~std::uint64_t{0} >> n);
  }
};

}  // namespace ilnp
