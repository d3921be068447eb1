// SPDX-License-Identifier: Apache-2.0
// A script of fragments and pauses: limits hold after every step, and what comes out is a packet whose octets all came
// from fragments that cover it without a gap. Each fragment carries octets that are a function of their offset, unless
// the script asks for others.
#include "core/ipv6/fragments.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/packet_builder.h"

using namespace ilnp;

namespace {

constexpr Address source{{0x20010db8000a0001}, {1}}, destination{{0x20010db800c00001}, {2}};
constexpr int max_steps = 48;
constexpr ReassemblyLimits limits{.datagrams = 3, .octets = 140'000, .timeout = seconds{60}};

/// One step of the script: 8 octets.
struct Step {
  std::uint8_t what, identification;
  std::uint16_t offset, length;
  std::uint8_t pause, octet;

  explicit Step(ByteReader& in)
      : what{in.u8()}, identification{in.u8()}, offset{in.u16()}, length{in.u16()}, pause{in.u8()}, octet{in.u8()} {}
  bool more() const { return (what & 1) != 0; }
  bool with_other_octets() const { return (what & 0x18) == 0x18; }
};

ByteVector fragment(const Step& step) {
  test::PacketBuilder builder{source, destination};
  if ((step.what & 2) != 0) builder.hop_by_hop();
  builder.traffic_class(static_cast<std::uint8_t>(step.what >> 6));
  ByteVector data(step.length % 4096);
  for (std::size_t i = 0; i < data.size(); ++i)
    data[i] = step.with_other_octets() ? step.octet : static_cast<std::uint8_t>((step.offset & 0xfff8) + i);
  builder.fragment(step.offset, step.more(), step.identification % 8U);
  return builder.keep_checksum().payload((step.what & 4) != 0 ? next_header::udp : next_header::none, data).build();
}

void check_whole(const ByteVector& packet, bool octets_are_offsets) {
  const WalkOutcome out = walk_headers(packet);
  FUZZ_REQUIRE(out.ok);
  FUZZ_REQUIRE(out.walk.fragment_header == 0);
  if (!octets_are_offsets) return;
  for (std::size_t i = 0; i < out.walk.upper_length; ++i)
    FUZZ_REQUIRE(packet[out.walk.upper_offset + i] == static_cast<std::uint8_t>(i));
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Reassembler reassembler{limits};
  TimePoint now{};
  bool octets_are_offsets = true;
  ByteReader in{{data, size}};
  for (int steps = 0; steps < max_steps && in.remaining() >= 8; ++steps) {
    const Step step{in};
    now += seconds{step.pause / 8};
    const ByteVector bytes = fragment(step);
    const WalkOutcome out = walk_headers(bytes);
    FUZZ_REQUIRE(out.ok);
    octets_are_offsets = octets_are_offsets && !step.with_other_octets() && out.walk.is_fragment;
    const auto outcome = reassembler.on_fragment(now, bytes, out.walk);
    if (outcome.kind == Reassembler::Outcome::Kind::complete) check_whole(outcome.packet, octets_are_offsets);
    FUZZ_REQUIRE(reassembler.datagrams() <= limits.datagrams);
    FUZZ_REQUIRE(reassembler.octets() <= limits.octets);
    FUZZ_REQUIRE(reassembler.next_deadline() > now);
    FUZZ_REQUIRE((reassembler.next_deadline() == never) == (reassembler.datagrams() == 0));
  }
  reassembler.on_time(now + limits.timeout);
  FUZZ_REQUIRE(reassembler.datagrams() == 0 && reassembler.octets() == 0);
  return 0;
}
