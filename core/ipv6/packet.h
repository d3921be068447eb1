// SPDX-License-Identifier: Apache-2.0
// One IPv6 packet inside a larger buffer, rewritten in place. Free octets in front (headroom) let an extension header
// be inserted or removed by moving only the headers before it. The packet may be a super-packet: one header followed
// by up to 64 KiB that the kernel or the NIC cuts into segments later (offload metadata says how).
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "core/base/bytes.h"

namespace ilnp {

/// What the kernel's virtio-net header says about a packet. Offsets count from the first octet of the IPv6 header.
struct Offload {
  enum class Segmentation : std::uint8_t { none, tcp, udp };

  /// The transport checksum field holds only the (folded, not complemented) pseudo-header sum; whoever sends the
  /// packet finishes it over the octets from checksum_start.
  bool partial_checksum = false;
  Segmentation segmentation = Segmentation::none;
  /// A datagram that its sender had cut into fragments: it may be cut again where it does not fit.
  bool may_fragment = false;
  bool ecn = false;                   ///< TCP segmentation must keep CWR on the first segment only
  std::uint16_t checksum_start = 0;   ///< octets; valid when partial_checksum
  std::uint16_t checksum_offset = 0;  ///< of the field, from checksum_start
  std::uint16_t segment_size = 0;     ///< payload octets per segment; valid when segmentation != none
  std::uint16_t header_length = 0;    ///< octets up to the end of the transport header; 0 = unknown
};

class Packet {
 public:
  /// `buffer` outlives the packet; the packet occupies [begin, begin + length) of it.
  Packet(MutableBytes buffer, std::size_t begin, std::size_t length, Offload offload_metadata = {})
      : offload{offload_metadata}, buffer_{buffer}, begin_{begin}, length_{length} {
    assert(begin + length <= buffer.size());
  }

  MutableBytes bytes() { return buffer_.subspan(begin_, length_); }
  Bytes bytes() const { return buffer_.subspan(begin_, length_); }
  std::uint8_t* data() { return buffer_.data() + begin_; }
  const std::uint8_t* data() const { return buffer_.data() + begin_; }
  std::size_t size() const { return length_; }
  std::size_t headroom() const { return begin_; }

  /// Opens a gap of n octets at `offset` by moving the first `offset` octets towards the headroom. The offload offsets
  /// follow. The gap's content is unspecified. Precondition: n <= headroom().
  void insert_gap(std::size_t offset, std::size_t n) {
    assert(n <= begin_ && offset <= length_);
    std::memmove(buffer_.data() + begin_ - n, buffer_.data() + begin_, offset);
    begin_ -= n;
    length_ += n;
    shift_offload(static_cast<int>(n));
  }
  /// Removes n octets at `offset`, the inverse of insert_gap.
  void remove(std::size_t offset, std::size_t n) {
    assert(offset + n <= length_);
    std::memmove(buffer_.data() + begin_ + n, buffer_.data() + begin_, offset);
    begin_ += n;
    length_ -= n;
    shift_offload(-static_cast<int>(n));
  }

  Offload offload;

 private:
  void shift_offload(int n) {
    if (offload.partial_checksum) offload.checksum_start = static_cast<std::uint16_t>(offload.checksum_start + n);
    if (offload.header_length != 0) offload.header_length = static_cast<std::uint16_t>(offload.header_length + n);
  }

  MutableBytes buffer_;
  std::size_t begin_;
  std::size_t length_;
};

/// Octets that every I/O buffer leaves free in front of a packet: link-layer header, virtio-net header, nonce header.
inline constexpr std::size_t packet_headroom = 128;

}  // namespace ilnp
