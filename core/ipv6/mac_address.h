// SPDX-License-Identifier: Apache-2.0
// An Ethernet address, and the mapping of IPv6 multicast onto it.
#pragma once

#include <algorithm>
#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/bytes.h"
#include "core/ipv6/address.h"

namespace ilnp {

struct MacAddress {
  std::array<std::uint8_t, 6> octets{};
  auto operator<=>(const MacAddress&) const = default;

  /// Precondition: p points at 6 octets.
  static MacAddress load(const std::uint8_t* p) {
    MacAddress mac;
    std::copy_n(p, mac.octets.size(), mac.octets.begin());
    return mac;
  }
  bool is_multicast() const { return (octets[0] & 1) != 0; }
  bool is_zero() const { return *this == MacAddress{}; }
};

/// 33:33 and the last four octets of the multicast address (RFC 2464 section 7).
constexpr MacAddress multicast_mac(const Address& group) {
  const std::uint64_t low = group.nid.bits;
  return {{0x33, 0x33, static_cast<std::uint8_t>(low >> 24), static_cast<std::uint8_t>(low >> 16),
           static_cast<std::uint8_t>(low >> 8), static_cast<std::uint8_t>(low)}};
}

/// "02:00:00:00:00:01".
std::string to_string(const MacAddress& mac);
std::optional<MacAddress> parse_mac(std::string_view text);

}  // namespace ilnp
