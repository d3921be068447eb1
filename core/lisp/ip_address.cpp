// SPDX-License-Identifier: Apache-2.0
#include "core/lisp/ip_address.h"

#include <algorithm>
#include <cassert>
#include <charconv>

namespace ilnp::lisp {
namespace {

/// Dotted form; no leading zeros, which some read as octal.
std::optional<std::uint32_t> parse_ipv4(std::string_view text) {
  std::uint32_t number = 0;
  for (int part = 0; part < 4; ++part) {
    if (part > 0) {
      if (text.empty() || text.front() != '.') return std::nullopt;
      text.remove_prefix(1);
    }
    std::uint8_t octet = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), octet);
    const auto digits = static_cast<std::size_t>(end - text.data());
    if (problem != std::errc{} || (digits > 1 && text.front() == '0')) return std::nullopt;
    text.remove_prefix(digits);
    number = number << 8 | octet;
  }
  return text.empty() ? std::optional{number} : std::nullopt;
}

constexpr bool begins(std::uint32_t number, std::uint32_t network, int length) {
  return (number ^ network) >> (32 - length) == 0;
}

}  // namespace

IpAddress IpAddress::v4(std::uint32_t number) {
  IpAddress address;
  address.family_ = Family::ipv4;
  store_u32(address.octets_.data(), number);
  return address;
}

IpAddress IpAddress::load(Bytes octets) {
  assert(octets.size() == 4 || octets.size() == 16);
  return octets.size() == 4 ? v4(load_u32(octets.data())) : IpAddress{Address::load(octets.data())};
}

bool IpAddress::is_routable_unicast() const {
  if (is_ipv4()) {
    const std::uint32_t n = ipv4();
    return !begins(n, 0, 8) && !begins(n, 0x7f00'0000, 8) && !begins(n, 0xa9fe'0000, 16) && n < 0xe000'0000;
  }
  const Address address = ipv6();
  const bool is_loopback = address.locator.bits == 0 && address.nid.bits == 1;
  const bool is_mapped = address.locator.bits == 0 && address.nid.bits >> 32 == 0xffff;
  return !address.is_unspecified() && !is_loopback && !is_mapped && !address.is_multicast() && !address.is_link_local();
}

bool IpAddress::is_private() const {
  if (!is_ipv4()) return is_unique_local(ipv6().locator);
  return begins(ipv4(), 0x0a00'0000, 8) || begins(ipv4(), 0xac10'0000, 12) || begins(ipv4(), 0xc0a8'0000, 16);
}

bool IpPrefix::contains(const IpAddress& other) const {
  if (other.family() != family()) return false;
  const Bytes a = address.octets(), b = other.octets();
  const std::size_t whole = length / 8u;
  if (!std::equal(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(whole), b.begin())) return false;
  const unsigned rest = length % 8u;
  return rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0;
}

IpPrefix IpPrefix::network() const {
  std::array<std::uint8_t, 16> octets{};
  const Bytes own = address.octets();
  for (std::size_t i = 0; i * 8 < length; ++i) {
    const std::size_t bits = std::min<std::size_t>(8, length - i * 8);
    octets[i] = static_cast<std::uint8_t>(own[i] & (0xff00u >> bits));
  }
  return {IpAddress::load(Bytes{octets}.first(own.size())), length};
}

std::string to_string(const IpAddress& address) {
  if (!address.is_ipv4()) return to_string(address.ipv6());
  std::string text;
  for (const std::uint8_t octet : address.octets()) text += (text.empty() ? "" : ".") + std::to_string(octet);
  return text;
}

std::string to_string(const IpPrefix& prefix) {
  return to_string(prefix.address) + '/' + std::to_string(prefix.length);
}

std::string to_string(const EidPrefix& prefix) {
  return (prefix.instance == 0 ? "" : '[' + std::to_string(prefix.instance) + ']') + to_string(prefix.prefix);
}

std::optional<IpAddress> parse_ip_address(std::string_view text) {
  if (const auto ipv4 = parse_ipv4(text)) return IpAddress::v4(*ipv4);
  if (const auto ipv6 = parse_address(text)) return IpAddress{*ipv6};
  return std::nullopt;
}

std::optional<IpPrefix> parse_ip_prefix(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto address = parse_ip_address(text.substr(0, slash));
  const std::string_view digits = text.substr(slash + 1);
  IpPrefix prefix;
  const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), prefix.length);
  if (!address || problem != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  prefix.address = *address;
  if (prefix.length > address_bits(prefix.family()) || prefix != prefix.network()) return std::nullopt;
  return prefix;
}

std::optional<EidPrefix> parse_eid_prefix(std::string_view text) {
  EidPrefix eid;
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    const std::string_view digits = text.substr(1, close - 1);
    const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), eid.instance);
    if (problem != std::errc{} || end != digits.data() + digits.size() || eid.instance > 0xff'ffff) return std::nullopt;
    text.remove_prefix(close + 1);
  }
  const auto prefix = parse_ip_prefix(text);
  if (!prefix) return std::nullopt;
  eid.prefix = *prefix;
  return eid;
}

}  // namespace ilnp::lisp

std::size_t std::hash<ilnp::lisp::IpAddress>::operator()(const ilnp::lisp::IpAddress& address) const noexcept {
  const auto octets = address.octets();
  return std::hash<std::string_view>{}({reinterpret_cast<const char*>(octets.data()), octets.size()});
}
