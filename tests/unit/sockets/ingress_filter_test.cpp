// SPDX-License-Identifier: Apache-2.0
// What the script does is proved in tests/netns; here, what it must never contain.
#include "io/sockets/ingress_filter.h"

#include <gtest/gtest.h>

#include "io/sockets/router_filter.h"
#include "tests/support/matchers.h"
#include "tests/support/packet_builder.h"

namespace ilnp {
namespace {

using ::testing::Test;

IngressFilter::Plan plan() {
  return {.wire_interfaces = {"eth0", "eth1"},
          .nids = {{0x0214'4fff'fe20'ee64}},
          .identity_prefixes = {{test::address("fd49:4c4e::"), 32}},
          .tun = "ilnp0"};
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t n = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

TEST(IngressFilter, OneChainForEachWireInterface) {
  const std::string script = IngressFilter::script(plan()).value();
  EXPECT_EQ(count(script, "hook ingress device"), 2u);
  EXPECT_EQ(count(script, "device \"eth1\""), 1u);
  EXPECT_EQ(count(script, "0x02144ffffe20ee64"), 2u);
}

TEST(IngressFilter, ReplacesItsTablesInOneTransaction) {
  const std::string script = IngressFilter::script(plan()).value();
  for (const char* table : {"table netdev ilnp", "table ip6 ilnp"}) {
    const auto removed = script.find(std::string{"delete "} + table);
    ASSERT_NE(removed, std::string::npos);
    EXPECT_LT(removed, script.rfind(table));
  }
  EXPECT_EQ(count(script, "flush"), 0u) << "other people's rules stay";
}

TEST(IngressFilter, RepeatedNodeIdentifiersAreNamedOnce) {  // nft refuses a set that names an element twice
  auto twice = plan();
  twice.nids.push_back(twice.nids[0]);
  EXPECT_EQ(IngressFilter::script(twice).value(), IngressFilter::script(plan()).value());
}

TEST(IngressFilter, WithoutNodeIdentifiersOnlyTheLeakGuardStands) {
  auto none = plan();
  none.nids.clear();
  const std::string script = IngressFilter::script(none).value();
  EXPECT_EQ(count(script, "goto ours"), 0u);
  EXPECT_EQ(count(script, "ip6 saddr { fd49:4c4e::/32 }"), 3u);
}

TEST(IngressFilter, InterfaceNamesCannotSmuggleRulesIn) {
  for (const char* name :
       {"", "eth0\"; drop", "a b", "eth0\n", "0123456789abcdef", "eth\"0", "eth;0", "e{", "\xc3\xa9"}) {
    auto bad = plan();
    bad.wire_interfaces[1] = name;
    EXPECT_FALSE(IngressFilter::script(bad)) << name;
    bad = plan();
    bad.tun = name;
    EXPECT_FALSE(IngressFilter::script(bad)) << name;
  }
  auto usual = plan();
  usual.wire_interfaces = {"eth0.10", "veth-a_1", "br0@x", "wlan:1"};
  EXPECT_TRUE(IngressFilter::script(usual));
}

TEST(RouterFilter, HasATableOfItsOwnAndLeavesOurAddressesToTheKernel) {
  const RouterFilter::Plan plan{{"lan0", "wan0"}, {test::address("2001:db8::1"), test::address("2001:db8::1")}};
  const std::string script = RouterFilter::script(plan).value();
  EXPECT_EQ(count(script, "hook ingress device"), 2u);
  EXPECT_EQ(count(script, "fe80::/10, ff00::/8, 2001:db8::1 }"), 1u) << "named once: " << script;
  EXPECT_EQ(count(script, "table netdev ilnp_sbr"), 3u);
  EXPECT_EQ(count(script, "table netdev ilnp "), 0u) << "the host's";
  EXPECT_FALSE(RouterFilter::script({{"e\" drop;"}, {}}));
}

}  // namespace
}  // namespace ilnp
