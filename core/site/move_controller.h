// SPDX-License-Identifier: Apache-2.0
// Carries requests out against a store: read, plan, swap, and once more when somebody else was faster. Whoever asks may
// ask again after any answer: every step is idempotent (migration.h).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "core/site/migration.h"
#include "core/site/truth_store.h"

namespace ilnp {

struct MoveAnswer {
  enum class Kind : std::uint8_t {
    done,      ///< the record was changed by this request
    already,   ///< it was so before
    refused,   ///< by the rules: `refusal`
    no_store,  ///< not reached, or not willing: nobody knows whether it happened. To be asked again
    too_many,  ///< requests at once
  };
  Kind kind = Kind::no_store;
  MoveRefusal refusal{};
  std::optional<Ownership> record{};  ///< done, already; refused: as it is
  std::string why{};                  ///< for an operator, unless done or already
};

class MoveController {
 public:
  using OnAnswer = std::function<void(const MoveAnswer&)>;
  static constexpr std::size_t max_requests = 1024;  ///< that wait for the store at once
  static constexpr int max_attempts = 8;             ///< against conflicts

  explicit MoveController(TruthStore& store) : state_{std::make_shared<State>(State{store})} {}

  /// Answers once, not from inside the call unless there are too many; never after the controller is gone.
  void request(const MoveRequest& request, OnAnswer on_answer);
  std::size_t waiting() const { return state_->waiting; }
  std::uint64_t conflicts() const { return state_->conflicts; }

 private:
  struct State {
    TruthStore& store;
    std::size_t waiting = 0;
    std::uint64_t conflicts = 0;
  };
  struct Request {
    std::weak_ptr<State> state;
    MoveRequest wanted;
    OnAnswer on_answer;
    int attempts = 0;
  };
  static void attempt(const std::shared_ptr<Request>& request);
  static void on_read(const std::shared_ptr<Request>& request, const StoreAnswer& answer);
  static void on_swapped(const std::shared_ptr<Request>& request, const StoreAnswer& answer);
  static void finish(const std::shared_ptr<Request>& request, const MoveAnswer& answer);

  std::shared_ptr<State> state_;
};

}  // namespace ilnp
