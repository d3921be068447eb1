// SPDX-License-Identifier: Apache-2.0
// Migration as an operation, with the truth in a store: each of its parts is killed at every moment, and what must hold
// holds: no session lost, no node active at two sites, nothing left over once the timers have run.
#include <gtest/gtest.h>

#include "tests/sim/host.h"
#include "tests/sim/truth.h"

namespace ilnp::sim {
namespace {

constexpr LocatorPrefix site_1{{0xfd5a'17c0'9e21'0000}, 48}, site_2{{0xfd5b'0000'0002'0000}, 48};
constexpr LocatorPrefix provider_1{{0x2001'0db8'00e1'0000}, 48}, provider_2{{0x2001'0db8'00e2'0000}, 48};
constexpr DirectoryTuning quick{seconds{2}, seconds{3}, seconds{2}, milliseconds{500}};

/// Two sites and a link between them; a machine whose home is the first.
struct Cluster {
  explicit Cluster(std::uint64_t seed)
      : world{seed},
        inside_1{world.site("inside 1")},
        inside_2{world.site("inside 2")},
        isp_1{world.site("isp 1")},
        isp_2{world.site("isp 2")},
        c{world.site("c")},
        store{world},
        router_1{world.add<ManagedRouter>("router 1", SiteId{1}, store, quick)},
        router_2{world.add<ManagedRouter>("router 2", SiteId{2}, store, quick)},
        vm{world.add<Host>("vm", names)},
        peer{world.add<Host>("peer", names)} {
    inside_1.locator = {site_1.locator.bits + 1};
    inside_2.locator = {site_2.locator.bits + 7};
    router_1.add_inside(inside_1);
    router_2.add_inside(inside_2);
    router_1.add_uplink(0, {site_1, provider_1, 0, Mapping::neutral});
    router_2.add_uplink(0, {site_2, provider_2, 0, Mapping::neutral});
    router_1.add_name(0, isp_1, inside_1);
    router_2.add_name(0, isp_2, inside_2);
    router_1.add_other_site(site_2, 2);
    router_2.add_other_site(site_1, 1);
    BorderRouter::connect(router_1, 2, router_2, 1, milliseconds{4});
    for (ManagedRouter* router : {&router_1, &router_2}) {
      Site& inside = router == &router_1 ? inside_1 : inside_2;
      router->answers_neighbour_discovery = [this, &inside](NodeId nid) {
        return nid == vm.nid() && vm.attached(inside);
      };
      router->start();
    }
    vm.publishes = false;
    vm.attach(inside_1);
    peer.attach(c);
    names.publish("vm", {vm.nid(), {{isp_1.locator, 10, {}}}});
    world.advance(seconds{1});
    peer.kernel().listen_tcp(81);
    vm.kernel().listen_tcp(80);
    in = &peer.connect(vm, 80);
    out = &vm.connect(peer, 81);
    EXPECT_TRUE(world.advance_until([&] { return in->is_established() && out->is_established(); }, seconds{10}));
    in->write_every(world.now(), milliseconds{20}, 400);
    out->write_every(world.now(), milliseconds{20}, 400);
    world.advance(milliseconds{300});
  }

  ~Cluster() {
    router_1.kill();  // the store goes before the world
    router_2.kill();
  }
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  ManagedRouter& router(int number) { return number == 1 ? router_1 : router_2; }
  Place home() const { return {1, inside_1.locator}; }
  Place away() const { return {2, inside_2.locator}; }
  NodeKey key() const { return {vm.nid()}; }
  const Ownership* record() const { return store.find(key()); }

  MoveRequest wanted(MoveStep step, bool when_heard = false) const {
    MoveRequest request;
    request.step = step;
    request.key = key();
    request.home = home();
    if (step != MoveStep::release) request.to = away();
    request.when_heard = when_heard;
    return request;
  }

