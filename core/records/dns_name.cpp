// SPDX-License-Identifier: Apache-2.0
#include "core/records/dns_name.h"

#include <array>

namespace ilnp {
namespace {

constexpr std::size_t longest_name = 255;
constexpr std::size_t longest_label = 63;

char lower(std::uint8_t octet) { return static_cast<char>(octet >= 'A' && octet <= 'Z' ? octet + ('a' - 'A') : octet); }

int hex_digit(std::uint8_t c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

/// Calls label(octets) for every label of the name at `at`; false when it is malformed. Each pointer must lead before
/// the stretch of labels it was found in, so the walk ends; the length limit bounds it as well.
template <class Label>
bool walk_name(Bytes message, std::size_t at, std::size_t& end, Label label) {
  std::size_t length = 1;
  std::size_t stretch = at;
  bool jumped = false;
  while (at < message.size()) {
    const std::uint8_t octet = message[at];
    if (octet >= 0xc0) {
      if (at + 1 >= message.size()) return false;
      const std::size_t target = static_cast<std::size_t>(octet & 0x3f) << 8 | message[at + 1];
      if (target >= stretch) return false;
      if (!jumped) end = at + 2;
      jumped = true;
      stretch = at = target;
      continue;
    }
    if (octet > longest_label) return false;  // 01 and 10: never assigned or withdrawn (RFC 6891 section 5)
    if (octet == 0) {
      if (!jumped) end = at + 1;
      return true;
    }
    length += octet + std::size_t{1};
    if (length > longest_name || message.size() - at - 1 < octet) return false;
    label(message.subspan(at + 1, octet));
    at += octet + std::size_t{1};
  }
  return false;
}

/// One character of presentation form, escapes resolved; advances `i`. Empty at a broken escape.
std::optional<std::uint8_t> unescaped(std::string_view text, std::size_t& i) {
  if (text[i] != '\\') return static_cast<std::uint8_t>(text[i++]);
  if (++i >= text.size()) return std::nullopt;
  const auto digit = [&](std::size_t k) { return k < text.size() && text[k] >= '0' && text[k] <= '9'; };
  if (!digit(i)) return static_cast<std::uint8_t>(text[i++]);
  if (!digit(i + 1) || !digit(i + 2)) return std::nullopt;
  const int value = (text[i] - '0') * 100 + (text[i + 1] - '0') * 10 + (text[i + 2] - '0');
  i += 3;
  if (value > 255) return std::nullopt;
  return static_cast<std::uint8_t>(value);
}

}  // namespace

std::optional<DnsName> DnsName::from_text(std::string_view text) {
  DnsName name;
  if (text == ".") return name;
  if (text.empty()) return std::nullopt;
  std::string wire;
  std::string label;
  const auto close_label = [&] {
    if (label.empty() || label.size() > longest_label) return false;
    wire.push_back(static_cast<char>(label.size()));
    wire += label;
    label.clear();
    return true;
  };
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] == '.') {
      if (!close_label()) return std::nullopt;
      ++i;
      continue;
    }
    const auto octet = unescaped(text, i);
    if (!octet) return std::nullopt;
    label.push_back(lower(*octet));
  }
  if (!label.empty() && !close_label()) return std::nullopt;
  wire.push_back('\0');
  if (wire.size() > longest_name) return std::nullopt;
  name.wire_ = std::move(wire);
  return name;
}

std::optional<DnsName> DnsName::from_message(Bytes message, std::size_t at, std::size_t& end) {
  DnsName name;
  name.wire_.clear();
  const bool whole = walk_name(message, at, end, [&](Bytes label) {
    name.wire_.push_back(static_cast<char>(label.size()));
    for (std::uint8_t octet : label) name.wire_.push_back(lower(octet));
  });
  if (!whole) return std::nullopt;
  name.wire_.push_back('\0');
  return name;
}

std::optional<DnsName> DnsName::from_wire(Bytes wire) {
  std::size_t end = 0;
  auto name = from_message(wire, 0, end);  // a pointer at offset 0 has nowhere to lead, so none is accepted
  if (!name || end != wire.size() || name->wire_.size() != wire.size()) return std::nullopt;
  return name;
}

DnsName DnsName::reverse_of(const Address& address) {
  DnsName name;
  name.wire_.clear();
  const auto octets = address.octets();
  const auto nibble = [&](int value) {
    name.wire_.push_back(1);
    name.wire_.push_back("0123456789abcdef"[value]);
  };
  for (auto octet = octets.rbegin(); octet != octets.rend(); ++octet) {
    nibble(*octet & 0xf);
    nibble(*octet >> 4);
  }
  name.wire_ += std::string(
      "\x03ip6\x04"
      "arpa\0",
      10);
  return name;
}

std::optional<Address> DnsName::reverse_address() const {
  constexpr std::size_t nibbles = 32;
  if (wire_.size() != nibbles * 2 + 10 || wire_.compare(nibbles * 2, 10,
                                                        std::string("\x03ip6\x04"
                                                                    "arpa\0",
                                                                    10)) != 0) {
    return std::nullopt;
  }
  std::array<std::uint8_t, 16> octets{};
  for (std::size_t i = 0; i < nibbles; ++i) {
    const int digit = hex_digit(static_cast<std::uint8_t>(wire_[2 * i + 1]));
    if (wire_[2 * i] != 1 || digit < 0) return std::nullopt;
    auto& octet = octets[15 - i / 2];
    octet = static_cast<std::uint8_t>(octet | (i % 2 == 0 ? digit : digit << 4));
  }
  return Address::load(octets.data());
}

std::string DnsName::text() const {
  if (is_root()) return ".";
  std::string out;
  const Bytes octets = wire();
  for (std::size_t at = 0; octets[at] != 0; at += octets[at] + std::size_t{1}) {
    for (std::uint8_t octet : octets.subspan(at + 1, octets[at])) {
      if (octet <= 0x20 || octet >= 0x7f) {
        const char digits[] = {'\\', static_cast<char>('0' + octet / 100), static_cast<char>('0' + octet / 10 % 10),
                               static_cast<char>('0' + octet % 10)};
        out.append(digits, sizeof digits);
        continue;
      }
      if (std::string_view{".\\\"();@$"}.find(static_cast<char>(octet)) != std::string_view::npos) out.push_back('\\');
      out.push_back(static_cast<char>(octet));
    }
    out.push_back('.');
  }
  return out;
}

DnsName DnsName::parent() const {
  DnsName up;
  if (!is_root()) up.wire_ = wire_.substr(static_cast<std::uint8_t>(wire_[0]) + std::size_t{1});
  return up;
}

std::size_t DnsName::labels() const {
  std::size_t count = 0;
  for (std::size_t at = 0; wire_[at] != 0; at += static_cast<std::uint8_t>(wire_[at]) + std::size_t{1}) ++count;
  return count;
}

bool DnsName::is_within(const DnsName& ancestor) const {
  DnsName here = *this;
  while (here.wire_.size() > ancestor.wire_.size()) here = here.parent();
  return here == ancestor;
}

std::optional<std::size_t> skip_dns_name(Bytes message, std::size_t at) {
  std::size_t end = 0;
  if (!walk_name(message, at, end, [](Bytes) {})) return std::nullopt;
  return end;
}

}  // namespace ilnp
