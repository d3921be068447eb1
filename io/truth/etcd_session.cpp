// SPDX-License-Identifier: Apache-2.0
// EtcdStore: its connections, one question after the other, and whether it is the store of before.
#include <algorithm>

#include "io/truth/etcd_store.h"

namespace ilnp {
namespace {

/// Reading many records takes longer than one.
constexpr int page_timeout = 3;
/// Records of up to 1.5 MiB each, which is all that etcd takes, fit into one answer.
constexpr std::uint64_t smallest_page = 16;

/// These codes say that nothing was changed, and that another member would say the same.
bool is_for_certain(int code) {
  using namespace grpc_code;
  return code == invalid_argument || code == permission_denied || code == resource_exhausted ||
         code == failed_precondition || code == out_of_range || code == unimplemented || code == unauthenticated;
}

std::string words_of(const HttpAnswer& http, const EtcdRefusal& refusal) {
  if (!refusal.message.empty()) return refusal.message;
  return "HTTP status " + std::to_string(http.status);
}

}  // namespace

void EtcdStore::begin_session() {
  if (connection_ || is_refused()) return;
  if (outage_since_ == never && !is_proven_) begin_outage();
  const EtcdEndpoint& endpoint = endpoints_[endpoint_];
  if (endpoint.tls) {  // certificates are renewed in their files now and then
    auto renewed = make_tls_context(options_.etcd.tls, TlsSide::client, TlsOldest::tls_1_2);
    if (renewed) tls_ = std::move(renewed.value());
  }
  connection_ = std::make_unique<HttpConnection>(loop_, endpoint, tls_);
  counters_.add(StoreCounter::connections);
  // A member that does not answer must not use up the time of a change that waits for the next one.
  send_proof(options_.etcd.timeout / 2);
}

void EtcdStore::begin_outage() {
  outage_since_ = loop_.now();
  outage_.set(outage_since_ + options_.etcd.timeout);
}

void EtcdStore::drop_session() {
  connection_.reset();
  stream_.reset();
  question_ = Question::none;
  is_proven_ = is_watching_ = is_resyncing_ = false;
  paging_ = Paging::over;
  untold_.clear();
  ++session_;
  proof_.set(never);
}

void EtcdStore::end_session(const std::string& why) {
  drop_session();
  why_ = endpoints_[endpoint_].text + ": " + why;
  endpoint_ = (endpoint_ + 1) % endpoints_.size();
  if (outage_since_ == never) begin_outage();
  // With jitter, so that all routers do not come back at once.
  const Duration delay = std::min(tuning_.first_retry * (1 << std::min(failures_, 10u)), tuning_.last_retry);
  retry_.set(loop_.now() + delay / 2 + Duration{random_.u64() % static_cast<std::uint64_t>(delay.count())} / 2);
  ++failures_;
  if (!open_) return;
  const Request open = std::move(*open_);
  open_.reset();
  answer(open.on_answer, open.kind, {StoreOutcome::unreachable, {}, why_});
}

void EtcdStore::ask_next() {
  if (!is_proven_ || question_ != Question::none) return;
  // A change that is sent into a closed connection is one of which nobody knows whether it happened.
  if (connection_->is_stale()) return end_session("it has closed the connection");
  const TimePoint now = loop_.now();
  if (now >= proof_due_) return send_proof(options_.etcd.timeout);
  if (!waiting_.empty() && !(paging_ == Paging::wanted && page_is_next_)) {
    page_is_next_ = true;
    open_ = std::move(waiting_.front());
    waiting_.pop_front();
    const bool is_read = open_->kind == Kind::read;
    const Duration rest = std::max<Duration>(open_->deadline - now, milliseconds{1});
    return send(Question::request, is_read ? "/v3/kv/range" : "/v3/kv/txn", open_->body, rest);
  }
  if (paging_ != Paging::wanted) return;
  page_is_next_ = false;
  paging_ = Paging::asked;
  page_asked_when_ = memory_;
  send(Question::page, "/v3/kv/range", range_request(page_key_, end_key(), page_size_, resync_revision_),
       page_timeout * options_.etcd.timeout);
}

void EtcdStore::send_proof(Duration timeout) {
  proof_due_ = loop_.now() + tuning_.poll;
  proof_.set(proof_due_);
  send(Question::proof, "/v3/kv/range", range_request(first_key(), "", 0, 0), timeout);
}

void EtcdStore::send(Question question, std::string_view target, const std::string& body, Duration timeout) {
  question_ = question;
  asked_when_ = memory_;
  connection_->post(target, body, timeout, max_etcd_answer, [this](HttpAnswer http) { on_http(std::move(http)); });
}

void EtcdStore::on_http(HttpAnswer http) {
  const std::weak_ptr<bool> alive = alive_;
  const Question question = std::exchange(question_, Question::none);
  if (http.too_long && question == Question::page) page_size_ = std::max<std::uint64_t>(page_size_ / 2, smallest_page);
  if (!http.arrived) return end_session(http.why);
  if (question == Question::proof)
    on_proof(http);
  else if (question == Question::page)
    on_page(std::move(http));
  else if (question == Question::request)
    on_request(http);
  if (!alive.expired()) ask_next();
}

void EtcdStore::on_proof(const HttpAnswer& http) {
  if (http.status != 200) return end_session(words_of(http, parse_refusal(http.body)));
  const auto parsed = parse_range_answer(http.body);
  if (!parsed) return bad_answer(parsed.error());
  const EtcdHeader& header = parsed.value().header;
  if (!is_same_store(header, &asked_when_)) return;
  if (is_proven_) return check_watch(header);
  is_proven_ = true;
  outage_since_ = never;
  outage_.set(never);
  set_reachable(true, {});
  synchronise();
}

void EtcdStore::on_request(const HttpAnswer& http) {
  const Request request = std::move(*open_);
  open_.reset();
  const std::weak_ptr<bool> alive = alive_;
  StoreAnswer verdict = judge(request, http);
  if (verdict.outcome == StoreOutcome::unreachable) end_session(verdict.why);
  if (!alive.expired()) answer(request.on_answer, request.kind, std::move(verdict));
}

StoreAnswer EtcdStore::judge(const Request& request, const HttpAnswer& http) {
  if (http.status != 200) {
    const EtcdRefusal refusal = parse_refusal(http.body);
    return {
        is_for_certain(refusal.code) ? StoreOutcome::refused : StoreOutcome::unreachable, {}, words_of(http, refusal)};
  }
  return request.kind == Kind::read ? judge_read(request, http.body) : judge_change(request, http.body);
}

StoreAnswer EtcdStore::judge_read(const Request& request, const std::string& body) {
  auto parsed = parse_range_answer(body);
  if (parsed && !parsed.value().values.empty() && parsed.value().values.front().key != key_of(record_key(request.key)))
    parsed = AnswerProblem::bad_shape;
  if (!parsed) return unusable(parsed.error());
  if (!is_same_store(parsed.value().header, &asked_when_)) return {StoreOutcome::refused, {}, memory_.refusal};
  if (parsed.value().values.empty()) return {StoreOutcome::done, {}, {}};
  const auto record = read_record(parsed.value().values.front(), options_);
  if (!record) return {StoreOutcome::refused, {}, std::string{"the record is unreadable: "} + explain(record.error())};
  return {StoreOutcome::done, record.value(), {}};
}

StoreAnswer EtcdStore::judge_change(const Request& request, const std::string& body) {
  const auto parsed = parse_swap_answer(body);
  if (!parsed) return unusable(parsed.error());
  const SwapAnswer& swap = parsed.value();
  if (!is_same_store(swap.header, &asked_when_)) return {StoreOutcome::refused, {}, memory_.refusal};
  if (!swap.succeeded) return {StoreOutcome::conflict, {}, "the record has changed since"};
  if (swap.header.revision <= request.expected) return unusable(AnswerProblem::bad_number);
  StoreAnswer made{StoreOutcome::done, {}, {}};
  if (request.kind == Kind::replace) {
    made.record = request.next;
    made.record->epoch = swap.header.revision;
  }
  return made;
}

StoreAnswer EtcdStore::unusable(AnswerProblem problem) {
  counters_.add(StoreCounter::bad_answers);
  return {StoreOutcome::unreachable, {}, std::string{"its answer is unusable: "} + explain(problem)};
}

void EtcdStore::bad_answer(AnswerProblem problem) { end_session(unusable(problem).why); }

/// `asked_when`: what was known when the question was asked. The answer was agreed on by a majority afterwards, so it
/// cannot be older: only a store that was set back, or that is another one, says so. What the watch says may be older.
bool EtcdStore::is_same_store(const EtcdHeader& header, const StoreMemory* asked_when) {
  const auto from_to = [](std::uint64_t was, std::uint64_t is) {
    return std::to_string(is) + ", was " + std::to_string(was);
  };
  if (memory_.cluster != 0 && header.cluster != memory_.cluster) {
    refuse_store("another cluster than before (id " + from_to(memory_.cluster, header.cluster) + ")");
  } else if (asked_when != nullptr && header.revision < asked_when->revision) {
    refuse_store("set back to an older state (revision " + from_to(asked_when->revision, header.revision) + ")");
  } else if (asked_when != nullptr && header.term < asked_when->term) {
    refuse_store("made anew from an older state (term " + from_to(asked_when->term, header.term) + ")");
  }
  if (is_refused()) return false;
  const StoreMemory before = memory_;
  memory_.cluster = header.cluster;
  memory_.revision = std::max(memory_.revision, header.revision);
  if (asked_when != nullptr) memory_.term = std::max(memory_.term, header.term);
  if (memory_ != before) copy_->remember(memory_);
  return true;
}

void EtcdStore::refuse_store(const std::string& what) {
  memory_.refusal = endpoints_[endpoint_].text + ": the store is " + what +
                    ". Nothing is read from it or written to it until it is accepted";
  why_ = memory_.refusal;
  copy_->remember(memory_);
  drop_session();
  retry_.set(never);
  outage_.set(never);
  outage_since_ = never;
  expiry_.set(never);
  std::deque<Request> waiting;
  waiting.swap(waiting_);
  // The open question may have been a change, and may have been made.
  if (open_) answer_later(std::move(open_->on_answer), StoreOutcome::unreachable, why_);
  open_.reset();
  for (Request& request : waiting) answer_later(std::move(request.on_answer), StoreOutcome::refused, why_);
  set_reachable(false, why_);
}

}  // namespace ilnp