  /// The request as an orchestrator makes it, to be done within `limit`.
  MoveAnswer ask(int number, const MoveRequest& request, Duration limit = seconds{5}) {
    std::optional<MoveAnswer> got;
    router(number).request(request, [&](const MoveAnswer& answer) { got = answer; });
    EXPECT_TRUE(world.advance_until([&] { return got.has_value(); }, limit));
    return got.value_or(MoveAnswer{});
  }

  void stop_vm() { vm.detach(inside_1); }
  void resume_vm() { vm.attach(inside_2); }

  bool is_inside(ManagedRouter& at) {
    if (!at.is_running()) return false;
    const NidEntry* entry = at.rewriter().nids().find_owner(vm.nid());
    return entry != nullptr && (entry->presence == Presence::here || entry->presence == Presence::visiting);
  }
  /// Whether two routers think, of the same epoch, that they have it.
  void check_one_place() {
    if (!is_inside(router_1) || !is_inside(router_2)) return;
    const auto epoch = [&](ManagedRouter& r) { return r.rewriter().nids().find_owner(vm.nid())->epoch; };
    ASSERT_NE(epoch(router_1), epoch(router_2)) << "active at two sites";
  }
  void run(Duration d) {
    for (const TimePoint end = world.now() + d; world.now() < end; world.advance(milliseconds{5})) check_one_place();
  }

  void check_sessions(const std::string& what) {
    for (auto [stream, host, port] : {std::tuple{in, &vm, 80}, {out, &peer, 81}}) {
      TcpStream* other = host->kernel().accepted(static_cast<std::uint16_t>(port));
      ASSERT_NE(other, nullptr) << what;
      const std::uint64_t before = other->received();
      run(seconds{1});
      EXPECT_TRUE(stream->is_established() && other->is_established()) << what << ": a session ended";
      EXPECT_EQ(other->wrong_octets(), 0u) << what;
      EXPECT_GT(other->received(), before + 5'000) << what << ": nothing arrives";
    }
  }

  /// Everything is as if nothing had ever been killed.
  void check_rest(const std::string& what, const Place& at) {
    ASSERT_NE(record(), nullptr) << what;
    EXPECT_EQ(record()->phase, MovePhase::settled) << what << ": an orphan in the store";
    EXPECT_EQ(record()->at, at) << what;
    const bool is_away = at == away();
    EXPECT_EQ(is_inside(router_1), !is_away) << what;
    EXPECT_EQ(is_inside(router_2), is_away) << what;
    for (ManagedRouter* router : {&router_1, &router_2}) {
      EXPECT_EQ(router->rewriter().held_octets(), 0u) << what;
      EXPECT_EQ(router->directory().next_deadline(), never) << what << ": " << router->name() << " waits for something";
      if (router == &router_1 || is_away) continue;
      EXPECT_EQ(router->rewriter().nids().size(), 0u) << what << ": a former guest's entry is left over";
    }
  }

  World world;
  Directory names;
  Site &inside_1, &inside_2, &isp_1, &isp_2, &c;
  SimStore store;
  ManagedRouter &router_1, &router_2;
  Host &vm, &peer;
  TcpStream *in = nullptr, *out = nullptr;
};

/// Asks for every step until it has been taken, now at the one and now at the other router. It knows nothing but its
/// script, so that one that was killed may begin from the start.
class Orchestrator {
 public:
  Orchestrator(Cluster& cluster, bool when_heard) : cluster_{cluster}, when_heard_{when_heard} { next(); }
  ~Orchestrator() { *alive_ = false; }
  bool is_done() const { return step_ == 5; }

