// SPDX-License-Identifier: Apache-2.0
// Signs that this machine was moved as a whole, and what is done about them.
#include "ilnp-host/src/daemon.h"

namespace ilnp {

void Daemon::watch_clocks() {
  clock_set_watch_ = std::make_unique<ClockSetWatch>(loop_, [this](Duration step) { on_clock_set(step); });
  tick_ = std::make_unique<DeadlineTimer>(loop_, [this] { on_tick(); });
  on_tick();
}

void Daemon::on_tick() {
  if (const auto late = clock_watch_.on_tick(loop_.now())) clock_jumped("late", *late);
  tick_->set(clock_watch_.next_tick());
}

void Daemon::on_clock_set(Duration step) {
  if (clock_watch_.on_clock_set(loop_.now())) clock_jumped("set", step);
}

/// Nothing is given up for it: the routers' answers tell where we are.
void Daemon::clock_jumped(std::string_view sign, Duration by) {
  log_event(LogLevel::info, "clock_jump",
            {{"sign", sign}, {"by_ms", std::chrono::duration_cast<milliseconds>(by).count()}});
  tracker_.on_move(loop_.now(), MoveCheck::Sign::weak);
  locators_changed();
}

}  // namespace ilnp
