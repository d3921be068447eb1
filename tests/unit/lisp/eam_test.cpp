// SPDX-License-Identifier: Apache-2.0
#include "core/lisp/eam.h"

#include <gtest/gtest.h>

#include "tests/support/fakes.h"
#include "tests/unit/lisp/eids.h"

using namespace ilnp;
using namespace ilnp::lisp;

namespace {

EamRow row(const char* ipv4, const char* ipv6, Family speaks = Family::ipv6, std::uint32_t instance = 0) {
  return {instance, *parse_ip_prefix(ipv4), *parse_ip_prefix(ipv6), speaks};
}
Address ip6(const char* text) { return *parse_address(text); }
const Address embedding = ip6("2001:db8:64::");

TEST(Eam, ExamplesOfRfc7757) {
  EamTable table{1};
  for (const auto& [ipv4, ipv6] : {std::pair{"192.0.2.1/32", "2001:db8:aaaa::/128"},
                                   {"192.0.2.2/32", "2001:db8:bbbb::b/128"},
                                   {"192.0.2.16/28", "2001:db8:cccc::/124"},
                                   {"192.0.2.128/26", "2001:db8:dddd::/64"},
                                   {"192.0.2.192/29", "2001:db8:eeee:8::/62"},
                                   {"192.0.2.224/31", "64:ff9b::/127"}})
    ASSERT_TRUE(table.add(row(ipv4, ipv6)));
  for (const auto& [ipv4, ipv6] : {std::pair{"192.0.2.1", "2001:db8:aaaa::"},
                                   {"192.0.2.2", "2001:db8:bbbb::b"},
                                   {"192.0.2.16", "2001:db8:cccc::"},
                                   {"192.0.2.24", "2001:db8:cccc::8"},
                                   {"192.0.2.31", "2001:db8:cccc::f"},
                                   {"192.0.2.128", "2001:db8:dddd::"},
                                   {"192.0.2.152", "2001:db8:dddd:0:6000::"},
                                   {"192.0.2.183", "2001:db8:dddd:0:dc00::"},
                                   {"192.0.2.191", "2001:db8:dddd:0:fc00::"},
                                   {"192.0.2.193", "2001:db8:eeee:8:8000::"},
                                   {"192.0.2.199", "2001:db8:eeee:b:8000::"},
                                   {"192.0.2.224", "64:ff9b::"},
                                   {"192.0.2.225", "64:ff9b::1"}}) {
    EXPECT_EQ(table.ipv6_of_ipv6_node(0, ip(ipv4)), ip6(ipv6)) << ipv4;
    EXPECT_EQ(table.ipv4_of_ipv6_node(0, ip6(ipv6)), ip(ipv4)) << ipv6;
  }
  EXPECT_FALSE(table.ipv6_of_ipv6_node(0, ip("192.0.2.3")));
  EXPECT_FALSE(table.ipv4_of_ipv6_node(0, ip6("2001:db8:aaaa::1")));
  // What stands behind the bits that are mapped is not looked at.
  EXPECT_EQ(table.ipv4_of_ipv6_node(0, ip6("2001:db8:dddd:0:6000::1")), ip("192.0.2.152"));
}

bool bit(const IpAddress& address, std::size_t n) { return (address.octets()[n / 8] >> (7 - n % 8) & 1) != 0; }

TEST(Eam, EveryPairOfLengthsBitByBit) {
  test::FakeRandom random{7};
  for (std::uint8_t four = 0; four <= 32; ++four)
    for (std::uint8_t six = 0; six + 32 - four <= 128; ++six) {
      const auto random4 = [&] { return IpAddress::v4(static_cast<std::uint32_t>(random.u64())); };
      const EamRow any{0, IpPrefix{random4(), four}.network(),
                       IpPrefix{Address{{random.u64()}, {random.u64()}}, six}.network(), Family::ipv6};
      EamTable table{random.u64()};
      ASSERT_TRUE(table.add(any)) << int{four} << " " << int{six};
      IpAddress node = random4();
      const std::uint32_t mask = four == 0 ? 0 : ~std::uint32_t{0} << (32 - four);
      node = IpAddress::v4((any.ipv4.address.ipv4() & mask) | (node.ipv4() & ~mask));
      const auto mapped = table.ipv6_of_ipv6_node(0, node);
      ASSERT_TRUE(mapped.has_value());
      for (std::size_t i = 0; i < 128; ++i) {
        const std::size_t in_suffix = i - six;
        const bool expected =
            i < six ? bit(any.ipv6.address, i) : in_suffix < 32u - four && bit(node, four + in_suffix);
        ASSERT_EQ(bit(IpAddress{*mapped}, i), expected) << int{four} << " " << int{six} << " bit " << i;
      }
      ASSERT_EQ(table.ipv4_of_ipv6_node(0, *mapped), node) << int{four} << " " << int{six};
    }
}

TEST(Eam, WhatIsNoRow) {
  EamTable table{1, embedding, 2};
  const auto problem = [&](const EamRow& wrong) { return table.add(wrong).error(); };
  EXPECT_EQ(problem(row("2001:db8::/32", "2001:db8::/32")), EamProblem::not_a_pair);
  EXPECT_EQ(problem(row("10.0.0.0/8", "10.0.0.0/8")), EamProblem::not_a_pair);
  EXPECT_EQ(problem({0, {ip("10.0.0.1"), 8}, IpPrefix::host(ip("2001:db8::1"))}), EamProblem::not_a_pair);
  EXPECT_EQ(problem(row("10.0.0.0/24", "2001:db8::/121")), EamProblem::suffix_too_long);
  EXPECT_TRUE(table.add(row("10.0.0.0/24", "2001:db8::/120")));
  for (const auto& [ipv4, ipv6] : {std::pair{"10.0.0.0/24", "2001:db8:1::/120"},
                                   {"10.0.0.7/32", "2001:db8:1::7/128"},
                                   {"10.0.0.0/8", "2001:db8:1::/96"},
                                   {"10.1.0.7/32", "2001:db8::7/128"},
                                   {"10.1.0.0/16", "2001:db8::/64"},
                                   {"10.1.0.7/32", "2001:db8:64::7/128"},
                                   {"10.1.0.0/24", "2001:db8:40::/42"}})
    EXPECT_EQ(problem(row(ipv4, ipv6)), EamProblem::overlaps) << ipv4 << " " << ipv6;
  EXPECT_TRUE(table.add(row("10.0.0.0/24", "2001:db8::/120", Family::ipv6, 7))) << "another tenant's";
  EXPECT_EQ(problem(row("10.1.0.7/32", "2001:db8:1::7/128")), EamProblem::full);
  EXPECT_STREQ(name_of(EamProblem::full), "full");
}

TEST(Eam, RowsGo) {
  EamTable table{1};
  const EamRow vm = row("10.8.0.7/32", "2001:db8:e1d::7/128");
  ASSERT_TRUE(table.add(vm));
  EXPECT_FALSE(table.remove(row("10.8.0.7/32", "2001:db8:e1d::8/128")));
  EXPECT_EQ(table.size(), 1u);
  EXPECT_TRUE(table.remove(vm));
  EXPECT_FALSE(table.remove(vm));
  EXPECT_FALSE(table.ipv6_of_ipv6_node(0, ip("10.8.0.7")));
  EXPECT_TRUE(table.add(vm));
}

TEST(Eam, ARowIsOfOneEnd) {
  EamTable table{1, embedding};
  ASSERT_TRUE(table.add(row("10.8.0.7/32", "2001:db8:e1d::7/128")));
  ASSERT_TRUE(table.add(row("10.9.0.0/24", "2001:db8:c11::/120", Family::ipv4)));
  EXPECT_EQ(table.ipv6_of_ipv4_node(0, ip("10.9.0.5")), ip6("2001:db8:c11::5"));
  EXPECT_EQ(table.ipv4_of_ipv4_node(0, ip6("2001:db8:c11::5")), ip("10.9.0.5"));
  EXPECT_FALSE(table.ipv6_of_ipv6_node(0, ip("10.9.0.5"))) << "he has no IPv6";
  EXPECT_FALSE(table.ipv4_of_ipv6_node(0, ip6("2001:db8:c11::5")));
  EXPECT_FALSE(table.ipv4_of_ipv4_node(0, ip6("2001:db8:e1d::7"))) << "packets to it stay IPv6";
}

TEST(Eam, AddressesWithoutARowGoIntoThePrefix) {
  EamTable table{1, embedding}, without{1};
  ASSERT_TRUE(table.add(row("10.8.0.7/32", "2001:db8:e1d::7/128")));
  EXPECT_EQ(table.ipv6_of_ipv4_node(0, ip("192.0.2.33")), ip6("2001:db8:64::c000:221"));
  EXPECT_EQ(table.ipv4_of_ipv4_node(0, ip6("2001:db8:64::c000:221")), ip("192.0.2.33"));
  EXPECT_EQ(table.ipv6_of_ipv4_node(0, ip("10.8.0.7")), ip6("2001:db8:64::a08:7")) << "hairpin: his row is not of IPv4";
  EXPECT_FALSE(table.ipv4_of_ipv4_node(0, ip6("2001:db8:64::1:c000:221")));
  EXPECT_FALSE(without.ipv6_of_ipv4_node(0, ip("192.0.2.33")));
  EXPECT_FALSE(without.ipv4_of_ipv4_node(0, ip6("2001:db8:64::c000:221")));
  EXPECT_TRUE(EamTable::can_embed(*parse_ip_prefix("2001:db8:64::/96")));
  EXPECT_FALSE(EamTable::can_embed(*parse_ip_prefix("2001:db8:64::/64")));
  EXPECT_FALSE(EamTable::can_embed(*parse_ip_prefix("2001:db8:64:0:100::/96"))) << "octet 8 stays zero";
}

}  // namespace
