// SPDX-License-Identifier: Apache-2.0
// EtcdStore: how the watcher comes to know everything: the copy, then all records at one revision, then each change.
#include <algorithm>
#include <iterator>

#include "io/truth/etcd_store.h"

namespace ilnp {
namespace {

/// A store that names more is not one of ours.
constexpr std::uint64_t max_records = 1u << 22;

}  // namespace

std::string EtcdStore::end_key() const {
  std::string end = first_key();
  ++end.back();  // the first key behind all that begin with first_key()
  return end;
}

void EtcdStore::watch(TruthWatcher& watcher) {
  watcher_ = &watcher;
  post([this] {
    copy_->records().restart();
    watcher_->on_resync_started();
    load_copy();
  });
}

void EtcdStore::load_copy() {
  const auto outcome =
      copy_->records().next([this](std::string_view key, std::string_view json, std::uint64_t revision) {
        auto record = parse_record(key, json, options_.sites);
        if (!record) return note_bad(key, record.error());
        record.value().epoch = revision;
        watcher_->on_record(record.value());
      });
  if (outcome == RecordScan::Outcome::more) return post([this] { load_copy(); });
  watcher_->on_resync_finished();
  is_loaded_ = true;
  set_reachable(is_proven_, is_proven_ ? "" : why_);
  synchronise();
}

/// Whatever is next to come to know everything.
void EtcdStore::synchronise() {
  if (!is_proven_ || !is_loaded_) return;
  if (!needs_resync_) {
    if (!stream_) start_watch();
    return;
  }
  if (is_resyncing_) return;
  is_resyncing_ = true;
  paging_ = Paging::wanted;
  resync_revision_ = paged_ = 0;
  page_key_ = first_key();
  ask_next();
}

void EtcdStore::on_page(HttpAnswer http) {
  if (http.status != 200) {
    // The revision of the first page may have been compacted away: the next session begins anew.
    const std::string why = parse_refusal(http.body).message;
    return end_session("the records cannot be read: " + (why.empty() ? std::to_string(http.status) : why));
  }
  background_.run([this, &loop = loop_, &options = options_, session = session_, alive = std::weak_ptr<bool>{alive_},
                   body = std::make_shared<std::string>(std::move(http.body))] {
    auto page = std::make_shared<ParsedPage>(ParsedPage{parse_range_answer(*body), {}});
    if (page->answer) {
      for (EtcdValue& value : page->answer.value().values) page->values.push_back({value, read_record(value, options)});
    }
    loop.post([this, session, alive, page] {
      if (!alive.expired() && session == session_) on_parsed_page(std::move(*page));
    });
  });
}

void EtcdStore::on_parsed_page(ParsedPage parsed) {
  if (!parsed.answer) return bad_answer(parsed.answer.error());
  const RangeAnswer& page = parsed.answer.value();
  if (!is_same_store(page.header, &page_asked_when_)) return;
  if (resync_revision_ == 0) {
    resync_revision_ = page.header.revision;
    counters_.add(StoreCounter::resyncs);
    copy_->begin_resync();
    watcher_->on_resync_started();
  }
  if (!is_page_as_asked(page)) return bad_answer(AnswerProblem::bad_shape);
  const bool is_telling = !untold_.empty();
  std::move(parsed.values.begin(), parsed.values.end(), std::back_inserter(untold_));
  paging_ = page.more ? Paging::ready : Paging::over;
  want_page();
  if (!is_telling) take_slice();
}

/// The next page comes while this one is told, but no further ahead.
void EtcdStore::want_page() {
  if (paging_ != Paging::ready || untold_.size() > page_size_) return;
  paging_ = Paging::wanted;
  ask_next();
}

bool EtcdStore::is_page_as_asked(const RangeAnswer& page) {
  paged_ += page.values.size();
  if (page.values.size() > page_size_ || paged_ > max_records || (page.more && page.values.empty())) return false;
  const std::string end = end_key();
  for (const EtcdValue& value : page.values) {
    if (value.key < page_key_ || value.key >= end || value.revision > resync_revision_) return false;
    page_key_ = value.key + '\0';  // the first key behind this one
  }
  return true;
}

/// A few records each turn of the loop, so that packets have their turn.
void EtcdStore::take_slice() {
  for (std::uint64_t n = 0; n < records_per_slice && !untold_.empty(); ++n) {
    take_record(untold_.front(), true);
    untold_.pop_front();
  }
  want_page();
  if (!untold_.empty()) {
    return post([this, session = session_] {
      if (session == session_) take_slice();
    });
  }
  if (paging_ != Paging::over) return;  // the next page goes on from here
  watcher_->on_resync_finished();
  copy_->finish_resync();
  watched_ = resync_revision_;
  needs_resync_ = is_resyncing_ = is_accepted_ = false;
  start_watch();
}

void EtcdStore::take_record(const ReadValue& read, bool in_resync) {
  const auto& [value, record] = read;
  const std::string_view key = std::string_view{value.key}.substr(options_.etcd.prefix.size());
  const auto before = in_resync && (!record || is_accepted_) ? copy_->find(key) : std::nullopt;
  if (!record) {
    note_bad(key, record.error());
    // What was known before stays in force, as it does when a change cannot be read.
    auto known = before ? parse_record(key, before->json, options_.sites) : record;
    if (!known) return;
    known.value().epoch = before->revision;
    copy_->keep(key);
    return watcher_->on_record(known.value());
  }
  // In a store that was set back epochs are lower: the watcher has to forget the one that it knows.
  if (before && before->revision > value.revision) watcher_->on_gone(record.value().key, before->revision);
  copy_->put(key, value.value, value.revision);
  watcher_->on_record(record.value());
}

void EtcdStore::start_watch() {
  stream_ = std::make_unique<HttpConnection>(loop_, endpoints_[endpoint_], tls_);
  counters_.add(StoreCounter::connections);
  is_watching_ = false;
  last_word_ = loop_.now();
  stream_->stream(
      "/v3/watch", watch_request(first_key(), end_key(), watched_ + 1), options_.etcd.timeout, max_etcd_answer,
      [this](std::string_view line) { on_watch_line(line); },
      [this](const std::string& why) { end_session("watch: " + why); });
}

void EtcdStore::on_watch_line(std::string_view line) {
  const auto parsed = parse_watch_message(line);
  if (!parsed) return bad_answer(parsed.error());
  const WatchMessage& message = parsed.value();
  if (message.header.cluster != 0 && !is_same_store(message.header, nullptr)) return;
  last_word_ = loop_.now();
  if (message.canceled) {
    if (message.compact_revision == 0) return end_session("watch: " + message.cancel_reason);
    stream_.reset();  // its history is gone: changes since are seen by reading everything
    is_watching_ = false;
    needs_resync_ = true;
    return synchronise();
  }
  if (message.created) {
    is_watching_ = true;
    failures_ = 0;
    return;
  }
  std::uint64_t last = message.events.empty() ? message.header.revision : 0;
  for (const EtcdEvent& event : message.events) {
    if (!event.value.key.starts_with(first_key()) || event.value.revision < last)
      return bad_answer(AnswerProblem::bad_shape);
    last = event.value.revision;
    if (last > watched_) take_event(event);
  }
  // The rest of a revision that came in pieces is asked for again if the connection ends now.
  if (message.is_fragment && last > 0) --last;
  watched_ = std::max(watched_, last);
}

void EtcdStore::take_event(const EtcdEvent& event) {
  counters_.add(StoreCounter::events);
  if (!event.is_removal) return take_record({event.value, read_record(event.value, options_)}, false);
  const std::string_view key = std::string_view{event.value.key}.substr(options_.etcd.prefix.size());
  const auto node = parse_record_key(key);
  if (!node) return note_bad(key, RecordProblem::bad_key);
  copy_->erase(key);
  watcher_->on_gone(*node, event.value.revision);
}

/// The store has answered: is the watch alive, and is the copy complete?
void EtcdStore::check_watch(const EtcdHeader& newest) {
  const bool is_silent = newest.revision > watched_ && loop_.now() - last_word_ > tuning_.silence;
  if (copy_->take_lost()) needs_resync_ = true;
  if (!is_watching_ || (!is_silent && !needs_resync_)) return;
  stream_.reset();
  is_watching_ = false;
  synchronise();
}

Result<Ownership, RecordProblem> EtcdStore::read_record(const EtcdValue& value, const TruthOptions& options) {
  auto record =
      parse_record(std::string_view{value.key}.substr(options.etcd.prefix.size()), value.value, options.sites);
  if (record) record.value().epoch = value.revision;
  return record;
}

}  // namespace ilnp
