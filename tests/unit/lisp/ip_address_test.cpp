// SPDX-License-Identifier: Apache-2.0
#include "core/lisp/ip_address.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

using namespace ilnp::lisp;

namespace {

IpAddress address(const char* text) { return parse_ip_address(text).value(); }
IpPrefix prefix(const char* text) { return parse_ip_prefix(text).value(); }

TEST(IpAddress, TextOfBothFamilies) {
  for (const char* text : {"0.0.0.0", "192.0.2.10", "255.255.255.255", "::", "2001:db8:c1::1"})
    EXPECT_EQ(to_string(address(text)), text);
  EXPECT_EQ(address("192.0.2.10").ipv4(), 0xc000'020au);
  for (const char* text : {"", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.04", "1.2.3.", " 1.2.3.4", "1.2.3.4 ",
                           "-1.2.3.4", "1..2.3", "2001:db8::g"})
    EXPECT_FALSE(parse_ip_address(text)) << text;
}

TEST(IpAddress, OrderIsThatOfTheLocatorsOfARecord) {
  std::vector<IpAddress> addresses{address("2001:db8::2"), address("203.0.113.1"), address("2001:db8::1"),
                                   address("192.0.2.10")};
  std::sort(addresses.begin(), addresses.end());
  std::string order;
  for (const IpAddress& a : addresses) order += to_string(a) + ' ';
  EXPECT_EQ(order, "192.0.2.10 203.0.113.1 2001:db8::1 2001:db8::2 ");
}

TEST(IpAddress, OnlyRoutableUnicastNamesARouter) {
  for (const char* text : {"192.0.2.10", "10.0.0.1", "223.255.255.255", "2001:db8::1", "fd00::1"})
    EXPECT_TRUE(address(text).is_routable_unicast()) << text;
  for (const char* text : {"0.0.0.0", "0.1.2.3", "127.0.0.1", "169.254.1.1", "224.0.0.1", "240.0.0.1",
                           "255.255.255.255", "::", "::1", "::ffff:192.0.2.1", "ff02::1", "fe80::1"})
    EXPECT_FALSE(address(text).is_routable_unicast()) << text;
}

TEST(IpAddress, PrivateOnes) {
  for (const char* text : {"10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.0.1", "fd00::1", "fc00::1"})
    EXPECT_TRUE(address(text).is_private()) << text;
  for (const char* text : {"11.0.0.1", "172.32.0.0", "172.15.0.0", "192.169.0.1", "2001:db8::1", "fe00::1"})
    EXPECT_FALSE(address(text).is_private()) << text;
}

TEST(IpPrefix, ContainsByBitsAndFamily) {
  EXPECT_TRUE(prefix("10.0.0.0/9").contains(address("10.127.255.255")));
  EXPECT_FALSE(prefix("10.0.0.0/9").contains(address("10.128.0.0")));
  EXPECT_TRUE(prefix("2001:db8:e1d::/64").contains(address("2001:db8:e1d:0:200:ff:fe00:1234")));
  EXPECT_FALSE(prefix("2001:db8:e1d::/64").contains(address("2001:db8:e1d:1::")));
  EXPECT_TRUE(prefix("::/0").contains(address("2001:db8::")));
  EXPECT_FALSE(prefix("::/0").contains(address("10.0.0.1")));
  EXPECT_FALSE(prefix("0.0.0.0/0").contains(address("::")));
  EXPECT_TRUE(prefix("10.8.0.0/16").contains(prefix("10.8.0.0/16")));
  EXPECT_FALSE(prefix("10.8.0.0/16").contains(prefix("10.0.0.0/8")));
}

TEST(IpPrefix, NetworkHasNoHostBits) {
  EXPECT_EQ((IpPrefix{address("10.8.255.7"), 17}.network()), prefix("10.8.128.0/17"));
  EXPECT_EQ((IpPrefix{address("2001:db8:ffff::1"), 35}.network()), prefix("2001:db8:e000::/35"));
  EXPECT_EQ((IpPrefix{address("2001:db8::1"), 0}.network()), prefix("::/0"));
  EXPECT_EQ((IpPrefix{address("2001:db8::1"), 128}.network()), IpPrefix::host(address("2001:db8::1")));
}

TEST(IpPrefix, TextIsStrict) {
  for (const char* text : {"10.8.0.0/16", "0.0.0.0/0", "2001:db8::/32", "2001:db8::1/128"})
    EXPECT_EQ(to_string(prefix(text)), text);
  for (const char* text : {"10.8.0.0", "10.8.0.0/33", "2001:db8::/129", "10.8.0.1/16", "10.8.0.0/", "10.8.0.0/-1",
                           "10.8.0.0/16 ", "/16", "2001:db8::/256"})
    EXPECT_FALSE(parse_ip_prefix(text)) << text;
  EXPECT_EQ(to_string(EidPrefix{4242, prefix("10.8.0.0/16")}), "[4242]10.8.0.0/16");
}

TEST(EidPrefix, InstancesAreApart) {
  const Eid eid{7, address("10.8.0.7")};
  EXPECT_TRUE((EidPrefix{7, prefix("10.8.0.0/16")}.contains(eid)));
  EXPECT_FALSE((EidPrefix{0, prefix("10.8.0.0/16")}.contains(eid)));
  EXPECT_TRUE(EidPrefix::host(eid).contains(eid));
  EXPECT_FALSE((EidPrefix{0, prefix("10.8.0.0/16")}.contains(EidPrefix::host(eid))));
}

}  // namespace
