// SPDX-License-Identifier: Apache-2.0
#include "core/site/move_controller.h"

namespace ilnp {

void MoveController::request(const MoveRequest& wanted, OnAnswer on_answer) {
  if (state_->waiting >= max_requests)
    return on_answer({MoveAnswer::Kind::too_many, {}, {}, "too many requests wait for the store"});
  ++state_->waiting;
  attempt(std::make_shared<Request>(Request{state_, wanted, std::move(on_answer)}));
}

void MoveController::attempt(const std::shared_ptr<Request>& request) {
  if (const auto state = request->state.lock()) {
    ++request->attempts;
    state->store.read(request->wanted.key, [request](const StoreAnswer& answer) { on_read(request, answer); });
  }
}

void MoveController::finish(const std::shared_ptr<Request>& request, const MoveAnswer& answer) {
  if (const auto state = request->state.lock()) {
    --state->waiting;
    request->on_answer(answer);
  }
}

void MoveController::on_read(const std::shared_ptr<Request>& request, const StoreAnswer& answer) {
  const auto state = request->state.lock();
  if (!state) return;
  if (answer.outcome != StoreOutcome::done) return finish(request, {MoveAnswer::Kind::no_store, {}, {}, answer.why});
  const auto plan = plan_move(answer.record, request->wanted);
  if (!plan) return finish(request, {MoveAnswer::Kind::refused, plan.error(), answer.record, explain(plan.error())});
  if (!plan.value().changes) return finish(request, {MoveAnswer::Kind::already, {}, plan.value().next, {}});
  const std::uint64_t expected = answer.record ? answer.record->epoch : 0;
  const auto swapped = [request](const StoreAnswer& outcome) { on_swapped(request, outcome); };
  if (plan.value().next)
    state->store.replace(*plan.value().next, expected, swapped);
  else
    state->store.remove(request->wanted.key, expected, swapped);
}

void MoveController::on_swapped(const std::shared_ptr<Request>& request, const StoreAnswer& answer) {
  const auto state = request->state.lock();
  if (!state) return;
  if (answer.outcome == StoreOutcome::done) return finish(request, {MoveAnswer::Kind::done, {}, answer.record, {}});
  if (answer.outcome != StoreOutcome::conflict || request->attempts >= max_attempts)
    return finish(request, {MoveAnswer::Kind::no_store, {}, {}, answer.why});
  ++state->conflicts;
  attempt(request);
}

}  // namespace ilnp
