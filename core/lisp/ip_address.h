// SPDX-License-Identifier: Apache-2.0
// Addresses of both families. LISP has them in both of its spaces: an EID names an end, an RLOC a router (RFC 9300
// section 3), and each may be IPv4 or IPv6.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/bytes.h"
#include "core/ipv6/address.h"

namespace ilnp::lisp {

enum class Family : std::uint8_t { ipv4, ipv6 };

/// Octets of an address.
constexpr std::size_t address_octets(Family family) { return family == Family::ipv4 ? 4 : 16; }
/// Bits of an address: the longest prefix.
constexpr std::uint8_t address_bits(Family family) { return family == Family::ipv4 ? 32 : 128; }

/// Ordered as the locators of a record are (RFC 9301 section 5.4): IPv4 before IPv6, then by number.
class IpAddress {
 public:
  IpAddress() = default;  ///< ::
  IpAddress(const Address& ipv6) : family_{Family::ipv6}, octets_{ipv6.octets()} {}
  static IpAddress v4(std::uint32_t number);
  /// `octets`: 4 or 16 of them, as on the wire.
  static IpAddress load(Bytes octets);

  Family family() const { return family_; }
  bool is_ipv4() const { return family_ == Family::ipv4; }
  Bytes octets() const { return Bytes{octets_}.first(address_octets(family_)); }
  /// Only of the family asked for.
  std::uint32_t ipv4() const { return load_u32(octets_.data()); }
  Address ipv6() const { return Address::load(octets_.data()); }

  /// Names one node beyond its own link: not unspecified, loopback, link-local, multicast or broadcast.
  bool is_routable_unicast() const;
  /// RFC 1918, fc00::/7: means something inside one network only.
  bool is_private() const;

  auto operator<=>(const IpAddress&) const = default;

 private:
  Family family_ = Family::ipv6;
  std::array<std::uint8_t, 16> octets_{};
};

struct IpPrefix {
  IpAddress address;
  std::uint8_t length = 128;  ///< bits, 0..32 or 0..128
  auto operator<=>(const IpPrefix&) const = default;

  /// All of one address.
  static IpPrefix host(const IpAddress& address) { return {address, address_bits(address.family())}; }
  Family family() const { return address.family(); }
  bool is_host() const { return length == address_bits(family()); }
  bool contains(const IpAddress& other) const;
  /// All of the other one lies in this one.
  bool contains(const IpPrefix& other) const { return length <= other.length && contains(other.address); }
  /// With the bits beyond the length as zero: the form that is compared and sent.
  IpPrefix network() const;
};

/// Endpoint Identifier, in the instance of one tenant (RFC 8060 section 4.1; 0 where there are none).
struct Eid {
  std::uint32_t instance = 0;  ///< 24 bits
  IpAddress address;
  auto operator<=>(const Eid&) const = default;
};

struct EidPrefix {
  std::uint32_t instance = 0;
  IpPrefix prefix;
  auto operator<=>(const EidPrefix&) const = default;

  static EidPrefix host(const Eid& eid) { return {eid.instance, IpPrefix::host(eid.address)}; }
  bool contains(const Eid& eid) const { return instance == eid.instance && prefix.contains(eid.address); }
  bool contains(const EidPrefix& other) const { return instance == other.instance && prefix.contains(other.prefix); }
};

/// "192.0.2.1", "2001:db8::1"
std::string to_string(const IpAddress& address);
/// "10.8.0.7/32"
std::string to_string(const IpPrefix& prefix);
/// "2001:db8::/32", in another instance than 0 "[4242]2001:db8::/32"
std::string to_string(const EidPrefix& prefix);
std::optional<IpAddress> parse_ip_address(std::string_view text);
/// Of the form address/length; bits beyond the length are an error.
std::optional<IpPrefix> parse_ip_prefix(std::string_view text);
/// The same with "[instance]" in front of it, where that is not 0.
std::optional<EidPrefix> parse_eid_prefix(std::string_view text);

}  // namespace ilnp::lisp

template <>
struct std::hash<ilnp::lisp::IpAddress> {
  std::size_t operator()(const ilnp::lisp::IpAddress& address) const noexcept;
};
