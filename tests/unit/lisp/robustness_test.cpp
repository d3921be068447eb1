// SPDX-License-Identifier: Apache-2.0
// Every golden packet cut at every octet, and with every single bit flipped. Whatever comes of it is a message or a
// reason; of those under a secret, and behind a checksum, it is never a message.
#include <gtest/gtest.h>

#include "core/lisp/data_header.h"
#include "tests/unit/lisp/read_any.h"

namespace ilnp::lisp {
namespace {

using vectors::payload;

bool is_data(std::size_t number) { return vectors::expected[number - 1].destination_port == data_port; }
bool is_control(std::size_t number) { return vectors::expected[number - 1].destination_port == control_port; }
bool is_under_a_secret(std::size_t number) {
  const int type = payload(number)[0] >> 4;
  return (type >= 3 && type <= 5) || type == 15;
}

ByteVector flipped(Bytes octets, std::size_t bit) {
  ByteVector copy{octets.begin(), octets.end()};
  copy[bit / 8] ^= static_cast<std::uint8_t>(0x80 >> bit % 8);
  return copy;
}

class LispRobustness : public testing::TestWithParam<std::size_t> {
 protected:
  AnyReader reader_;
};

TEST_P(LispRobustness, WholePacketIsRead) {
  if (is_control(GetParam())) {
    EXPECT_TRUE(reader_.accepts(payload(GetParam())));
  }
  if (is_data(GetParam())) {
    EXPECT_TRUE(parse_data_header(payload(GetParam())).has_value());
  }
}

TEST_P(LispRobustness, NoTruncationIsRead) {
  const Bytes whole = payload(GetParam());
  for (std::size_t octets = 0; octets < whole.size(); ++octets) {
    // A copy of just that size, so that a sanitizer sees a read behind it.
    const ByteVector cut{whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(octets)};
    if (is_control(GetParam())) {
      EXPECT_FALSE(reader_.accepts(cut)) << octets;
    }
    if (is_data(GetParam())) {
      EXPECT_EQ(parse_data_header(cut).has_value(), octets >= data_header_length) << octets;
    }
  }
}

TEST_P(LispRobustness, NoFlippedBitPassesAnAuthentication) {
  const Bytes whole = payload(GetParam());
  for (std::size_t bit = 0; bit < 8 * whole.size(); ++bit) {
    const bool accepted = reader_.accepts(flipped(whole, bit));
    if (is_control(GetParam()) && is_under_a_secret(GetParam())) {
      EXPECT_FALSE(accepted) << "bit " << bit;
    }
  }
}

TEST_P(LispRobustness, NoFlippedBitPassesTheInnerChecksum) {
  if (!vectors::inner_addresses().contains(GetParam())) return;
  const Bytes whole = payload(GetParam());
  constexpr std::size_t addresses_at = 4 + 8;
  for (std::size_t bit = 8 * addresses_at; bit < 8 * whole.size(); ++bit)
    EXPECT_FALSE(reader_.accepts(flipped(whole, bit))) << "bit " << bit;
}

INSTANTIATE_TEST_SUITE_P(Vectors, LispRobustness, testing::Range<std::size_t>(1, vectors::expected.size() + 1));

}  // namespace
}  // namespace ilnp::lisp
