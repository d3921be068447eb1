// SPDX-License-Identifier: Apache-2.0
// What happens to a packet in each state of the entry.
#include "core/lisp/itr.h"

#include "tests/unit/lisp/resolution_world.h"

namespace ilnp::lisp {
namespace {

using Kind = ItrVerdict::Kind;
using Error = ItrVerdict::Error;

class ItrTest : public ResolutionWorld {
 protected:
  ItrVerdict route(const char* destination, std::uint64_t flow = 0) {
    ByteVector octets = octets_of(9);
    const Packet packet{octets, 0, octets.size()};
    return itr.route(now, eid("2001:db8:c1e::99"), eid(destination), {flow, 0}, packet, actions);
  }
  /// Probes are never answered.
  void rlocs_die() {
    ProbingActions probes;
    for (const TimePoint end = now + seconds{25}; now < end; now += seconds{1}) probing.on_time(now, probes);
  }

  ItrPolicy policy;
  ProbingTuning probing_tuning;
  RlocProbing probing{probing_tuning, random, drops};
  Itr itr{policy, underlay, cache, resolution, probing, drops};
};

TEST_F(ItrTest, UnknownAndPendingWait) {
  EXPECT_EQ(route("2001:db8:e1d::1").kind, Kind::waiting);
  EXPECT_EQ(route("2001:db8:e1d::1").kind, Kind::waiting);
  EXPECT_EQ(actions.requests.size(), 1u);
  answer({mapping("2001:db8:e1d::/64", a1)});
  EXPECT_EQ(actions.packets.size(), 2u);
  const ItrVerdict verdict = route("2001:db8:e1d::1");
  EXPECT_EQ(verdict.kind, Kind::encapsulate);
  EXPECT_EQ(verdict.rloc, ip("2001:db8:a1::1"));
}

TEST_F(ItrTest, ProxyMayLetPacketsGoMeanwhile) {
  policy.native_while_pending = true;
  EXPECT_EQ(route("2001:db8:e1d::1").kind, Kind::native);
  EXPECT_EQ(actions.requests.size(), 1u);
  EXPECT_EQ(resolution.waiting_eids(), 0u);
}

TEST_F(ItrTest, StaleAndTentativeEntriesAreUsed) {
  Mapping* entry = know("2001:db8:e1d::/64", a1);
  cache.mark_stale(*entry);
  EXPECT_EQ(route("2001:db8:e1d::1").rloc, ip("2001:db8:a1::1"));
  cache.install(now, mapping("2001:db8:e1d::1/128", a2), MappingOrigin::change_priority);
  EXPECT_EQ(route("2001:db8:e1d::1").rloc, ip("2001:db8:a2::1"));
}

TEST_F(ItrTest, OwnEidsAreLocal) {
  cache.install(now, mapping("2001:db8:c1e::/48", a1), MappingOrigin::own);
  EXPECT_EQ(route("2001:db8:c1e::5").kind, Kind::local);
}

TEST_F(ItrTest, ActionsOfNegativeEntries) {
  struct Row {
    std::uint8_t action;
    Kind kind;
    ItrDrop reason;
    Error error;
    std::size_t requests;
  };
  const Row rows[] = {
      {0, Kind::drop, ItrDrop::negative_no_action, Error::none, 0},
      {1, Kind::native, ItrDrop{}, Error::none, 0},
      {2, Kind::drop, ItrDrop::negative_ask_again, Error::none, 1},
      {3, Kind::drop, ItrDrop::negative_drop, Error::none, 0},
      {4, Kind::drop, ItrDrop::negative_policy, Error::prohibited, 0},
      {5, Kind::drop, ItrDrop::negative_authentication, Error::none, 0},
      {6, Kind::drop, ItrDrop::negative_no_action, Error::none, 0},
      {7, Kind::drop, ItrDrop::negative_no_action, Error::none, 0},
  };
  for (const bool is_stale : {false, true}) {
    for (const Row& row : rows) {
      actions = {};
      Mapping* entry =
          cache.install(now, negative("2001:db8:f00::/40", static_cast<Action>(row.action)), MappingOrigin::reply);
      if (is_stale) cache.mark_stale(*entry);
      const std::uint64_t before = drops.of(row.reason);
      const ItrVerdict verdict = route("2001:db8:f00::1");
      EXPECT_EQ(verdict.kind, row.kind) << int{row.action};
      EXPECT_EQ(verdict.error, row.error) << int{row.action};
      EXPECT_EQ(actions.requests.size(), row.requests) << int{row.action};
      if (row.kind == Kind::drop) {
        EXPECT_EQ(drops.of(row.reason), before + 1) << int{row.action};
      }
      while (resolution.questions() > 0) answer({negative("2001:db8:f00::/40", Action::drop)});
      now += seconds{2};
    }
  }
}

TEST_F(ItrTest, AskAgainIsOnceASecond) {
  cache.install(now, negative("2001:db8:f00::/40", Action::send_map_request), MappingOrigin::reply);
  for (int i = 0; i < 1000; ++i) {
    route("2001:db8:f00::1");
    run(milliseconds{10});
    if (resolution.questions() > 0) answer({negative("2001:db8:f00::/40", Action::send_map_request)});
  }
  EXPECT_NEAR(static_cast<double>(actions.requests.size()), 10, 1);
}

TEST_F(ItrTest, NoWayIsUnreachableAndAskedForAgain) {
  know("2001:db8:e1d::/64", {rloc("2001:db8:a1::1", never_use)});
  const ItrVerdict verdict = route("2001:db8:e1d::1");
  EXPECT_EQ(verdict.kind, Kind::drop);
  EXPECT_EQ(verdict.reason, ItrDrop::no_rloc);
  EXPECT_EQ(verdict.error, Error::unreachable);
  EXPECT_EQ(actions.requests.size(), 1u);
  EXPECT_EQ(entry("2001:db8:e1d::1"), "2001:db8:e1d::/64 stale 2001:db8:a1::1");
  EXPECT_EQ(probing.size(), 0u) << "what never gets packets is not probed";
}

TEST_F(ItrTest, RlocsInUseAreProbedAndTheDeadAreLeft) {
  know("2001:db8:e1d::/64", {rloc("2001:db8:a1::1", 1), rloc("2001:db8:a2::1", 2)});
  route("2001:db8:e1d::1");
  EXPECT_EQ(probing.size(), 2u);
  rlocs_die();
  EXPECT_EQ(route("2001:db8:e1d::1").reason, ItrDrop::no_rloc);
  EXPECT_EQ(entry("2001:db8:e1d::1"), "2001:db8:e1d::/64 stale 2001:db8:a1::1 2001:db8:a2::1") << "at once";
  policy.rlocs.last_resort = true;
  const ItrVerdict verdict = route("2001:db8:e1d::1");
  EXPECT_EQ(verdict.kind, Kind::encapsulate);
  EXPECT_EQ(verdict.rloc, ip("2001:db8:a1::1"));
}

TEST_F(ItrTest, LastResortIsAskedForAgainToo) {
  policy.rlocs.last_resort = true;
  know("2001:db8:e1d::/64", a1);
  route("2001:db8:e1d::1");
  rlocs_die();
  EXPECT_EQ(route("2001:db8:e1d::1").kind, Kind::encapsulate);
  EXPECT_EQ(actions.requests.size(), 1u);
}

TEST_F(ItrTest, ConfiguredEntriesAreNotAskedFor) {
  cache.install(now, mapping("2001:db8:e1d::/64", {rloc("2001:db8:a1::1", never_use)}), MappingOrigin::configured);
  EXPECT_EQ(route("2001:db8:e1d::1").reason, ItrDrop::no_rloc);
  EXPECT_TRUE(actions.requests.empty());
}

}  // namespace
}  // namespace ilnp::lisp
