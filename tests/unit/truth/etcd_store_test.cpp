// SPDX-License-Identifier: Apache-2.0
#include "io/truth/etcd_store.h"

#include <fstream>

#include "tests/unit/truth/fake_etcd.h"
#include "tests/unit/truth/truth_fixture.h"

namespace ilnp {
namespace {

using enum StoreOutcome;

class EtcdStoreTest : public testing::Test {
 protected:
  EtcdStoreTest() {
    server_.script = [this](const FakeServer::Question& question) { return etcd_.answer(question); };
    options_.store = StoreKind::etcd;
    options_.path = directory_ / "copy.db";
    options_.sites = two_sites();
    options_.etcd.endpoints = {server_.endpoint()};
    options_.etcd.timeout = seconds{20};  // tests that wait for it, or for silence, have a shorter one
    tuning_.poll = milliseconds{50};
    tuning_.silence = seconds{20};
    tuning_.first_retry = milliseconds{5};
    tuning_.last_retry = milliseconds{20};
    tuning_.page = 3;
  }
  void start() {
    store_.reset();
    watcher_ = {};
    auto store = EtcdStore::open(loop_, options_, tuning_);
    ASSERT_TRUE(store) << store.error().message;
    store_ = std::move(store.value());
    store_->watch(watcher_);
  }
  void start_and_wait() {
    start();
    ASSERT_TRUE(until(StoreState::ready)) << store_->status().why;
  }
  bool until(StoreState state) {
    return run_until(loop_, [&] { return store_->status().state == state; });
  }
  static std::string key(std::uint64_t nid) { return "/ilnp/" + record_key(settled_record(nid).key); }
  std::string json(std::uint64_t nid) { return *record_to_json(settled_record(nid), options_.sites); }
  void fill(std::uint64_t count) {
    for (std::uint64_t n = 0; n < count; ++n) etcd_.put(key(n), json(n));
  }
  std::uint64_t epoch(std::uint64_t nid) {
    const auto found = watcher_.records.find(settled_record(nid).key);
    return found == watcher_.records.end() ? 0 : found->second.epoch;
  }
  /// The script answers questions to `target` with `said`, the others as ever.
  void answer(const std::string& target, std::optional<std::string> said) {
    server_.script = [this, target, said](const FakeServer::Question& question) {
      return question.target == target ? said : etcd_.answer(question);
    };
  }
  void answer_as_ever() {
    server_.script = [this](const FakeServer::Question& question) { return etcd_.answer(question); };
  }

