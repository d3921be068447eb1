// SPDX-License-Identifier: Apache-2.0
// Nodes by NID and home, by NID and present locator, by NID alone; against a model, and the limits.
#include "core/site/nid_table.h"

#include <gtest/gtest.h>

#include <map>

#include "tests/support/fakes.h"
#include "tests/support/matchers.h"

namespace ilnp {
namespace {

constexpr Locator home{0xfd5a'17c0'9e21'0001}, elsewhere{0xfd5b'0000'0000'0007}, third{0xfd5c'0000'0000'0001};

NidEntry entry_of(std::uint64_t nid, Locator at_home = home, bool owner = true) {
  NidEntry e;
  e.nid = {nid};
  e.home = e.now = at_home;
  e.owns_nid = owner;
  return e;
}

TEST(NidTable, NodeIsFoundByHomeByPresentLocatorAndByNidAlone) {
  NidTable table{1, 10};
  NidEntry* e = table.insert(entry_of(5)).value();
  ASSERT_TRUE(table.set_now(*e, elsewhere).has_value());
  EXPECT_EQ(table.find(NodeId{5}, home), e);
  EXPECT_EQ(table.find(NodeId{5}, elsewhere), e);
  EXPECT_EQ(table.find_owner(NodeId{5}), e);
  EXPECT_EQ(table.find(NodeId{5}, third), nullptr);
  EXPECT_EQ(table.find(NodeId{6}, home), nullptr);
  ASSERT_TRUE(table.set_now(*e, third).has_value());
  EXPECT_EQ(table.find(NodeId{5}, elsewhere), nullptr);
  ASSERT_TRUE(table.set_now(*e, home).has_value());
  EXPECT_EQ(table.find(NodeId{5}, third), nullptr);
  EXPECT_EQ(table.find(NodeId{5}, home), e);
  table.erase(*e);
  EXPECT_EQ(table.find(NodeId{5}, home), nullptr);
  EXPECT_EQ(table.find_owner(NodeId{5}), nullptr);
  EXPECT_EQ(table.size(), 0u);
}

TEST(NidTable, FormerHomeIsAThirdName) {
  NidTable table{1, 10};
  NidEntry* e = table.insert(entry_of(1)).value();
  ASSERT_TRUE(table.set_former(*e, Place{3, elsewhere}).has_value());
  EXPECT_EQ(table.find(NodeId{1}, elsewhere), e);
  NidEntry* other = table.insert(entry_of(2, third)).value();
  NidEntry* same = table.insert(entry_of(1, third, false)).value();
  EXPECT_EQ(table.set_former(*same, Place{3, elsewhere}).error(), NidProblem::taken);
  ASSERT_TRUE(table.set_former(*other, Place{3, elsewhere}).has_value()) << "another NID";
  ASSERT_TRUE(table.set_former(*e, std::nullopt).has_value());
  EXPECT_EQ(table.find(NodeId{1}, elsewhere), nullptr);
}

TEST(NidTable, NodesThatDoNotOwnTheirNidMayShareIt) {
  NidTable table{1, 10};
  NidEntry* a = table.insert(entry_of(1, home, false)).value();
  NidEntry* b = table.insert(entry_of(1, elsewhere, false)).value();
  EXPECT_EQ(table.find(NodeId{1}, home), a);
  EXPECT_EQ(table.find(NodeId{1}, elsewhere), b);
  EXPECT_EQ(table.find_owner(NodeId{1}), nullptr);
  EXPECT_EQ(table.set_now(*b, home).error(), NidProblem::taken);
  EXPECT_EQ(b->now, elsewhere);
}

TEST(NidTable, NothingIsTakenFromTheOneThatHasIt) {
  NidTable table{1, 2};
  ASSERT_TRUE(table.insert(entry_of(5)).has_value());
  EXPECT_EQ(table.insert(entry_of(5)).error(), NidProblem::taken);
  EXPECT_EQ(table.insert(entry_of(5, elsewhere)).error(), NidProblem::taken) << "the NID is owned";
  ASSERT_TRUE(table.insert(entry_of(6)).has_value());
  EXPECT_EQ(table.insert(entry_of(7)).error(), NidProblem::full);
}

TEST(NidTable, AgreesWithAModelOverRandomChanges) {
  NidTable table{99, 1000};
  test::FakeRandom random{7};
  const Locator places[] = {home, elsewhere, third};
  struct Known {
    Locator now = home;
    std::optional<Place> former;
  };
  std::map<std::uint64_t, Known> model;
  for (int i = 0; i < 100'000; ++i) {
    const std::uint64_t nid = random.below(500);
    const auto known = model.find(nid);
    if (known == model.end()) {
      ASSERT_TRUE(table.insert(entry_of(nid)).has_value());
      model[nid] = {};
    } else if (random.one_in(3)) {
      table.erase(*table.find(NodeId{nid}, known->second.now));
      model.erase(known);
    } else if (random.one_in(3)) {
      const std::uint64_t place = random.below(4);
      known->second.former = place == 3 ? std::nullopt : std::optional{Place{1, places[place]}};
      ASSERT_TRUE(table.set_former(*table.find_owner(NodeId{nid}), known->second.former).has_value());
    } else {
      known->second.now = places[random.below(3)];
      ASSERT_TRUE(table.set_now(*table.find_owner(NodeId{nid}), known->second.now).has_value());
    }
    const std::uint64_t asked = random.below(500);
    const auto wanted = model.find(asked);
    for (const Locator l : places) {
      const NidEntry* found = table.find(NodeId{asked}, l);
      const bool is_former = wanted != model.end() && wanted->second.former && wanted->second.former->locator == l;
      const bool there = wanted != model.end() && (l == home || l == wanted->second.now || is_former);
      ASSERT_EQ(found != nullptr, there);
      if (there) {
        ASSERT_EQ(found->now, wanted->second.now);
      }
    }
  }
  EXPECT_EQ(table.size(), model.size());
}

}  // namespace
}  // namespace ilnp
