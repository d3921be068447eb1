// SPDX-License-Identifier: Apache-2.0
// The truth of several sites in etcd, through its JSON gateway.
//
// Two connections to one member: one for questions, one after the other (changes, reads, the pages of a resync, and
// every 2 s a question whose answer shows that a majority is there), and one for the watch. When either fails, both go,
// and the next member is tried. The first question on a connection makes sure that it is the store of before: the same
// cluster, no older revision, no older term. If not, nothing more is asked of it until the operator accepts it.
//
// `watched_` is the revision up to which the watcher knows everything; a new watch goes on from there, and when etcd
// has forgotten that part of its history, all records are read at one revision. No clock but the steady one is used.
#pragma once

#include <deque>
#include <memory>

#include "core/base/crypto.h"
#include "io/crypto/crypto.h"
#include "io/truth/background.h"
#include "io/truth/etcd_messages.h"
#include "io/truth/http_connection.h"
#include "io/truth/local_copy.h"
#include "io/truth/open_store.h"
#include "io/truth/record_json.h"

namespace ilnp {

struct EtcdTuning {
  std::uint64_t page = 1000;       ///< records of one answer of a resync
  Duration poll = seconds{2};      ///< between proofs that a majority answers
  Duration silence = seconds{30};  ///< of a watch, though the store has changed: it is made anew
  Duration first_retry = milliseconds{50}, last_retry = seconds{2};
  std::size_t max_waiting = 10'000;  ///< questions of the program that wait for a connection
};

class EtcdStore final : public OperatedStore {
 public:
  static Result<std::unique_ptr<EtcdStore>> open(Loop& loop, const TruthOptions& options, EtcdTuning tuning = {});
  ~EtcdStore() override;

  void read(const NodeKey& key, OnAnswer on_answer) override;
  void replace(const Ownership& next, std::uint64_t expected, OnAnswer on_answer) override;
  void remove(const NodeKey& key, std::uint64_t expected, OnAnswer on_answer) override;
  void watch(TruthWatcher& watcher) override;

  StoreStatus status() const override;
  void accept_store() override;

 private:
  struct Request {
    Kind kind;
    NodeKey key;
    std::string body;
    Ownership next{};  ///< replace
    std::uint64_t expected = 0;
    TimePoint deadline{};
    OnAnswer on_answer;
  };
  enum class Paging : std::uint8_t {
    over,    ///< there is no further page
    ready,   ///< there is, once the watcher has been told more of what came
    wanted,  ///< it is to be asked for next
    asked,
  };
  struct ReadValue {
    EtcdValue value;
    Result<Ownership, RecordProblem> record;
  };
  struct ParsedPage {
    Result<RangeAnswer, AnswerProblem> answer;
    std::vector<ReadValue> values;  ///< those of the answer
  };
  enum class Question : std::uint8_t { none, proof, page, request };

  EtcdStore(Loop& loop, const TruthOptions& options, EtcdTuning tuning, std::vector<EtcdEndpoint> endpoints,
            TlsContext tls, std::unique_ptr<LocalCopy> copy);
  std::string key_of(std::string_view record_key) const { return options_.etcd.prefix + std::string{record_key}; }
  std::string first_key() const { return key_of(record_key_prefix); }
  std::string end_key() const;

  // etcd_store.cpp: what the program asks.
  void ask(Request request);
  void answer(const OnAnswer& on_answer, Kind kind, StoreAnswer answer);
  void answer_later(OnAnswer on_answer, StoreOutcome outcome, const std::string& why);
  void expire();
  void set_reachable(bool reachable, const std::string& why);
  bool is_refused() const { return !memory_.refusal.empty(); }

  // etcd_session.cpp: connections, one question after the other, and whether it is the store of before.
  void begin_session();
  void begin_outage();
  void drop_session();
  void end_session(const std::string& why);
  void ask_next();
  void send_proof(Duration timeout);
  void send(Question question, std::string_view target, const std::string& body, Duration timeout);
  void on_http(HttpAnswer http);
  void on_proof(const HttpAnswer& http);
  void on_request(const HttpAnswer& http);
  StoreAnswer judge(const Request& request, const HttpAnswer& http);
  StoreAnswer judge_read(const Request& request, const std::string& body);
  StoreAnswer judge_change(const Request& request, const std::string& body);
  StoreAnswer unusable(AnswerProblem problem);
  void bad_answer(AnswerProblem problem);
  bool is_same_store(const EtcdHeader& header, const StoreMemory* asked_when);
  void refuse_store(const std::string& what);

  // etcd_sync.cpp: the copy, all records, the watch.
  void load_copy();
  void synchronise();
  void on_page(HttpAnswer http);
  void on_parsed_page(ParsedPage page);
  bool is_page_as_asked(const RangeAnswer& page);
  void want_page();
  void take_slice();
  void take_record(const ReadValue& read, bool in_resync);
  void start_watch();
  void on_watch_line(std::string_view line);
  void take_event(const EtcdEvent& event);
  void check_watch(const EtcdHeader& newest);
  /// Uses nothing that changes, because pages are read in the background.
  static Result<Ownership, RecordProblem> read_record(const EtcdValue& value, const TruthOptions& options);

  TruthOptions options_;
  EtcdTuning tuning_;
  std::vector<EtcdEndpoint> endpoints_;
  TlsContext tls_;
  std::unique_ptr<LocalCopy> copy_;
  OpensslRandom random_;

  std::deque<Request> waiting_;
  std::optional<Request> open_;  ///< the one that is being asked
  Question question_ = Question::none;
  StoreMemory asked_when_;     ///< the memory when the open question was asked
  bool page_is_next_ = false;  ///< before further requests

  std::size_t endpoint_ = 0;
  std::unique_ptr<HttpConnection> connection_, stream_;
  unsigned session_ = 0;    ///< what was begun in another one is of no interest any more
  bool is_proven_ = false;  ///< this session's connection leads to the store of before
  unsigned failures_ = 0;
  TimePoint proof_due_{};
  TimePoint outage_since_ = never;
  std::string why_ = "the store has not been reached yet";

  StoreMemory memory_;
  bool is_loaded_ = false;  ///< the watcher knows what the copy knew
  bool needs_resync_ = true;
  bool is_accepted_ = false;  ///< the next resync may bring older records than the copy has
  bool is_resyncing_ = false;
  Paging paging_ = Paging::over;
  std::uint64_t resync_revision_ = 0;
  std::string page_key_;  ///< where the next page begins
  std::uint64_t paged_ = 0;
  std::deque<ReadValue> untold_;  ///< of the pages so far, the watcher does not know these yet
  StoreMemory page_asked_when_;
  std::uint64_t page_size_;
  std::uint64_t watched_ = 0;
  bool is_watching_ = false;
  TimePoint last_word_{};  ///< of the watch

  DeadlineTimer retry_, proof_, expiry_, outage_;
  Background background_;  ///< parses pages
};

}  // namespace ilnp
