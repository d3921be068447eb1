// SPDX-License-Identifier: Apache-2.0
#include "core/records/ilnp_records.h"

#include <charconv>
#include <utility>

#include "core/ilnp/text.h"

namespace ilnp {
namespace {

ByteVector encode_64(std::uint16_t preference, std::uint64_t bits) {
  ByteVector out;
  ByteWriter w{out};
  w.u16(preference);
  w.u64(bits);
  return out;
}

/// "10 rest" -> 10 and "rest"; blanks around both are skipped.
std::optional<std::pair<std::uint16_t, std::string_view>> split_preference(std::string_view text) {
  const auto trim = [](std::string_view s) {
    const auto first = s.find_first_not_of(" \t");
    if (first == std::string_view::npos) return std::string_view{};
    return s.substr(first, s.find_last_not_of(" \t") - first + 1);
  };
  text = trim(text);
  std::uint16_t preference = 0;
  const auto [stop, code] = std::from_chars(text.data(), text.data() + text.size(), preference);
  if (code != std::errc{} || stop == text.data() + text.size() || (*stop != ' ' && *stop != '\t')) return std::nullopt;
  return std::pair{preference, trim(text.substr(static_cast<std::size_t>(stop - text.data())))};
}

}  // namespace

ByteVector encode(const NidData& data) { return encode_64(data.preference, data.nid.bits); }
ByteVector encode(const L64Data& data) { return encode_64(data.preference, data.locator.bits); }
ByteVector encode(const L32Data& data) {
  ByteVector out;
  ByteWriter w{out};
  w.u16(data.preference);
  w.u32(data.locator);
  return out;
}
ByteVector encode(const LpData& data) {
  ByteVector out;
  ByteWriter w{out};
  w.u16(data.preference);
  w.bytes(data.target.wire());
  return out;
}

std::optional<NidData> decode_nid(Bytes rdata) {
  if (rdata.size() != 10) return std::nullopt;
  return NidData{load_u16(rdata.data()), {load_u64(rdata.data() + 2)}};
}
std::optional<L32Data> decode_l32(Bytes rdata) {
  if (rdata.size() != 6) return std::nullopt;
  return L32Data{load_u16(rdata.data()), load_u32(rdata.data() + 2)};
}
std::optional<L64Data> decode_l64(Bytes rdata) {
  if (rdata.size() != 10) return std::nullopt;
  return L64Data{load_u16(rdata.data()), {load_u64(rdata.data() + 2)}};
}
std::optional<LpData> decode_lp(Bytes rdata) {
  if (rdata.size() < 3) return std::nullopt;
  auto target = DnsName::from_wire(rdata.subspan(2));
  if (!target) return std::nullopt;
  return LpData{load_u16(rdata.data()), std::move(*target)};
}
std::optional<LpData> decode_lp(const DnsMessage& message, const DnsRecord& record) {
  auto target = message.name_in(record, 2);
  if (!target) return std::nullopt;
  return LpData{load_u16(record.rdata.data()), std::move(*target)};
}

std::string to_text(const NidData& data) { return std::to_string(data.preference) + ' ' + to_dns_text(data.nid.bits); }
std::string to_text(const L64Data& data) {
  return std::to_string(data.preference) + ' ' + to_dns_text(data.locator.bits);
}
std::string to_text(const L32Data& data) {
  std::string out = std::to_string(data.preference) + ' ';
  for (int shift = 24; shift >= 0; shift -= 8) {
    out += std::to_string(data.locator >> shift & 0xff);
    if (shift != 0) out += '.';
  }
  return out;
}
std::string to_text(const LpData& data) { return std::to_string(data.preference) + ' ' + data.target.text(); }

std::optional<NidData> parse_nid_data(std::string_view text) {
  const auto parts = split_preference(text);
  const auto nid = parts ? parse_node_id(parts->second) : std::nullopt;
  if (!nid) return std::nullopt;
  return NidData{parts->first, *nid};
}
std::optional<L64Data> parse_l64_data(std::string_view text) {
  const auto parts = split_preference(text);
  const auto locator = parts ? parse_locator(parts->second) : std::nullopt;
  if (!locator) return std::nullopt;
  return L64Data{parts->first, *locator};
}
std::optional<LpData> parse_lp_data(std::string_view text) {
  const auto parts = split_preference(text);
  auto target = parts ? DnsName::from_text(parts->second) : std::nullopt;
  if (!target) return std::nullopt;
  return LpData{parts->first, std::move(*target)};
}

const char* locator_objection(Locator locator) {
  if (is_global_unicast(locator)) return nullptr;
  if (locator.bits >> 56 == 0xff) return "multicast";
  if (locator.bits >> 54 == 0xfe80 >> 6) return "link-local";
  if (is_unique_local(locator)) return "unique local: must not leave its site";
  return "not global unicast (2000::/3)";
}

const char* nid_objection(NodeId nid) {
  if (nid.bits == 0) return "zero is reserved";
  if (nid.bits >= 0xfdffffffffffff80 && nid.bits <= 0xfdffffffffffffff) return "reserved anycast range (RFC 2526)";
  if (nid.bits >= 0x02005efffe000000 && nid.bits <= 0x02005efffeffffff) return "reserved range (RFC 5453)";
  return nullptr;
}

}  // namespace ilnp
