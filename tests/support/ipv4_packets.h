// SPDX-License-Identifier: Apache-2.0
// IPv4 packets for tests, written as sentences, and checksums of both families the slow way: octet by octet over a copy
// of what they cover, so that nothing of the code under test judges itself.
//   Ipv4Builder{client, server}.udp(40000, 53, text("hello")).build()
#pragma once

#include <cstdint>

#include "core/base/bytes.h"
#include "core/ipv6/header_walk.h"
#include "core/lisp/ip_address.h"

namespace ilnp::test {

/// The Internet checksum of these octets, complemented.
inline std::uint16_t slow_checksum(Bytes octets) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < octets.size(); ++i) sum += static_cast<std::uint32_t>(octets[i] << (i % 2 == 0 ? 8 : 0));
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

/// Of an upper layer that is there as a whole, its own field included: 0 when that is right. `length`: of the
/// pseudo-header.
inline std::uint16_t slow_upper_checksum(const lisp::IpAddress& source, const lisp::IpAddress& destination,
                                         std::uint8_t protocol, std::size_t length, Bytes upper) {
  ByteVector covered;
  ByteWriter w{covered};
  if (protocol != 1) {  // ICMP has no pseudo-header
    w.bytes(source.octets());
    w.bytes(destination.octets());
    w.u32(static_cast<std::uint32_t>(length));
    w.u32(protocol);
  }
  w.bytes(upper);
  return slow_checksum(covered);
}

class Ipv4Builder {
 public:
  Ipv4Builder(const lisp::IpAddress& source, const lisp::IpAddress& destination)
      : source_{source}, destination_{destination} {}

  Ipv4Builder& ttl(std::uint8_t hops) { return set(ttl_, hops); }
  Ipv4Builder& tos(std::uint8_t octet) { return set(tos_, octet); }
  Ipv4Builder& identification(std::uint16_t number) { return set(identification_, number); }
  Ipv4Builder& may_fragment() { return set(fragment_, std::uint16_t{0}); }
  /// `offset` in octets.
  Ipv4Builder& fragment(std::size_t offset, bool more) {
    return set(fragment_, static_cast<std::uint16_t>(offset / 8 | (more ? 0x2000 : 0)));
  }
  Ipv4Builder& options(Bytes octets) { return set(options_, ByteVector{octets.begin(), octets.end()}); }

  Ipv4Builder& udp(std::uint16_t from, std::uint16_t to, Bytes payload, bool with_checksum = true) {
    ByteVector upper;
    ByteWriter w{upper};
    w.u16(from);
    w.u16(to);
    w.u16(static_cast<std::uint16_t>(8 + payload.size()));
    w.u16(0);
    w.bytes(payload);
    return layer(17, upper, with_checksum ? 6 : -1);
  }
  Ipv4Builder& tcp(std::uint16_t from, std::uint16_t to, std::uint32_t sequence, Bytes payload) {
    ByteVector upper;
    ByteWriter w{upper};
    w.u16(from);
    w.u16(to);
    w.u32(sequence);
    w.u32(1);
    w.u32(0x5010'ffff);
    w.u32(0);
    w.bytes(payload);
    return layer(6, upper, 16);
  }
  Ipv4Builder& icmp(std::uint8_t type, std::uint8_t code, std::uint32_t second_word, Bytes body) {
    ByteVector upper;
    ByteWriter w{upper};
    w.u8(type);
    w.u8(code);
    w.u16(0);
    w.u32(second_word);
    w.bytes(body);
    return layer(1, upper, 2);
  }
  Ipv4Builder& payload(std::uint8_t protocol, Bytes upper) {
    return layer(protocol, ByteVector{upper.begin(), upper.end()}, -1);
  }

  ByteVector build() const {
    ByteVector out;
    ByteWriter w{out};
    const std::size_t header = 20 + options_.size();
    w.u8(static_cast<std::uint8_t>(0x40 + header / 4));
    w.u8(tos_);
    w.u16(static_cast<std::uint16_t>(header + upper_.size()));
    w.u16(identification_);
    w.u16(fragment_);
    w.u8(ttl_);
    w.u8(protocol_);
    w.u16(0);
    w.bytes(source_.octets());
    w.bytes(destination_.octets());
    w.bytes(options_);
    store_u16(out.data() + 10, slow_checksum(out));
    w.bytes(upper_);
    return out;
  }

 private:
  template <class T>
  Ipv4Builder& set(T& member, T value) {
    member = std::move(value);
    return *this;
  }
  Ipv4Builder& layer(std::uint8_t protocol, ByteVector upper, int checksum_at) {
    if (checksum_at >= 0) {
      const std::uint16_t sum = slow_upper_checksum(source_, destination_, protocol, upper.size(), upper);
      store_u16(upper.data() + checksum_at, protocol == 17 && sum == 0 ? std::uint16_t{0xffff} : sum);
    }
    protocol_ = protocol;
    return set(upper_, std::move(upper));
  }

  lisp::IpAddress source_, destination_;
  std::uint8_t ttl_ = 64, tos_ = 0, protocol_ = 59;
  std::uint16_t identification_ = 0x1234, fragment_ = 0x4000;  // DF
  ByteVector options_, upper_;
};

/// Every checksum of a packet of either family that is there as a whole is right: that of the IPv4 header, of TCP, UDP
/// and ICMP. UDP without one is right over IPv4 only.
inline bool checksums_are_right(Bytes packet) {
  const bool is_ipv4 = packet[0] >> 4 == 4;
  std::size_t offset = 0;
  std::uint8_t protocol = 0;
  if (is_ipv4) {
    offset = (packet[0] & 0xfu) * 4;
    if (slow_checksum(packet.first(offset)) != 0) return false;
    if ((load_u16(packet.data() + 6) & 0x3fff) != 0) return true;
    protocol = packet[9];
  } else {
    const WalkOutcome outcome = walk_headers(packet);
    if (!outcome.ok) return false;
    if (outcome.walk.is_fragment) return true;
    offset = outcome.walk.upper_offset;
    protocol = outcome.walk.upper_protocol;
  }
  const auto address = [&](std::size_t at4, std::size_t at6) {
    return lisp::IpAddress::load(is_ipv4 ? packet.subspan(at4, 4) : packet.subspan(at6, 16));
  };
  const Bytes upper = packet.subspan(offset);
  if (protocol != 6 && protocol != 17 && protocol != (is_ipv4 ? 1 : 58)) return true;
  std::size_t length = upper.size();
  if (protocol == 17) {
    if (upper.size() < 8) return false;
    if (load_u16(upper.data() + 6) == 0) return is_ipv4;
    length = load_u16(upper.data() + 4);
    if (length < 8 || length > upper.size()) return false;
  }
  return slow_upper_checksum(address(12, 8), address(16, 24), protocol, length, upper.first(length)) == 0;
}

}  // namespace ilnp::test
