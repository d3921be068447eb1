// SPDX-License-Identifier: Apache-2.0
// What a router knows of a store elsewhere, in a SQLite file, so that it knows it still when it starts without the
// store: the records, and which store they came from.
//
// Writing waits for disks, and packets must not: a thread of its own writes what is handed to it, in batches, through a
// connection of its own. What it could not write it tries again; what was too much for it is counted as lost, and then
// the copy has to be made anew (take_lost()).
#pragma once

#include <condition_variable>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "io/truth/record_scan.h"
#include "io/truth/sqlite.h"

namespace ilnp {

/// What a store was when it was asked last; zeros when it never was.
struct StoreMemory {
  std::uint64_t cluster = 0, revision = 0, term = 0;
  std::string refusal{};  ///< why it is not trusted; empty if it is
  bool operator==(const StoreMemory&) const = default;
};

class LocalCopy {
 public:
  /// A damaged copy is put aside (`.damaged`), because the store has everything; problem() says so.
  /// `max_waiting`: changes that are kept while the disk does not take them.
  static Result<std::unique_ptr<LocalCopy>> open(const std::filesystem::path& path, std::size_t max_waiting = 200'000);
  /// Writes what is left.
  ~LocalCopy();

  /// As it was when it was opened.
  const StoreMemory& memory() const { return memory_; }
  RecordScan& records() { return scan_; }

  struct Row {
    std::string json;
    std::uint64_t revision = 0;
  };
  /// As far as it is written.
  std::optional<Row> find(std::string_view key);

  void put(std::string_view key, std::string_view json, std::uint64_t revision);
  void erase(std::string_view key);
  void remember(const StoreMemory& memory);
  /// Between the two all records are put, or kept as they are; the others go.
  void begin_resync();
  void keep(std::string_view key);
  void finish_resync();

  /// Why it is not, or was not, written; empty if all is well.
  std::string problem();
  /// Whether changes were lost since this was asked last; only true when it can be written again.
  bool take_lost();

 private:
  enum class Kind : std::uint8_t { put, erase, keep, begin_resync, finish_resync, remember };
  struct Change {
    Kind kind;
    std::string key{}, json{};
    std::uint64_t revision = 0;
    StoreMemory memory{};
  };
  class Writer;

  LocalCopy(std::unique_ptr<SqliteFile> reading, std::unique_ptr<Writer> writer, std::string problem,
            std::size_t max_waiting);
  void hand_over(Change change);
  void run();

  std::unique_ptr<SqliteFile> reading_;
  RecordScan scan_;
  Statement find_;
  StoreMemory memory_;
  const std::size_t max_waiting_;

  std::mutex mutex_;  ///< of what follows, except the writer
  std::condition_variable wake_;
  std::vector<Change> waiting_;
  std::string problem_;
  bool lost_ = false, works_ = true, ending_ = false;

  std::unique_ptr<Writer> writer_;  ///< the thread's
  std::thread thread_;
};

}  // namespace ilnp
