// SPDX-License-Identifier: Apache-2.0
#include "core/base/result.h"

#include <gtest/gtest.h>

#include <memory>

namespace ilnp {
namespace {

enum class Reason { short_read = 3 };

Result<int, Reason> half(int n) {
  if (n % 2 != 0) return Reason::short_read;
  return n / 2;
}
Result<void> open_device(bool works) {
  if (!works) return error("/dev/net/tun: no such device");
  return ok();
}

TEST(Result, HoldsTheValueOrTheReason) {
  EXPECT_EQ(half(6).value(), 3);
  EXPECT_TRUE(half(7).has_error());
  EXPECT_EQ(half(7).error(), Reason::short_read);
  EXPECT_TRUE(open_device(true).has_value());
  EXPECT_EQ(open_device(false).error().message, "/dev/net/tun: no such device");
}

TEST(Result, CarriesWhatCanOnlyBeMoved) {
  const auto make = []() -> Result<std::unique_ptr<int>> { return std::make_unique<int>(5); };
  EXPECT_EQ(*make().value(), 5);
}

}  // namespace
}  // namespace ilnp
