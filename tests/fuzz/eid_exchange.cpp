// SPDX-License-Identifier: Apache-2.0
// Any octets as a packet of a LISP client, or as one that the host gives to it. The first octet says what is put right
// before: bit 0 the addresses, bit 1 the upper layer's checksum, bit 2 the direction. What is exchanged keeps its
// length and whether its checksum is right, shows an address of one side only, and comes back as it was.
#include <algorithm>

#include "core/forwarding/eid_exchange.h"
#include "core/ipv6/checksum.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/fakes.h"
#include "tests/support/packet_builder.h"

using namespace ilnp;
using test::checksum_is_good;

namespace {

constexpr Locator identity{0xfd49'4c4e'5036'6631}, eids{0x2001'0db8'0e1d'0000};
constexpr Address client{{0x2001'0db8'0c11'0000}, {0x99}}, vm{eids, {0x0200'00ff'fe00'1234}},
    client_identity{identity, client.nid}, vm_identity{identity, vm.nid};
constexpr std::uint8_t set_addresses = 1, set_checksum = 2, leave = 4;

void swap_ends(ByteVector& packet) { std::swap_ranges(packet.begin() + 8, packet.begin() + 24, packet.begin() + 24); }

ByteVector prepared(std::uint8_t how, Bytes octets) {
  ByteVector packet = fuzz::with_right_length(octets);
  if (packet.size() < ipv6_header_length) return packet;
  if ((how & set_addresses) != 0) {
    ((how & leave) != 0 ? vm_identity : client).store(packet.data() + 8);
    ((how & leave) != 0 ? client_identity : vm).store(packet.data() + 24);
  }
  const WalkOutcome outcome = walk_headers(packet);
  if ((how & set_checksum) == 0 || !outcome.ok || outcome.walk.is_fragment) return packet;
  const HeaderWalk& walk = outcome.walk;
  const int field = checksum_field_offset(walk.upper_protocol);
  if (field < 0 || walk.upper_length < static_cast<std::uint32_t>(field) + 2) return packet;
  store_u16(packet.data() + walk.upper_offset + field, 0);
  const auto sum = upper_layer_checksum(walk.source, walk.destination, walk.upper_protocol,
                                        Bytes{packet}.subspan(walk.upper_offset));
  store_u16(packet.data() + walk.upper_offset + field, sum);
  return packet;
}

bool is_error(Bytes packet, const HeaderWalk& walk) {
  return walk.upper_protocol == next_header::icmpv6 && walk.upper_length > 0 && packet[walk.upper_offset] < 128;
}
bool has_udp_zero(Bytes packet, const HeaderWalk& walk) {
  return walk.upper_protocol == next_header::udp && walk.has_upper_layer() && walk.upper_length >= 8 &&
         load_u16(packet.data() + walk.upper_offset + 6) == 0;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::uint8_t how = data[0];
  const ByteVector packet = prepared(how, {data + 1, size - 1});
  test::FakeHasher hasher;
  EidExchange exchange{{identity, {{0, eids}}, 4}, hasher, 1};
  const TimePoint now{};
  {
    test::PacketBuffer first{test::PacketBuilder(client, vm).udp(1, 2).build()};
    FUZZ_REQUIRE(exchange.to_identity(now, 0, first.packet).drop == ExchangeDrop::none);
  }
  const bool leaves = (how & leave) != 0;
  const auto exchanged = [&](ByteVector& octets, bool to_client) {
    test::PacketBuffer buffer{octets};
    const ExchangeDrop drop =
        to_client ? exchange.to_eid(now, buffer.packet).drop : exchange.to_identity(now, 0, buffer.packet).drop;
    FUZZ_REQUIRE(buffer.packet.size() == octets.size());
    octets = buffer.bytes();
    return drop == ExchangeDrop::none;
  };

  ByteVector there = packet;
  if (!exchanged(there, leaves)) return 0;
  const HeaderWalk walk = walk_headers(packet).walk;
  const WalkOutcome outcome = walk_headers(there);
  FUZZ_REQUIRE(outcome.ok);
  FUZZ_REQUIRE((outcome.walk.destination.locator == identity) != leaves);
  FUZZ_REQUIRE(outcome.walk.destination.locator != eids);
  const bool had_no_sum = has_udp_zero(packet, walk);
  FUZZ_REQUIRE(!checksum_is_good(packet) || had_no_sum || checksum_is_good(there));
  if (is_error(packet, walk) || had_no_sum) return 0;
  swap_ends(there);
  if (!exchanged(there, !leaves)) return 0;  // somebody whom only this direction knows
  swap_ends(there);
  const int field = checksum_field_offset(walk.upper_protocol);
  ByteVector before = packet;
  if (field >= 0 && walk.has_upper_layer())
    for (ByteVector* each : {&before, &there}) {  // 0 and 0xffff are the same sum
      std::uint8_t* sum = each->data() + walk.upper_offset + field;
      if (load_u16(sum) == 0xffff) store_u16(sum, 0);
    }
  FUZZ_REQUIRE(there == before);
  return 0;
}
