// SPDX-License-Identifier: Apache-2.0
// The record data of RFC 6742: NID (104), L32 (105), L64 (106) and LP (107) as typed values, their octets and their
// text. Lower preference is better in all of them.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/time.h"
#include "core/ipv6/address.h"
#include "core/records/dns_message.h"

namespace ilnp {

struct NidData {
  std::uint16_t preference{};
  NodeId nid;
  auto operator<=>(const NidData&) const = default;
};
struct L32Data {
  std::uint16_t preference{};
  std::uint32_t locator{};  ///< an IPv4 subnetwork; ILNPv4 only, shown and checked but not used by us
  auto operator<=>(const L32Data&) const = default;
};
struct L64Data {
  std::uint16_t preference{};
  Locator locator;
  auto operator<=>(const L64Data&) const = default;
};
struct LpData {
  std::uint16_t preference{};
  DnsName target;
  auto operator<=>(const LpData&) const = default;
};

/// Record data in octets, as in a message without compression (RFC 6742 section 2: LP targets are not compressed).
ByteVector encode(const NidData& data);
ByteVector encode(const L32Data& data);
ByteVector encode(const L64Data& data);
ByteVector encode(const LpData& data);

/// Empty when the length is not the one that the type has.
std::optional<NidData> decode_nid(Bytes rdata);
std::optional<L32Data> decode_l32(Bytes rdata);
std::optional<L64Data> decode_l64(Bytes rdata);
/// `rdata` alone: for sources without compression (zone files, DNSSEC canonical form).
std::optional<LpData> decode_lp(Bytes rdata);
/// From a message, where a careless server may have compressed the target.
std::optional<LpData> decode_lp(const DnsMessage& message, const DnsRecord& record);

/// Presentation, `10 2001:0db8:0001:0002`: four lower-case digits a group, which every server reads.
std::string to_text(const NidData& data);
std::string to_text(const L32Data& data);
std::string to_text(const L64Data& data);
std::string to_text(const LpData& data);

/// `10 0214:4fff:fe20:ee64`; the `+` form is read as well. Preference 0 to 65535.
std::optional<NidData> parse_nid_data(std::string_view text);
std::optional<L64Data> parse_l64_data(std::string_view text);
std::optional<LpData> parse_lp_data(std::string_view text);

/// What is wrong with publishing a locator, or nullptr: multicast, link-local, unique local, not 2000::/3.
const char* locator_objection(Locator locator);
/// What is wrong with a NID, or nullptr: zero and the reserved interface identifiers of RFC 5453.
const char* nid_objection(NodeId nid);

/// TTL as a reader must take it (RFC 2181 section 8: at most 2^31 - 1, larger means zero).
inline seconds effective_ttl(std::uint32_t ttl) { return seconds{ttl > 0x7fffffff ? 0 : ttl}; }

}  // namespace ilnp
