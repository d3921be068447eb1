// SPDX-License-Identifier: Apache-2.0
#include "core/ipv6/icmpv6.h"

#include <algorithm>
#include <cassert>

#include "core/ipv6/checksum.h"
#include "core/ipv6/header_walk.h"

namespace ilnp {

ByteVector build_packet(const Address& source, const Address& destination, std::uint8_t upper_protocol,
                        Bytes upper_layer, Bytes extension, std::uint8_t hop_limit) {
  const std::size_t payload = extension.size() + upper_layer.size();
  assert(payload <= 0xffff);
  ByteVector packet;
  packet.reserve(ipv6_header_length + payload);
  ByteWriter out{packet};
  out.u32(std::uint32_t{6} << 28);
  out.u16(static_cast<std::uint16_t>(payload));
  out.u8(extension.empty() ? upper_protocol : next_header::destination_options);
  out.u8(hop_limit);
  out.bytes(source.octets());
  out.bytes(destination.octets());
  out.bytes(extension);
  out.bytes(upper_layer);

  const int field = checksum_field_offset(upper_protocol);
  if (field >= 0 && upper_layer.size() >= static_cast<std::size_t>(field) + 2) {
    std::uint8_t* upper = packet.data() + packet.size() - upper_layer.size();
    store_u16(upper + field, 0);
    store_u16(upper + field, upper_layer_checksum(source, destination, upper_protocol, {upper, upper_layer.size()}));
  }
  return packet;
}

ByteVector build_error(std::uint8_t type, std::uint8_t code, std::uint32_t parameter, Bytes quoted,
                       std::size_t overhead) {
  constexpr std::size_t header = 8;
  assert(overhead + header <= minimum_mtu);
  const std::size_t room = minimum_mtu - overhead - header;
  ByteVector message;
  ByteWriter out{message};
  out.u8(type);
  out.u8(code);
  out.u16(0);
  out.u32(parameter);
  out.bytes(quoted.first(std::min(quoted.size(), room)));
  return message;
}

}  // namespace ilnp
