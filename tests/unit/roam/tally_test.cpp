// SPDX-License-Identifier: Apache-2.0
#include "examples/roam/counter/tally.h"

#include <gtest/gtest.h>

namespace ilnp::counter {
namespace {

Tally tally_of(std::initializer_list<std::uint64_t> arrivals) {
  Tally tally;
  std::int64_t now = 1000;
  for (const std::uint64_t sequence : arrivals) tally.add({Kind::data, sequence, 0}, now += 10);
  return tally;
}

TEST(Tally, UnbrokenStreamHasNothingToReport) {
  const Tally tally = tally_of({0, 1, 2, 3});
  EXPECT_EQ(tally.received(), 4u);
  EXPECT_EQ(tally.lost(), 0u);
  EXPECT_EQ(tally.jumps(), 0u);
  EXPECT_EQ(tally.longest_gap(), 10);
}

TEST(Tally, LateRecordIsOutOfOrderAndNotLost) {
  const Tally tally = tally_of({0, 2, 1, 3});
  EXPECT_EQ(tally.out_of_order(), 1u);
  EXPECT_EQ(tally.lost(), 0u);
  EXPECT_EQ(tally.jumps(), 1u);
}

TEST(Tally, MissingRecordsAreLost) {
  Tally tally = tally_of({0, 1, 5});
  EXPECT_EQ(tally.lost(), 3u);
  tally.set_total(8);  // two more at the end that nobody saw
  EXPECT_EQ(tally.lost(), 5u);
  EXPECT_EQ(tally.missing(9), (std::vector<std::uint64_t>{2, 3, 4, 6, 7}));
  EXPECT_EQ(tally.missing(2), (std::vector<std::uint64_t>{2, 3}));
}

TEST(Tally, RepeatedRecordIsADuplicateAndDoesNotHideALoss) {
  const Tally tally = tally_of({0, 0, 2, 2});
  EXPECT_EQ(tally.duplicates(), 2u);
  EXPECT_EQ(tally.received(), 2u);
  EXPECT_EQ(tally.lost(), 1u);
}

TEST(Tally, LongestGapIsBetweenArrivals) {
  Tally tally;
  tally.add({Kind::data, 0, 0}, 100);
  tally.add({Kind::data, 1, 0}, 350);
  tally.add({Kind::data, 2, 0}, 400);
  EXPECT_EQ(tally.longest_gap(), 250);
}

TEST(Tally, AbsurdSequenceIsCorruptAndCostsNoMemory) {
  const Tally tally = tally_of({0, ~std::uint64_t{0}});
  EXPECT_EQ(tally.corrupt(), 1u);
  EXPECT_EQ(tally.received(), 1u);
}

TEST(CounterRecord, EveryWrongOctetIsNoticed) {
  ByteVector octets;
  append(octets, {Kind::data, 77, 123456789});
  ASSERT_EQ(octets.size(), record_octets);
  ASSERT_TRUE(parse(octets));
  EXPECT_EQ(parse(octets)->sequence, 77u);
  EXPECT_EQ(parse(octets)->sent, 123456789);
  for (std::size_t i = 0; i < octets.size(); ++i) {
    ByteVector wrong = octets;
    wrong[i] ^= 0x01;
    EXPECT_FALSE(parse(wrong)) << "octet " << i;
  }
}

TEST(CounterRecord, TooShortAndTooLongAreRefused) {
  ByteVector octets;
  append(octets, {Kind::data, 1, 1});
  EXPECT_FALSE(parse(Bytes{octets}.first(63)));
  octets.push_back(0);
  EXPECT_FALSE(parse(octets));
}

}  // namespace
}  // namespace ilnp::counter
