// SPDX-License-Identifier: Apache-2.0
#include "core/lisp/map_cache.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "tests/unit/lisp/eids.h"

namespace ilnp::lisp {
namespace {

using std::chrono::minutes;

class MapCacheTest : public ::testing::Test {
 protected:
  Mapping* install(const MappingRecord& record, MappingOrigin origin = MappingOrigin::reply) {
    return cache.install(now, record, origin);
  }
  /// Runs the timers until then; the prefixes that have to be asked for again.
  std::string run_until(TimePoint end) {
    std::string refreshed;
    while (cache.next_deadline() <= end) {
      now = cache.next_deadline();
      std::vector<EidPrefix> refresh;
      cache.on_time(now, refresh);
      for (const EidPrefix& prefix : refresh) refreshed += to_string(prefix) + ' ';
    }
    now = end;
    return refreshed;
  }
  void use(const char* text) { ASSERT_NE(cache.look_up(now, eid(text)).mapping, nullptr); }
  bool knows(const char* prefix) { return cache.find(eid_prefix(prefix)) != nullptr; }
  void limit(std::size_t entries) {
    tuning.capacity = entries;
    made.emplace(tuning, 7, drops);
  }

  TimePoint now{seconds{1000}};
  MapCacheTuning tuning;
  ItrDrops drops;
  std::optional<MapCache> made{std::in_place, tuning, 7, drops};
  MapCache& cache = *made;
  const std::vector<RlocRecord> one{rloc("2001:db8:a1::1")};
};

TEST_F(MapCacheTest, RecordBecomesAnEntry) {
  const Mapping* positive = install(mapping("2001:db8:e1d::/64", one));
  ASSERT_NE(positive, nullptr);
  EXPECT_EQ(positive->state, MappingState::active);
  EXPECT_EQ(positive->rlocs, one);
  EXPECT_EQ(positive->expiry, now + minutes{30});
  const Mapping* none = install(negative("2001:db8:f00::/40", Action::natively_forward));
  EXPECT_EQ(none->state, MappingState::negative);
  EXPECT_EQ(none->action, Action::natively_forward);
  EXPECT_EQ(install(mapping("10.0.0.0/8", one), MappingOrigin::change_priority)->state, MappingState::tentative);
  EXPECT_EQ(cache.look_up(now, eid("2001:db8:e1d::7")).mapping, positive);
  EXPECT_EQ(cache.look_up(now, eid("2001:db9::7")).mapping, nullptr);
}

TEST_F(MapCacheTest, TtlTable) {
  const auto lifetime = [this](std::uint32_t ttl) {
    return install(mapping("2001:db8:e1d::/64", one, ttl))->expiry - now;
  };
  EXPECT_EQ(lifetime(1), minutes{1});
  EXPECT_EQ(lifetime(1440), minutes{1440});
  EXPECT_EQ(lifetime(1441), minutes{1440});
  EXPECT_EQ(lifetime(ttl_unlimited), minutes{1440});
  EXPECT_EQ(lifetime(0x8000'0005), minutes{1440}) << "minutes, unless the mapping system is lispers.net";
  tuning.bit_31_means_seconds = true;
  limit(10);
  EXPECT_EQ(lifetime(0x8000'0005), seconds{5});
  EXPECT_EQ(lifetime(ttl_unlimited), minutes{1440});
}

TEST_F(MapCacheTest, TtlZeroTakesAway) {
  install(mapping("2001:db8:e1d::/64", one));
  EXPECT_EQ(install(mapping("2001:db8:e1d::/64", one, 0)), nullptr);
  EXPECT_EQ(cache.size(), 0u);
  EXPECT_EQ(cache.next_deadline(), never);
}

TEST_F(MapCacheTest, WhatIsUsedIsRefreshedAtNineTenths) {
  install(mapping("2001:db8:e1d::/64", one));
  install(mapping("2001:db8:e1e::/64", one));
  EXPECT_EQ(run_until(now + minutes{11}), "");
  use("2001:db8:e1e::1");  // and never again: longer ago than half the TTL
  run_until(now + minutes{2});
  use("2001:db8:e1d::1");
  run_until(now + minutes{4});
  use("2001:db8:e1d::1");
  EXPECT_EQ(run_until(TimePoint{seconds{1000} + minutes{27}}), "2001:db8:e1d::/64 ");
}

TEST_F(MapCacheTest, WhatIsNotUsedEndsWithItsTtl) {
  install(mapping("2001:db8:e1d::/64", one));
  EXPECT_EQ(run_until(now + minutes{30} - milliseconds{1}), "");
  EXPECT_TRUE(knows("2001:db8:e1d::/64"));
  EXPECT_EQ(run_until(now + milliseconds{1}), "");
  EXPECT_FALSE(knows("2001:db8:e1d::/64"));
}

TEST_F(MapCacheTest, WhatIsInUseAtItsEndLivesTenSecondsLongerOnce) {
  install(mapping("2001:db8:e1d::/64", one));
  run_until(now + minutes{29} + seconds{30});
  use("2001:db8:e1d::1");
  EXPECT_EQ(run_until(now + seconds{39}), "2001:db8:e1d::/64 ");
  EXPECT_TRUE(knows("2001:db8:e1d::/64"));
  use("2001:db8:e1d::1");
  EXPECT_EQ(run_until(now + seconds{1}), "");
  EXPECT_FALSE(knows("2001:db8:e1d::/64"));
}

TEST_F(MapCacheTest, WhatWasAskedForInVainEndsWithItsTtl) {
  Mapping* entry = install(mapping("2001:db8:e1d::/64", one));
  cache.mark_stale(*entry);
  cache.mark_unanswered(now, *entry);
  run_until(now + minutes{30} - seconds{1});
  use("2001:db8:e1d::1");
  EXPECT_EQ(entry->state, MappingState::stale);
  EXPECT_EQ(run_until(now + seconds{1}), "");
  EXPECT_FALSE(knows("2001:db8:e1d::/64"));
}

TEST_F(MapCacheTest, PendingThatNobodyAnswersIsNegativeForHalfAMinute) {
  Mapping* entry = cache.begin_pending(now, eid("2001:db8:e1d::1"));
  EXPECT_EQ(entry->state, MappingState::pending);
  EXPECT_EQ(cache.next_deadline(), never);
  cache.mark_unanswered(now, *entry);
  EXPECT_EQ(entry->state, MappingState::negative);
  EXPECT_EQ(entry->action, Action::no_action);
  run_until(now + seconds{29});
  use("2001:db8:e1d::1");
  EXPECT_EQ(run_until(now + seconds{1}), "") << "used, but there is nothing to keep";
  EXPECT_EQ(cache.size(), 0u);
}

TEST_F(MapCacheTest, AnsweredOtherwiseItIsAsBefore) {
  Mapping* positive = install(mapping("2001:db8:e1d::/64", one));
  Mapping* none = install(negative("2001:db8:f00::/40", Action::drop));
  for (Mapping* entry : {positive, none}) {
    cache.mark_stale(*entry);
    cache.mark_answered(*entry);
  }
  EXPECT_EQ(positive->state, MappingState::active);
  EXPECT_EQ(none->state, MappingState::negative);
}

TEST_F(MapCacheTest, LessSpecificEndsWithTheFirstOfItsMoreSpecifics) {
  install(mapping("2001:db8:e1d::7/128", one, 10));
  install(mapping("2001:db8:e1d::8/128", one, 5));
  install(mapping("2001:db8:e1e::8/128", one, 1));
  install(mapping("2001:db8:e1d::9/128", one), MappingOrigin::configured);
  const Mapping* covering = install(mapping("2001:db8:e1d::/64", one));
  EXPECT_EQ(covering->expiry, now + minutes{5});
  EXPECT_EQ(covering->refresh_at, now + seconds{270});
  EXPECT_EQ(cache.size(), 5u) << "all are kept";
  EXPECT_EQ(cache.find(eid_prefix("2001:db8:e1d::7/128"))->expiry, now + minutes{10});
}

TEST_F(MapCacheTest, MoreSpecificStandsBesideTheLessSpecific) {
  const Mapping* covering = install(mapping("2001:db8:e1d::/64", one));
  const Mapping* moved = install(mapping("2001:db8:e1d::7/128", {rloc("2001:db8:a2::1")}));
  EXPECT_EQ(cache.match(eid("2001:db8:e1d::7")), moved);
  EXPECT_EQ(cache.match(eid("2001:db8:e1d::8")), covering);
  EXPECT_EQ(covering->expiry, now + minutes{30});
}

TEST_F(MapCacheTest, FullCacheForgetsWhatIsUnusedForLongest) {
  limit(3);
  install(mapping("10.0.0.0/16", one), MappingOrigin::own);
  install(mapping("10.1.0.0/16", one));
  install(mapping("10.2.0.0/16", one));
  now += seconds{5};
  use("10.1.0.1");
  install(mapping("10.3.0.0/16", one));
  EXPECT_FALSE(knows("10.2.0.0/16"));
  install(mapping("10.4.0.0/16", one));
  EXPECT_FALSE(knows("10.1.0.0/16"));
  EXPECT_TRUE(knows("10.0.0.0/16"));
  EXPECT_EQ(cache.evicted(), 2u);
  EXPECT_EQ(cache.size(), 3u);
}

TEST_F(MapCacheTest, FixedAndPendingEntriesNeverMakeWay) {
  limit(3);
  install(mapping("10.0.0.0/16", one), MappingOrigin::own);
  install(mapping("10.1.0.0/16", one), MappingOrigin::configured);
  cache.begin_pending(now, eid("10.2.0.1"));
  EXPECT_EQ(install(mapping("10.3.0.0/16", one)), nullptr);
  EXPECT_EQ(cache.begin_pending(now, eid("10.3.0.1")), nullptr);
  EXPECT_EQ(drops.of(ItrDrop::cache_full), 2u);
  EXPECT_EQ(cache.size(), 3u);
  EXPECT_EQ(cache.evicted(), 0u);
}

TEST_F(MapCacheTest, NobodyOutsideReplacesWhatIsConfigured) {
  install(mapping("10.0.0.0/16", one), MappingOrigin::own);
  for (const MappingOrigin origin : {MappingOrigin::reply, MappingOrigin::notify, MappingOrigin::change_priority})
    for (const std::uint32_t ttl : {0u, 5u})
      EXPECT_EQ(install(mapping("10.0.0.0/16", {rloc("2001:db8:bad::1")}, ttl), origin), nullptr);
  EXPECT_EQ(cache.find(eid_prefix("10.0.0.0/16"))->rlocs, one);
  EXPECT_EQ(drops.of(ItrDrop::own_prefix), 6u);
  EXPECT_EQ(run_until(now + minutes{3000}), "");
  EXPECT_TRUE(knows("10.0.0.0/16"));
  install(mapping("10.0.0.0/16", one, 0), MappingOrigin::own);
  EXPECT_FALSE(knows("10.0.0.0/16")) << "whoever configured it can take it away";
}

TEST_F(MapCacheTest, FirstUseInFiveSecondsIsSaid) {
  install(mapping("10.0.0.0/16", one));
  EXPECT_TRUE(cache.look_up(now, eid("10.0.0.1")).is_first_use);
  EXPECT_FALSE(cache.look_up(now + milliseconds{4999}, eid("10.0.0.1")).is_first_use);
  EXPECT_TRUE(cache.look_up(now + seconds{5}, eid("10.0.0.1")).is_first_use);
}

TEST_F(MapCacheTest, ThousandEndAtOnceNotMore) {
  for (std::uint32_t i = 0; i < 1500; ++i) {
    MappingRecord record = mapping("10.0.0.0/16", one);
    record.eid = EidPrefix::host({0, IpAddress::v4(0x0a00'0000 + i)});
    install(record);
  }
  now += minutes{31};
  std::vector<EidPrefix> refresh;
  cache.on_time(now, refresh);
  EXPECT_EQ(cache.size(), 500u);
  EXPECT_LE(cache.next_deadline(), now);
  cache.on_time(now, refresh);
  EXPECT_EQ(cache.size(), 0u);
}

}  // namespace
}  // namespace ilnp::lisp
