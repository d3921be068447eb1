// SPDX-License-Identifier: Apache-2.0
#include "core/base/crypto.h"

#include <gtest/gtest.h>

#include "tests/support/fakes.h"
#include "tests/support/packet_builder.h"

namespace ilnp {
namespace {

using test::hex;

TEST(ConstantTimeComparison, SeesEveryDifference) {
  const ByteVector secret = hex("9f3c5a1e77b204d86ac1e05b");
  EXPECT_TRUE(equal_in_constant_time(secret, ByteVector{secret}));
  for (std::size_t bit = 0; bit < secret.size() * 8; ++bit) {
    ByteVector other = secret;
    other[bit / 8] = static_cast<std::uint8_t>(other[bit / 8] ^ 1U << bit % 8);
    EXPECT_FALSE(equal_in_constant_time(secret, other)) << bit;
  }
  EXPECT_FALSE(equal_in_constant_time(secret, Bytes{secret}.first(11)));
  EXPECT_FALSE(equal_in_constant_time({}, secret));
  EXPECT_TRUE(equal_in_constant_time({}, {}));
}

TEST(FakeRandom, SameSeedSameOctets) {
  test::FakeRandom a{7}, b{7}, c{8};
  const ByteVector first = a.octets(100);
  EXPECT_EQ(first, b.octets(100));
  EXPECT_NE(first, c.octets(100));
  EXPECT_NE(first, a.octets(100));
}

}  // namespace
}  // namespace ilnp
