// SPDX-License-Identifier: Apache-2.0
#include "gateway/src/own_address.h"

#include <gtest/gtest.h>

namespace ilnp {
namespace {

bool is_own(const char* address) { return is_own_address(*lisp::parse_ip_address(address)); }

TEST(OwnAddress, OnlyThoseOfTheMachine) {
  EXPECT_TRUE(is_own("127.0.0.1"));
  EXPECT_TRUE(is_own("::1"));
  EXPECT_FALSE(is_own("192.0.2.1"));
  EXPECT_FALSE(is_own("2001:db8:a1::1"));
}

}  // namespace
}  // namespace ilnp
