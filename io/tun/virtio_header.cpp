// SPDX-License-Identifier: Apache-2.0
#include "io/tun/virtio_header.h"

#include <algorithm>

#include "core/ipv6/header_walk.h"

namespace ilnp {

namespace {
constexpr std::size_t ipv4_header_length = 20;  ///< at least
}

std::optional<Offload> offload_from_virtio(const VirtioHeader& header, std::size_t link_header, std::size_t length,
                                           IpVersion version) {
  const std::size_t ip_header = version == IpVersion::v4 ? ipv4_header_length : ipv6_header_length;
  Offload offload;
  if ((header.flags & VirtioHeader::needs_checksum) != 0) {
    // The checksum covers something behind the IP header, and its field lies inside the packet.
    if (header.checksum_start < link_header + ip_header) return std::nullopt;
    const std::size_t start = header.checksum_start - link_header;
    if (start + header.checksum_offset + 2 > length) return std::nullopt;
    offload.partial_checksum = true;
    offload.checksum_start = static_cast<std::uint16_t>(start);
    offload.checksum_offset = header.checksum_offset;
  }
  offload.ecn = (header.gso_type & VirtioHeader::gso_ecn_bit) != 0;
  const int segmentation = header.gso_type & ~VirtioHeader::gso_ecn_bit;
  switch (segmentation) {
    case VirtioHeader::gso_none:
      break;
    case VirtioHeader::gso_tcp4:
    case VirtioHeader::gso_tcp6:
      if ((segmentation == VirtioHeader::gso_tcp4) != (version == IpVersion::v4)) return std::nullopt;
      offload.segmentation = Offload::Segmentation::tcp;
      break;
    case VirtioHeader::gso_udp_l4:
      offload.segmentation = Offload::Segmentation::udp;
      break;
    default:
      return std::nullopt;
  }
  if (offload.segmentation == Offload::Segmentation::none) {
    if (offload.ecn) return std::nullopt;
  } else {
    // Segments get their checksums when they are cut, so a super-packet's is always unfinished.
    if (!offload.partial_checksum || header.gso_size == 0) return std::nullopt;
    if (offload.ecn && offload.segmentation != Offload::Segmentation::tcp) return std::nullopt;
    offload.segment_size = header.gso_size;
  }
  if (header.header_length > link_header)
    offload.header_length =
        static_cast<std::uint16_t>(std::min<std::size_t>(header.header_length - link_header, length));
  return offload;
}

VirtioHeader virtio_from_offload(const Offload& offload, std::size_t link_header, IpVersion version) {
  VirtioHeader header;
  std::size_t header_length = offload.header_length;
  if (offload.partial_checksum) {
    header.flags = VirtioHeader::needs_checksum;
    header.checksum_start = static_cast<std::uint16_t>(offload.checksum_start + link_header);
    header.checksum_offset = offload.checksum_offset;
  }
  if (offload.segmentation != Offload::Segmentation::none) {
    const bool tcp = offload.segmentation == Offload::Segmentation::tcp;
    const std::uint8_t by_version = version == IpVersion::v4 ? VirtioHeader::gso_tcp4 : VirtioHeader::gso_tcp6;
    header.gso_type = tcp ? by_version : VirtioHeader::gso_udp_l4;
    if (offload.ecn) header.gso_type |= VirtioHeader::gso_ecn_bit;
    header.gso_size = offload.segment_size;
    // Without the hint the kernel would look for 64 KiB in one piece.
    if (header_length == 0) header_length = std::size_t{offload.checksum_start} + (tcp ? 20 : 8);
  }
  if (header_length != 0) header.header_length = static_cast<std::uint16_t>(header_length + link_header);
  return header;
}

}  // namespace ilnp
