// SPDX-License-Identifier: Apache-2.0
// The ILNPv6 Nonce destination option (RFC 6744): type 0x8B, 4 or 12 octets from us, 4..64 compared on receipt.
#pragma once

#include <array>
#include <cstdint>

#include "core/base/bytes.h"
#include "core/base/crypto.h"
#include "core/ipv6/header_walk.h"
#include "core/ipv6/packet.h"

namespace ilnp {

/// A nonce that we keep: 4 or 12 octets. Fixed size, zeroised when destroyed.
class Nonce {
 public:
  static constexpr std::size_t short_length = 4, long_length = 12;
  static constexpr bool is_storable(std::size_t length) { return length == short_length || length == long_length; }

  Nonce() = default;
  /// Precondition: is_storable(octets.size()).
  explicit Nonce(Bytes octets);
  static Nonce draw(Random& random, std::size_t length);
  Nonce(const Nonce&) = default;
  Nonce& operator=(const Nonce&) = default;
  ~Nonce();

  bool is_set() const { return length_ != 0; }
  Bytes octets() const { return {octets_.data(), length_}; }
  std::size_t length() const { return length_; }
  /// Octets of a Destination Options header that holds just this nonce: 8 or 16.
  std::size_t header_length() const { return 4 + std::size_t{length_}; }
  /// Constant-time comparison with octets from a packet.
  bool matches(Bytes received) const { return is_set() && equal_in_constant_time(octets(), received); }

 private:
  std::array<std::uint8_t, long_length> octets_{};
  std::uint8_t length_ = 0;
};

/// Largest Destination Options header that we ever insert.
inline constexpr std::size_t max_nonce_header_length = 4 + Nonce::long_length;

/// Writes the Destination Options header with the nonce into out[0 .. header_length()).
void write_nonce_header(std::uint8_t* out, std::uint8_t next_header, const Nonce& nonce);

/// Inserts the nonce header into a packet without one, right before the upper layer. The payload length field and the
/// offload metadata follow; other offsets in `walk` stay valid, those of the upper layer grow by header_length().
/// Preconditions: that much headroom, a payload that stays below 64 KiB, and a whole datagram: a fragment is
/// reassembled first (RFC 8200 section 4.5 cuts after the header was added).
void insert_nonce_header(Packet& packet, const HeaderWalk& walk, const Nonce& nonce);

/// Removes the header that holds the nonce, when it holds nothing else; otherwise shrinks it by whole 8 octets and pads
/// the rest, so that other options keep their alignment and no padding exceeds the 7 octets that Linux accepts.
/// No nonce: no change. Precondition: `walk` is of this packet, and the packet is a whole datagram.
void strip_nonce(Packet& packet, const HeaderWalk& walk);

}  // namespace ilnp
