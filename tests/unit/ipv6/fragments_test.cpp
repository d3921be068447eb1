// SPDX-License-Identifier: Apache-2.0
#include "core/ipv6/fragments.h"

#include <gtest/gtest.h>

#include "tests/support/fakes.h"
#include "tests/support/matchers.h"
#include "tests/support/packet_builder.h"

namespace ilnp {
namespace {

using test::counting;
using test::hex;
using test::PacketBuilder;
using Kind = Reassembler::Outcome::Kind;

const Address source = test::address("2001:db8:a:1:5c1a:97d3:4be:6f21");
const Address destination = test::address("2001:db8:c0:1:214:4fff:fe20:ee64");
const ByteVector nonce4 = hex("1d9a6b3c");
constexpr TimePoint start{};

PacketBuilder packet() { return {source, destination}; }

std::vector<ByteVector> cut(const ByteVector& whole, std::size_t mtu, std::uint32_t id = 7) {
  return fragment_packet(whole, walk_headers(whole).walk, mtu, id);
}

/// A piece of data [begin, begin + length) whose octets are their offsets.
ByteVector piece(std::size_t begin, std::size_t length, bool more, std::uint32_t id = 7) {
  ByteVector data(length);
  for (std::size_t i = 0; i < length; ++i) data[i] = static_cast<std::uint8_t>(begin + i);
  return packet().fragment(begin, more, id).payload(next_header::none, data).build();
}

class Reassembly : public ::testing::Test {
 protected:
  Reassembler::Outcome give(const ByteVector& bytes, TimePoint now = start) {
    const WalkOutcome out = walk_headers(bytes);
    EXPECT_TRUE(out.ok);
    return reassembler_.on_fragment(now, bytes, out.walk);
  }
  void expect_held(const ByteVector& bytes) { EXPECT_EQ(give(bytes).kind, Kind::held); }
  void expect_dropped(const ByteVector& bytes, FragmentDrop reason) {
    const std::uint64_t before = reassembler_.drops(reason);
    const auto outcome = give(bytes);
    EXPECT_EQ(outcome.kind, Kind::dropped);
    EXPECT_EQ(static_cast<int>(outcome.reason), static_cast<int>(reason));
    EXPECT_EQ(reassembler_.drops(reason), before + 1);
  }
  void expect_complete(const ByteVector& bytes, const ByteVector& whole) {
    const auto outcome = give(bytes);
    EXPECT_EQ(outcome.kind, Kind::complete);
    EXPECT_SAME_BYTES(outcome.packet, whole);
  }

