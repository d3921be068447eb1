// SPDX-License-Identifier: Apache-2.0
#include "core/ilnp/text.h"

#include <gtest/gtest.h>

namespace ilnp {
namespace {

constexpr Locator locator{0x20010db800010002};
constexpr NodeId nid{0x020000fffe001234};

TEST(Text, IsPrintedPaddedAndLowerCase) {
  EXPECT_EQ(to_text(locator), "2001-0db8-0001-0002");
  EXPECT_EQ(to_text(nid), "0200+00ff+fe00+1234");
  EXPECT_EQ(to_ilv_text({locator, nid}), "2001-0db8-0001-0002.0200+00ff+fe00+1234");
  EXPECT_EQ(to_dns_text(nid.bits), "0200:00ff:fe00:1234");
}

TEST(Text, IsReadWithAndWithoutLeadingZerosInEitherCase) {
  EXPECT_EQ(parse_locator("2001-db8-1-2"), locator);
  EXPECT_EQ(parse_locator("2001:0DB8:0001:0002"), locator);
  EXPECT_EQ(parse_node_id("200+ff+FE00+1234"), nid);
  EXPECT_EQ(parse_node_id("0200:00ff:fe00:1234"), nid);
}

TEST(Text, IlvIsReadInBothForms) {
  const Address ilv{locator, nid};
  EXPECT_EQ(parse_ilv("2001-db8-1-2.200+ff+fe00+1234"), ilv);
  EXPECT_EQ(parse_ilv("2001:db8:1:2:200:ff:fe00:1234"), ilv);
  EXPECT_EQ(parse_ilv(to_ilv_text(ilv)), ilv);
}

TEST(Text, WhatIsNotFourGroupsIsRefused) {
  for (const char* bad : {"", "-", "1", "1-2-3", "1-2-3-", "-1-2-3", "1--2-3", "1-2-3-4-5", "12345-0-0-0",
                          "1-2-3-12345", "1-2-3-g", "1-2:3-4", "1+2+3+4", " 1-2-3-4", "1-2-3-4 ", "1::2", "0x1-2-3-4"})
    EXPECT_EQ(parse_locator(bad), std::nullopt) << bad;
  for (const char* bad : {"1-2-3-4", "1+2+3", "1+2+3+4+5", "1+2+3+", "1:2:3", "::1"})
    EXPECT_EQ(parse_node_id(bad), std::nullopt) << bad;
  for (const char* bad : {"1-2-3-4", "1-2-3-4.", ".1+2+3+4", "1-2-3-4.1-2-3-4", "1+2+3+4.1-2-3-4", "1-2-3-4.1+2+3+4.5"})
    EXPECT_EQ(parse_ilv(bad), std::nullopt) << bad;
}

}  // namespace
}  // namespace ilnp
