// SPDX-License-Identifier: Apache-2.0
// The truth of one site in a SQLite file, which several processes of one machine may share.
//
// The revision is a counter in the file, raised in the transaction of each change. A removed record leaves a line in
// `gone`, so that the others see the removal when they look (every 100 ms); the oldest lines go, and who is behind them
// reads everything anew. Questions and changes wait in a queue and are tried by the loop, so nobody waits for a lock
// inside SQLite.
#pragma once

#include <deque>
#include <memory>

#include "io/loop/file_notice.h"
#include "io/truth/operated_store.h"
#include "io/truth/record_scan.h"
#include "io/truth/site_names.h"
#include "io/truth/sqlite.h"

namespace ilnp {

class FileStore final : public OperatedStore {
 public:
  struct Options {
    std::filesystem::path path;
    SiteNames sites;
    Duration timeout = seconds{2};      ///< how long another process may hold the lock
    Duration poll = milliseconds{100};  ///< for what is not noticed: other machines' writes to a shared file system
    std::uint64_t max_octets = 4ull << 30;
  };
  static Result<std::unique_ptr<FileStore>> open(Loop& loop, Options options);

  void read(const NodeKey& key, OnAnswer on_answer) override;
  void replace(const Ownership& next, std::uint64_t expected, OnAnswer on_answer) override;
  void remove(const NodeKey& key, std::uint64_t expected, OnAnswer on_answer) override;
  void watch(TruthWatcher& watcher) override;

  StoreStatus status() const override;
  /// A file is what it is: reads it anew.
  void accept_store() override;

 private:
  struct Request {
    Kind kind;
    NodeKey key;
    std::string key_text;
    std::string json;  ///< replace
    Ownership next;    ///< replace
    std::uint64_t expected = 0;
    TimePoint deadline;
    OnAnswer on_answer;
  };
  /// The statements of one connection; they go before it.
  struct Statements {
    explicit Statements(sqlite3* database);
    Statement find, raise, put, erase, note_gone, trim_gone, set_horizon, state, changes, data_version;
  };

  FileStore(Loop& loop, Options options, std::unique_ptr<SqliteFile> file);
  void ask(Request request);
  void work();
  /// Nothing: the lock is held, ask again.
  std::optional<StoreAnswer> serve(const Request& request);
  std::optional<StoreAnswer> change(const Request& request);
  std::optional<StoreAnswer> failure();

  void look();
  void look_again();
  void on_write();
  void resync();
  void scan_slice();
  void deliver_changes();
  std::optional<Ownership> obeyed(std::string_view key, std::string_view json, std::uint64_t revision);
  void probe();
  void set_reachable(bool reachable, const std::string& why);

  Options options_;
  std::unique_ptr<SqliteFile> file_;
  Statements sql_;
  RecordScan scan_;
  std::deque<Request> requests_;
  DeadlineTimer again_, poll_;
  FileNotice notice_;
  TimePoint eager_until_{};         ///< somebody is writing
  bool is_behind_ = false;          ///< everything has to be read
  bool scanning_ = false;           ///< and is being read
  std::uint64_t seen_ = 0;          ///< the watcher knows all changes up to this revision
  std::uint64_t data_version_ = 0;  ///< SQLite's: changes with each commit of somebody else
  TimePoint next_probe_{};
  std::string why_ = "not read yet";
};

}  // namespace ilnp