 private:
  void after(Duration d, void (Orchestrator::*what)()) {
    cluster_.world.after(d, [this, alive = alive_, what] {
      if (*alive) (this->*what)();
    });
  }
  void next() {
    static constexpr MoveStep steps[] = {MoveStep::prepare, {}, MoveStep::activate, {}, MoveStep::release};
    if (is_done()) return;
    if (step_ % 2 == 1) {
      // The hypervisor's work: it stops the machine here, and starts it there.
      if (step_ == 1 && cluster_.vm.attached(cluster_.inside_1)) {
        cluster_.stop_vm();
        cluster_.world.after(milliseconds{20}, [&cluster = cluster_] { cluster.resume_vm(); });
      }
      ++step_;
      return after(milliseconds{step_ == 2 ? 0 : 60}, &Orchestrator::next);
    }
    const int asked = ++asked_;
    cluster_.router(asked % 2 == 0 ? 1 : 2)
        .request(cluster_.wanted(steps[step_], when_heard_), [this, alive = alive_, asked](const MoveAnswer& answer) {
          if (!*alive || asked != asked_) return;
          const bool taken = answer.kind == MoveAnswer::Kind::done || answer.kind == MoveAnswer::Kind::already;
          if (taken) ++step_;
          // A move that ended by itself meanwhile begins anew.
          if (answer.kind == MoveAnswer::Kind::refused && answer.refusal == MoveRefusal::not_prepared) step_ = 0;
          after(milliseconds{taken ? 10 : 100}, &Orchestrator::next);
        });
    cluster_.world.after(milliseconds{400}, [this, alive = alive_, asked] {
      if (*alive && asked == asked_ && !is_done()) next();  // no answer
    });
  }

