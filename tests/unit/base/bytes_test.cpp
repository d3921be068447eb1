// SPDX-License-Identifier: Apache-2.0
#include "core/base/bytes.h"

#include <gtest/gtest.h>

#include "tests/support/fakes.h"
#include "tests/support/matchers.h"
#include "tests/support/packet_builder.h"

namespace ilnp {
namespace {

using test::hex;

TEST(ByteReader, ReadsNetworkOrder) {
  const ByteVector octets = hex("01 0203 04050607 08090a0b0c0d0e0f");
  ByteReader in{octets};
  EXPECT_EQ(in.u8(), 1);
  EXPECT_EQ(in.u16(), 0x0203);
  EXPECT_EQ(in.u32(), 0x04050607u);
  EXPECT_EQ(in.u64(), 0x08090a0b0c0d0e0fu);
  EXPECT_TRUE(in.empty());
  EXPECT_TRUE(in.ok());
}

TEST(ByteReader, StaysFailedAfterTheFirstShortRead) {
  const ByteVector octets = hex("0102 03");
  ByteReader in{octets};
  EXPECT_EQ(in.u16(), 0x0102);
  EXPECT_EQ(in.u32(), 0u);
  EXPECT_FALSE(in.ok());
  EXPECT_EQ(in.u8(), 0);  // although an octet was left
  EXPECT_EQ(in.remaining(), 0u);
  EXPECT_TRUE(in.take(1).empty());
  EXPECT_FALSE(in.ok());
}

TEST(ByteReader, InnerReaderIsBoundAndOuterGoesOn) {
  const ByteVector octets = hex("01020304");
  ByteReader in{octets};
  ByteReader inner = in.sub(2);
  EXPECT_EQ(inner.u32(), 0u);
  EXPECT_FALSE(inner.ok());
  EXPECT_TRUE(in.ok());
  EXPECT_EQ(in.u16(), 0x0304);
}

TEST(ByteReader, InnerReaderLongerThanTheRestFailsBoth) {
  const ByteVector octets = hex("01020304");
  ByteReader in{octets};
  ByteReader inner = in.sub(5);
  EXPECT_FALSE(inner.ok());
  EXPECT_FALSE(in.ok());
}

TEST(ByteReader, HugeLengthDoesNotWrapAround) {
  const ByteVector octets = hex("01020304");
  ByteReader in{octets};
  in.skip(1);
  EXPECT_TRUE(in.take(static_cast<std::size_t>(-1)).empty());
  EXPECT_FALSE(in.ok());
}

TEST(ByteWriter, ReaderGivesBackWhatWriterWrote) {
  test::FakeRandom random{5};
  for (int round = 0; round < 1000; ++round) {
    const std::uint64_t value = random.u64();
    const ByteVector tail = random.octets(random.below(20));
    ByteVector octets;
    ByteWriter out{octets};
    out.u8(static_cast<std::uint8_t>(value));
    out.u16(static_cast<std::uint16_t>(value));
    out.u32(static_cast<std::uint32_t>(value));
    out.u64(value);
    out.zeros(3);
    out.bytes(tail);
    EXPECT_EQ(out.size(), 18 + tail.size());

    ByteReader in{octets};
    EXPECT_EQ(in.u8(), static_cast<std::uint8_t>(value));
    EXPECT_EQ(in.u16(), static_cast<std::uint16_t>(value));
    EXPECT_EQ(in.u32(), static_cast<std::uint32_t>(value));
    EXPECT_EQ(in.u64(), value);
    EXPECT_SAME_BYTES(in.take(3), hex("000000"));
    EXPECT_SAME_BYTES(in.rest(), tail);
    EXPECT_TRUE(in.ok());
  }
}

TEST(Bytes, StoredFieldsLoadBack) {
  std::array<std::uint8_t, 8> octets{};
  store_u64(octets.data(), 0x0102030405060708);
  EXPECT_SAME_BYTES(octets, hex("0102030405060708"));
  EXPECT_EQ(load_u64(octets.data()), 0x0102030405060708u);
  EXPECT_EQ(load_u32(octets.data() + 2), 0x03040506u);
  EXPECT_EQ(load_u16(octets.data() + 6), 0x0708);
}

}  // namespace
}  // namespace ilnp
