// SPDX-License-Identifier: Apache-2.0
#include "core/forwarding/eid_directory.h"

#include <gtest/gtest.h>

#include "tests/unit/lisp/eids.h"

namespace ilnp {
namespace {

using enum EidNews::Kind;
using lisp::eid;
using News = std::vector<EidNews>;

constexpr SiteId own = 1, other = 2, third = 3;
constexpr NodeId nid{0x0200'0000'0000'000a};

class EidDirectoryTest : public ::testing::Test {
 protected:
  static Ownership record(SiteId at, MovePhase phase, std::optional<SiteId> from_or_to, std::uint64_t epoch) {
    Ownership out;
    out.key = {nid, {}};
    out.home = {own, {1}};
    out.at = {at, {1}};
    out.phase = phase;
    if (from_or_to) out.other = Place{*from_or_to, {2}};
    out.epoch = epoch;
    return out;
  }
  static News news(EidNews::Kind kind) { return {{kind, eid("2001:db8:e::200:0:0:a")}}; }

  EidDirectory directory{own, {lisp::eid_prefix("2001:db8:e::/64"), lisp::eid_prefix("10.8.0.0/24")}};
};

TEST_F(EidDirectoryTest, AMoveAwayAndBack) {
  using enum MovePhase;
  EXPECT_EQ(directory.apply(record(own, settled, {}, 1)), news(here));
  EXPECT_EQ(directory.apply(record(own, prepared, other, 2)), news(leaving));
  EXPECT_EQ(directory.apply(record(other, active, own, 3)), news(left));
  EXPECT_EQ(directory.apply(record(other, settled, {}, 4)), News{}) << "said already";
  EXPECT_EQ(directory.apply(record(other, prepared, own, 5)), news(expected));
  EXPECT_EQ(directory.apply(record(own, active, other, 6)), news(here));
  EXPECT_EQ(directory.apply(record(own, settled, {}, 7)), news(here)) << "again: see ARecordThatWasMissed";
  EXPECT_EQ(directory.apply(record(own, settled, {}, 7)), News{}) << "once";
}

TEST_F(EidDirectoryTest, ARecordThatWasMissed) {
  using enum MovePhase;
  EXPECT_EQ(directory.apply(record(own, settled, {}, 1)), news(here));
  // 2: activated at the other site, whose gateway took the EID from ours; 3: taken back, before we looked.
  EXPECT_EQ(directory.apply(record(own, settled, {}, 3)), news(here));
}

TEST_F(EidDirectoryTest, WhatDoesNotHappen) {
  using enum MovePhase;
  EXPECT_EQ(directory.apply(record(other, prepared, own, 1)), news(expected));
  EXPECT_EQ(directory.apply(record(other, settled, {}, 2)), news(gone)) << "the move here is not made";
  EXPECT_EQ(directory.apply(record(own, settled, {}, 3)), news(here));
  EXPECT_EQ(directory.apply(record(own, prepared, other, 4)), news(leaving));
  EXPECT_EQ(directory.apply(record(other, active, own, 5)), news(left));
  EXPECT_EQ(directory.apply(record(own, settled, {}, 6)), news(here)) << "it stays after all";
}

TEST_F(EidDirectoryTest, StepsThatWereNotSeen) {
  using enum MovePhase;
  EXPECT_EQ(directory.apply(record(other, active, own, 1)), news(left)) << "we may be its ETR still";
  EXPECT_EQ(directory.apply(record(own, settled, {}, 5)), news(here));
  EXPECT_EQ(directory.apply(record(third, settled, {}, 9)), news(left)) << "straight from here to there";
}

TEST_F(EidDirectoryTest, WhatHappensElsewhereMeansNothing) {
  using enum MovePhase;
  EXPECT_EQ(directory.apply(record(other, settled, {}, 1)), News{});
  EXPECT_EQ(directory.apply(record(third, active, other, 2)), News{});
  EXPECT_EQ(directory.gone({nid, {}}, 3), News{});
}

TEST_F(EidDirectoryTest, OlderRecordsAreNotObeyed) {
  using enum MovePhase;
  EXPECT_EQ(directory.apply(record(own, settled, {}, 7)), news(here));
  EXPECT_EQ(directory.apply(record(other, active, own, 6)), News{});
  EXPECT_EQ(directory.gone({nid, {}}, 6), News{});
  EXPECT_EQ(directory.gone({nid, {}}, 8), news(gone));
  EXPECT_EQ(directory.apply(record(other, active, own, 6)), news(left)) << "a store that was set back";
}

TEST_F(EidDirectoryTest, AResyncNamesAllThatIsThere) {
  using enum MovePhase;
  directory.resync_started();
  EXPECT_EQ(directory.apply(record(own, settled, {}, 7)), news(here));
  EXPECT_EQ(directory.resync_finished(), News{});
  directory.resync_started();
  EXPECT_EQ(directory.apply(record(own, settled, {}, 7)), News{}) << "named, and nothing new";
  EXPECT_EQ(directory.resync_finished(), News{});
  directory.resync_started();
  EXPECT_EQ(directory.resync_finished(), news(gone));
}

TEST_F(EidDirectoryTest, NodesWithoutIlnpHaveTheirAddress) {
  Ownership plain = record(own, MovePhase::settled, {}, 1);
  plain.key.address_locator = {0x2001'0db8'000e'0000};
  EXPECT_EQ(directory.apply(plain), news(here));
  plain.key.address_locator = {0x2001'0db8'0005'0000};
  EXPECT_EQ(directory.apply(plain), News{}) << "no EID";
}

TEST_F(EidDirectoryTest, WhatIsHereCanBeToldAgain) {
  using enum MovePhase;
  EXPECT_EQ(directory.present(), News{});
  directory.apply(record(other, prepared, own, 1));
  EXPECT_EQ(directory.present(), News{}) << "expected";
  directory.apply(record(own, active, other, 2));
  EXPECT_EQ(directory.present(), news(here));
  directory.apply(record(own, prepared, other, 3));
  EXPECT_EQ(directory.present(), news(here)) << "it has not left yet";
  directory.apply(record(other, active, own, 4));
  EXPECT_EQ(directory.present(), News{});
}

TEST_F(EidDirectoryTest, WhereANodeIs) {
  using enum MovePhase;
  const lisp::Eid its = eid("2001:db8:e::200:0:0:a");
  EXPECT_FALSE(directory.is_elsewhere(its)) << "nobody says so";
  directory.apply(record(other, settled, {}, 1));
  EXPECT_TRUE(directory.is_elsewhere(its));
  EXPECT_FALSE(directory.is_elsewhere(eid("2001:db8:e::200:0:0:b")));
  EXPECT_FALSE(directory.is_elsewhere(eid("10.8.0.7")));
  directory.apply(record(other, prepared, own, 2));
  EXPECT_TRUE(directory.is_elsewhere(its)) << "expected";
  directory.apply(record(own, active, other, 3));
  EXPECT_FALSE(directory.is_elsewhere(its));
  directory.apply(record(own, prepared, other, 4));
  EXPECT_FALSE(directory.is_elsewhere(its)) << "leaving";
  directory.apply(record(other, active, own, 5));
  EXPECT_TRUE(directory.is_elsewhere(its));
  Ownership plain = record(other, settled, {}, 1);
  plain.key = {{9}, {0x2001'0db8'000e'0000}};
  directory.apply(plain);
  EXPECT_TRUE(directory.is_elsewhere(eid("2001:db8:e::9")));
}

}  // namespace
}  // namespace ilnp
