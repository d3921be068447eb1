// SPDX-License-Identifier: Apache-2.0
#include "io/truth/file_store.h"

#include <sqlite3.h>

#include "io/truth/record_json.h"

namespace ilnp {
namespace {

constexpr const char* schema = R"(
  CREATE TABLE record(key TEXT PRIMARY KEY, json TEXT NOT NULL, revision INTEGER NOT NULL) WITHOUT ROWID;
  CREATE INDEX record_revision ON record(revision);
  CREATE TABLE gone(revision INTEGER PRIMARY KEY, key TEXT NOT NULL);
  CREATE TABLE state(revision INTEGER NOT NULL, horizon INTEGER NOT NULL);
  INSERT INTO state VALUES(0, 0);)";
constexpr std::uint32_t application_id = 0x494c4e54;  // "ILNT"
constexpr std::uint64_t gone_kept = 100'000;          ///< revisions for which removals are remembered
constexpr Duration try_again = milliseconds{5};

}  // namespace

FileStore::Statements::Statements(sqlite3* database)
    : find{database, "SELECT json, revision FROM record WHERE key = ?1"},
      raise{database, "UPDATE state SET revision = revision + 1 RETURNING revision"},
      put{database, "INSERT OR REPLACE INTO record VALUES(?1, ?2, ?3)"},
      erase{database, "DELETE FROM record WHERE key = ?1"},
      note_gone{database, "INSERT INTO gone VALUES(?1, ?2)"},
      trim_gone{database, "DELETE FROM gone WHERE revision <= ?1"},
      set_horizon{database, "UPDATE state SET horizon = ?1"},
      state{database, "SELECT revision, horizon FROM state"},
      changes{database,
              "SELECT key, json, revision FROM record WHERE revision > ?1 "
              "UNION ALL SELECT key, '', revision FROM gone WHERE revision > ?1 ORDER BY 3 LIMIT ?2"},
      data_version{database, "PRAGMA data_version"} {}

Result<std::unique_ptr<FileStore>> FileStore::open(Loop& loop, Options options) {
  auto file = SqliteFile::open(options.path, {application_id, 1, schema, true, options.max_octets});
  if (!file) return file.error();
  return std::unique_ptr<FileStore>{new FileStore{loop, std::move(options), std::move(file.value())}};
}

FileStore::FileStore(Loop& loop, Options options, std::unique_ptr<SqliteFile> file)
    : OperatedStore{loop},
      options_{std::move(options)},
      file_{std::move(file)},
      sql_{file_->handle()},
      scan_{file_->handle()},
      again_{loop, [this] { work(); }},
      poll_{loop, [this] { look(); }},
      notice_{loop, options_.path, [this] { on_write(); }} {}

void FileStore::ask(Request request) {
  request.key_text = record_key(request.key);
  request.deadline = loop_.now() + options_.timeout;
  requests_.push_back(std::move(request));
  if (requests_.size() == 1) post([this] { work(); });
}

void FileStore::read(const NodeKey& key, OnAnswer on_answer) {
  ask({Kind::read, key, {}, {}, {}, 0, {}, std::move(on_answer)});
}

void FileStore::replace(const Ownership& next, std::uint64_t expected, OnAnswer on_answer) {
  // A record that cannot be written has no text; serve() refuses it.
  ask({Kind::replace,
       next.key,
       {},
       record_to_json(next, options_.sites).value_or(""),
       next,
       expected,
       {},
       std::move(on_answer)});
}

void FileStore::remove(const NodeKey& key, std::uint64_t expected, OnAnswer on_answer) {
  ask({Kind::remove, key, {}, {}, {}, expected, {}, std::move(on_answer)});
}