  Reassembler reassembler_{{.datagrams = 4, .octets = 200'000, .timeout = seconds{60}}};
};

TEST(FragmentPacket, PacketThatFitsComesBackUnchanged) {
  const ByteVector whole = packet().udp(1, 2, counting(1232)).build();
  ASSERT_EQ(whole.size(), 1280u);
  EXPECT_EQ(cut(whole, 1280), std::vector<ByteVector>{whole});
}

TEST(FragmentPacket, PiecesFitAndAllButTheLastAreFull) {
  const ByteVector whole = packet().udp(1, 2, counting(3000)).build();
  const auto fragments = cut(whole, 1285);
  ASSERT_EQ(fragments.size(), 3u);
  std::size_t expected_offset = 0;
  for (std::size_t i = 0; i < fragments.size(); ++i) {
    const WalkOutcome out = walk_headers(fragments[i]);
    ASSERT_TRUE(out.ok);
    EXPECT_LE(fragments[i].size(), 1285u);
    EXPECT_EQ(out.walk.fragment_offset, expected_offset);
    EXPECT_EQ(out.walk.more_fragments, i != 2);
    EXPECT_EQ(out.walk.fragment_id, 7u);
    expected_offset += fragments[i].size() - 48;
    if (i != 2) {
      EXPECT_EQ(fragments[i].size(), 1280u);
    }
  }
}

TEST(FragmentPacket, HopByHopAndRoutingGoIntoEveryFragmentTheNonceOnlyIntoTheFirst) {
  const ByteVector whole = packet()
                               .hop_by_hop()
                               .destination_options(hex("1e00"))
                               .routing(4, 0)
                               .nonce(nonce4)
                               .udp(1, 2, counting(1400))
                               .build();
  const auto fragments = cut(whole, 1280);
  ASSERT_EQ(fragments.size(), 2u);
  for (std::size_t i = 0; i < 2; ++i) {
    const HeaderWalk walk = walk_headers(fragments[i]).walk;
    EXPECT_EQ(walk.fragment_header, 64);
    EXPECT_EQ(fragments[i][walk.fragment_pointer], next_header::fragment);
    EXPECT_EQ(fragments[i][64], next_header::destination_options);
    EXPECT_EQ(walk.has_nonce(), i == 0);
  }
}

TEST(FragmentPacket, FragmentIsCutAgain) {
  const ByteVector whole = packet().udp(1, 2, counting(4000)).build();
  Reassembler reassembler;
  Reassembler::Outcome outcome;
  for (const ByteVector& large : cut(whole, 1500)) {
    for (const ByteVector& small : cut(large, 1280, 999)) {
      const HeaderWalk walk = walk_headers(small).walk;
      EXPECT_LE(small.size(), 1280u);
      EXPECT_EQ(walk.fragment_id, 7u);
      outcome = reassembler.on_fragment(start, small, walk);
    }
  }
  ASSERT_EQ(outcome.kind, Kind::complete);
  EXPECT_SAME_BYTES(outcome.packet, whole);
}

TEST(FragmentPacket, NothingWhenTheHeadersLeaveNoRoom) {
  EXPECT_TRUE(cut(packet().routing(4, 0, 1264).udp(1, 2, counting(100)).build(), 1280).empty());
  // The whole header chain must be in the first fragment (RFC 7112).
  EXPECT_TRUE(cut(packet().authentication(1028).authentication(240).udp(1, 2, counting(100)).build(), 1280).empty());
}

TEST_F(Reassembly, GivesBackWhatWasCutInAnyOrder) {
  test::FakeRandom random{41};
  for (int round = 0; round < 500; ++round) {
    PacketBuilder builder = packet();
    if (random.one_in(2)) builder.hop_by_hop();
    if (random.one_in(2)) builder.nonce(nonce4);
    const ByteVector whole = builder.udp(1, 2, random.octets(1600 + random.below(20'000))).build();
    auto fragments = cut(whole, 1280 + random.below(300), static_cast<std::uint32_t>(round));
    for (std::size_t i = fragments.size(); i > 1; --i) std::swap(fragments[i - 1], fragments[random.below(i)]);
    for (std::size_t i = 0; i + 1 < fragments.size(); ++i) expect_held(fragments[i]);
    expect_complete(fragments.back(), whole);
  }
  EXPECT_EQ(reassembler_.datagrams(), 0u);
  EXPECT_EQ(reassembler_.octets(), 0u);
  EXPECT_EQ(reassembler_.next_deadline(), never);
  EXPECT_EQ(reassembler_.completed(), 500u);
}

TEST_F(Reassembly, LargestDatagramFits) {
  const ByteVector whole = packet().udp(1, 2, counting(65535 - 8)).build();
  const auto fragments = cut(whole, 1280);
  for (std::size_t i = 0; i + 1 < fragments.size(); ++i) expect_held(fragments[i]);
  expect_complete(fragments.back(), whole);
}

TEST_F(Reassembly, DatagramsAreToldApartBySourceDestinationAndIdentification) {
  const auto half = [](const Address& from, const Address& to, std::uint32_t id, bool first) {
    return PacketBuilder{from, to}.fragment(first ? 0 : 8, first, id).payload(59, counting(8)).build();
  };
  const Address other{source.locator, {source.nid.bits + 1}};
  expect_held(half(source, destination, 1, true));
  expect_held(half(source, destination, 2, false));
  expect_held(half(other, destination, 1, false));
  expect_held(half(source, other, 1, false));
  EXPECT_EQ(give(half(source, destination, 1, false)).kind, Kind::complete);
  EXPECT_EQ(reassembler_.datagrams(), 3u);
}

TEST_F(Reassembly, AtomicFragmentCompletesBesideAnUnfinishedDatagramOfTheSameName) {
  expect_held(piece(0, 16, true));
  expect_complete(packet().hop_by_hop().fragment(0, false, 7).nonce(nonce4).udp(1, 2, counting(3)).build(),
                  packet().hop_by_hop().nonce(nonce4).udp(1, 2, counting(3)).build());
  EXPECT_EQ(give(piece(16, 3, false)).kind, Kind::complete);
}

TEST_F(Reassembly, ExactDuplicateIsHarmless) {
  expect_held(piece(0, 16, true));
  expect_dropped(piece(0, 16, true), FragmentDrop::duplicate);
  EXPECT_EQ(give(piece(16, 3, false)).kind, Kind::complete);
}

TEST_F(Reassembly, OverlapCondemnsTheDatagramAndWhatFollows) {
  const struct { std::size_t begin, length; } overlaps[] = {{0, 8}, {8, 8}, {0, 32}, {8, 24}, {24, 8}};
  std::uint32_t id = 100;
  for (const auto& [begin, length] : overlaps) {
    expect_held(piece(0, 16, true, ++id));
    expect_held(piece(24, 16, true, id));
    expect_dropped(piece(begin, length, true, id), FragmentDrop::overlap);
    expect_dropped(piece(16, 8, true, id), FragmentDrop::condemned);
    expect_dropped(piece(40, 8, false, id), FragmentDrop::condemned);
  }
  EXPECT_EQ(reassembler_.completed(), 0u);
}

TEST_F(Reassembly, SameRangeWithOtherOctetsIsAnOverlap) {
  expect_held(piece(0, 16, true));
  ByteVector changed = piece(0, 16, true);
  changed.back() ^= 1;
  expect_dropped(changed, FragmentDrop::overlap);
}

TEST_F(Reassembly, OneOctetOfOverlapWithTheLastFragmentIsSeen) {
  expect_held(piece(0, 16, true));
  expect_held(piece(32, 9, false));
  expect_dropped(piece(16, 24, true), FragmentDrop::overlap);
  expect_held(piece(16, 8, true, 8));
  expect_dropped(piece(8, 9, false, 8), FragmentDrop::overlap);
}

TEST_F(Reassembly, TwoEndsOrDataBehindTheEndCondemn) {
  expect_held(piece(16, 8, false, 1));
  expect_dropped(piece(24, 8, true, 1), FragmentDrop::conflicting_end);
  expect_held(piece(16, 8, false, 2));
  expect_dropped(piece(8, 8, false, 2), FragmentDrop::conflicting_end);
  expect_held(piece(32, 8, true, 3));
  expect_dropped(piece(16, 8, false, 3), FragmentDrop::conflicting_end);
}

TEST_F(Reassembly, LengthsThatNoFragmentHasAreRefused) {
  expect_dropped(piece(0, 9, true), FragmentDrop::bad_length);
  expect_dropped(piece(0, 0, true), FragmentDrop::bad_length);
  expect_dropped(piece(8, 0, false), FragmentDrop::bad_length);
  expect_dropped(piece(65528, 8, false), FragmentDrop::too_long);
  EXPECT_EQ(reassembler_.datagrams(), 0u);
  expect_held(piece(65528, 7, false));
}

TEST_F(Reassembly, HeadersCountTowardsTheLargestPayload) {
  // The later fragment has no Hop-by-Hop header and fits by itself; with that of the first it does not.
  const ByteVector first = packet().hop_by_hop().fragment(0, true, 7).payload(59, counting(65512)).build();
  expect_held(packet().fragment(65512, false, 7).payload(59, counting(16)).build());
  expect_dropped(first, FragmentDrop::too_long);
  EXPECT_EQ(reassembler_.completed(), 0u);
}

TEST_F(Reassembly, UnfinishedDatagramEndsAfterItsTimeout) {
  expect_held(piece(0, 16, true));
  EXPECT_EQ(reassembler_.next_deadline(), start + seconds{60});
  give(piece(32, 8, true), start + seconds{59});
  EXPECT_EQ(reassembler_.next_deadline(), start + seconds{60});  // counts from the first
  reassembler_.on_time(start + seconds{60} - Duration{1});
  EXPECT_EQ(reassembler_.datagrams(), 1u);
  reassembler_.on_time(start + seconds{60});
  EXPECT_EQ(reassembler_.datagrams(), 0u);
  EXPECT_EQ(reassembler_.octets(), 0u);
  EXPECT_EQ(reassembler_.drops(FragmentDrop::timed_out), 1u);
}

TEST_F(Reassembly, LateFragmentAfterTheTimeoutBeginsAnew) {
  expect_held(piece(0, 16, true));
  EXPECT_EQ(give(piece(16, 8, false), start + seconds{61}).kind, Kind::held);
  EXPECT_EQ(reassembler_.drops(FragmentDrop::timed_out), 1u);
}

TEST_F(Reassembly, OldestDatagramMakesRoom) {
  for (std::uint32_t id = 1; id <= 5; ++id) expect_held(piece(0, 16, true, id));
  EXPECT_EQ(reassembler_.datagrams(), 4u);
  EXPECT_EQ(reassembler_.drops(FragmentDrop::evicted), 1u);
  EXPECT_EQ(give(piece(16, 8, false, 5)).kind, Kind::complete);
  EXPECT_EQ(give(piece(16, 8, false, 1)).kind, Kind::held);  // its first half is gone
}

TEST_F(Reassembly, OctetsAreBounded) {
  for (std::uint32_t id = 1; id <= 4; ++id) {
    for (std::size_t i = 0; i < 48; ++i) {
      give(packet().fragment(8 + i * 1232, true, id).payload(59, counting(1232)).build());
      EXPECT_LE(reassembler_.octets(), 200'000u);
    }
  }
  EXPECT_GE(reassembler_.drops(FragmentDrop::evicted), 1u);
  EXPECT_GE(reassembler_.datagrams(), 2u);
}

TEST_F(Reassembly, CrumbsAreRefused) {
  for (std::size_t i = 0; i < 128; ++i) expect_held(piece(i * 16, 8, true));
  expect_dropped(piece(128 * 16, 8, true), FragmentDrop::too_many_fragments);
  EXPECT_LT(reassembler_.octets(), 1000u);
}

TEST_F(Reassembly, CongestionMarkOfOneFragmentMarksTheDatagram) {
  const auto marked = [](std::uint8_t ecn, bool first, std::uint32_t id) {
    return packet().traffic_class(ecn).fragment(first ? 0 : 8, first, id).payload(59, counting(8)).build();
  };
  give(marked(2, true, 1));
  const auto congested = give(marked(3, false, 1));
  ASSERT_EQ(congested.kind, Kind::complete);
  EXPECT_EQ(congested.packet[1] >> 4 & 3, 3);

  give(marked(1, true, 2));
  const auto calm = give(marked(1, false, 2));
  ASSERT_EQ(calm.kind, Kind::complete);
  EXPECT_EQ(calm.packet[1] >> 4 & 3, 1);

  give(marked(0, true, 3));
  expect_dropped(marked(3, false, 3), FragmentDrop::conflicting_ecn);
}

TEST_F(Reassembly, NextHeaderOfTheFirstFragmentCounts) {
  // RFC 8200 section 4.5: those of later fragments may differ and are ignored.
  give(packet().fragment(8, false, 7).payload(99, counting(8)).build());
  const auto outcome = give(packet().fragment(0, true, 7).payload(59, counting(8)).build());
  ASSERT_EQ(outcome.kind, Kind::complete);
  EXPECT_EQ(outcome.packet[6], 59);
}

}  // namespace
}  // namespace ilnp
