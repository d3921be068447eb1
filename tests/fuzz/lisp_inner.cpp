// SPDX-License-Identifier: Apache-2.0
// Any octets as the packet inside of a LISP data packet: the first two say how it came and how wide the way is. What is
// changed is still what was read, pieces fit and can be read again, errors are packets.
#include <algorithm>

#include "core/lisp/encapsulation.h"
#include "core/lisp/mss.h"
#include "tests/fuzz/fuzz.h"

using namespace ilnp;
using namespace ilnp::lisp;

namespace {

const IpAddress own4 = IpAddress::v4(0xc000'0214), own6{Address{{0x2001'0db8'00a2'0000}, {1}}};

void fragment(Bytes packet, const InnerPacket& inner, std::size_t mtu) {
  if (!inner.source.is_ipv4() || !inner.may_fragment || inner.length <= mtu) return;
  std::size_t payload = 0;
  for (const ByteVector& piece : fragment_ipv4(packet, inner, mtu)) {
    FUZZ_REQUIRE(piece.size() <= mtu);
    const auto read = parse_inner(piece);
    FUZZ_REQUIRE(read.has_value() && read.value().length == piece.size());
    payload += piece.size() - read.value().upper_offset;
  }
  FUZZ_REQUIRE(payload == inner.length - inner.upper_offset);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::uint8_t hops = data[0], traffic_class = data[1];
  ByteVector packet{data + 2, data + size};
  FUZZ_REQUIRE(nesting_depth(packet) <= 3);
  const auto read = parse_inner(packet);
  if (!read) return 0;
  const InnerPacket inner = read.value();
  FUZZ_REQUIRE(inner.length <= packet.size() && inner.upper_offset <= inner.length);

  fragment(packet, inner, 68 + hops);
  for (const InnerError error : {InnerError::too_big, InnerError::hop_limit_exceeded})
    if (const auto told = error_about(packet, inner, error, 1400, inner.source.is_ipv4() ? own4 : own6)) {
      const auto again = parse_inner(*told);
      FUZZ_REQUIRE(again.has_value() && again.value().destination == inner.source);
    }
  for (const IpAddress& rloc : {own4, own6}) {
    ByteVector sent = packet;
    const auto out =
        encapsulate(sent, inner, rloc, 1280 + hops, inner.length, 1, [](const IpAddress&) { return false; });
    if (out.verdict != EncapsulationVerdict::encapsulate) continue;
    const auto again = parse_inner(sent);
    FUZZ_REQUIRE(again.has_value() && again.value().hop_limit + 1 == inner.hop_limit);
  }
  ByteVector clamped = packet;
  clamp_mss(clamped, inner, 1000 + hops, false);
  FUZZ_REQUIRE(
      std::equal(packet.begin(), packet.begin() + static_cast<std::ptrdiff_t>(inner.upper_offset), clamped.begin()));
  if (!decapsulate(packet, inner, hops, traffic_class, DscpMode::uniform)) return 0;
  const auto after = parse_inner(packet);
  FUZZ_REQUIRE(after.has_value() && after.value().hop_limit == std::min(hops, inner.hop_limit));
  FUZZ_REQUIRE((after.value().traffic_class & 0xfc) == (traffic_class & 0xfc));
  FUZZ_REQUIRE(after.value().source == inner.source && after.value().source_port == inner.source_port);
  return 0;
}
