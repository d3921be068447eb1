// SPDX-License-Identifier: Apache-2.0
#include "core/ipv6/address.h"

#include <gtest/gtest.h>

#include "tests/support/matchers.h"

namespace ilnp {
namespace {

TEST(Address, IsReadAndWrittenInTheUsualText) {
  const Address expected{{0x20010db8000a0001}, {0x5c1a97d304be6f21}};
  EXPECT_EQ(parse_address("2001:db8:a:1:5c1a:97d3:4be:6f21"), expected);
  EXPECT_EQ(to_string(expected), "2001:db8:a:1:5c1a:97d3:4be:6f21");
  EXPECT_EQ(to_string(Address{}), "::");
}

TEST(Address, WhatIsNotAnAddressIsRefused) {
  for (const char* bad : {"", ":", "1.2.3.4", "2001:db8::1%eth0", "2001:db8::1/64", "1:2:3:4:5:6:7:8:9", "::g",
                          "2001:0db8:0000:0000:0000:0000:0000:0000:and-then-far-too-much"})
    EXPECT_EQ(parse_address(bad), std::nullopt) << bad;
}

TEST(Address, StoresWhatItLoaded) {
  const Address address{{0x0102030405060708}, {0x090a0b0c0d0e0f10}};
  const auto octets = address.octets();
  EXPECT_EQ(octets[0], 1);
  EXPECT_EQ(octets[15], 16);
  EXPECT_EQ(Address::load(octets.data()), address);
}

TEST(Address, ScopesAreToldApart) {
  EXPECT_TRUE(parse_address("ff02::1")->is_multicast());
  EXPECT_FALSE(parse_address("fe80::1")->is_multicast());
  EXPECT_TRUE(parse_address("fe80::1")->is_link_local());
  EXPECT_TRUE(parse_address("febf::1")->is_link_local());
  EXPECT_FALSE(parse_address("fec0::1")->is_link_local());
  EXPECT_TRUE(Address{}.is_unspecified());
  EXPECT_FALSE(parse_address("::1")->is_unspecified());
  EXPECT_TRUE(is_global_unicast(parse_address("2000::")->locator));
  EXPECT_TRUE(is_global_unicast(parse_address("3fff:ffff::")->locator));
  EXPECT_FALSE(is_global_unicast(parse_address("4000::")->locator));
  EXPECT_FALSE(is_global_unicast(parse_address("1fff::")->locator));
  EXPECT_TRUE(is_unique_local(parse_address("fd00::")->locator));
  EXPECT_TRUE(is_unique_local(parse_address("fc00::")->locator));
  EXPECT_FALSE(is_unique_local(parse_address("fe00::")->locator));
}

}  // namespace
}  // namespace ilnp