/// Each turn serves what is waiting, until a lock is held; an answer may ask for more or destroy this store.
void FileStore::work() {
  const std::weak_ptr<bool> alive = alive_;
  while (!requests_.empty()) {
    auto answer = serve(requests_.front());
    if (!answer && loop_.now() < requests_.front().deadline) {
      again_.set(loop_.now() + try_again);
      return;
    }
    if (!answer) answer = StoreAnswer{StoreOutcome::unreachable, {}, "another process holds the lock of the file"};
    Request request = std::move(requests_.front());
    requests_.pop_front();
    count(request.kind, answer->outcome);
    if (answer->outcome == StoreOutcome::done && request.kind != Kind::read) deliver_changes();
    if (alive.expired()) return;
    request.on_answer(std::move(*answer));
    if (alive.expired()) return;
  }
}

std::optional<StoreAnswer> FileStore::serve(const Request& request) {
  if (request.kind == Kind::replace && request.json.empty())
    return StoreAnswer{StoreOutcome::refused, {}, "the record names a site that has no name here"};
  if (request.kind != Kind::read) {
    auto answer = change(request);
    file_->roll_back();
    return answer;
  }
  sql_.find.start().bind(request.key_text);
  const bool is_there = sql_.find.row();
  if (sql_.find.failed()) return failure();
  if (!is_there) return StoreAnswer{StoreOutcome::done, {}, {}};
  const auto record = obeyed(request.key_text, sql_.find.text(0), sql_.find.number(1));
  sql_.find.start();
  if (!record) return StoreAnswer{StoreOutcome::refused, {}, "the record is unreadable: " + last_bad_record_};
  return StoreAnswer{StoreOutcome::done, record, {}};
}

/// Leaves a transaction open unless it is done.
std::optional<StoreAnswer> FileStore::change(const Request& request) {
  if (file_->run("BEGIN IMMEDIATE") != SQLITE_OK) return failure();
  sql_.find.start().bind(request.key_text);
  const std::uint64_t revision = sql_.find.row() ? sql_.find.number(1) : 0;
  if (sql_.find.failed()) return failure();
  sql_.find.start();
  if (revision != request.expected) return StoreAnswer{StoreOutcome::conflict, {}, "the record has changed since"};
  if (request.kind == Kind::remove && revision == 0) return StoreAnswer{StoreOutcome::done, {}, {}};

  if (!sql_.raise.start().row()) return failure();
  const std::uint64_t raised = sql_.raise.number(0);
  if (!sql_.raise.finish()) return failure();
  bool good = false;
  if (request.kind == Kind::replace) {
    good = sql_.put.start().bind(request.key_text).bind(request.json).bind(raised).finish();
  } else {
    good = sql_.erase.start().bind(request.key_text).finish() &&
           sql_.note_gone.start().bind(raised).bind(request.key_text).finish();
    if (good && raised > gone_kept) {
      good = sql_.trim_gone.start().bind(raised - gone_kept).finish() &&
             sql_.set_horizon.start().bind(raised - gone_kept).finish();
    }
  }
  if (!good || file_->run("COMMIT") != SQLITE_OK) return failure();
  set_reachable(true, {});
  StoreAnswer answer{StoreOutcome::done, {}, {}};
  if (request.kind == Kind::replace) {
    answer.record = request.next;
    answer.record->epoch = raised;
  }
  return answer;
}

/// What SQLite's last result means. Nothing: ask again.
std::optional<StoreAnswer> FileStore::failure() {
  const int code = sqlite3_errcode(file_->handle());
  if (code == SQLITE_BUSY || code == SQLITE_LOCKED) return std::nullopt;
  const std::string why = options_.path.string() + ": " + file_->why();
  const bool for_certain = code == SQLITE_FULL || code == SQLITE_READONLY || code == SQLITE_CORRUPT ||
                           code == SQLITE_NOTADB || code == SQLITE_PERM;
  set_reachable(false, why);
  return StoreAnswer{for_certain ? StoreOutcome::refused : StoreOutcome::unreachable, {}, why};
}

StoreStatus FileStore::status() const {
  StoreStatus status;
  status.kind = "file";
  status.state = !reachable_ ? StoreState::unreachable : scanning_ ? StoreState::synchronising : StoreState::ready;
  status.why = why_;
  status.revision = seen_;
  status.last_bad_record = last_bad_record_;
  return status;
}

}  // namespace ilnp
