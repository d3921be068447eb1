// SPDX-License-Identifier: Apache-2.0
#include "core/records/update_plan.h"

#include <gtest/gtest.h>

#include <set>

namespace ilnp {
namespace {

const DnsName zone = *DnsName::from_text("example.org");
const DnsName mob = *DnsName::from_text("mob.example.org");
const NidData nid{10, {0x5c1a97d304be6f21}};
const L64Data l64{10, {0x20010db8000b0001}};
const PublishedState wanted = PublishedState::of({nid}, {l64});

std::vector<std::string> texts(const std::vector<UpdateRecord>& records, bool prerequisites) {
  std::vector<std::string> out;
  for (const UpdateRecord& record : records) out.push_back(to_text(record, prerequisites));
  return out;
}

UpdatePlan plan(const NidGuard& guard, const std::optional<PublishedState>& previous = {}) {
  return plan_publication(zone, mob, wanted, previous, TtlPolicy::mobile(), guard);
}

TEST(UpdatePlan, TheAddressMirrorsEveryLocatorWithEveryNid) {
  const auto state = PublishedState::of({nid, {20, {7}}}, {l64, {20, {0x20010db8000c0001}}});
  EXPECT_EQ(state.aaaa.size(), 4u);
  EXPECT_EQ(to_string(state.aaaa.front()), "2001:db8:b:1:5c1a:97d3:4be:6f21");
  EXPECT_TRUE(PublishedState::of({nid}, {l64}, false).aaaa.empty());
}

TEST(UpdatePlan, AMoveReplacesLocatorsAndLeavesTheNidAlone) {
  const UpdatePlan move = plan({NidGuard::Kind::exactly, {nid}});
  EXPECT_EQ(texts(move.prerequisites, true),
            std::vector<std::string>{"only if mob.example.org. has exactly NID 10 5c1a:97d3:04be:6f21"});
  EXPECT_EQ(texts(move.updates, false),
            (std::vector<std::string>{"delete every L64 of mob.example.org.", "delete every AAAA of mob.example.org.",
                                      "add mob.example.org. 0 IN L64 10 2001:0db8:000b:0001",
                                      "add mob.example.org. 0 IN AAAA 2001:db8:b:1:5c1a:97d3:4be:6f21"}));
}

TEST(UpdatePlan, TheFirstPublicationWritesTheNidIfThereIsNone) {
  const UpdatePlan first = plan({NidGuard::Kind::absent, {}});
  EXPECT_EQ(texts(first.prerequisites, true), std::vector<std::string>{"only if mob.example.org. has no NID"});
  EXPECT_EQ(texts(first.updates, false)[0], "delete every NID of mob.example.org.");
  EXPECT_EQ(texts(first.updates, false)[3], "add mob.example.org. 300 IN NID 10 5c1a:97d3:04be:6f21");
}

TEST(UpdatePlan, AnOperatorsNidIsOnlyRequired) {
  PublishedState with_lp = wanted;
  with_lp.lps.push_back({10, *DnsName::from_text("l64.example.org")});
  const UpdatePlan foreign =
      plan_publication(zone, mob, with_lp, {}, TtlPolicy::mobile(), {NidGuard::Kind::present, {}});
  EXPECT_EQ(texts(foreign.prerequisites, true), std::vector<std::string>{"only if mob.example.org. has NID"});
  for (const UpdateRecord& record : foreign.updates) {
    EXPECT_TRUE(record.type == dns::type_l64 || record.type == dns::type_aaaa) << to_text(record, false);
  }
}

TEST(UpdatePlan, ARotatedNidIsReplacedOnlyWhereTheOldOneIs) {
  const NidData old{10, {0x1111}};
  const UpdatePlan rotation = plan({NidGuard::Kind::exactly, {old}});
  EXPECT_EQ(texts(rotation.prerequisites, true),
            std::vector<std::string>{"only if mob.example.org. has exactly NID 10 0000:0000:0000:1111"});
  EXPECT_EQ(texts(rotation.updates, false)[0], "delete every NID of mob.example.org.");
}

TEST(UpdatePlan, LpsAreTouchedOnlyWhenThereAreOrWereSome) {
  const auto types = [](const UpdatePlan& p) {
    std::multiset<std::uint16_t> out;
    for (const UpdateRecord& record : p.updates) out.insert(record.type);
    return out;
  };
  PublishedState before = wanted;
  EXPECT_EQ(types(plan({NidGuard::Kind::exactly, {nid}}, before)).count(dns::type_lp), 0u);
  before.lps.push_back({10, *DnsName::from_text("l64.example.org")});
  EXPECT_EQ(types(plan({NidGuard::Kind::exactly, {nid}}, before)).count(dns::type_lp), 1u);
}

TEST(UpdatePlan, WithoutLocatorsTheyAreDeletedAndNothingIsAdded) {
  const UpdatePlan gone = plan_publication(zone, mob, PublishedState::of({nid}, {}), wanted, TtlPolicy::mobile(),
                                           {NidGuard::Kind::exactly, {nid}});
  for (const UpdateRecord& record : gone.updates) EXPECT_EQ(record.klass, dns::class_any);
  EXPECT_EQ(gone.updates.size(), 2u);
}

TEST(UpdatePlan, BehindABorderRouterTheSitesNameStandsForUniqueLocalLocators) {
  const Locator inside{0xfd5a17c09e210001}, outside = l64.locator;
  const DnsName site = *DnsName::from_text("site.example.org");
  EXPECT_EQ(PublishedState::behind_border({nid}, {outside}, site), wanted);
  EXPECT_FALSE(PublishedState::behind_border({nid}, {inside}, {}));
  EXPECT_FALSE(PublishedState::behind_border({nid}, {}, site));
  const auto both = PublishedState::behind_border({nid}, {inside, outside, {inside.bits + 1}}, site);
  EXPECT_EQ(both->lps, (std::vector<LpData>{{10, site}}));
  EXPECT_EQ(both->locators, (std::vector<L64Data>{{20, outside}}));
  EXPECT_EQ(both->aaaa, wanted.aaaa);

  // What the node itself had published elsewhere goes; addresses that the site published for it stay.
  const PublishedState there = *PublishedState::behind_border({nid}, {inside}, site);
  const std::vector<std::string> moved_in{"delete every L64 of mob.example.org.", "delete every LP of mob.example.org.",
                                          "add mob.example.org. 3600 IN LP 10 site.example.org."};
  const NidGuard guard{NidGuard::Kind::exactly, {nid}};
  EXPECT_EQ(texts(plan_publication(zone, mob, there, there, TtlPolicy::mobile(), guard).updates, false), moved_in);
  const UpdatePlan from_outside = plan_publication(zone, mob, there, wanted, TtlPolicy::mobile(), guard);
  EXPECT_EQ(texts(from_outside.updates, false).at(2), "delete every AAAA of mob.example.org.");
  const UpdatePlan to_outside = plan(guard, there);
  EXPECT_EQ(texts(to_outside.updates, false).at(1), "delete every LP of mob.example.org.");
}

TEST(UpdatePlan, PoliciesFollowTheRanges) {
  EXPECT_EQ(TtlPolicy::mobile().l64, seconds{0});
  EXPECT_EQ(TtlPolicy::mobile(seconds{20}).aaaa, seconds{20});
  EXPECT_EQ(TtlPolicy::fixed().l64, seconds{60});
  EXPECT_GT(TtlPolicy::fixed().nid, TtlPolicy::mobile().nid);
}

}  // namespace
}  // namespace ilnp
