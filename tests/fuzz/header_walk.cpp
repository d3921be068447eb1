// SPDX-License-Identifier: Apache-2.0
// Any octets as a packet: the walk stays inside, and inserting and stripping a nonce header are each other's inverse.
#include "core/ipv6/header_walk.h"

#include "core/ilnp/nonce.h"
#include "core/ipv6/fragments.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/packet_builder.h"

using namespace ilnp;

namespace {

void check_walk(Bytes packet, const HeaderWalk& walk) {
  FUZZ_REQUIRE(std::size_t{walk.upper_offset} + walk.upper_length <= packet.size());
  FUZZ_REQUIRE(walk.upper_pointer < walk.upper_offset);
  FUZZ_REQUIRE(packet[walk.upper_pointer] == walk.upper_protocol);
  FUZZ_REQUIRE(walk.fragment_header == 0 || packet[walk.fragment_pointer] == next_header::fragment);
  if (!walk.has_nonce()) return;
  FUZZ_REQUIRE(walk.nonce_length >= min_nonce_length && walk.nonce_length <= max_nonce_length);
  FUZZ_REQUIRE(packet[walk.nonce_option] == nonce_option_type);
  FUZZ_REQUIRE(packet[walk.nonce_header_pointer] == next_header::destination_options);
  FUZZ_REQUIRE(walk.nonce_offset + walk.nonce_length <= walk.nonce_header + walk.nonce_header_length);
  FUZZ_REQUIRE(walk.nonce_header + walk.nonce_header_length <= walk.upper_offset);
}

void check_strip(const ByteVector& packet, const HeaderWalk& walk) {
  test::PacketBuffer buffer{packet};
  strip_nonce(buffer.packet, walk);
  const ByteVector stripped = buffer.bytes();
  const WalkOutcome after = walk_headers(stripped);
  FUZZ_REQUIRE(after.ok);
  FUZZ_REQUIRE(!after.walk.has_nonce());
  FUZZ_REQUIRE(after.walk.upper_protocol == walk.upper_protocol);
  FUZZ_REQUIRE(after.walk.upper_length == walk.upper_length);
}

void check_insert(const ByteVector& packet, const HeaderWalk& walk) {
  for (const std::size_t length : {Nonce::short_length, Nonce::long_length}) {
    const Nonce nonce{ByteVector(length, 0x5a)};
    if (packet.size() - ipv6_header_length + nonce.header_length() > 0xffff) return;
    test::PacketBuffer buffer{packet};
    insert_nonce_header(buffer.packet, walk, nonce);
    const WalkOutcome with = walk_headers(buffer.packet.bytes());
    // One more header or option may be one too many; anything else is our fault.
    if (!with.ok && with.error == ParseError::too_many_headers) return;
    FUZZ_REQUIRE(with.ok);
    check_walk(buffer.packet.bytes(), with.walk);
    FUZZ_REQUIRE(with.walk.nonce_alone);
    strip_nonce(buffer.packet, with.walk);
    FUZZ_REQUIRE(buffer.bytes() == packet);
  }
}

void check_packet(const ByteVector& packet) {
  const WalkOutcome out = walk_headers(packet);
  if (!out.ok) {
    FUZZ_REQUIRE(out.error_offset <= packet.size());
    return;
  }
  check_walk(packet, out.walk);
  if (!out.walk.is_fragment) out.walk.has_nonce() ? check_strip(packet, out.walk) : check_insert(packet, out.walk);
  std::size_t data = 0;
  for (const ByteVector& fragment : fragment_packet(packet, out.walk, minimum_mtu, 1)) {
    FUZZ_REQUIRE(fragment.size() <= minimum_mtu);
    data += fragment.size();
  }
  FUZZ_REQUIRE(data == 0 || data >= packet.size());
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes input{data, size};
  const WalkOutcome quoted = walk_headers(input, true);
  if (quoted.ok) check_walk(input, quoted.walk);
  check_packet({input.begin(), input.end()});
  check_packet(fuzz::with_right_length(input));
  return 0;
}
