// SPDX-License-Identifier: Apache-2.0
// The eight octets between UDP and the inner packet (RFC 9300 section 5.3), with the next protocol of RFC 9305, and the
// order of map-versions (RFC 9302). Codec only; fixed size, nothing is allocated.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/lisp/reasons.h"

namespace ilnp::lisp {

inline constexpr std::size_t data_header_length = 8;

struct DataHeader {
  struct Versions {
    std::uint16_t source = 0, destination = 0;  ///< 12 bits, 0: none
    bool operator==(const Versions&) const = default;
  };
  std::optional<std::uint32_t> nonce{};  ///< N, 24 bits
  bool requests_echo = false;            ///< E: send my nonce back; only with one
  std::optional<Versions> versions{};    ///< V; not with a nonce
  std::optional<std::uint32_t>
      locator_status{};                         ///< L: bit i is the sender's i-th locator; 32, in an instance 8 of them
  std::optional<std::uint32_t> instance{};      ///< I, 24 bits
  std::optional<std::uint8_t> next_protocol{};  ///< P (RFC 9305); not with nonce, echo or versions
  std::uint8_t key_id = 0;                      ///< KK (RFC 8061): not 0 means that the payload is encrypted
  bool operator==(const DataHeader&) const = default;
};

namespace next_protocol {
inline constexpr std::uint8_t ipv4 = 1, ipv6 = 2;
}

/// At the front of `payload`. Without `knows_next_protocol` the bit P is what RFC 9300 has there: reserved. Where nonce
/// and versions are both announced it is a nonce; an echo is asked for only with one.
Result<DataHeader, ReadError> parse_data_header(Bytes payload, bool knows_next_protocol = false);

std::array<std::uint8_t, data_header_length> encode_data_header(const DataHeader& header);

/// Circular (RFC 9302 section 5.1): newer is what lies at most half way round ahead.
constexpr bool is_newer_version(std::uint16_t version, std::uint16_t than) {
  return (version > than && version - than <= 2048) || (than > version && than - version > 2048);
}
/// The one after it; none (0) is left out.
constexpr std::uint16_t next_version(std::uint16_t version) {
  return version >= 0xfff ? std::uint16_t{1} : static_cast<std::uint16_t>(version + 1);
}

}  // namespace ilnp::lisp
