// SPDX-License-Identifier: Apache-2.0
// FileStore: what its watcher is told, and when.
#include <sqlite3.h>

#include "io/truth/file_store.h"
#include "io/truth/record_json.h"

namespace ilnp {
namespace {

constexpr int looks_between_probes = 10;
// A commit is visible a moment after it was written: when the index of the log, which is mapped memory, says so.
constexpr Duration between_eager_looks = milliseconds{2}, eagerness = milliseconds{20};

}  // namespace

void FileStore::watch(TruthWatcher& watcher) {
  watcher_ = &watcher;
  accept_store();
}

void FileStore::accept_store() {
  is_behind_ = true;
  poll_.set(loop_.now());
}

void FileStore::on_write() {
  if (watcher_ == nullptr) return;
  eager_until_ = loop_.now() + eagerness;
  poll_.set(loop_.now());
}

void FileStore::look_again() {
  const TimePoint now = loop_.now();
  poll_.set(now + (now < eager_until_ ? between_eager_looks : options_.poll));
}

void FileStore::look() {
  if (watcher_ == nullptr || scanning_) return;
  look_again();
  if (is_behind_) return resync();
  if (!sql_.data_version.start().row()) return set_reachable(false, file_->why());
  const std::uint64_t version = sql_.data_version.number(0);
  sql_.data_version.start();
  if (version != data_version_) deliver_changes();
  data_version_ = version;
  if (!reachable_ && loop_.now() >= next_probe_) probe();
}

/// Reads all records, a slice each turn of the loop; what changed meanwhile is read afterwards.
void FileStore::resync() {
  if (!sql_.state.start().row()) return set_reachable(false, file_->why());
  seen_ = sql_.state.number(0);
  sql_.state.start();
  counters_.add(StoreCounter::resyncs);
  is_behind_ = false;
  scanning_ = true;
  scan_.restart();
  watcher_->on_resync_started();
  post([this] { scan_slice(); });
}

void FileStore::scan_slice() {
  const auto outcome = scan_.next([this](std::string_view key, std::string_view json, std::uint64_t revision) {
    if (const auto record = obeyed(key, json, revision)) watcher_->on_record(*record);
  });
  if (outcome == RecordScan::Outcome::more) return post([this] { scan_slice(); });
  scanning_ = false;
  look_again();
  if (outcome == RecordScan::Outcome::failed) {
    is_behind_ = true;
    return set_reachable(false, file_->why());
  }
  watcher_->on_resync_finished();
  set_reachable(true, {});
  deliver_changes();
}

void FileStore::deliver_changes() {
  if (watcher_ == nullptr || scanning_ || is_behind_) return;
  if (!sql_.state.start().row()) return set_reachable(false, file_->why());
  const std::uint64_t revision = sql_.state.number(0), horizon = sql_.state.number(1);
  sql_.state.start();
  if (horizon > seen_ || revision < seen_) return accept_store();

  sql_.changes.start().bind(seen_).bind(records_per_slice);
  while (sql_.changes.row()) {
    const std::string_view key = sql_.changes.text(0), json = sql_.changes.text(1);
    seen_ = sql_.changes.number(2);
    counters_.add(StoreCounter::events);
    if (!json.empty()) {
      if (const auto record = obeyed(key, json, seen_)) watcher_->on_record(*record);
    } else if (const auto gone = parse_record_key(key)) {
      watcher_->on_gone(*gone, seen_);
    }
  }
  if (sql_.changes.failed()) return set_reachable(false, file_->why());
  if (seen_ < revision) post([this] { deliver_changes(); });
}

std::optional<Ownership> FileStore::obeyed(std::string_view key, std::string_view json, std::uint64_t revision) {
  auto record = parse_record(key, json, options_.sites);
  if (!record) {
    note_bad(key, record.error());
    return std::nullopt;
  }
  record.value().epoch = revision;
  return record.value();
}

/// Whether a change would succeed again, without making one.
void FileStore::probe() {
  next_probe_ = loop_.now() + looks_between_probes * options_.poll;
  const bool good = file_->run("BEGIN IMMEDIATE; UPDATE state SET revision = revision; COMMIT") == SQLITE_OK;
  file_->roll_back();
  if (good) set_reachable(true, {});
}

void FileStore::set_reachable(bool reachable, const std::string& why) {
  if (reachable_ && !reachable) next_probe_ = loop_.now() + looks_between_probes * options_.poll;
  why_ = why;
  tell_reachable(watcher_, reachable, why);
}

}  // namespace ilnp
