// SPDX-License-Identifier: Apache-2.0
#include "io/truth/local_copy.h"

#include <sqlite3.h>

#include "io/truth/background.h"

namespace ilnp {
namespace {

constexpr const char* schema = R"(
  CREATE TABLE record(key TEXT PRIMARY KEY, json TEXT NOT NULL, revision INTEGER NOT NULL, round INTEGER NOT NULL)
    WITHOUT ROWID;
  CREATE TABLE state(cluster INTEGER, revision INTEGER, term INTEGER, refusal TEXT, round INTEGER);
  INSERT INTO state VALUES(0, 0, 0, '', 0);)";
constexpr SqliteFile::Form form{0x494c4e43, 1, schema, false};  // "ILNC"
constexpr auto gather = std::chrono::milliseconds{50};
constexpr auto try_again = std::chrono::seconds{1};

Result<std::unique_ptr<SqliteFile>> open_or_renew(const std::filesystem::path& path, std::string& problem) {
  auto file = SqliteFile::open(path, form);
  if (file || !std::filesystem::is_regular_file(path)) return file;
  const std::string why = file.error().message;
  // Only a damaged one: that of a newer version, or something else, is somebody's.
  if (why.find("damaged") == why.npos && why.find("malformed") == why.npos && why.find("not a database") == why.npos)
    return file;
  std::error_code failure;
  std::filesystem::rename(path, path.string() + ".damaged", failure);
  if (failure) return file;
  for (const char* companion : {"-wal", "-shm"}) std::filesystem::remove(path.string() + companion, failure);
  problem = why + "; begun anew, the old one is kept as " + path.string() + ".damaged";
  return SqliteFile::open(path, form);
}

}  // namespace

/// The thread's connection, and what it does with a batch.
class LocalCopy::Writer {
 public:
  explicit Writer(std::unique_ptr<SqliteFile> file)
      : file_{std::move(file)},
        put_{file_->handle(), "INSERT OR REPLACE INTO record SELECT ?1, ?2, ?3, round FROM state"},
        erase_{file_->handle(), "DELETE FROM record WHERE key = ?1"},
        keep_{file_->handle(), "UPDATE record SET round = (SELECT round FROM state) WHERE key = ?1"},
        begin_{file_->handle(), "UPDATE state SET round = round + 1"},
        finish_{file_->handle(), "DELETE FROM record WHERE round <> (SELECT round FROM state)"},
        remember_{file_->handle(), "UPDATE state SET cluster = ?1, revision = ?2, term = ?3, refusal = ?4"} {}

  /// Why it could not be written; empty: all of it is.
  std::string write(const std::vector<Change>& batch) {
    bool good = file_->run("BEGIN IMMEDIATE") == SQLITE_OK;
    for (const Change& change : batch) good = good && apply(change);
    if (good && file_->run("COMMIT") == SQLITE_OK) return {};
    const std::string why = file_->why();
    file_->roll_back();
    return why;
  }

 private:
  bool apply(const Change& change) {
    const StoreMemory& m = change.memory;
    switch (change.kind) {
      case Kind::put:
        return put_.start().bind(change.key).bind(change.json).bind(change.revision).finish();
      case Kind::erase:
        return erase_.start().bind(change.key).finish();
      case Kind::keep:
        return keep_.start().bind(change.key).finish();
      case Kind::begin_resync:
        return begin_.start().finish();
      case Kind::finish_resync:
        return finish_.start().finish();
      case Kind::remember:
        return remember_.start().bind(m.cluster).bind(m.revision).bind(m.term).bind(m.refusal).finish();
    }
    return false;
  }

  std::unique_ptr<SqliteFile> file_;
  Statement put_, erase_, keep_, begin_, finish_, remember_;
};

Result<std::unique_ptr<LocalCopy>> LocalCopy::open(const std::filesystem::path& path, std::size_t max_waiting) {
  std::string problem;
  auto reading = open_or_renew(path, problem);
  if (!reading) return reading.error();
  auto writing = SqliteFile::open(path, form);
  if (!writing) return writing.error();
  auto writer = std::make_unique<Writer>(std::move(writing.value()));
  return std::unique_ptr<LocalCopy>{
      new LocalCopy{std::move(reading.value()), std::move(writer), std::move(problem), max_waiting}};
}

LocalCopy::LocalCopy(std::unique_ptr<SqliteFile> reading, std::unique_ptr<Writer> writer, std::string problem,
                     std::size_t max_waiting)
    : reading_{std::move(reading)},
      scan_{reading_->handle()},
      find_{reading_->handle(), "SELECT json, revision FROM record WHERE key = ?1"},
      max_waiting_{max_waiting},
      problem_{std::move(problem)},
      writer_{std::move(writer)} {
  Statement state{reading_->handle(), "SELECT cluster, revision, term, refusal FROM state"};
  if (state.row()) memory_ = {state.number(0), state.number(1), state.number(2), std::string{state.text(3)}};
  const SignalsBlocked blocked;
  thread_ = std::thread{[this] { run(); }};
}

LocalCopy::~LocalCopy() {
  {
    const std::lock_guard lock{mutex_};
    ending_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void LocalCopy::run() {
  std::vector<Change> batch;
  std::unique_lock lock{mutex_};
  while (true) {
    wake_.wait(lock, [&] { return ending_ || !waiting_.empty() || !batch.empty(); });
    if (!ending_) wake_.wait_for(lock, works_ ? gather : try_again, [&] { return ending_; });
    if (batch.empty()) batch.swap(waiting_);
    if (batch.empty()) return;
    const bool is_last = ending_;
    lock.unlock();
    const std::string why = writer_->write(batch);
    if (why.empty() || is_last) std::vector<Change>{}.swap(batch);
    lock.lock();
    if (!why.empty()) {
      problem_ = why;
    } else if (!works_) {
      problem_.clear();
    }
    works_ = why.empty();
  }
}

void LocalCopy::hand_over(Change change) {
  {
    const std::lock_guard lock{mutex_};
    if (waiting_.size() >= max_waiting_) {
      waiting_.clear();
      lost_ = true;
    }
    waiting_.push_back(std::move(change));
    if (waiting_.size() > 1) return;
  }
  wake_.notify_one();
}

std::optional<LocalCopy::Row> LocalCopy::find(std::string_view key) {
  if (!find_.start().bind(key).row()) return std::nullopt;
  const Row row{std::string{find_.text(0)}, find_.number(1)};
  find_.start();
  return row;
}

void LocalCopy::put(std::string_view key, std::string_view json, std::uint64_t revision) {
  hand_over({Kind::put, std::string{key}, std::string{json}, revision});
}
void LocalCopy::erase(std::string_view key) { hand_over({Kind::erase, std::string{key}}); }
void LocalCopy::keep(std::string_view key) { hand_over({Kind::keep, std::string{key}}); }
void LocalCopy::begin_resync() { hand_over({Kind::begin_resync}); }
void LocalCopy::finish_resync() { hand_over({Kind::finish_resync}); }
void LocalCopy::remember(const StoreMemory& memory) {
  Change change{Kind::remember};
  change.memory = memory;
  hand_over(std::move(change));
}

std::string LocalCopy::problem() {
  const std::lock_guard lock{mutex_};
  return problem_;
}

bool LocalCopy::take_lost() {
  const std::lock_guard lock{mutex_};
  if (!lost_ || !works_ || !waiting_.empty()) return false;
  lost_ = false;
  problem_.clear();
  return true;
}

}  // namespace ilnp
