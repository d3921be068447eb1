// SPDX-License-Identifier: Apache-2.0
#include "io/telemetry/log.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <utility>

#include "io/telemetry/log_outputs.h"

namespace ilnp {

namespace {

constexpr std::array<std::string_view, 6> level_names{"trace", "debug", "info", "warning", "error", "off"};
/// Event names are constants of the program, so this bound is never met; it keeps a mistake from growing without end.
constexpr std::size_t max_event_names = 4096;
constexpr std::chrono::seconds per_line{1};

}  // namespace

std::optional<LogLevel> parse_log_level(std::string_view text) {
  if (text == "warn") return LogLevel::warning;
  const auto found = std::find(level_names.begin(), level_names.end(), text);
  if (found == level_names.end()) return std::nullopt;
  return static_cast<LogLevel>(found - level_names.begin());
}

std::string_view to_string(LogLevel level) { return level_names[static_cast<std::size_t>(level)]; }

EventLog::EventLog(std::unique_ptr<LogOutput> output, LogLevel level, unsigned burst, Clock clock)
    : output_{std::move(output)}, level_{level}, burst_{std::max(burst, 1u)}, clock_{std::move(clock)} {}

void EventLog::log(LogLevel level, std::string_view name, std::span<const Field> fields) {
  assert(level != LogLevel::off);
  const bool watched = watcher_ && level >= LogLevel::info;
  if (level < level_ && !watched) return;
  const Event event{level, name, fields, std::chrono::system_clock::now()};
  if (watched) watcher_(event);
  if (level < level_) return;
  std::uint64_t suppressed = 0;
  if (admit(level, name, suppressed)) output_->write(event, suppressed);
}

/// The allowance of a name is kept as the moment when it is whole again: each line moves that moment one second on,
/// and a line that would move it more than `burst` seconds ahead of now is one too many.
bool EventLog::admit(LogLevel level, std::string_view name, std::uint64_t& suppressed) {
  if (level < LogLevel::info) return true;
  auto found = allowances_.find(name);
  if (found == allowances_.end()) {
    if (allowances_.size() >= max_event_names) return true;
    found = allowances_.emplace(std::string{name}, Allowance{}).first;
  }
  Allowance& allowance = found->second;
  const auto now = clock_();
  const auto full_at = std::max(allowance.full_at, now) + per_line;
  if (full_at > now + per_line * burst_) {
    ++allowance.suppressed;
    allowance.level = std::max(allowance.level, level);
    return false;
  }
  allowance.full_at = full_at;
  suppressed = std::exchange(allowance.suppressed, 0);
  allowance.level = LogLevel::info;
  return true;
}

void EventLog::flush() {
  for (auto& [name, allowance] : allowances_) {
    if (allowance.suppressed == 0) continue;
    const std::array<Field, 2> fields{Field{"name", std::string_view{name}}, Field{"count", allowance.suppressed}};
    output_->write({allowance.level, "events_suppressed", fields, std::chrono::system_clock::now()}, 0);
    allowance.suppressed = 0;
    allowance.level = LogLevel::info;
  }
}

EventLog& process_log() {
  static EventLog log{make_log_output({}), LogLevel::info, LogOptions{}.burst};
  return log;
}

void start_logging(const LogOptions& options) {
  process_log() = EventLog{make_log_output(options), options.level, options.burst};
}

}  // namespace ilnp
