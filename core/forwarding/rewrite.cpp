// SPDX-License-Identifier: Apache-2.0
#include "core/forwarding/rewrite.h"

#include "core/ipv6/checksum.h"

namespace ilnp {

bool rewrite_addresses(Packet& packet, const HeaderWalk& walk, const AddressPair& addresses, SumChange change) {
  const int field = checksum_field_offset(walk.upper_protocol);
  if (field >= 0 && walk.has_upper_layer()) {
    if (walk.upper_length < static_cast<std::uint32_t>(field) + 2) return false;
    std::uint8_t* checksum = packet.data() + walk.upper_offset + field;
    if (packet.offload.partial_checksum)
      store_u16(checksum, adjust_partial(load_u16(checksum), change));
    else
      adjust_field(checksum, walk.upper_protocol, change);
  }
  addresses.source.store(packet.data() + 8);
  addresses.destination.store(packet.data() + 24);
  return true;
}

bool checksum_verifies(const Packet& packet, const HeaderWalk& walk, ChecksumMode mode) {
  const int field = checksum_field_offset(walk.upper_protocol);
  if (field < 0) return true;
  if (walk.upper_length < static_cast<std::uint32_t>(field) + 2) return false;
  const std::uint64_t pseudo = std::uint64_t{wire_sum(mode, walk.upper_protocol, {walk.source, walk.destination})} +
                               fold(walk.upper_length) + walk.upper_protocol;
  const Bytes upper = packet.bytes().subspan(walk.upper_offset, walk.upper_length);
  if (packet.offload.partial_checksum) {
    // 0 and 0xffff are the same sum.
    return fold(std::uint64_t{load_u16(upper.data() + field)} + 0xffff) == fold(pseudo + 0xffff);
  }
  return ones_complement_sum(upper, pseudo) == 0xffff;
}

}  // namespace ilnp
