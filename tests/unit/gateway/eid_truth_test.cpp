// SPDX-License-Identifier: Apache-2.0
#include "gateway/src/eid_truth.h"

#include <gtest/gtest.h>

#include "gateway/src/lisp_step.h"
#include "tests/unit/lisp/eids.h"

namespace ilnp {
namespace {

constexpr SiteId own = 0, other = 1;

class EidTruthTest : public ::testing::Test {
 protected:
  static Ownership record(std::uint64_t nid, SiteId at, std::uint64_t epoch) {
    Ownership out;
    out.key = {{nid}, {}};
    out.home = out.at = {at, {1}};
    out.epoch = epoch;
    return out;
  }

  std::vector<std::vector<EidNews>> told;
  EidTruth truth{own, {lisp::eid_prefix("2001:db8:e::/64")}, [this](const auto& news) { told.push_back(news); }};
};

TEST_F(EidTruthTest, TheFirstNewsAreTheWholeTruth) {
  truth.on_resync_started();
  truth.on_record(record(7, own, 3));
  truth.on_record(record(8, own, 4));
  truth.on_record(record(8, other, 5));
  EXPECT_TRUE(told.empty());
  truth.on_resync_finished();
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].size(), 3u);
  EXPECT_EQ(told[0][0], (EidNews{EidNews::Kind::here, lisp::eid("2001:db8:e::7")}));
}

TEST_F(EidTruthTest, ThenEachRecordIsNewsByItself) {
  truth.on_resync_started();
  truth.on_resync_finished();
  told.clear();
  truth.on_record(record(7, own, 3));
  truth.on_record(record(9, other, 4));
  truth.on_gone({{7}, {}}, 5);
  ASSERT_EQ(told.size(), 2u) << "what is elsewhere is no news";
  EXPECT_EQ(told[0][0].kind, EidNews::Kind::here);
  EXPECT_EQ(told[1][0].kind, EidNews::Kind::gone);
}

TEST_F(EidTruthTest, ALaterResyncTellsWhatHasChanged) {
  truth.on_resync_started();
  truth.on_record(record(7, own, 3));
  truth.on_resync_finished();
  truth.on_resync_started();
  truth.on_record(record(8, own, 9));
  truth.on_resync_finished();
  ASSERT_EQ(told.size(), 3u);
  EXPECT_EQ(told[1][0], (EidNews{EidNews::Kind::here, lisp::eid("2001:db8:e::8")}));
  EXPECT_EQ(told[2][0], (EidNews{EidNews::Kind::gone, lisp::eid("2001:db8:e::7")}));
}

TEST(StepsOfNews, ArrivalsComeBeforeWhatWaitsForThem) {
  using enum EidNews::Kind;
  using Kind = LispStep::Kind;
  const auto kinds = [](EidNews::Kind news) {
    std::vector<Kind> out;
    for (const LispStep& step : steps_of({news, lisp::eid("2001:db8:e::7")})) {
      EXPECT_EQ(step.eid, lisp::eid("2001:db8:e::7"));
      out.push_back(step.kind);
    }
    return out;
  };
  EXPECT_EQ(kinds(here), (std::vector{Kind::arrive, Kind::stay}));
  EXPECT_EQ(kinds(expected), std::vector{Kind::prepare});
  EXPECT_EQ(kinds(leaving), std::vector{Kind::prepare});
  EXPECT_EQ(kinds(left), std::vector{Kind::leave});
  EXPECT_EQ(kinds(gone), std::vector{Kind::abort});
}

}  // namespace
}  // namespace ilnp
