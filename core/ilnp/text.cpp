// SPDX-License-Identifier: Apache-2.0
#include "core/ilnp/text.h"

namespace ilnp {
namespace {

std::string groups(std::uint64_t bits, char separator) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (int shift = 60; shift >= 0; shift -= 4) {
    text += digits[bits >> shift & 0xf];
    if (shift % 16 == 0 && shift != 0) text += separator;
  }
  return text;
}

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// Exactly four groups of 1 to 4 digits with the same separator between them.
std::optional<std::uint64_t> parse_groups(std::string_view text, char separator) {
  std::uint64_t bits = 0;
  for (int group = 0; group < 4; ++group) {
    const std::size_t end = group == 3 ? text.size() : text.find(separator);
    if (end == 0 || end > 4) return std::nullopt;  // npos too
    unsigned value = 0;
    for (char c : text.substr(0, end)) {
      const int d = digit(c);
      if (d < 0) return std::nullopt;
      value = value << 4 | static_cast<unsigned>(d);
    }
    bits = bits << 16 | value;
    text.remove_prefix(group == 3 ? end : end + 1);
  }
  return bits;
}

}  // namespace

std::string to_text(Locator locator) { return groups(locator.bits, '-'); }
std::string to_text(NodeId nid) { return groups(nid.bits, '+'); }
std::string to_ilv_text(const Address& ilv) { return to_text(ilv.locator) + '.' + to_text(ilv.nid); }
std::string to_dns_text(std::uint64_t bits) { return groups(bits, ':'); }

std::optional<Locator> parse_locator(std::string_view text) {
  auto bits = parse_groups(text, '-');
  if (!bits) bits = parse_groups(text, ':');
  if (!bits) return std::nullopt;
  return Locator{*bits};
}

std::optional<NodeId> parse_node_id(std::string_view text) {
  auto bits = parse_groups(text, '+');
  if (!bits) bits = parse_groups(text, ':');
  if (!bits) return std::nullopt;
  return NodeId{*bits};
}

std::optional<Address> parse_ilv(std::string_view text) {
  const std::size_t dot = text.find('.');
  if (dot == std::string_view::npos || text.find('+') == std::string_view::npos) return parse_address(text);
  const auto locator = parse_groups(text.substr(0, dot), '-');
  const auto nid = parse_groups(text.substr(dot + 1), '+');
  if (!locator || !nid) return std::nullopt;
  return Address{{*locator}, {*nid}};
}

}  // namespace ilnp
