// SPDX-License-Identifier: Apache-2.0
// Events: what happened, as one stable name and fields, never prose. An event goes to the log (text or JSON lines on
// stderr, or the journal with one journal field per field) and to whoever watches (ilnpctl monitor).
// Never give a nonce, a key or payload to a field.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace ilnp {

enum class LogLevel : std::uint8_t { trace, debug, info, warning, error, off };
std::optional<LogLevel> parse_log_level(std::string_view text);  ///< "trace" ... "off"; also "warn"
std::string_view to_string(LogLevel level);

/// A field's value; converts from what programs have at hand.
class FieldValue {
 public:
  using Variant = std::variant<bool, std::int64_t, std::uint64_t, double, std::string>;

  FieldValue(bool value) : value_{value} {}
  template <class T>
  requires(std::is_integral_v<T>&& std::is_signed_v<T> && !std::is_same_v<T, bool>) FieldValue(T value)
      : value_{static_cast<std::int64_t>(value)} {}
  template <class T>
  requires(std::is_integral_v<T>&& std::is_unsigned_v<T> && !std::is_same_v<T, bool>) FieldValue(T value)
      : value_{static_cast<std::uint64_t>(value)} {}
  FieldValue(double value) : value_{value} {}
  FieldValue(std::string value) : value_{std::move(value)} {}
  FieldValue(std::string_view value) : value_{std::string{value}} {}
  FieldValue(const char* value) : value_{std::string{value}} {}

  const Variant& variant() const { return value_; }
  std::string text() const;

 private:
  Variant value_;
};

/// Names are snake_case words; `level`, `event`, `time` and `suppressed` are taken.
struct Field {
  std::string_view name;
  FieldValue value;
};

/// `name` and the field names are only valid during the call that passes the event.
struct Event {
  LogLevel level = LogLevel::info;
  std::string_view name;
  std::span<const Field> fields;
  std::chrono::system_clock::time_point time;
};

enum class LogTarget : std::uint8_t {
  automatic,  ///< the journal when stderr is connected to it (JOURNAL_STREAM), else stderr
  standard_error,
  journal
};
enum class LogFormat : std::uint8_t { text, json };

struct LogOptions {
  std::string program = "ilnp";
  LogLevel level = LogLevel::info;
  LogTarget target = LogTarget::automatic;
  LogFormat format = LogFormat::text;
  /// Per event name: this many lines at once, then one a second; the rest is counted and the count is a field
  /// (`suppressed`) of the next line. Levels trace and debug are not limited: whoever asks for them wants them.
  unsigned burst = 5;
};

/// One line of text: `time level event field=value ...`; values with blanks, quotes or control characters are quoted.
std::string format_text(const Event& event, std::uint64_t suppressed = 0);
/// One JSON object: {"time":..., "level":..., "event":..., fields...}.
std::string format_json(const Event& event, std::uint64_t suppressed = 0);

/// Where finished lines go; tests put their own here.
class LogOutput {
 public:
  virtual ~LogOutput() = default;
  virtual void write(const Event& event, std::uint64_t suppressed) = 0;
};

class EventLog {
 public:
  using Clock = std::function<std::chrono::steady_clock::time_point()>;
  using Watcher = std::function<void(const Event&)>;

  EventLog(
      std::unique_ptr<LogOutput> output, LogLevel level, unsigned burst,
      Clock clock = [] { return std::chrono::steady_clock::now(); });

  void log(LogLevel level, std::string_view event, std::span<const Field> fields);
  /// Reports the counts of suppressed events that no later line has reported (event `events_suppressed`).
  /// Call it now and then (every 10 s) and at exit.
  void flush();

  void set_level(LogLevel level) { level_ = level; }
  LogLevel level() const { return level_; }
  /// Receives every event from `info` up, whatever the log level and the rate limit.
  void watch(Watcher watcher) { watcher_ = std::move(watcher); }

 private:
  struct Allowance {
    std::chrono::steady_clock::time_point full_at{};  ///< when the allowance is whole again
    std::uint64_t suppressed = 0;
    LogLevel level = LogLevel::info;
  };
  /// False: the line is one too many; true with the number of lines left out before it.
  bool admit(LogLevel level, std::string_view event, std::uint64_t& suppressed);

  std::unique_ptr<LogOutput> output_;
  LogLevel level_;
  unsigned burst_;
  Clock clock_;
  Watcher watcher_;
  std::map<std::string, Allowance, std::less<>> allowances_;
};

/// Sets up the log of this process (spdlog on stderr, or the journal). Until then events go to stderr from `info` up.
void start_logging(const LogOptions& options);
/// The log of this process.
EventLog& process_log();

/// log_event(LogLevel::info, "locator_added", {{"locator", to_text(locator)}, {"interface", name}});
inline void log_event(LogLevel level, std::string_view event, std::initializer_list<Field> fields = {}) {
  process_log().log(level, event, {fields.begin(), fields.size()});
}

}  // namespace ilnp
