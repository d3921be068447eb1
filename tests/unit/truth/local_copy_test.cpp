// SPDX-License-Identifier: Apache-2.0
#include "io/truth/local_copy.h"

#include <sqlite3.h>
#include <sys/stat.h>

#include <set>

#include "tests/unit/truth/truth_fixture.h"

namespace ilnp {
namespace {

class LocalCopyTest : public testing::Test {
 protected:
  std::unique_ptr<LocalCopy> open(std::size_t max_waiting = 1000) {
    auto copy = LocalCopy::open(path_, max_waiting);
    EXPECT_TRUE(copy) << copy.error().message;
    return copy ? std::move(copy.value()) : nullptr;
  }
  std::set<std::string> keys(LocalCopy& copy) {
    std::set<std::string> found;
    copy.records().restart();
    const auto take = [&](std::string_view key, std::string_view, std::uint64_t) { found.emplace(key); };
    while (copy.records().next(take) == RecordScan::Outcome::more) {
    }
    return found;
  }
  /// Holds the lock of the file, as a disk that takes nothing would.
  class Lock {
   public:
    explicit Lock(const std::filesystem::path& path) {
      EXPECT_EQ(sqlite3_open(path.c_str(), &database_), SQLITE_OK);
      EXPECT_EQ(sqlite3_exec(database_, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
    }
    ~Lock() {
      sqlite3_exec(database_, "COMMIT", nullptr, nullptr, nullptr);
      sqlite3_close(database_);
    }
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;

   private:
    sqlite3* database_ = nullptr;
  };

  Loop loop_;
  TemporaryDirectory directory_;
  std::filesystem::path path_ = directory_ / "copy.db";
};

TEST_F(LocalCopyTest, WhatWasHandedOverIsThereTheNextTime) {
  {
    const auto copy = open();
    EXPECT_EQ(copy->memory(), StoreMemory{});
    copy->put("nid/a", "{1}", 5);
    copy->put("nid/b", "{2}", 6);
    copy->put("nid/a", "{3}", 7);
    copy->erase("nid/b");
    copy->remember({0xffff'ffff'ffff'fff0, 7, 2, "refused"});
  }
  const auto copy = open();
  EXPECT_EQ(copy->memory(), (StoreMemory{0xffff'ffff'ffff'fff0, 7, 2, "refused"}));
  EXPECT_EQ(keys(*copy), std::set<std::string>{"nid/a"});
  EXPECT_EQ(copy->find("nid/a")->json, "{3}");
  EXPECT_EQ(copy->find("nid/a")->revision, 7u);
  EXPECT_FALSE(copy->find("nid/b"));
  struct stat status {};
  ASSERT_EQ(stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(LocalCopyTest, AfterAResyncOnlyWhatWasNamedIsLeft) {
  {
    const auto copy = open();
    for (const char* key : {"nid/a", "nid/b", "nid/c", "nid/d"}) copy->put(key, "{}", 1);
    copy->begin_resync();
    copy->put("nid/a", "{}", 1);
    copy->begin_resync();  // the first one came to nothing
    copy->put("nid/b", "{}", 2);
    copy->keep("nid/c");
    copy->keep("nid/x");
    copy->finish_resync();
  }
  EXPECT_EQ(keys(*open()), (std::set<std::string>{"nid/b", "nid/c"}));
}

TEST_F(LocalCopyTest, WhatTheDiskDoesNotTakeIsTriedAgain) {
  const auto copy = open();
  {
    const Lock lock{path_};
    copy->put("nid/a", "{}", 1);
    ASSERT_TRUE(run_until(loop_, [&] { return !copy->problem().empty(); }));
    copy->put("nid/b", "{}", 2);
  }
  ASSERT_TRUE(run_until(loop_, [&] { return copy->find("nid/b").has_value(); }));
  EXPECT_TRUE(copy->find("nid/a"));
  ASSERT_TRUE(run_until(loop_, [&] { return copy->problem().empty(); }));
  EXPECT_FALSE(copy->take_lost());
}

TEST_F(LocalCopyTest, WhatIsTooMuchIsLostAndThatIsKnown) {
  const auto copy = open(10);
  {
    const Lock lock{path_};
    copy->put("nid/a", "{}", 1);
    ASSERT_TRUE(run_until(loop_, [&] { return !copy->problem().empty(); }));
    for (std::uint64_t n = 0; n < 25; ++n) copy->put("nid/" + std::to_string(n), "{}", n);
    EXPECT_FALSE(copy->take_lost()) << "not while it cannot be written";
  }
  ASSERT_TRUE(run_until(loop_, [&] { return copy->take_lost(); }));
  EXPECT_FALSE(copy->take_lost());
  EXPECT_TRUE(run_until(loop_, [&] { return copy->find("nid/24").has_value(); }));
  EXPECT_FALSE(copy->find("nid/3"));
}

}  // namespace
}  // namespace ilnp
