// SPDX-License-Identifier: Apache-2.0
#include "core/ipv6/mac_address.h"

#include <gtest/gtest.h>

#include "tests/support/matchers.h"
#include "tests/support/packet_builder.h"

namespace ilnp {
namespace {

TEST(MacAddress, TextRoundTrips) {
  const auto mac = parse_mac("02:00:5E:10:ab:ff");
  ASSERT_TRUE(mac);
  EXPECT_EQ(to_string(*mac), "02:00:5e:10:ab:ff");
}

TEST(MacAddress, RefusesTextThatIsNoAddress) {
  for (const char* text : {"", "02:00:5e:10:ab", "02:00:5e:10:ab:ff:00", "02-00-5e-10-ab-ff", "02:00:5e:10:ab:fg",
                           "2:0:5e:10:ab:ff", "02:00:5e:10:ab:f", " 2:00:5e:10:ab:ff"})
    EXPECT_FALSE(parse_mac(text)) << text;
}

TEST(MacAddress, MulticastGroupsMapOntoEthernetGroups) {  // RFC 2464 section 7
  const MacAddress mac = multicast_mac(test::address("ff02::1:ff28:9c5a"));
  EXPECT_EQ(to_string(mac), "33:33:ff:28:9c:5a");
  EXPECT_TRUE(mac.is_multicast());
  EXPECT_FALSE(parse_mac("02:00:5e:10:ab:ff")->is_multicast());
}

}  // namespace
}  // namespace ilnp
