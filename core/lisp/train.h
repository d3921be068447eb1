// SPDX-License-Identifier: Apache-2.0
// Super-packets through a tunnel in user space. A kernel that gives us 64 KiB of TCP in one piece expects somebody to
// cut it; behind the outer header that is us. What leaves is a train: equal datagrams, one behind the other, that the
// kernel takes in one call (UDP_SEGMENT). What arrives is one as well (UDP_GRO), and becomes a super-packet again.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "core/base/bytes.h"
#include "core/ipv6/packet.h"
#include "core/lisp/inner_packet.h"

namespace ilnp::lisp {

/// Most datagrams of a train that the kernel takes (UDP_MAX_SEGMENTS of older kernels), and most octets.
inline constexpr std::size_t most_in_train = 64, most_train_octets = 65000;

struct Train {
  ByteVector octets;
  std::size_t datagram = 0;  ///< octets of each but the last, which may be shorter
};

/// `packet` and its offload metadata: one packet, or a TCP or UDP super-packet. `front` goes before each (the LISP
/// header). Appends to `out`, whose vectors are used again. False: metadata and headers contradict each other.
bool cut_into_trains(const Packet& packet, const InnerPacket& inner, Bytes front, std::vector<Train>& out);

/// Octets of the largest packet that a super-packet is cut into; of other packets their own.
std::size_t largest_piece(const Packet& packet, const InnerPacket& inner);

/// Packets of a train that are one super-packet: the first one with its headers changed to fit, then the payload of
/// the others, where it lies.
struct Joined {
  MutableBytes first;
  std::vector<Bytes> rest;
  Offload offload;
};

/// Of packets whose transport checksums are right only TCP segments of one flow that follow each other are joined; the
/// others, also those with a wrong checksum, stay as they are. At most most_in_train become one.
std::vector<Joined> join(std::span<const MutableBytes> packets);

}  // namespace ilnp::lisp