  Loop loop_;
  TemporaryDirectory directory_;
  FakeServer server_{loop_};
  FakeEtcd etcd_;
  TruthOptions options_;
  EtcdTuning tuning_;
  RememberingWatcher watcher_;
  std::unique_ptr<EtcdStore> store_;
};

TEST_F(EtcdStoreTest, AllRecordsAreReadInPagesAndThenEachChangeIsSeen) {
  fill(10);
  start_and_wait();
  EXPECT_TRUE(watcher_.reachable);
  EXPECT_EQ(watcher_.records.size(), 10u);
  EXPECT_EQ(epoch(0), 11u);
  EXPECT_EQ(etcd_.watched_from, 21u);
  server_.send(etcd_.watcher, etcd_.put(key(77), json(77)));
  server_.send(etcd_.watcher, etcd_.erase(key(3)));
  ASSERT_TRUE(run_until(loop_, [&] { return epoch(77) == 21 && epoch(3) == 0; }));
  EXPECT_EQ(watcher_.records.size(), 10u);
}

TEST_F(EtcdStoreTest, AChangeIsMadeByWhoKnowsTheEpoch) {
  start_and_wait();
  const StoreAnswer made = replace(loop_, *store_, settled_record(1), 0);
  ASSERT_EQ(made.outcome, done) << made.why;
  EXPECT_EQ(made.record->epoch, etcd_.revision);
  EXPECT_EQ(read(loop_, *store_, settled_record(1).key).record, made.record);
  EXPECT_EQ(replace(loop_, *store_, settled_record(1), 0).outcome, conflict);
  EXPECT_EQ(remove(loop_, *store_, settled_record(1).key, made.record->epoch + 1).outcome, conflict);
  EXPECT_EQ(remove(loop_, *store_, settled_record(1).key, made.record->epoch).outcome, done);
  EXPECT_FALSE(read(loop_, *store_, settled_record(1).key).record);
}

TEST_F(EtcdStoreTest, AChangeWhoseAnswerIsLostIsUnreachable) {
  start_and_wait();
  server_.script = [this](const FakeServer::Question& question) -> std::optional<std::string> {
    const auto said = etcd_.answer(question);
    return question.target == "/v3/kv/txn" ? "" : said;
  };
  const StoreAnswer lost = replace(loop_, *store_, settled_record(1), 0);
  EXPECT_EQ(lost.outcome, unreachable);
  ASSERT_TRUE(until(StoreState::ready));
  EXPECT_EQ(read(loop_, *store_, settled_record(1).key).record->epoch, etcd_.revision) << "it happened all the same";
}

TEST_F(EtcdStoreTest, WhoIsSilentIsNotWaitedForForEver) {
  options_.etcd.timeout = milliseconds{300};
  start_and_wait();
  answer("/v3/kv/txn", std::nullopt);
  const TimePoint before = loop_.now();
  EXPECT_EQ(replace(loop_, *store_, settled_record(1), 0).outcome, unreachable);
  EXPECT_GE(loop_.now() - before, milliseconds{290});
}

TEST_F(EtcdStoreTest, TheNextMemberIsAskedWhenOneIsGone) {
  FakeServer other{loop_};
  other.script = [this](const FakeServer::Question& question) { return etcd_.answer(question); };
  options_.etcd.endpoints = {server_.endpoint(), other.endpoint(), "http://[::1]:1"};
  start_and_wait();
  for (int round = 0; round < 3; ++round) {
    FakeServer& used = store_->status().endpoint == server_.endpoint() ? server_ : other;
    used.close_all();
    EXPECT_EQ(replace(loop_, *store_, settled_record(static_cast<std::uint64_t>(round)), 0).outcome, done);
    ASSERT_TRUE(until(StoreState::ready));
  }
  EXPECT_EQ(watcher_.reachable_calls, 2) << "no alarm for a member";
  EXPECT_EQ(watcher_.resyncs, 2) << "the copy, and the store once";
}

TEST_F(EtcdStoreTest, AStoreThatCannotBeReachedIsReportedAndTheCopyServes) {
  options_.etcd.timeout = milliseconds{300};
  fill(10);
  start_and_wait();
  store_.reset();
  server_.script = [](const FakeServer::Question&) { return ""; };
  start();
  ASSERT_TRUE(run_until(loop_, [&] { return watcher_.resyncs == 1; }));
  EXPECT_EQ(watcher_.records.size(), 10u);
  EXPECT_EQ(epoch(9), 20u);
  EXPECT_FALSE(watcher_.reachable);
  const StoreAnswer answer = replace(loop_, *store_, settled_record(1), 0);
  EXPECT_EQ(answer.outcome, unreachable);
  EXPECT_FALSE(answer.why.empty());
  etcd_.erase(key(9));
  answer_as_ever();
  ASSERT_TRUE(until(StoreState::ready));
  EXPECT_TRUE(watcher_.reachable);
  EXPECT_EQ(watcher_.records.size(), 9u);
}

TEST_F(EtcdStoreTest, ABriefOutageIsNoAlarmALongerOneIs) {
  options_.etcd.timeout = seconds{2};
  start_and_wait();
  const int calls = watcher_.reachable_calls;
  server_.script = [](const FakeServer::Question&) { return ""; };
  server_.close_all();
  loop_.run_for(milliseconds{200});
  EXPECT_EQ(watcher_.reachable_calls, calls);
  ASSERT_TRUE(run_until(loop_, [&] { return !watcher_.reachable; }));
  EXPECT_NE(watcher_.why.find(server_.endpoint()), std::string::npos) << watcher_.why;
  answer_as_ever();
  ASSERT_TRUE(run_until(loop_, [&] { return watcher_.reachable; }));
}

TEST_F(EtcdStoreTest, AfterACutTheWatchGoesOnWhereItWas) {
  fill(4);
  start_and_wait();
  server_.close_all();
  etcd_.put(key(5), json(5));
  loop_.run_for(milliseconds{1});
  ASSERT_TRUE(run_until(loop_, [&] { return store_->counters()[StoreCounter::connections] >= 4; }));
  ASSERT_TRUE(until(StoreState::ready));
  EXPECT_EQ(etcd_.watched_from, 15u);
  EXPECT_EQ(watcher_.resyncs, 2);
}

TEST_F(EtcdStoreTest, WhenItsHistoryIsGoneEverythingIsReadAnew) {
  fill(4);
  start_and_wait();
  server_.close_all();
  etcd_.erase(key(1));
  etcd_.compacted = etcd_.revision;
  ASSERT_TRUE(run_until(loop_, [&] { return watcher_.resyncs == 3; }));
  EXPECT_EQ(watcher_.records.size(), 3u);
  EXPECT_EQ(epoch(1), 0u);
  ASSERT_TRUE(until(StoreState::ready));
}

TEST_F(EtcdStoreTest, AWatchThatIsSilentWhileTheStoreChangesIsMadeAnew) {
  tuning_.silence = milliseconds{150};
  start_and_wait();
  etcd_.put(key(1), json(1));  // and the watch does not tell
  const std::uint64_t before = store_->counters()[StoreCounter::connections];
  ASSERT_TRUE(run_until(loop_, [&] { return store_->counters()[StoreCounter::connections] > before; }));
  EXPECT_EQ(etcd_.watched_from, 11u);
}

TEST_F(EtcdStoreTest, AnotherClusterIsRefusedUntilItIsAccepted) {
  fill(4);
  start_and_wait();
  etcd_.cluster = 4712;
  etcd_.values.clear();
  server_.close_all();
  ASSERT_TRUE(until(StoreState::refused));
  EXPECT_FALSE(watcher_.reachable);
  EXPECT_NE(watcher_.why.find("another cluster"), std::string::npos) << watcher_.why;
  EXPECT_EQ(watcher_.records.size(), 4u) << "forwarding goes on";
  const std::size_t asked = server_.questions.size();
  EXPECT_EQ(replace(loop_, *store_, settled_record(9), 0).outcome, refused);
  EXPECT_EQ(read(loop_, *store_, settled_record(1).key).outcome, refused);
  loop_.run_for(milliseconds{200});
  EXPECT_EQ(server_.questions.size(), asked) << "nothing more is asked of it";

  start();  // a restart does not forget it
  ASSERT_TRUE(run_until(loop_, [&] { return watcher_.resyncs == 1; }));
  EXPECT_EQ(store_->status().state, StoreState::refused);
  EXPECT_EQ(watcher_.records.size(), 4u);

  store_->accept_store();
  ASSERT_TRUE(until(StoreState::ready));
  EXPECT_TRUE(watcher_.reachable);
  EXPECT_EQ(watcher_.records.size(), 0u);
}

TEST_F(EtcdStoreTest, AnOlderStateOfTheSameStoreIsRefusedAndThenItsLowerEpochsAreTaken) {
  fill(4);
  const FakeEtcd backup = etcd_;
  etcd_.put(key(1), json(1));
  etcd_.put(key(7), json(7));
  start_and_wait();
  const int watcher = etcd_.watcher;
  etcd_ = backup;
  etcd_.watcher = watcher;
  server_.close_all();
  ASSERT_TRUE(until(StoreState::refused));
  EXPECT_NE(watcher_.why.find("revision 14, was 16"), std::string::npos) << watcher_.why;
  EXPECT_EQ(epoch(1), 15u);
  EXPECT_EQ(replace(loop_, *store_, settled_record(1), 15).outcome, refused);
  loop_.run_for(milliseconds{500});  // the copy is written; no operator is quicker
  store_->accept_store();
  ASSERT_TRUE(until(StoreState::ready));
  EXPECT_EQ(epoch(1), 12u);
  EXPECT_EQ(watcher_.records.size(), 4u);
  EXPECT_EQ(watcher_.set_back, std::vector<NodeKey>{settled_record(1).key}) << "only what is older than known";
}

TEST_F(EtcdStoreTest, AStoreThatWasMadeAnewAndHasOvertakenTheOldOneIsSeenByItsTerm) {
  start_and_wait();
  etcd_.term = 1;
  fill(3);
  server_.close_all();
  ASSERT_TRUE(until(StoreState::refused));
  EXPECT_NE(watcher_.why.find("term 1, was 2"), std::string::npos) << watcher_.why;
}

TEST_F(EtcdStoreTest, AnswersThatAreNoneAreCountedAndHurtNothing) {
  options_.etcd.timeout = milliseconds{100};
  fill(4);
  start_and_wait();
  const std::string good = etcd_.range({{"key", to_base64(key(1))}});
  for (const std::string& bad :
       {http_answer("{}"), http_answer("<html>"), http_answer("{\"header\":[]}"), std::string{"SSH-2.0-x\r\n\r\n"},
        good.substr(0, good.size() - 9), std::string{"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n{"},
        "HTTP/1.1 200 OK\r\nX: " + std::string(40000, 'x'), http_answer("{}", 404),
        http_answer(R"({"code":14,"message":"no leader"})", 503)}) {
    for (const char* target : {"/v3/kv/range", "/v3/kv/txn"}) {
      answer(target, bad);
      server_.close_all();
      EXPECT_EQ(replace(loop_, *store_, settled_record(1), 0).outcome, unreachable) << bad.substr(0, 60) << target;
      answer_as_ever();
      ASSERT_TRUE(until(StoreState::ready)) << store_->status().why;
    }
    answer("/v3/watch", bad);
    server_.close_all();
    const std::uint64_t before = store_->counters()[StoreCounter::connections];
    ASSERT_TRUE(run_until(loop_, [&] { return store_->counters()[StoreCounter::connections] >= before + 5; }));
    EXPECT_NE(store_->status().state, StoreState::ready);
    answer_as_ever();
    ASSERT_TRUE(until(StoreState::ready)) << store_->status().why;
  }
  EXPECT_EQ(watcher_.records.size(), 4u);
  EXPECT_GE(store_->counters()[StoreCounter::bad_answers], 6u);
}

TEST_F(EtcdStoreTest, PagesThatLeadNowhereAreRefused) {
  fill(4);
  // The same page for ever, keys of others, records newer than the revision asked for.
  for (const int kind : {0, 1, 2}) {
    std::filesystem::remove(options_.path);
    const std::uint64_t counted = kind == 0 ? 0 : 1;
    server_.script = [this, kind](const FakeServer::Question& question) -> std::optional<std::string> {
      const auto asked = nlohmann::json::parse(question.body);
      if (!asked.contains("range_end")) return etcd_.answer(question);
      const std::string name = kind == 1 ? "/other/x" : key(1);
      const std::uint64_t revision = kind == 2 ? etcd_.revision + 1 : 12;
      return http_answer(
          nlohmann::json{{"header", etcd_.header()}, {"more", true}, {"kvs", {FakeEtcd::kv(name, {json(1), revision})}}}
              .dump());
    };
    start();
    ASSERT_TRUE(run_until(loop_, [&] { return store_->counters()[StoreCounter::bad_answers] > counted; })) << kind;
    EXPECT_EQ(store_->status().state == StoreState::ready, false);
    store_.reset();
  }
}

TEST_F(EtcdStoreTest, WhatEtcdRefusesIsRefused) {
  start_and_wait();
  answer("/v3/kv/txn", http_answer(R"({"code":8,"message":"etcdserver: mvcc: database space exceeded"})", 429));
  const StoreAnswer answer = replace(loop_, *store_, settled_record(1), 0);
  EXPECT_EQ(answer.outcome, refused);
  EXPECT_EQ(answer.why, "etcdserver: mvcc: database space exceeded");
  EXPECT_EQ(store_->status().state, StoreState::ready);
}

TEST_F(EtcdStoreTest, ARecordThatCannotBeReadChangesNothing) {
  fill(4);
  start_and_wait();
  const std::string bad = R"({"schema":"ilnp.ownership/1"})";
  server_.send(etcd_.watcher, etcd_.put(key(1), bad));
  server_.send(etcd_.watcher, etcd_.put("/ilnp/nid/nonsense", json(1)));
  ASSERT_TRUE(run_until(loop_, [&] { return store_->counters()[StoreCounter::bad_records] == 2; }));
  EXPECT_EQ(epoch(1), 12u);
  EXPECT_EQ(read(loop_, *store_, settled_record(1).key).outcome, refused);
  for (int restart = 1; restart <= 2; ++restart) {  // the copy keeps it, too
    loop_.run_for(milliseconds{100});
    start_and_wait();
    EXPECT_EQ(epoch(1), 12u) << "after a resync, restart " << restart;
    EXPECT_EQ(watcher_.records.size(), 4u);
  }
}

TEST_F(EtcdStoreTest, ADamagedCopyIsPutAside) {
  std::ofstream{options_.path} << std::string(5000, 'x');
  fill(2);
  start_and_wait();
  EXPECT_EQ(watcher_.records.size(), 2u);
  EXPECT_NE(store_->status().copy_problem.find("begun anew"), std::string::npos);
  EXPECT_TRUE(std::filesystem::exists(options_.path.string() + ".damaged"));
}

TEST_F(EtcdStoreTest, TooManyWaitingAreTurnedAway) {
  options_.etcd.timeout = milliseconds{300};
  tuning_.max_waiting = 2;
  server_.script = [](const FakeServer::Question&) { return ""; };
  start();
  int answers = 0;
  std::vector<std::string> why;
  for (int n = 0; n < 3; ++n) {
    store_->read(settled_record(1).key, [&](StoreAnswer answer) {
      ++answers;
      EXPECT_EQ(answer.outcome, unreachable);
      why.push_back(answer.why);
    });
  }
  ASSERT_TRUE(run_until(loop_, [&] { return answers == 3; }));
  EXPECT_EQ(why.front(), "too many changes are waiting");
}

TEST_F(EtcdStoreTest, OptionsThatCannotBeUsedAreRefused) {
  const auto why = [&](std::vector<std::string> endpoints) {
    options_.etcd.endpoints = std::move(endpoints);
    const auto store = EtcdStore::open(loop_, options_, tuning_);
    return store ? std::string{} : store.error().message;
  };
  EXPECT_NE(why({}), "");
  EXPECT_NE(why({"localhost:2379"}), "");
  EXPECT_NE(why({"http://[::1]"}), "");
  EXPECT_NE(why({"http://[::1]:0"}), "");
  EXPECT_NE(why({"http://[::1:5"}), "");
  EXPECT_NE(why({"http://192.0.2.1:2379"}).find("without TLS only at a loopback"), std::string::npos);
  EXPECT_NE(why({"https://192.0.2.1:2379"}), "") << "no certificate of an authority";
  options_.etcd.allow_plain = true;
  EXPECT_EQ(why({"http://192.0.2.1:2379"}), "");
}

TEST_F(EtcdStoreTest, AnAnswerMayEndTheStore) {
  start_and_wait();
  int answers = 0;
  for (int n = 0; n < 3; ++n) {
    store_->read(settled_record(1).key, [&](StoreAnswer) {
      ++answers;
      store_.reset();
    });
  }
  EXPECT_TRUE(run_until(loop_, [&] { return answers != 0; }));
  loop_.run_for(milliseconds{100});
  EXPECT_EQ(answers, 1);
}

}  // namespace
}  // namespace ilnp
