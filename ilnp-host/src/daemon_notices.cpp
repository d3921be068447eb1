// SPDX-License-Identifier: Apache-2.0
// Signs that this machine was moved as a whole, and what is done about them.
#include "ilnp-host/src/daemon.h"

namespace ilnp {

void Daemon::watch_for_moves() {
  host_channel_ = std::make_unique<HostChannel>(loop_, settings_.host_channel, max_host_line,
                                                [this](std::string_view line) { return on_host_line(line); });
  clock_set_watch_ = std::make_unique<ClockSetWatch>(loop_, [this](Duration step) { on_clock_set(step); });
  tick_ = std::make_unique<DeadlineTimer>(loop_, [this] { on_tick(); });
  on_tick();
}

void Daemon::on_tick() {
  if (const auto late = clock_watch_.on_tick(loop_.now())) clock_jumped("late", *late);
  host_channel_->listen();
  tick_->set(clock_watch_.next_tick());
}

void Daemon::on_clock_set(Duration step) {
  if (clock_watch_.on_clock_set(loop_.now())) clock_jumped("set", step);
}

/// Nothing is given up for it: the routers' answers tell where we are.
void Daemon::clock_jumped(std::string_view sign, Duration by) {
  tracker_.on_move(loop_.now(), MoveCheck::Sign::weak);
  locators_changed();
  log_event(LogLevel::info, "clock_jump",
            {{"sign", sign}, {"by_ms", std::chrono::duration_cast<milliseconds>(by).count()}});
}

/// Whoever has the other end owns this machine: it need not prove anything, and may not do more than ask.
std::string Daemon::on_host_line(std::string_view line) {
  const auto notice = parse_host_notice(line);
  if (!notice) {
    ++notices_refused_;
    log_event(LogLevel::warning, "host_notice_refused", {{"reason", notice.error().message}});
    return refused_notice(notice.error().message).dump();
  }
  ++notices_heard_;
  const bool moved = tracker_.on_notice(loop_.now(), notice.value());
  if (!tracker_.in_resync()) locators_changed();
  log_event(LogLevel::info, "host_notice", {{"locators", notice.value().locators.size()}, {"host_moved", moved}});
  return heard_notice(notice.value(), moved).dump();
}

}  // namespace ilnp
