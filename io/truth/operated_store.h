// SPDX-License-Identifier: Apache-2.0
// What a real store has beside the interface of core/site/truth_store.h: something to see, to count and to decide for
// an operator; and what both of them do alike.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/site/truth_store.h"
#include "io/loop/loop.h"
#include "io/telemetry/counters.h"
#include "io/truth/record_json.h"

namespace ilnp {

enum class StoreState : std::uint8_t {
  unreachable,    ///< no answer: changes are not possible, the copy serves. Answers again -> synchronising, ready,
                  ///< refused
  synchronising,  ///< changes are possible, and the records are being read. All read -> ready
  ready,          ///< changes are possible, and those of others are seen at once
  refused,        ///< it is not the store that it was: nothing is read or written until accept_store() -> unreachable
};

const char* name_of(StoreState state);

struct StoreStatus {
  const char* kind = "";  ///< file, etcd
  StoreState state = StoreState::unreachable;
  std::string why{};              ///< unless ready
  std::string endpoint{};         ///< etcd: who is asked at the moment
  std::uint64_t cluster = 0;      ///< etcd: its cluster id
  std::uint64_t revision = 0;     ///< the highest that was seen
  std::string last_bad_record{};  ///< key and problem of the last one that was not obeyed
  std::string copy_problem{};     ///< etcd: why the local copy is not written
};

enum class StoreCounter : std::uint8_t {
  changes,
  conflicts,
  unreachable,
  refused,
  bad_records,
  bad_answers,
  connections,
  resyncs,
  events,
};
inline constexpr std::size_t store_counter_count = 9;
using StoreCounters = CounterArray<StoreCounter, store_counter_count>;
/// For CounterRegistry::add, in the order of the enum.
std::vector<CounterName> store_counter_names();

class OperatedStore : public TruthStore {
 public:
  virtual StoreStatus status() const = 0;
  const StoreCounters& counters() const { return counters_; }
  /// The operator says: what the store holds now is the truth, although it is another cluster than before, or an older
  /// state of it. Forgets what the store was and reads everything anew.
  virtual void accept_store() = 0;

 protected:
  enum class Kind : std::uint8_t { read, replace, remove };  ///< of questions

  explicit OperatedStore(Loop& loop) : loop_{loop} {}
  /// For the loop's next turn, unless this store has gone by then.
  void post(std::function<void()> step);
  void count(Kind kind, StoreOutcome outcome);
  void note_bad(std::string_view key, RecordProblem problem);
  /// Tells `watcher`, which may be nobody, what it does not know yet.
  void tell_reachable(TruthWatcher* watcher, bool reachable, const std::string& why);

  Loop& loop_;
  TruthWatcher* watcher_ = nullptr;
  bool reachable_ = false;
  std::string last_bad_record_;
  StoreCounters counters_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);

 private:
  bool told_ = false;
};

}  // namespace ilnp
