// SPDX-License-Identifier: Apache-2.0
// The rules of the data plane (RFC 9300 sections 5, 7 and 8; RFC 6040): what the outer header says, what becomes of the
// inner one on the way out, what may not be sent, and what the sender hears then. Who the RLOC is, is decided
// elsewhere.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "core/base/bytes.h"
#include "core/lisp/inner_packet.h"
#include "core/lisp/messages.h"

namespace ilnp::lisp {

/// Octets in front of the inner packet: outer IP header, UDP, LISP.
constexpr std::size_t encapsulation_octets(Family outer) { return outer == Family::ipv4 ? 36 : 56; }

struct OuterHeader {
  std::uint8_t hop_limit = 64;
  std::uint8_t traffic_class = 0;
  std::uint16_t source_port = 0;  ///< 49152..65535, one for a flow
  bool may_fragment = false;      ///< the path is too narrow for what a sender may be asked
};

enum class EncapsulationVerdict : std::uint8_t {
  encapsulate,
  hop_limit_exceeded,  ///< Time Exceeded to the sender
  too_big,             ///< `mtu` to the sender
  fragment_inner,      ///< IPv4 without DF: fragment_ipv4() first, to `mtu`
  nested,              ///< it would be the third LISP header
  to_ourselves,        ///< a loop
};

struct Encapsulation {
  EncapsulationVerdict verdict = EncapsulationVerdict::encapsulate;
  OuterHeader outer;
  std::size_t mtu = 0;  ///< octets of an inner packet
};

/// Takes one from the packet's hop limit and says how it leaves. `path_mtu`: octets, to that RLOC. `segment`: octets
/// of the largest packet that a super-packet becomes; its own length otherwise. `is_own`: an address of this machine.
Encapsulation encapsulate(MutableBytes packet, const InnerPacket& inner, const IpAddress& rloc, std::size_t path_mtu,
                          std::size_t segment, std::uint64_t hash_seed,
                          const std::function<bool(const IpAddress&)>& is_own);

/// LISP headers that are in the packet already; counted up to three.
int nesting_depth(Bytes packet);

enum class DscpMode : std::uint8_t {
  uniform,  ///< the outer one is copied to the inner packet
  pipe,     ///< the inner one stays
};

/// RFC 6040 section 4.2; nothing: the packet is dropped, because nobody could tell its sender of the congestion.
std::optional<std::uint8_t> decapsulated_ecn(std::uint8_t inner, std::uint8_t outer);

/// The inner packet as it goes on: the lower one of both hop limits, DSCP by `mode`, ECN. False: dropped by ECN.
bool decapsulate(MutableBytes packet, const InnerPacket& inner, std::uint8_t outer_hop_limit,
                 std::uint8_t outer_traffic_class, DscpMode mode);

/// Into fragments of at most `mtu` octets, of about the same size. The packet may be one itself. Preconditions: IPv4
/// that may be fragmented, longer than `mtu`, which is at least 68.
std::vector<ByteVector> fragment_ipv4(Bytes packet, const InnerPacket& inner, std::size_t mtu);

enum class InnerError : std::uint8_t { too_big, hop_limit_exceeded, host_unreachable, prohibited };

/// The ICMP or ICMPv6 error packet for the sender of `packet`; nothing where none may be sent (RFC 1122 section 3.2.2,
/// RFC 4443 section 2.4). `own`: of the packet's family. `mtu`: too_big.
std::optional<ByteVector> error_about(Bytes packet, const InnerPacket& inner, InnerError error, std::size_t mtu,
                                      const IpAddress& own);

}  // namespace ilnp::lisp
