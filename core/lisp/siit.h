// SPDX-License-Identifier: Apache-2.0
// Stateless translation between IPv4 and IPv6 (RFC 7915, addresses by RFC 7757 and 6052): an IPv4-only LISP client
// reaches an IPv6-only node. TCP, UDP and ICMP echoes and errors; other protocols pass as they are, without hope for
// those whose checksum covers addresses. The hop limit is copied: one hop is taken where the packet is forwarded. Which
// packets are to be translated, and whether the result fits the way on, is the caller's business.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/ipv6/packet.h"
#include "core/lisp/eam.h"
#include "core/lisp/siit_icmp.h"
#include "core/lisp/siit_reasons.h"

namespace ilnp::lisp {

struct SiitSettings {
  SiitMtus mtus;
  /// Octets of the largest IPv6 packet that a datagram whose sender lets routers cut it becomes: what is longer is cut.
  std::size_t lowest_ipv6_mtu = 1280;
  /// Whom ICMP errors come from whose sender, a router, has no IPv4 address (RFC 6791); nothing: they are dropped.
  std::optional<IpAddress> router;
  bool hairpin = false;  ///< from one IPv6-only node to the IPv4 address of another (RFC 7757 section 4)
};

struct Translation {
  enum class Kind : std::uint8_t {
    in_place,  ///< the packet is the translated one
    instead,   ///< `packets` are, and the packet is of no more use
    dropped,   ///< the packet is of no more use
  };
  Kind kind = Kind::dropped;
  SiitDrop reason = SiitDrop::none;
  Family family = Family::ipv6;  ///< of what came out
  std::vector<ByteVector> packets{};
};

class Siit {
 public:
  /// Free octets that a packet needs in front.
  static constexpr std::size_t headroom = 28;

  /// `nodes` outlives it. `seed`: secret.
  Siit(SiitSettings settings, const EamTable& nodes, std::uint64_t seed);

  /// What reaches `destination` only translated: an IPv6 address of an IPv4 node, an IPv4 address of an IPv6-only node.
  bool is_for(std::uint32_t instance, const IpAddress& destination) const;

  // The packet is as long as its header says. It may be a super-packet; its offload metadata follow. Of super-packets
  // the segments are the business of who made them: they are neither cut nor marked as having been.
  /// From an IPv4 node to an IPv6-only one.
  Translation to_ipv6(std::uint32_t instance, Packet& packet);
  /// From an IPv6-only node to an IPv4 node; or to another IPv6-only node, and then what comes out is IPv6 again.
  Translation to_ipv4(std::uint32_t instance, Packet& packet);

 private:
  Translation error_to_ipv6(std::uint32_t instance, const Packet& packet, const SiitHeader& header, const IpPair& to);
  Translation error_to_ipv4(std::uint32_t instance, const Packet& packet, const SiitHeader& header, const IpPair& to);
  std::uint16_t next_identification(const IpPair& addresses);

  SiitSettings settings_;
  const EamTable& nodes_;
  std::uint64_t seed_;
  std::array<std::uint16_t, 256> identifications_{};  ///< by addresses, so that none is soon used again
};

}  // namespace ilnp::lisp
