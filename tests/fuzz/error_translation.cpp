// SPDX-License-Identifier: Apache-2.0
// Any octets as an ICMPv6 error with a quote: translation stays inside and gives a well-formed error of bounded size.
#include "core/ilnp/error_translation.h"

#include "core/ipv6/icmpv6.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/packet_builder.h"

using namespace ilnp;

namespace {

constexpr Address us{{0xfd494c4e50366631}, {0x5c1a97d304be6f21}}, peer{{0xfd494c4e50366631}, {0x02144ffffe20ee64}};

void check(const ByteVector& translated, const Address& destination) {
  const WalkOutcome out = walk_headers(translated);
  FUZZ_REQUIRE(out.ok);
  FUZZ_REQUIRE(out.walk.destination == destination);
  FUZZ_REQUIRE(out.walk.upper_offset == ipv6_header_length);
  FUZZ_REQUIRE(translated.size() <= minimum_mtu);
  FUZZ_REQUIRE(test::checksum_is_good(translated));
  const auto again = parse_quoted(translated, out.walk);
  FUZZ_REQUIRE(again.has_value() || again.error() == QuoteError::unreadable);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteVector packet = fuzz::with_right_length({data, size});
  const WalkOutcome outer = walk_headers(packet);
  if (!outer.ok) return 0;
  const HeaderWalk& walk = outer.walk;
  if (walk.upper_protocol == next_header::icmpv6 && walk.upper_length >= 4 && walk.has_upper_layer()) {
    std::uint8_t* message = packet.data() + walk.upper_offset;
    store_u16(message + 2, 0);
    store_u16(message + 2,
              upper_layer_checksum(walk.source, walk.destination, next_header::icmpv6, {message, walk.upper_length}));
  }
  const auto quoted = parse_quoted(packet, walk);
  if (quoted.has_error()) return 0;
  FUZZ_REQUIRE(quoted.value().nonce(packet).size() == quoted.value().walk.nonce_length);
  const auto mode = size % 2 == 0 ? ChecksumMode::ipv6 : ChecksumMode::rfc6741;
  const ByteVector inward = translate_error(packet, walk, quoted.value(), {us, peer}, mode, 16);
  check(inward, us);
  const WalkOutcome quote = walk_headers(Bytes{inward}.subspan(48), true);
  FUZZ_REQUIRE(!quote.ok || !quote.walk.has_nonce());
  if (quoted.value().type == icmpv6::packet_too_big) FUZZ_REQUIRE(load_u32(inward.data() + 44) >= minimum_mtu);
  check(translate_own_error(packet, walk, quoted.value(), {us, peer}, mode, 16), us);
  return 0;
}
