// SPDX-License-Identifier: Apache-2.0
// Where the truth of ownership.h is kept. Three of them: a SQLite file (one site), etcd (several), and the simulator's.
//
// Forwarding never waits for a store: routers work from their copy, which the watcher keeps. Answers come as callbacks,
// never from inside the call that asked, each exactly once, unless the store object is destroyed first.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "core/site/ownership.h"

namespace ilnp {

enum class StoreOutcome : std::uint8_t {
  done,
  conflict,     ///< somebody else changed the record first: nothing was changed
  unreachable,  ///< no answer, or no majority: for a change, nobody knows whether it happened. Read before trying again
  refused,  ///< the store answers, and will not (not allowed, another cluster than before, restored to an old state)
};

struct StoreAnswer {
  StoreOutcome outcome = StoreOutcome::unreachable;
  std::optional<Ownership> record{};  ///< read: what is stored, nothing when there is none. replace, done: as stored
  std::string why{};                  ///< for an operator, unless done
};

/// Everything that is so follows a start; what is not named before the finish is gone. A start that follows a start
/// begins anew. In a resync on_gone() may come before a record whose epoch is lower than the one known: the operator
/// has accepted a store that was set back. The store must not be destroyed from inside these calls.
class TruthWatcher {
 public:
  virtual ~TruthWatcher() = default;
  virtual void on_resync_started() = 0;
  virtual void on_record(const Ownership& record) = 0;
  virtual void on_gone(const NodeKey& key, std::uint64_t epoch) = 0;
  virtual void on_resync_finished() = 0;
  /// Whether changes can be made; `why` is for an operator.
  virtual void on_reachable(bool reachable, const std::string& why) = 0;
};

class TruthStore {
 public:
  using OnAnswer = std::function<void(StoreAnswer)>;
  virtual ~TruthStore() = default;

  /// What is true now, also after a partition: never from a copy.
  virtual void read(const NodeKey& key, OnAnswer on_answer) = 0;
  /// Stores `next` if the record's epoch still is `expected` (0: there is none).
  virtual void replace(const Ownership& next, std::uint64_t expected, OnAnswer on_answer) = 0;
  virtual void remove(const NodeKey& key, std::uint64_t expected, OnAnswer on_answer) = 0;
  /// Begins with a resync: from the local copy if there is one, and again when the store has been reached.
  virtual void watch(TruthWatcher& watcher) = 0;
};

}  // namespace ilnp
