// SPDX-License-Identifier: Apache-2.0
// IPv6 addresses, and the same 128 bits read the ILNP way: Locator (upper 64) and Node Identifier (lower 64),
// RFC 6740 section 3. Three types so that the compiler tells them apart; all hold host-order numbers of
// network-order fields.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/bytes.h"

namespace ilnp {

/// Locator (L64): names an IPv6 subnetwork; routing only.
struct Locator {
  std::uint64_t bits{};
  auto operator<=>(const Locator&) const = default;
};

/// Node Identifier (NID): names a node; transport state binds to it.
struct NodeId {
  std::uint64_t bits{};
  auto operator<=>(const NodeId&) const = default;
};

/// An IPv6 address; equal to the Identifier-Locator Vector (I-LV) when read as ILNP.
struct Address {
  Locator locator;
  NodeId nid;
  auto operator<=>(const Address&) const = default;

  static Address load(const std::uint8_t* p) { return {{load_u64(p)}, {load_u64(p + 8)}}; }
  void store(std::uint8_t* p) const {
    store_u64(p, locator.bits);
    store_u64(p + 8, nid.bits);
  }
  std::array<std::uint8_t, 16> octets() const {
    std::array<std::uint8_t, 16> out{};
    store(out.data());
    return out;
  }
  bool is_multicast() const { return locator.bits >> 56 == 0xff; }
  bool is_link_local() const { return locator.bits >> 54 == 0xfe80 >> 6; }
  bool is_unspecified() const { return locator.bits == 0 && nid.bits == 0; }
};

/// Colon form as everywhere in IPv6 ("2001:db8::1").
std::string to_string(const Address& address);
std::optional<Address> parse_address(std::string_view text);

/// 2000::/3, without the documentation of what is inside: the only locators that may leave a site.
constexpr bool is_global_unicast(Locator l) { return l.bits >> 61 == 1; }
/// fc00::/7 (RFC 4193).
constexpr bool is_unique_local(Locator l) { return l.bits >> 57 == 0xfc >> 1; }

}  // namespace ilnp

template <>
struct std::hash<ilnp::Locator> {
  std::size_t operator()(const ilnp::Locator& l) const noexcept { return std::hash<std::uint64_t>{}(l.bits); }
};
template <>
struct std::hash<ilnp::NodeId> {
  std::size_t operator()(const ilnp::NodeId& n) const noexcept { return std::hash<std::uint64_t>{}(n.bits); }
};
