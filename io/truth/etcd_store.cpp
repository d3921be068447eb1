// SPDX-License-Identifier: Apache-2.0
// EtcdStore: what the program asks, and what it is told.
#include "io/truth/etcd_store.h"

namespace ilnp {
namespace {

Result<std::vector<EtcdEndpoint>> parse_endpoints(const EtcdOptions& options) {
  if (options.endpoints.empty()) return error("etcd has no endpoints");
  std::vector<EtcdEndpoint> endpoints;
  for (const std::string& text : options.endpoints) {
    auto endpoint = parse_endpoint(text);
    if (!endpoint) return endpoint.error();
    if (!endpoint.value().tls && !endpoint.value().is_loopback() && !options.allow_plain)
      return error("endpoint \"" + text + "\": without TLS only at a loopback address");
    endpoints.push_back(std::move(endpoint.value()));
  }
  return endpoints;
}

}  // namespace

Result<std::unique_ptr<EtcdStore>> EtcdStore::open(Loop& loop, const TruthOptions& options, EtcdTuning tuning) {
  auto endpoints = parse_endpoints(options.etcd);
  if (!endpoints) return endpoints.error();
  TlsContext tls;
  for (const EtcdEndpoint& endpoint : endpoints.value()) {
    if (!endpoint.tls || tls) continue;
    if (options.etcd.tls.ca.empty())
      return error("endpoint \"" + endpoint.text + "\": nobody is named who signs its certificate");
    auto made = make_tls_context(options.etcd.tls, TlsSide::client, TlsOldest::tls_1_2);
    if (!made) return made.error();
    tls = std::move(made.value());
  }
  auto copy = LocalCopy::open(options.path);
  if (!copy) return copy.error();
  return std::unique_ptr<EtcdStore>{
      new EtcdStore{loop, options, tuning, std::move(endpoints.value()), std::move(tls), std::move(copy.value())}};
}

EtcdStore::EtcdStore(Loop& loop, const TruthOptions& options, EtcdTuning tuning, std::vector<EtcdEndpoint> endpoints,
                     TlsContext tls, std::unique_ptr<LocalCopy> copy)
    : OperatedStore{loop},
      options_{options},
      tuning_{tuning},
      endpoints_{std::move(endpoints)},
      tls_{std::move(tls)},
      copy_{std::move(copy)},
      memory_{copy_->memory()},
      page_size_{tuning_.page},
      retry_{loop, [this] { begin_session(); }},
      proof_{loop, [this] { ask_next(); }},
      expiry_{loop, [this] { expire(); }},
      outage_{loop, [this] { set_reachable(false, why_); }} {
  endpoint_ = static_cast<std::size_t>(random_.u64() % endpoints_.size());
  if (!memory_.refusal.empty()) {
    why_ = memory_.refusal;
    return;
  }
  retry_.set(loop_.now());
}

/// What ends with this store is told to nobody.
EtcdStore::~EtcdStore() { alive_.reset(); }

void EtcdStore::read(const NodeKey& key, OnAnswer on_answer) {
  ask({Kind::read, key, range_request(key_of(record_key(key)), "", 0, 0), {}, 0, {}, std::move(on_answer)});
}

void EtcdStore::replace(const Ownership& next, std::uint64_t expected, OnAnswer on_answer) {
  const auto json = record_to_json(next, options_.sites);
  if (!json) return answer_later(std::move(on_answer), StoreOutcome::refused, "the record names a site without a name");
  ask({Kind::replace,
       next.key,
       swap_request(key_of(record_key(next.key)), json, expected),
       next,
       expected,
       {},
       std::move(on_answer)});
}

void EtcdStore::remove(const NodeKey& key, std::uint64_t expected, OnAnswer on_answer) {
  ask({Kind::remove,
       key,
       swap_request(key_of(record_key(key)), std::nullopt, expected),
       {},
       expected,
       {},
       std::move(on_answer)});
}

void EtcdStore::ask(Request request) {
  if (is_refused()) return answer_later(std::move(request.on_answer), StoreOutcome::refused, memory_.refusal);
  if (waiting_.size() >= tuning_.max_waiting)
    return answer_later(std::move(request.on_answer), StoreOutcome::unreachable, "too many changes are waiting");
  request.deadline = loop_.now() + options_.etcd.timeout;
  waiting_.push_back(std::move(request));
  if (waiting_.size() == 1) expiry_.set(waiting_.front().deadline);
  ask_next();
}

void EtcdStore::answer_later(OnAnswer on_answer, StoreOutcome outcome, const std::string& why) {
  post([this, on_answer = std::move(on_answer), outcome, why] { answer(on_answer, Kind::read, {outcome, {}, why}); });
}

void EtcdStore::answer(const OnAnswer& on_answer, Kind kind, StoreAnswer answer) {
  count(kind, answer.outcome);
  on_answer(std::move(answer));
}

/// All have the same time, so the oldest is the first to be over.
void EtcdStore::expire() {
  const std::weak_ptr<bool> alive = alive_;
  while (!waiting_.empty() && waiting_.front().deadline <= loop_.now()) {
    const Request late = std::move(waiting_.front());
    waiting_.pop_front();
    answer(late.on_answer, late.kind, {StoreOutcome::unreachable, {}, is_proven_ ? "no answer in time" : why_});
    if (alive.expired()) return;
  }
  expiry_.set(waiting_.empty() ? never : waiting_.front().deadline);
}

void EtcdStore::set_reachable(bool reachable, const std::string& why) {
  tell_reachable(is_loaded_ ? watcher_ : nullptr, reachable, why);
}

StoreStatus EtcdStore::status() const {
  StoreStatus status;
  status.kind = "etcd";
  status.endpoint = endpoints_[endpoint_].text;
  status.cluster = memory_.cluster;
  status.revision = memory_.revision;
  status.last_bad_record = last_bad_record_;
  status.copy_problem = copy_->problem();
  status.state = is_refused()                     ? StoreState::refused
                 : !is_proven_                    ? StoreState::unreachable
                 : is_watching_ && !needs_resync_ ? StoreState::ready
                                                  : StoreState::synchronising;
  if (status.state != StoreState::ready) status.why = is_proven_ ? "the records are being read" : why_;
  return status;
}

void EtcdStore::accept_store() {
  post([this] {
    memory_ = {};
    copy_->remember(memory_);
    is_accepted_ = needs_resync_ = true;
    end_session("accepted by the operator");
    retry_.set(loop_.now());
  });
}

}  // namespace ilnp
