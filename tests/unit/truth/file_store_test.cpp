// SPDX-License-Identifier: Apache-2.0
#include "io/truth/file_store.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <fstream>

#include "tests/unit/truth/truth_fixture.h"

namespace ilnp {
namespace {

using enum StoreOutcome;

class FileStoreTest : public testing::Test {
 protected:
  std::unique_ptr<FileStore> open(std::uint64_t max_octets = 64 << 20) {
    auto store = FileStore::open(loop_, options(max_octets));
    if (!store) {
      why_ = store.error().message;
      return nullptr;
    }
    return std::move(store.value());
  }
  FileStore::Options options(std::uint64_t max_octets = 64 << 20) {
    return {
        .path = path_, .sites = two_sites(), .timeout = timeout_, .poll = milliseconds{10}, .max_octets = max_octets};
  }
  /// By another connection, as another program would.
  void sql(const char* text) {
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open(path_.c_str(), &database), SQLITE_OK);
    ASSERT_EQ(sqlite3_exec(database, text, nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(database);
    sqlite3_close(database);
  }

  Loop loop_;
  TemporaryDirectory directory_;
  std::filesystem::path path_ = directory_ / "truth.db";
  RememberingWatcher watcher_;
  std::string why_;
  Duration timeout_ = seconds{20};  ///< of the next store; nothing but a lock that is never given back takes so long
};

TEST_F(FileStoreTest, ARecordIsStoredReadAndRemoved) {
  const auto store = open();
  const Ownership record = settled_record(1);
  EXPECT_FALSE(read(loop_, *store, record.key).record);
  const StoreAnswer stored = replace(loop_, *store, record, 0);
  ASSERT_EQ(stored.outcome, done) << stored.why;
  EXPECT_EQ(stored.record->epoch, 1u);
  EXPECT_EQ(read(loop_, *store, record.key).record, stored.record);
  EXPECT_EQ(remove(loop_, *store, record.key, 1).outcome, done);
  EXPECT_FALSE(read(loop_, *store, record.key).record);
  EXPECT_EQ(replace(loop_, *store, record, 0).record->epoch, 3u) << "revisions are never used twice";
}

TEST_F(FileStoreTest, OnlyWhoKnowsTheEpochChangesARecord) {
  const auto store = open();
  ASSERT_EQ(replace(loop_, *store, settled_record(1), 0).outcome, done);
  ASSERT_EQ(replace(loop_, *store, settled_record(2), 0).outcome, done);
  Ownership next = settled_record(1);
  next.at.site = 2;
  for (const std::uint64_t wrong : {0u, 2u, 7u}) {
    EXPECT_EQ(replace(loop_, *store, next, wrong).outcome, conflict);
    EXPECT_EQ(remove(loop_, *store, next.key, wrong).outcome, conflict);
  }
  EXPECT_EQ(read(loop_, *store, next.key).record->at.site, 1);
  EXPECT_EQ(replace(loop_, *store, next, 1).outcome, done);
  EXPECT_EQ(remove(loop_, *store, settled_record(3).key, 0).outcome, done) << "there was none";
  EXPECT_EQ(store->counters()[StoreCounter::conflicts], 6u);
}

TEST_F(FileStoreTest, WhatWasAcknowledgedIsThereAfterwards) {
  const Ownership record = settled_record(1);
  { replace(loop_, *open(), record, 0); }
  EXPECT_EQ(read(loop_, *open(), record.key).record->epoch, 1u);
  struct stat status {};
  ASSERT_EQ(stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(FileStoreTest, TheWatcherKnowsEverythingAndThenEachChange) {
  const auto store = open();
  for (std::uint64_t n = 0; n < 450; ++n) ASSERT_EQ(replace(loop_, *store, settled_record(n), 0).outcome, done);
  store->watch(watcher_);
  EXPECT_EQ(watcher_.resyncs, 0);
  ASSERT_TRUE(run_until(loop_, [&] { return watcher_.reachable; }));
  EXPECT_EQ(watcher_.records.size(), 450u);
  EXPECT_EQ(watcher_.resyncs, 1);
  remove(loop_, *store, settled_record(7).key, watcher_.records[settled_record(7).key].epoch);
  EXPECT_EQ(watcher_.records.size(), 449u);
  replace(loop_, *store, settled_record(7), 0);
  EXPECT_EQ(watcher_.records[settled_record(7).key].epoch, 452u);
  EXPECT_EQ(store->status().state, StoreState::ready);
  EXPECT_EQ(store->status().revision, 452u);
}

TEST_F(FileStoreTest, TwoProcessesAgree) {
  const auto store = open();
  store->watch(watcher_);
  constexpr int rounds = 100;
  const pid_t child = fork();
  if (child == 0) {  // claims the same nodes at the same time; reports how many it got
    Loop loop;
    auto theirs = FileStore::open(loop, options());
    int won = theirs ? 0 : 255;
    for (std::uint64_t n = 0; won != 255 && n < rounds; ++n) {
      Ownership record = settled_record(n);
      record.at.site = record.home.site = 2;
      won += replace(loop, *theirs.value(), record, 0).outcome == done ? 1 : 0;
    }
    _exit(won);
  }
  int won = 0;
  for (std::uint64_t n = 0; n < rounds; ++n)
    won += replace(loop_, *store, settled_record(n), 0).outcome == done ? 1 : 0;
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(won + WEXITSTATUS(status), rounds);
  ASSERT_TRUE(run_until(loop_, [&] { return watcher_.records.size() == rounds; }));
  int ours = 0;
  for (const auto& [key, record] : watcher_.records) ours += record.at.site == 1 ? 1 : 0;
  EXPECT_EQ(ours, won);
}

TEST_F(FileStoreTest, WritesOfOthersAreNoticedAndNotWaitedFor) {
  FileStore::Options patient = options();
  patient.poll = std::chrono::hours{1};
  auto store = FileStore::open(loop_, patient);
  ASSERT_TRUE(store);
  store.value()->watch(watcher_);
  ASSERT_TRUE(run_until(loop_, [&] { return watcher_.resyncs == 1 && !watcher_.is_resyncing; }));
  loop_.run_for(milliseconds{100});  // what was written at the start is no longer fresh
  const auto other = open();
  EXPECT_EQ(replace(loop_, *other, settled_record(7), 0).outcome, done);
  EXPECT_TRUE(run_until(loop_, [&] { return watcher_.records.size() == 1; }));
}

TEST_F(FileStoreTest, WhoIsTooFarBehindReadsEverythingAnew) {
  const auto store = open();
  replace(loop_, *store, settled_record(1), 0);
  replace(loop_, *store, settled_record(2), 0);
  store->watch(watcher_);
  ASSERT_TRUE(run_until(loop_, [&] { return watcher_.records.size() == 2; }));
  sql("BEGIN; DELETE FROM record WHERE revision = 1; UPDATE state SET revision = 200000, horizon = 100000; COMMIT");
  ASSERT_TRUE(run_until(loop_, [&] { return watcher_.resyncs == 2; }));
  EXPECT_EQ(watcher_.records.size(), 1u);
}

TEST_F(FileStoreTest, RemovalsAreForgottenInTheEnd) {
  const auto store = open();
  replace(loop_, *store, settled_record(1), 0);
  remove(loop_, *store, settled_record(1).key, 1);
  sql("UPDATE state SET revision = 200000");
  replace(loop_, *store, settled_record(2), 0);
  remove(loop_, *store, settled_record(2).key, 200001);
  sql("CREATE TABLE proof(x CHECK(x = 1)); INSERT INTO proof SELECT count(*) FROM gone;"
      "INSERT INTO proof SELECT horizon = 100002 FROM state");
}

TEST_F(FileStoreTest, AHeldLockIsWaitedForButNotForEver) {
  const auto store = open();
  timeout_ = milliseconds{150};
  const auto impatient = open();
  store->watch(watcher_);
  ASSERT_TRUE(run_until(loop_, [&] { return watcher_.reachable; }));
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &other), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  EXPECT_EQ(read(loop_, *store, settled_record(1).key).outcome, done) << "readers wait for nobody";
  const StoreAnswer late = replace(loop_, *impatient, settled_record(1), 0);
  EXPECT_EQ(late.outcome, unreachable);
  EXPECT_NE(late.why.find("lock"), std::string::npos) << late.why;
  std::optional<StoreAnswer> answer;
  store->replace(settled_record(1), 0, [&](StoreAnswer given) { answer = std::move(given); });
  loop_.run_for(milliseconds{40});
  EXPECT_FALSE(answer);
  sqlite3_exec(other, "COMMIT", nullptr, nullptr, nullptr);
  sqlite3_close(other);
  ASSERT_TRUE(run_until(loop_, [&] { return answer.has_value(); }));
  EXPECT_EQ(answer->outcome, done);
}

TEST_F(FileStoreTest, AFullDiskLosesNothing) {
  const auto store = open(100 << 10);
  store->watch(watcher_);
  std::uint64_t stored = 0;
  StoreAnswer last;
  for (; stored < 2000; ++stored) {
    last = replace(loop_, *store, settled_record(stored), 0);
    if (last.outcome != done) break;
  }
  EXPECT_EQ(last.outcome, refused);
  EXPECT_NE(last.why.find("full"), std::string::npos) << last.why;
  EXPECT_FALSE(watcher_.reachable);
  EXPECT_EQ(watcher_.why, last.why);
  EXPECT_EQ(watcher_.records.size(), stored);
  EXPECT_EQ(read(loop_, *store, settled_record(stored - 1).key).record->epoch, stored);
  EXPECT_FALSE(read(loop_, *store, settled_record(stored).key).record);
  ASSERT_TRUE(run_until(loop_, [&] { return watcher_.reachable; })) << "told again that it can be written";
}

TEST_F(FileStoreTest, ADamagedFileIsNotUsed) {
  {
    const auto store = open();
    for (std::uint64_t n = 0; n < 200; ++n) replace(loop_, *store, settled_record(n), 0);
  }
  std::fstream file{path_, std::ios::in | std::ios::out | std::ios::binary};
  file.seekp(8192);
  file << std::string(8192, 'x');
  file.close();
  EXPECT_EQ(open(), nullptr);
  EXPECT_NE(why_.find("truth.db: "), std::string::npos) << why_;
  std::ofstream{path_} << "this is no database, whatever its name says, and long enough to have a header of 100 octets"
                          "                                                                    ";
  EXPECT_EQ(open(), nullptr);
  EXPECT_NE(why_.find("not a database"), std::string::npos) << why_;
}

TEST_F(FileStoreTest, AFileOfANewerVersionOrOfSomebodyElseIsLeftAlone) {
  open();
  sql("PRAGMA user_version=2");
  EXPECT_EQ(open(), nullptr);
  EXPECT_NE(why_.find("newer version"), std::string::npos) << why_;
  sql("PRAGMA application_id=17");
  EXPECT_EQ(open(), nullptr);
  EXPECT_NE(why_.find("something else"), std::string::npos) << why_;
}

TEST_F(FileStoreTest, WhereNothingCanBeWrittenItSaysSo) {
  ASSERT_EQ(chmod(directory_.path().c_str(), 0500), 0);
  const int before = setfsuid(65534);  // root may write anywhere: to the file system this is nobody
  EXPECT_EQ(open(), nullptr);
  setfsuid(static_cast<uid_t>(before));
  std::filesystem::permissions(directory_.path(), std::filesystem::perms::owner_all);
  EXPECT_NE(why_.find("Permission denied"), std::string::npos) << why_;
  std::filesystem::create_symlink(directory_ / "elsewhere", path_);
  EXPECT_EQ(open(), nullptr);
  EXPECT_NE(why_.find("not a regular file"), std::string::npos) << why_;
}

TEST_F(FileStoreTest, ARecordThatCannotBeReadIsCountedAndNotObeyed) {
  const auto store = open();
  replace(loop_, *store, settled_record(1), 0);
  store->watch(watcher_);
  ASSERT_TRUE(run_until(loop_, [&] { return watcher_.reachable; }));
  sql("BEGIN; UPDATE record SET json = replace(json, 'dc1', 'dc9'), revision = 2; UPDATE state SET revision = 2; "
      "COMMIT");
  ASSERT_TRUE(run_until(loop_, [&] { return store->counters()[StoreCounter::bad_records] == 1; }));
  EXPECT_EQ(watcher_.records[settled_record(1).key].epoch, 1u) << "what was known stays";
  const StoreAnswer answer = read(loop_, *store, settled_record(1).key);
  EXPECT_EQ(answer.outcome, refused);
  EXPECT_NE(answer.why.find("not configured"), std::string::npos) << answer.why;
  Ownership foreign = settled_record(3);
  foreign.at.site = 9;
  EXPECT_EQ(replace(loop_, *store, foreign, 0).outcome, refused);
}

TEST_F(FileStoreTest, AnAnswerMayEndTheStore) {
  auto store = open();
  int answers = 0;
  for (int n = 0; n < 3; ++n) {
    store->read(settled_record(1).key, [&](StoreAnswer) {
      ++answers;
      store.reset();
    });
  }
  EXPECT_TRUE(run_until(loop_, [&] { return answers != 0; }));
  loop_.run_for(milliseconds{20});
  EXPECT_EQ(answers, 1);
}

}  // namespace
}  // namespace ilnp
