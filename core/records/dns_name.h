// SPDX-License-Identifier: Apache-2.0
// A domain name as a value: uncompressed wire octets in lower case (RFC 1035 section 3.1, RFC 4034 section 6.2), so
// that equal names are equal octets. At most 255 octets, labels of at most 63.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.h"
#include "core/ipv6/address.h"

namespace ilnp {

class DnsName {
 public:
  /// The root.
  DnsName() : wire_(1, '\0') {}

  /// Presentation form; the final dot may be missing, `\.` and `\DDD` escapes are understood (RFC 1035 section 5.1).
  static std::optional<DnsName> from_text(std::string_view text);
  /// Reads the name at `at` of a message, following compression pointers, which must point backwards (RFC 1035
  /// section 4.1.4). Sets `end` to the first octet after it.
  static std::optional<DnsName> from_message(Bytes message, std::size_t at, std::size_t& end);
  /// An uncompressed name that fills `wire` exactly.
  static std::optional<DnsName> from_wire(Bytes wire);
  /// The ip6.arpa name of an address (RFC 3596 section 2.5).
  static DnsName reverse_of(const Address& address);

  /// The address of a full ip6.arpa name; empty for every other name.
  std::optional<Address> reverse_address() const;
  /// With the final dot, escapes where needed.
  std::string text() const;
  Bytes wire() const { return {reinterpret_cast<const std::uint8_t*>(wire_.data()), wire_.size()}; }
  bool is_root() const { return wire_.size() == 1; }
  /// The name without its first label; the root's parent is the root.
  DnsName parent() const;
  std::size_t labels() const;
  /// This name is `ancestor` or below it.
  bool is_within(const DnsName& ancestor) const;

  auto operator<=>(const DnsName&) const = default;

 private:
  std::string wire_;
};

/// The end of the name at `at`, or empty when it is malformed: checks what from_message checks without building it.
std::optional<std::size_t> skip_dns_name(Bytes message, std::size_t at);

}  // namespace ilnp
