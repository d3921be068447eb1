// SPDX-License-Identifier: Apache-2.0
// Inside and outside locators: neutral pairs (RFC 6296), exchanged prefixes, hidden subnets, and what is refused.
#include "core/site/subnet_map.h"

#include <gtest/gtest.h>

#include "core/ipv6/checksum.h"
#include "tests/support/fakes.h"
#include "tests/support/matchers.h"

namespace ilnp {
namespace {

constexpr LocatorPrefix site{{0xfd5a'17c0'9e21'0000}, 48};
constexpr LocatorPrefix provider_1{{0x2001'0db8'00a1'0000}, 48}, provider_2{{0x2001'0db8'00a2'0000}, 48};
constexpr Locator inside{0xfd5a'17c0'9e21'0001};

SubnetMap map_of(std::initializer_list<MappingRule> rules) {
  SubnetMap map;
  for (const MappingRule& rule : rules) EXPECT_TRUE(map.add(rule).has_value());
  return map;
}

MappingProblem problem_of(const MappingRule& rule, SubnetMap map = {}) {
  const auto added = map.add(rule);
  return added ? MappingProblem::too_many_rules : added.error();
}

TEST(SubnetMap, NeutralPairsAreThoseOfTheExample) {
  const SubnetMap map = map_of({{site, provider_1, 0}, {site, provider_2, 1}});
  EXPECT_EQ(map.to_outside(inside, 0), (Locator{0x2001'0db8'00a1'84e3}));
  EXPECT_EQ(map.to_outside(inside, 1), (Locator{0x2001'0db8'00a2'84e2}));
  EXPECT_EQ(map.to_outside(inside, 2), std::nullopt);
  const auto back = map.to_inside(Locator{0x2001'0db8'00a2'84e2});
  ASSERT_TRUE(back);
  EXPECT_EQ(back->uplink, 1);
  EXPECT_EQ(back->locator, inside);
}

TEST(SubnetMap, NeutralPairIsThatOfRfc6296) {
  const SubnetMap map = map_of({{{{0xfd01'0203'0405'0000}, 48}, {{0x2001'0db8'0001'0000}, 48}, 0}});
  EXPECT_EQ(map.to_outside(Locator{0xfd01'0203'0405'0001}, 0), (Locator{0x2001'0db8'0001'd550}));
}

TEST(SubnetMap, EverySubnetComesBackWithAnUnchangedSum) {
  for (const LocatorPrefix& outside : {provider_1, LocatorPrefix{{0x2001'0db8'0000'0000}, 32}}) {
    const SubnetMap map = map_of({{site, outside, 0}});
    for (std::uint64_t subnet = 0; subnet < 0xffff; ++subnet) {
      const Locator l{site.locator.bits | subnet};
      const auto there = map.to_outside(l, 0);
      ASSERT_TRUE(there);
      ASSERT_TRUE(outside.contains(*there));
      ASSERT_EQ(sum_of(*there) % 0xffff, sum_of(l) % 0xffff) << subnet;
      ASSERT_NE(there->bits & 0xffff, 0xffffu);
      ASSERT_EQ(map.to_inside(*there)->locator, l);
    }
    EXPECT_EQ(map.to_outside(Locator{site.locator.bits | 0xffff}, 0), std::nullopt);
    EXPECT_EQ(map.to_inside(Locator{outside.locator.bits | 0xffff}), std::nullopt);
  }
}

TEST(SubnetMap, ExchangedPrefixKeepsTheSubnet) {
  const SubnetMap map = map_of({{site, {{0x2001'0db8'00a1'ab00}, 56}, 0, Mapping::replace}});
  EXPECT_EQ(map.to_outside(Locator{site.locator.bits | 0x42}, 0), (Locator{0x2001'0db8'00a1'ab42}));
  EXPECT_EQ(map.to_inside(Locator{0x2001'0db8'00a1'ab42})->locator, (Locator{site.locator.bits | 0x42}));
  EXPECT_EQ(map.to_outside(Locator{site.locator.bits | 0x142}, 0), std::nullopt)
      << "the provider's /56 has no such subnet";
}

TEST(SubnetMap, LocatorsOfASiteWithoutLocalOnesStayTheSame) {
  const SubnetMap map = map_of({{provider_1, provider_1, 0}});
  const Locator l{0x2001'0db8'00a1'0007};
  EXPECT_EQ(map.to_outside(l, 0), l);
  EXPECT_EQ(map.to_inside(l)->locator, l);
}

TEST(SubnetMap, HiddenSubnetsShareALocator) {
  const LocatorPrefix shared{{0x2001'0db8'00a1'0000}, 64};
  const SubnetMap map = map_of({{site, shared, 0, Mapping::hide}});
  EXPECT_EQ(map.to_outside(inside, 0), shared.locator);
  EXPECT_TRUE(map.hides(inside, 0));
  EXPECT_FALSE(map.hides(inside, 1));
  EXPECT_TRUE(map.to_inside(shared.locator)->hidden);
  EXPECT_EQ(map.to_inside(Locator{shared.locator.bits + 1}), std::nullopt);
}

TEST(SubnetMap, KnowsWhatIsInsideAndOutside) {
  const SubnetMap map = map_of({{site, provider_1, 0}});
  EXPECT_TRUE(map.is_inside(inside));
  EXPECT_FALSE(map.is_inside(Locator{0xfd5a'17c0'9e22'0001}));
  EXPECT_TRUE(map.is_outside(Locator{0x2001'0db8'00a1'ffff}));
  EXPECT_FALSE(map.is_outside(inside));
}

TEST(SubnetMap, RulesThatCannotWorkAreRefused) {
  EXPECT_EQ(problem_of({{{site.locator}, 0}, provider_1, 0}), MappingProblem::bad_length);
  EXPECT_EQ(problem_of({{{site.locator}, 65}, provider_1, 0}), MappingProblem::bad_length);
  EXPECT_EQ(problem_of({{inside, 48}, provider_1, 0}), MappingProblem::bad_length) << "bits beyond the prefix";
  EXPECT_EQ(problem_of({site, provider_1, 0, Mapping::hide}), MappingProblem::bad_length);
  EXPECT_EQ(problem_of({site, {{0x2001'0db8'00a1'0000}, 56}, 0}), MappingProblem::too_long);
  EXPECT_EQ(problem_of({site, {{0xfd00'0000'0001'0000}, 48}, 0}), MappingProblem::not_global);
  const SubnetMap map = map_of({{site, provider_1, 0}});
  EXPECT_EQ(problem_of({{{0xfd5a'17c0'9e21'0000}, 48}, provider_2, 0}, map), MappingProblem::overlaps_inside);
  EXPECT_EQ(problem_of({{{0xfd5b'0000'0000'0000}, 48}, {{0x2001'0db8'0000'0000}, 32}, 1}, map),
            MappingProblem::overlaps_outside);
  EXPECT_EQ(map.rules().size(), 1u);
}

TEST(SubnetMap, ReplacedPrefixIsGoneAtOnceAndTheOthersStay) {
  SubnetMap map = map_of({{site, provider_1, 0}, {site, provider_2, 1}});
  const LocatorPrefix fresh{{0x2001'0db8'00a3'0000}, 48};
  ASSERT_TRUE(map.replace(0, site, fresh).has_value());
  EXPECT_TRUE(fresh.contains(*map.to_outside(inside, 0)));
  EXPECT_FALSE(map.to_inside(Locator{0x2001'0db8'00a1'84e3}));
  EXPECT_TRUE(map.to_inside(Locator{0x2001'0db8'00a2'84e2}));
  const auto before = map.rules();
  EXPECT_EQ(map.replace(0, site, provider_2).error(), MappingProblem::overlaps_outside);
  EXPECT_EQ(map.replace(3, site, provider_1).error(), MappingProblem::no_such_rule);
  EXPECT_EQ(map.rules(), before);
  map.remove(1);
  EXPECT_FALSE(map.to_outside(inside, 1));
  EXPECT_EQ(map.rules().size(), 1u);
}

}  // namespace
}  // namespace ilnp
