// SPDX-License-Identifier: Apache-2.0
#include "io/telemetry/log_outputs.h"

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <syslog.h>
#include <unistd.h>

// The location of the call would only name this file.
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <ctime>
#include <nlohmann/json.hpp>

#include "io/telemetry/control.h"

namespace ilnp {

namespace {

bool needs_quotes(std::string_view text) {
  return text.empty() || std::any_of(text.begin(), text.end(), [](char c) {
           return static_cast<unsigned char>(c) <= 0x20 || c == '"' || c == '\\' || c == '=' || c == 0x7f;
         });
}

/// Quoted and escaped where needed, so that no value can look like another field or another line.
std::string plain_or_quoted(const std::string& text) {
  if (!needs_quotes(text)) return text;
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

/// `event field=value ...`, the part without time and level.
std::string body(const Event& event, std::uint64_t suppressed) {
  std::string out{event.name};
  for (const Field& field : event.fields)
    out.append(" ").append(field.name).append("=").append(plain_or_quoted(field.value.text()));
  if (suppressed != 0) out.append(" suppressed=").append(std::to_string(suppressed));
  return out;
}

int syslog_priority(LogLevel level) {
  switch (level) {
    case LogLevel::error:
      return LOG_ERR;
    case LogLevel::warning:
      return LOG_WARNING;
    case LogLevel::info:
      return LOG_INFO;
    default:
      return LOG_DEBUG;
  }
}

class StandardError final : public LogOutput {
 public:
  StandardError(const std::string& program, LogFormat format)
      : logger_{program, std::make_shared<spdlog::sinks::stderr_sink_st>()}, format_{format} {
    logger_.set_pattern("%v");
    logger_.set_level(spdlog::level::trace);
    logger_.flush_on(spdlog::level::trace);
    // A log that cannot be written (a full disk, a closed pipe) must not stop the daemon.
    logger_.set_error_handler([](const std::string&) {});
  }
  void write(const Event& event, std::uint64_t suppressed) override {
    logger_.log(spdlog::level::info,
                spdlog::string_view_t{format_ == LogFormat::json ? format_json(event, suppressed)
                                                                 : format_text(event, suppressed)});
  }

 private:
  spdlog::logger logger_;
  LogFormat format_;
};

class Journal final : public LogOutput {
 public:
  explicit Journal(std::string program) : program_{std::move(program)} {}
  void write(const Event& event, std::uint64_t suppressed) override {
    const std::vector<std::string> fields = journal_fields(event, suppressed, program_);
    std::vector<iovec> vectors;
    vectors.reserve(fields.size());
    for (const std::string& field : fields) vectors.push_back({const_cast<char*>(field.data()), field.size()});
    sd_journal_sendv(vectors.data(), static_cast<int>(vectors.size()));
  }

 private:
  std::string program_;
};

}  // namespace

std::string FieldValue::text() const {
  struct Printer {
    std::string operator()(bool v) const { return v ? "true" : "false"; }
    std::string operator()(std::int64_t v) const { return std::to_string(v); }
    std::string operator()(std::uint64_t v) const { return std::to_string(v); }
    std::string operator()(double v) const {
      std::array<char, 32> out{};
      const auto end = std::to_chars(out.data(), out.data() + out.size(), v).ptr;
      return {out.data(), end};
    }
    std::string operator()(const std::string& v) const { return v; }
  };
  return std::visit(Printer{}, value_);
}

std::string timestamp(std::chrono::system_clock::time_point time) {
  using std::chrono::microseconds;
  const auto since = std::chrono::floor<microseconds>(time).time_since_epoch();
  const std::time_t whole = std::chrono::floor<std::chrono::seconds>(since).count();
  std::tm parts{};
  gmtime_r(&whole, &parts);
  std::array<char, 48> out{};
  std::snprintf(out.data(), out.size(), "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", parts.tm_year + 1900, parts.tm_mon + 1,
                parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, static_cast<int>(since.count() % 1'000'000));
  return out.data();
}

std::string format_text(const Event& event, std::uint64_t suppressed) {
  return timestamp(event.time).append(" ").append(to_string(event.level)).append(" ").append(body(event, suppressed));
}

std::string format_json(const Event& event, std::uint64_t suppressed) {
  nlohmann::json line = event_to_json(event);
  if (suppressed != 0) line["suppressed"] = suppressed;
  return line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::vector<std::string> journal_fields(const Event& event, std::uint64_t suppressed, std::string_view program) {
  std::vector<std::string> fields{"MESSAGE=" + body(event, suppressed),
                                  "PRIORITY=" + std::to_string(syslog_priority(event.level)),
                                  "SYSLOG_IDENTIFIER=" + std::string{program}, "ILNP_EVENT=" + std::string{event.name}};
  for (const Field& field : event.fields) {
    std::string name{field.name};
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
    fields.push_back("ILNP_" + name + "=" + field.value.text());
  }
  if (suppressed != 0) fields.push_back("ILNP_SUPPRESSED=" + std::to_string(suppressed));
  return fields;
}

bool is_journal_stream(int descriptor, const char* journal_stream) {
  struct stat status {};
  if (journal_stream == nullptr || fstat(descriptor, &status) != 0) return false;
  return std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino) == journal_stream;
}

std::unique_ptr<LogOutput> make_log_output(const LogOptions& options) {
  const bool journal =
      options.target == LogTarget::journal ||
      (options.target == LogTarget::automatic && is_journal_stream(STDERR_FILENO, std::getenv("JOURNAL_STREAM")));
  if (journal) return std::make_unique<Journal>(options.program);
  return std::make_unique<StandardError>(options.program, options.format);
}

}  // namespace ilnp
