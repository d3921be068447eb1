// SPDX-License-Identifier: Apache-2.0
// Packets for tests, written as sentences:
//   PacketBuilder{alice, bob}.nonce(value).udp(40000, 7777, text("hello")).build()
// Extension headers appear in the order of the calls; lengths, next-header octets and checksums are filled in.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/bytes.h"
#include "core/ilnp/checksum_mode.h"
#include "core/ilnp/nonce.h"
#include "core/ipv6/address.h"
#include "core/ipv6/header_walk.h"
#include "core/ipv6/packet.h"

namespace ilnp::test {

class PacketBuilder {
 public:
  PacketBuilder(const Address& source, const Address& destination) : source_{source}, destination_{destination} {}

  PacketBuilder& hop_limit(std::uint8_t hops);
  PacketBuilder& traffic_class(std::uint8_t octet);
  PacketBuilder& flow_label(std::uint32_t label);
  /// Whose pseudo-header the TCP or UDP checksum covers; `ipv6` unless told.
  PacketBuilder& checksum(ChecksumMode mode);
  /// Leaves the upper-layer bytes as given (already finished, or wrong on purpose).
  PacketBuilder& keep_checksum();

  PacketBuilder& hop_by_hop(Bytes options = {});
  PacketBuilder& destination_options(Bytes options);
  /// Destination Options with just this nonce, of any length, and the padding that it needs.
  PacketBuilder& nonce(Bytes value);
  PacketBuilder& nonce(const Nonce& value) { return nonce(value.octets()); }
  PacketBuilder& routing(std::uint8_t type, std::uint8_t segments_left, std::size_t octets = 8);
  PacketBuilder& fragment(std::size_t offset, bool more, std::uint32_t identification);
  PacketBuilder& authentication(std::size_t octets = 24);
  /// Any other header: `body` is written behind its next-header octet as it is.
  PacketBuilder& extension(std::uint8_t type, Bytes body);

  PacketBuilder& udp(std::uint16_t source_port, std::uint16_t destination_port, Bytes payload = {});
  PacketBuilder& tcp(std::uint16_t source_port, std::uint16_t destination_port, std::uint32_t sequence,
                     std::uint32_t acknowledgement, std::uint8_t flags, Bytes payload = {}, Bytes options = {});
  PacketBuilder& icmpv6(std::uint8_t type, std::uint8_t code, Bytes body);
  PacketBuilder& echo_request(std::uint16_t identifier, std::uint16_t sequence, Bytes payload = {});
  PacketBuilder& payload(std::uint8_t protocol, Bytes upper_layer);

  ByteVector build() const;

 private:
  PacketBuilder& options_header(std::uint8_t type, Bytes options);

  Address source_, destination_;
  std::uint32_t first_word_ = std::uint32_t{6} << 28;
  std::uint8_t hop_limit_ = 64;
  ChecksumMode mode_ = ChecksumMode::ipv6;
  bool keep_checksum_ = false;
  std::vector<std::pair<std::uint8_t, ByteVector>> extensions_;  ///< without their next-header octet
  std::uint8_t protocol_ = next_header::none;
  ByteVector upper_layer_;
};

/// A packet with free octets in front, as I/O delivers it.
class PacketBuffer {
 public:
  explicit PacketBuffer(Bytes bytes, std::size_t headroom = packet_headroom)
      : buffer_(headroom + bytes.size()), packet{buffer_, headroom, bytes.size()} {
    std::copy(bytes.begin(), bytes.end(), packet.data());
  }
  PacketBuffer(const PacketBuffer&) = delete;
  PacketBuffer& operator=(const PacketBuffer&) = delete;

  ByteVector bytes() const { return {packet.data(), packet.data() + packet.size()}; }

 private:
  ByteVector buffer_;

 public:
  Packet packet;
};

/// The octets of a text; of hexadecimal digits (blanks ignored); n octets 0, 1, 2 ... 255, 0 ...
ByteVector text(std::string_view characters);
ByteVector hex(std::string_view digits);
ByteVector counting(std::size_t n);

/// An address from its usual text; aborts on a wrong one, for constants in tests.
Address address(std::string_view text);

/// True when the upper layer's checksum verifies over the addresses of the packet in this mode. Whole packets only.
bool checksum_is_good(Bytes packet, ChecksumMode mode = ChecksumMode::ipv6);

}  // namespace ilnp::test
