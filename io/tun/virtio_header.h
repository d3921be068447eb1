// SPDX-License-Identifier: Apache-2.0
// The virtio-net header that TUN devices and packet sockets put in front of a packet, and our Offload. The kernel
// fills it in, but part of it follows from what a peer sent, so it is checked like any other input.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "core/base/bytes.h"
#include "core/ipv6/packet.h"

namespace ilnp {

/// The legacy form, in native byte order (linux/virtio_net.h, which a C++ compiler refuses).
struct VirtioHeader {
  static constexpr std::uint8_t needs_checksum = 1, data_valid = 2;  // flags
  static constexpr std::uint8_t gso_none = 0, gso_tcp4 = 1, gso_tcp6 = 4, gso_udp_l4 = 5,
                                gso_ecn_bit = 0x80;  // gso_type

  std::uint8_t flags = 0;
  std::uint8_t gso_type = 0;
  std::uint16_t header_length = 0;
  std::uint16_t gso_size = 0;
  std::uint16_t checksum_start = 0;
  std::uint16_t checksum_offset = 0;
};
inline constexpr std::size_t virtio_header_length = sizeof(VirtioHeader);
static_assert(virtio_header_length == 10);

/// Octets of a buffer that takes any packet a device can deliver: headroom, link header, 64 KiB and an IPv6 header.
/// Not a multiple of the page size, so that consecutive buffers do not compete for the same cache sets.
inline constexpr std::size_t packet_buffer_size = 65536 + 64 + packet_headroom + 64;

/// From this size on a super-packet is handled before many more are read: it is copied once more on its way on, and
/// what is still in the processor's cache is copied for little.
inline constexpr std::size_t large_packet = 16 * 1024;

/// What the packet behind the header is.
enum class IpVersion : std::uint8_t { v4 = 4, v6 = 6 };

/// `link_header` octets lie between the virtio header's origin and the IP header (0 for TUN, 14 for Ethernet);
/// `length` is that of the IP packet. Empty: a header that makes no sense or asks for what we do not know.
std::optional<Offload> offload_from_virtio(const VirtioHeader& header, std::size_t link_header, std::size_t length,
                                           IpVersion version = IpVersion::v6);

/// The inverse. "Checksum already verified" is never claimed: the addresses were rewritten.
VirtioHeader virtio_from_offload(const Offload& offload, std::size_t link_header, IpVersion version = IpVersion::v6);

}  // namespace ilnp
