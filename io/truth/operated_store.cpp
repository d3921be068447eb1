// SPDX-License-Identifier: Apache-2.0
#include "io/truth/operated_store.h"

namespace ilnp {

const char* name_of(StoreState state) {
  constexpr const char* names[] = {"unreachable", "synchronising", "ready", "refused"};
  return names[static_cast<int>(state)];
}

std::vector<CounterName> store_counter_names() {
  return {{"changes", "records stored or removed by this router"},
          {"conflicts", "changes that were not made because somebody else was first"},
          {"unreachable", "questions and changes without an answer"},
          {"refused", "questions and changes that the store refused, or that were not put to it"},
          {"bad_records", "records that were not obeyed: unreadable, or of a site that is not configured"},
          {"bad_answers", "answers that are not what etcd answers"},
          {"connections", "connections made to the store"},
          {"resyncs", "times that all records were read"},
          {"events", "changes of records seen, by whomever"}};
}

void OperatedStore::post(std::function<void()> step) {
  loop_.post([step = std::move(step), alive = std::weak_ptr<bool>{alive_}] {
    if (!alive.expired()) step();
  });
}

void OperatedStore::count(Kind kind, StoreOutcome outcome) {
  if (outcome == StoreOutcome::conflict) counters_.add(StoreCounter::conflicts);
  if (outcome == StoreOutcome::unreachable) counters_.add(StoreCounter::unreachable);
  if (outcome == StoreOutcome::refused) counters_.add(StoreCounter::refused);
  if (outcome == StoreOutcome::done && kind != Kind::read) counters_.add(StoreCounter::changes);
}

void OperatedStore::note_bad(std::string_view key, RecordProblem problem) {
  counters_.add(StoreCounter::bad_records);
  last_bad_record_ = std::string{key.substr(0, max_key_shown)} + ": " + explain(problem);
}

void OperatedStore::tell_reachable(TruthWatcher* watcher, bool reachable, const std::string& why) {
  const bool is_news = reachable != reachable_ || !told_;
  reachable_ = reachable;
  if (!is_news || watcher == nullptr) return;
  told_ = true;
  watcher->on_reachable(reachable, why);
}

}  // namespace ilnp