  Cluster& cluster_;
  bool when_heard_;
  int step_ = 0, asked_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

enum class Victim { router_1, router_2, store, orchestrator, nobody };

/// One move, with one part killed at one moment and started again half a second later.
void move_with(Victim victim, Duration moment, bool comes_back = true, bool when_heard = false) {
  const std::string what = "killed " + std::to_string(static_cast<int>(victim)) + " after " +
                           std::to_string(moment / milliseconds{1}) + " ms";
  Cluster s{static_cast<std::uint64_t>(11 + moment / milliseconds{1})};
  auto orchestrator = std::make_unique<Orchestrator>(s, when_heard);
  s.run(moment);
  ManagedRouter& router = s.router(victim == Victim::router_1 ? 1 : 2);
  if (victim == Victim::store) s.store.is_dead = true;
  if (victim == Victim::orchestrator) orchestrator.reset();
  if (victim == Victim::router_1 || victim == Victim::router_2) router.kill();
  s.run(milliseconds{500});
  if (victim == Victim::store) s.store.revive();
  if (victim == Victim::orchestrator && comes_back) orchestrator = std::make_unique<Orchestrator>(s, when_heard);
  if (victim == Victim::router_1 || victim == Victim::router_2) router.start();
  s.run(seconds{5});
  EXPECT_TRUE(!orchestrator || orchestrator->is_done()) << what;
  s.check_sessions(what);
  s.run(seconds{3});  // the grace period
  s.check_rest(what, s.vm.attached(s.inside_2) ? s.away() : s.home());
}

void at_every_moment(Victim victim, bool comes_back = true, bool when_heard = false) {
  // A step takes 8 ms of talking to the store; between them the machine stops and starts.
  for (int moment = 0; moment <= 130 && !::testing::Test::HasFailure(); moment += moment < 44 ? 2 : 6)
    move_with(victim, milliseconds{moment}, comes_back, when_heard);
}

TEST(Migration, NobodyIsKilled) { move_with(Victim::nobody, {}); }
TEST(Migration, HomeRouterMayDieAtAnyMoment) { at_every_moment(Victim::router_1); }
TEST(Migration, DestinationRouterMayDieAtAnyMoment) { at_every_moment(Victim::router_2); }
TEST(Migration, StoreMayDieAtAnyMoment) { at_every_moment(Victim::store); }
TEST(Migration, OrchestratorMayDieAtAnyMomentAndBeginAgain) { at_every_moment(Victim::orchestrator); }
TEST(Migration, OrchestratorMayDieForGood) { at_every_moment(Victim::orchestrator, false, true); }

TEST(Migration, AbortAtAnyMomentBringsItBack) {
  for (int moment = 0; moment <= 60 && !::testing::Test::HasFailure(); moment += 4) {
    const std::string what = "aborted after " + std::to_string(moment) + " ms";
    Cluster s{static_cast<std::uint64_t>(200 + moment)};
    auto orchestrator = std::make_unique<Orchestrator>(s, false);
    s.run(milliseconds{moment});
    orchestrator.reset();
    s.run(milliseconds{50});  // what it asked for last may still be on its way
    s.vm.detach(s.inside_1);
    s.vm.detach(s.inside_2);
    MoveAnswer answer = s.ask(1, s.wanted(MoveStep::abort));
    EXPECT_NE(answer.kind, MoveAnswer::Kind::refused) << what;
    s.vm.attach(s.inside_1);
    answer = s.ask(2, s.wanted(MoveStep::abort));
    EXPECT_EQ(answer.kind, MoveAnswer::Kind::already) << what;
    s.run(seconds{4});
    s.check_sessions(what);
    s.run(seconds{3});
    if (s.record() != nullptr) s.check_rest(what, s.home());
  }
}

TEST(Migration, OneOfTwoThatClaimANodeInTheSameMomentWins) {
  for (int gap = 0; gap < 8; ++gap) {
    Cluster s{static_cast<std::uint64_t>(300 + gap)};
    MoveRequest other = s.wanted(MoveStep::claim);
    other.home = s.away();
    std::vector<MoveAnswer> answers;
    const auto note = [&](const MoveAnswer& answer) { answers.push_back(answer); };
    s.router_1.request(s.wanted(MoveStep::claim), note);
    s.run(milliseconds{gap});
    s.router_2.request(other, note);
    s.run(milliseconds{100});
    ASSERT_EQ(answers.size(), 2u);
    EXPECT_NE(answers[0].kind == MoveAnswer::Kind::done, answers[1].kind == MoveAnswer::Kind::done) << gap;
    for (const MoveAnswer& answer : answers) {
      if (answer.kind == MoveAnswer::Kind::done) continue;
      EXPECT_EQ(answer.kind, MoveAnswer::Kind::refused);
      EXPECT_EQ(answer.refusal, MoveRefusal::taken);
    }
    EXPECT_EQ(s.store.changes(), 1u);
    EXPECT_NE(s.is_inside(s.router_1), s.is_inside(s.router_2));
  }
}

TEST(Migration, TwoOrchestratorsDoNotMoveOneNodeTwice) {
  Cluster s{310};
  MoveRequest elsewhere = s.wanted(MoveStep::prepare);
  elsewhere.to = Place{3, {0xfd5c'0000'0003'0001}};
  std::vector<MoveAnswer> answers;
  s.router_1.request(elsewhere, [&](const MoveAnswer& answer) { answers.push_back(answer); });
  s.router_2.request(s.wanted(MoveStep::prepare), [&](const MoveAnswer& answer) { answers.push_back(answer); });
  s.run(milliseconds{100});
  ASSERT_EQ(answers.size(), 2u);
  EXPECT_EQ(answers[0].kind, MoveAnswer::Kind::done);
  EXPECT_EQ(answers[1].refusal, MoveRefusal::busy);
  EXPECT_EQ(s.ask(2, s.wanted(MoveStep::activate)).refusal, MoveRefusal::busy) << "not the move that was prepared";
  EXPECT_EQ(s.record()->at, s.home());
}

TEST(Migration, LostAnswersAreAskedForAgain) {
  for (int lost = 1; lost <= 4; ++lost) {
    Cluster s{static_cast<std::uint64_t>(320 + lost)};
    Orchestrator orchestrator{s, false};
    s.store.lose_answers = lost;
    s.run(seconds{10});
    EXPECT_TRUE(orchestrator.is_done());
    EXPECT_EQ(s.store.changes(), 3u) << "prepare, activate, release: each happened once";
    s.check_sessions("lost answers");
    s.run(seconds{3});
    s.check_rest("lost answers", s.away());
  }
}

TEST(Migration, HomeThatIsCutOffFromTheStoreFollowsAsSoonAsItCan) {
  Cluster s{330};
  ASSERT_EQ(s.ask(2, s.wanted(MoveStep::prepare)).kind, MoveAnswer::Kind::done);
  s.router_1.client().cut_off = true;
  s.stop_vm();
  ASSERT_EQ(s.ask(2, s.wanted(MoveStep::activate)).kind, MoveAnswer::Kind::done);
  s.resume_vm();
  EXPECT_EQ(s.ask(1, s.wanted(MoveStep::abort)).kind, MoveAnswer::Kind::no_store) << "it claims nothing meanwhile";
  s.run(seconds{1});
  EXPECT_TRUE(s.is_inside(s.router_2));
  EXPECT_TRUE(s.is_inside(s.router_1)) << "an old truth, of a lower epoch: it forwards as before";
  s.router_1.client().cut_off = false;
  s.router_1.client().resync();
  s.run(seconds{6});
  s.check_sessions("cut off");
  s.run(seconds{3});
  s.check_rest("cut off", s.away());
}

TEST(Migration, NothingOfTheNodesOwnIsLostWhenItIsActivatedByBeingHeard) {
  Cluster s{340};
  UdpSender& sender = s.vm.send_every(milliseconds{5}, s.peer, 7000);
  s.run(seconds{1});
  ASSERT_EQ(s.ask(2, s.wanted(MoveStep::prepare, true)).kind, MoveAnswer::Kind::done);
  s.run(milliseconds{100});
  s.stop_vm();
  s.run(milliseconds{20});
  s.resume_vm();
  s.run(seconds{2});
  EXPECT_EQ(s.record()->at, s.away()) << "nobody but the router said so";
  sender.stop();
  s.run(seconds{1});
  const UdpReceived& received = s.peer.kernel().udp(7000);
  EXPECT_EQ(received.overtaken, 0u);
  // What it sent while it had no link at all never reached a router.
  EXPECT_GE(received.datagrams + 5, sender.sent);
}

TEST(Migration, ThereAndBackAgain) {
  Cluster s{350};
  for (int round = 0; round < 3; ++round) {
    for (const bool leaves : {true, false}) {
      const Place to = leaves ? s.away() : s.home();
      for (const MoveStep step : {MoveStep::prepare, MoveStep::activate, MoveStep::release}) {
        MoveRequest request = s.wanted(step);
        request.to = step == MoveStep::release ? std::nullopt : std::optional{to};
        if (step == MoveStep::activate) s.vm.detach(leaves ? s.inside_1 : s.inside_2);
        ASSERT_EQ(s.ask(leaves ? 2 : 1, request).kind, MoveAnswer::Kind::done) << round << name_of(step);
        if (step == MoveStep::activate) s.vm.attach(leaves ? s.inside_2 : s.inside_1);
        s.run(milliseconds{100});
      }
      s.check_sessions("there and back");
    }
  }
  s.run(seconds{3});
  s.check_rest("there and back", s.home());
}

TEST(Migration, NodeThatIsForgottenIsWhereItsLocatorSays) {
  Cluster s{360};
  ASSERT_EQ(s.ask(1, s.wanted(MoveStep::claim)).kind, MoveAnswer::Kind::done);
  ASSERT_EQ(s.ask(2, s.wanted(MoveStep::forget)).kind, MoveAnswer::Kind::done);
  s.run(milliseconds{50});
  EXPECT_EQ(s.router_1.directory().size(), 0u);
  s.check_sessions("forgotten");
}

}  // namespace
}  // namespace ilnp::sim
