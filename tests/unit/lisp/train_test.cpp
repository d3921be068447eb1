// SPDX-License-Identifier: Apache-2.0
#include "core/lisp/train.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "core/ipv6/checksum.h"
#include "tests/support/fakes.h"

using namespace ilnp;
using namespace ilnp::lisp;

namespace {

constexpr std::uint8_t psh_ack = 0x18, fin_ack = 0x11, plain_ack = 0x10, cwr_ack = 0x90;
constexpr std::uint8_t tcp = 6, udp = 17;
const ByteVector front{0, 1, 2, 3, 4, 5, 6, 7};

/// A super-packet as the kernel hands it over: the checksum field holds the sum of the pseudo-header.
struct Super {
  bool is_ipv4 = false;
  std::uint8_t protocol = tcp, flags = psh_ack;
  std::uint32_t sequence = 0xffff'f000;  // wraps on the way
  std::size_t options = 12;

  std::size_t upper_offset() const { return is_ipv4 ? 20 : 40; }
  std::size_t transport() const { return protocol == tcp ? 20 + options : 8; }
  std::size_t headers() const { return upper_offset() + transport(); }

  ByteVector build(Bytes payload) const {
    ByteVector out;
    ByteWriter w{out};
    const std::size_t upper = transport() + payload.size();
    if (is_ipv4) {
      w.u32(0x4500'0000 | static_cast<std::uint32_t>(20 + upper));
      w.u32(0xfff0'4000);
      w.u8(64);
      w.u8(protocol);
      w.u16(0);
      w.u32(0x0a09'0005);
      w.u32(0x0a08'0007);
      store_u16(out.data() + 10, ipv4_header_sum(out));
    } else {
      w.u32(0x6000'1234);
      w.u16(static_cast<std::uint16_t>(upper));
      w.u8(protocol);
      w.u8(64);
      parse_address("2001:db8:c1e::99")->store((w.zeros(16), out.data() + 8));
      parse_address("2001:db8:e1d::7")->store((w.zeros(16), out.data() + 24));
    }
    w.u16(40000);
    w.u16(80);
    if (protocol == tcp) {
      w.u32(sequence);
      w.u32(7777);
      w.u8(static_cast<std::uint8_t>(transport() / 4 << 4));
      w.u8(flags);
      w.u16(500);
      w.u16(0);
      w.u16(0);
      for (std::size_t i = 0; i < options; ++i) w.u8(1);
    } else {
      w.u16(static_cast<std::uint16_t>(upper));
      w.u16(0);
    }
    store_u16(out.data() + upper_offset() + (protocol == tcp ? 16 : 6), pseudo(out, upper));
    w.bytes(payload);
    return out;
  }
  std::uint16_t pseudo(Bytes packet, std::size_t upper) const {
    const Bytes addresses = is_ipv4 ? packet.subspan(12, 8) : packet.subspan(8, 32);
    return fold(std::uint64_t{ones_complement_sum(addresses)} + upper + protocol);
  }
  Offload offload(std::size_t segment) const {
    Offload out;
    out.partial_checksum = true;
    out.segmentation = segment == 0      ? Offload::Segmentation::none
                       : protocol == tcp ? Offload::Segmentation::tcp
                                         : Offload::Segmentation::udp;
    out.segment_size = static_cast<std::uint16_t>(segment);
    out.checksum_start = static_cast<std::uint16_t>(upper_offset());
    out.checksum_offset = protocol == tcp ? 16 : 6;
    return out;
  }
  bool verifies(Bytes packet) const {
    const Bytes upper = packet.subspan(upper_offset());
    return ones_complement_sum(upper, pseudo(packet, upper.size())) == 0xffff;
  }
};

std::vector<Train> cut(ByteVector& bytes, const Offload& offload) {
  std::vector<Train> out;
  const Packet packet{bytes, 0, bytes.size(), offload};
  EXPECT_TRUE(cut_into_trains(packet, parse_inner(bytes).value(), front, out));
  return out;
}

/// The packets of trains, without what is in front of each.
std::vector<ByteVector> packets_of(const std::vector<Train>& trains) {
  std::vector<ByteVector> out;
  for (const Train& train : trains)
    for (std::size_t at = 0; at < train.octets.size(); at += train.datagram) {
      const Bytes datagram = Bytes{train.octets}.subspan(at, std::min(train.datagram, train.octets.size() - at));
      EXPECT_TRUE(std::equal(front.begin(), front.end(), datagram.begin()));
      out.emplace_back(datagram.begin() + 8, datagram.end());
    }
  return out;
}

std::vector<Joined> joined(std::vector<ByteVector>& packets) {
  std::vector<MutableBytes> views{packets.begin(), packets.end()};
  return join(views);
}

ByteVector whole(const Joined& one) {
  ByteVector out{one.first.begin(), one.first.end()};
  for (const Bytes part : one.rest) out.insert(out.end(), part.begin(), part.end());
  return out;
}

TEST(Train, PiecesAreRightAndMakeTheWholeAgain) {
  test::FakeRandom random{11};
  for (int turn = 0; turn < 400; ++turn) {
    Super super{.is_ipv4 = random.one_in(2), .options = 4 * random.below(11)};
    const std::size_t segment = 100 + random.below(1400);
    const std::size_t size = 1 + random.below(std::min<std::size_t>(60'000, most_in_train * segment));
    ByteVector bytes = super.build(random.octets(size));
    const ByteVector before = bytes;
    const auto trains = cut(bytes, super.offload(segment));
    EXPECT_EQ(bytes, before) << "the packet itself stays";
    auto pieces = packets_of(trains);
    ASSERT_EQ(pieces.size(), (size + segment - 1) / segment);
    std::uint32_t sequence = super.sequence;
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      const auto inner = parse_inner(pieces[i]);
      ASSERT_TRUE(inner);
      EXPECT_EQ(inner.value().length, pieces[i].size());
      EXPECT_TRUE(super.verifies(pieces[i])) << turn << ' ' << i;
      EXPECT_EQ(load_u32(pieces[i].data() + super.upper_offset() + 4), sequence);
      const bool is_last = i + 1 == pieces.size();
      EXPECT_EQ(pieces[i][super.upper_offset() + 13], is_last ? psh_ack : plain_ack);
      if (super.is_ipv4) {
        EXPECT_EQ(load_u16(pieces[i].data() + 4), static_cast<std::uint16_t>(0xfff0 + i));
      }
      sequence += static_cast<std::uint32_t>(pieces[i].size() - super.headers());
    }
    const auto again = joined(pieces);
    ASSERT_EQ(again.size(), 1u);
    if (pieces.size() > 1) {
      EXPECT_EQ(whole(again[0]), before);
      EXPECT_EQ(again[0].offload.segment_size, segment);
      EXPECT_EQ(again[0].offload.header_length, super.headers());
    }
  }
}

TEST(Train, TrainsAreWhatTheKernelTakes) {
  Super super;
  ByteVector bytes = super.build(test::FakeRandom{1}.octets(60'000));
  for (const std::size_t segment : {100u, 536u, 1380u, 9000u, 40'000u}) {
    std::size_t count = 0;
    const auto trains = cut(bytes, super.offload(segment));
    for (const Train& train : trains) {
      EXPECT_LE(train.octets.size(), most_train_octets);
      EXPECT_LE(train.octets.size(), most_in_train * train.datagram);
      count += (train.octets.size() + train.datagram - 1) / train.datagram;
    }
    EXPECT_EQ(count, (60'000 + segment - 1) / segment);
  }
}

TEST(Train, FlagsOfTheEndAreAtTheEndAndThoseOfTheBeginningAtTheBeginning) {
  ByteVector finishing = Super{.flags = fin_ack}.build(ByteVector(3000));
  auto pieces = packets_of(cut(finishing, Super{}.offload(1000)));
  EXPECT_EQ(pieces[0][53], plain_ack);
  EXPECT_EQ(pieces[2][53], fin_ack);
  ByteVector congested = Super{.flags = cwr_ack}.build(ByteVector(3000));
  pieces = packets_of(cut(congested, Super{}.offload(1000)));
  EXPECT_EQ(pieces[0][53], cwr_ack);
  EXPECT_EQ(pieces[1][53], plain_ack);
  EXPECT_EQ(pieces[2][53], plain_ack);
}

TEST(Train, DatagramsOfOneSendAreCutToo) {
  for (const bool is_ipv4 : {false, true}) {
    Super super{.is_ipv4 = is_ipv4, .protocol = udp};
    ByteVector bytes = super.build(test::FakeRandom{1}.octets(2500));
    const auto pieces = packets_of(cut(bytes, super.offload(1000)));
    ASSERT_EQ(pieces.size(), 3u);
    for (const ByteVector& piece : pieces) {
      EXPECT_TRUE(super.verifies(piece));
      EXPECT_EQ(load_u16(piece.data() + super.upper_offset() + 4), piece.size() - super.upper_offset());
    }
    EXPECT_EQ(pieces[2].size(), super.headers() + 500);
  }
}

TEST(Train, SinglePacketGetsItsRealChecksum) {
  for (const std::uint8_t protocol : {tcp, udp}) {
    Super super{.protocol = protocol};
    ByteVector bytes = super.build(test::FakeRandom{1}.octets(701));
    const auto trains = cut(bytes, super.offload(0));
    ASSERT_EQ(trains.size(), 1u);
    EXPECT_EQ(trains[0].datagram, trains[0].octets.size());
    EXPECT_TRUE(super.verifies(packets_of(trains).at(0)));
  }
}

TEST(Train, ContradictionsAreRefused) {
  Super super;
  ByteVector bytes = super.build(ByteVector(3000));
  const InnerPacket inner = parse_inner(bytes).value();
  std::vector<Train> out;
  const auto refused = [&](ByteVector& packet, const Offload& offload) {
    const bool cut = cut_into_trains(Packet{packet, 0, packet.size(), offload}, inner, front, out);
    return !cut && out.empty();
  };
  Offload wrong = super.offload(1000);
  wrong.segmentation = Offload::Segmentation::udp;
  EXPECT_TRUE(refused(bytes, wrong));
  wrong = super.offload(1000);
  wrong.segment_size = 0;
  EXPECT_TRUE(refused(bytes, wrong));
  wrong.segment_size = 65'000;
  EXPECT_TRUE(refused(bytes, wrong));
  for (const std::uint8_t offset : {std::uint8_t{0x40}, std::uint8_t{0xf0}}) {
    ByteVector bad = super.build(ByteVector(offset == 0xf0 ? 5 : 3000));
    bad[52] = offset;
    const InnerPacket read = parse_inner(bad).value();
    EXPECT_FALSE(cut_into_trains(Packet{bad, 0, bad.size(), super.offload(1000)}, read, front, out)) << int{offset};
  }
}

// --- What is not joined
// ----------------------------------------------------------------------------------------------------------------

class JoinTest : public ::testing::Test {
 protected:
  /// Three segments of one flow that would be joined; `spoil` does something to the second, whose checksum is right
  /// again after it.
  std::vector<std::size_t> parts_after(const std::function<void(ByteVector&)>& spoil, bool mends = true) {
    ByteVector bytes = super.build(test::FakeRandom{1}.octets(3000));
    auto pieces = packets_of(cut(bytes, super.offload(1000)));
    spoil(pieces[1]);
    if (mends) mend(pieces[1]);
    std::vector<std::size_t> out;
    for (const Joined& one : joined(pieces)) out.push_back(1 + one.rest.size());
    return out;
  }
  void mend(ByteVector& packet) const {
    if (super.is_ipv4) {
      store_u16(packet.data() + 10, 0);
      store_u16(packet.data() + 10, ipv4_header_sum(Bytes{packet}.first(20)));
    }
    std::uint8_t* field = packet.data() + super.upper_offset() + 16;
    store_u16(field, 0);
    const Bytes upper = Bytes{packet}.subspan(super.upper_offset());
    store_u16(field, static_cast<std::uint16_t>(~ones_complement_sum(upper, super.pseudo(packet, upper.size()))));
  }
  Super super;
  using Sizes = std::vector<std::size_t>;
};

TEST_F(JoinTest, NothingSpoiled) {
  EXPECT_EQ(parts_after([](ByteVector&) {}), Sizes{3});
  super.is_ipv4 = true;
  EXPECT_EQ(parts_after([](ByteVector&) {}), Sizes{3});
}

TEST_F(JoinTest, WrongChecksumStaysVisible) {
  EXPECT_EQ(parts_after([](ByteVector& p) { p.back() = static_cast<std::uint8_t>(p.back() ^ 1); }, false),
            (Sizes{1, 1, 1}));
}

TEST_F(JoinTest, GapInTheSequence) {
  EXPECT_EQ(parts_after([](ByteVector& p) { p[47] = static_cast<std::uint8_t>(p[47] ^ 1); }), (Sizes{1, 1, 1}));
}

TEST_F(JoinTest, AnythingElseThatDiffers) {
  for (const std::size_t octet : {1u, 2u, 7u, 23u, 39u, 41u, 43u, 51u, 55u, 59u, 65u}) {
    const Sizes sizes = parts_after([&](ByteVector& p) { p[octet] = static_cast<std::uint8_t>(p[octet] ^ 1); });
    EXPECT_EQ(sizes, (Sizes{1, 1, 1})) << octet;
  }
}

TEST_F(JoinTest, FlagsThatMeanSomething) {
  for (const std::uint8_t flag : ByteVector{0x01, 0x02, 0x04, 0x20, 0x40, 0x80})
    EXPECT_EQ(parts_after([&](ByteVector& p) { p[53] = static_cast<std::uint8_t>(p[53] | flag); }), (Sizes{1, 1, 1}));
  EXPECT_EQ(parts_after([](ByteVector& p) { p[53] = static_cast<std::uint8_t>(p[53] | 8); }), (Sizes{2, 1}))
      << "pushed: the end of a super-packet";
}

TEST_F(JoinTest, ShorterOneIsTheLastEvenWhenMoreFollows) {
  super.flags = plain_ack;
  ByteVector bytes = super.build(ByteVector(2500));
  auto pieces = packets_of(cut(bytes, super.offload(1000)));
  super.sequence += 2500;
  ByteVector next = super.build(ByteVector(1000));
  pieces.push_back(packets_of(cut(next, super.offload(0))).at(0));
  Sizes sizes;
  for (const Joined& one : joined(pieces)) sizes.push_back(1 + one.rest.size());
  EXPECT_EQ(sizes, (Sizes{3, 1}));
}

TEST_F(JoinTest, WhatMayBeFragmentedIsNot) {
  super.is_ipv4 = true;
  EXPECT_EQ(parts_after([](ByteVector& p) { p[6] = 0; }), (Sizes{1, 1, 1}));
}

TEST_F(JoinTest, NeverBeyondTheLargestPacket) {
  std::vector<ByteVector> pieces;
  for (std::uint32_t i = 0; i < 50; ++i) {
    Super one{.flags = plain_ack, .sequence = i * 1400};
    ByteVector bytes = one.build(ByteVector(1400));
    pieces.push_back(packets_of(cut(bytes, one.offload(0))).at(0));
  }
  const auto out = joined(pieces);
  ASSERT_EQ(out.size(), 2u);
  EXPECT_LE(whole(out[0]).size(), 65'535u);
  EXPECT_EQ(out[0].rest.size() + out[1].rest.size() + 2, 50u);
}

TEST_F(JoinTest, NeverMoreThanTheKernelTakesInPieces) {
  std::vector<ByteVector> pieces;
  for (std::uint32_t i = 0; i < 200; ++i) {
    Super one{.flags = plain_ack, .sequence = i};
    ByteVector bytes = one.build(ByteVector(1));
    pieces.push_back(packets_of(cut(bytes, one.offload(0))).at(0));
  }
  Sizes sizes;
  for (const Joined& one : joined(pieces)) sizes.push_back(1 + one.rest.size());
  EXPECT_EQ(sizes, (Sizes{64, 64, 64, 8}));
}

TEST_F(JoinTest, StrangersPassAsTheyAre) {
  std::vector<ByteVector> pieces{{}, {0x45}, ByteVector(100, 0x66), Super{.protocol = udp}.build(ByteVector(10))};
  const auto before = pieces;
  const auto out = joined(pieces);
  ASSERT_EQ(out.size(), 4u);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(whole(out[i]), before[i]);
    EXPECT_EQ(out[i].offload.segmentation, Offload::Segmentation::none);
  }
}

}  // namespace
