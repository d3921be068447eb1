// SPDX-License-Identifier: Apache-2.0
// What the tests of this folder share: two sites, records, a directory of their own, a watcher that remembers.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <vector>

#include "io/loop/loop.h"
#include "io/truth/operated_store.h"
#include "io/truth/site_names.h"

namespace ilnp {

inline SiteNames two_sites() {
  SiteNames sites;
  EXPECT_TRUE(sites.add(1, "dc1"));
  EXPECT_TRUE(sites.add(2, "dc2"));
  return sites;
}

inline constexpr Locator locator_1{0xfd00'0001'0000'0010}, locator_2{0xfd00'0002'0000'0010};

inline Ownership settled_record(std::uint64_t nid) {
  Ownership record;
  record.key = {NodeId{0x0200'0000'0000'0000 + nid}};
  record.home = record.at = {1, locator_1};
  return record;
}

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = testing::TempDir() + "truth-XXXXXX";
    path_ = mkdtemp(pattern.data());
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  std::filesystem::path operator/(const char* name) const { return path_ / name; }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// Keeps the records that a store names, checks that it keeps to the rules of TruthWatcher.
class RememberingWatcher final : public TruthWatcher {
 public:
  void on_resync_started() override {
    is_resyncing = true;
    named.clear();
  }
  void on_record(const Ownership& record) override {
    if (records.contains(record.key)) {
      EXPECT_GE(record.epoch, records[record.key].epoch) << "older than known";
    }
    records.insert_or_assign(record.key, record);
    named.insert_or_assign(record.key, record);
  }
  void on_gone(const NodeKey& key, std::uint64_t epoch) override {
    EXPECT_GE(epoch, records[key].epoch);
    records.erase(key);
    if (is_resyncing) set_back.push_back(key);
  }
  void on_resync_finished() override {
    EXPECT_TRUE(is_resyncing);
    is_resyncing = false;
    ++resyncs;
    records = named;
  }
  void on_reachable(bool now, const std::string& reason) override {
    reachable = now;
    why = reason;
    ++reachable_calls;
  }

  std::map<NodeKey, Ownership> records, named;
  std::vector<NodeKey> set_back;  ///< forgotten in a resync, because what follows is older
  bool is_resyncing = false, reachable = false;
  int resyncs = 0, reachable_calls = 0;
  std::string why;
};

/// Runs the loop until `condition` holds; false after `limit`.
template <class Condition>
bool run_until(Loop& loop, Condition condition, Duration limit = seconds{30}) {
  const TimePoint end = loop.now() + limit;
  while (!condition()) {
    if (loop.now() > end) return false;
    loop.run_for(milliseconds{2});
  }
  return true;
}

/// Asks and waits for the answer, which must not come from inside the call, and only once.
template <class Ask>
StoreAnswer answer_of(Loop& loop, Ask ask, Duration limit = seconds{30}) {
  auto answers = std::make_shared<std::vector<StoreAnswer>>();
  ask([answers](StoreAnswer answer) { answers->push_back(std::move(answer)); });
  EXPECT_TRUE(answers->empty()) << "answered from inside the call";
  EXPECT_TRUE(run_until(
      loop, [&] { return !answers->empty(); }, limit))
      << "no answer";
  if (answers->empty()) return {};
  EXPECT_EQ(answers->size(), 1u);
  return answers->front();
}

inline StoreAnswer replace(Loop& loop, TruthStore& store, const Ownership& next, std::uint64_t expected) {
  return answer_of(loop, [&](TruthStore::OnAnswer done) { store.replace(next, expected, std::move(done)); });
}
inline StoreAnswer remove(Loop& loop, TruthStore& store, const NodeKey& key, std::uint64_t expected) {
  return answer_of(loop, [&](TruthStore::OnAnswer done) { store.remove(key, expected, std::move(done)); });
}
inline StoreAnswer read(Loop& loop, TruthStore& store, const NodeKey& key) {
  return answer_of(loop, [&](TruthStore::OnAnswer done) { store.read(key, std::move(done)); });
}

}  // namespace ilnp
