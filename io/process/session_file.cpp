// SPDX-License-Identifier: Apache-2.0
#include "io/process/session_file.h"

#include <ctime>
#include <filesystem>

#include "io/crypto/crypto.h"
#include "io/settings/secret_file.h"
#include "io/telemetry/log.h"

namespace ilnp {

namespace {
constexpr std::size_t max_file = std::size_t{512} << 20;
constexpr Duration shortest_delay = milliseconds{20};

/// What writing costs; on a busy machine much more time passes, and the sessions should not be later for that.
Duration processor_time() {
  timespec used{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return seconds{used.tv_sec} + std::chrono::nanoseconds{used.tv_nsec};
}
}  // namespace

SessionFile::SessionFile(Loop& loop, std::string path, std::function<ByteVector()> save)
    : loop_{loop}, path_{std::move(path)}, save_{std::move(save)}, timer_{loop, [this] { write_now(); }} {}

std::optional<ByteVector> SessionFile::load() const {
  std::error_code failure;
  if (!std::filesystem::exists(path_, failure)) return std::nullopt;
  auto content = read_secret_file(path_, max_file);
  if (content) return std::move(content.value());
  log_event(LogLevel::warning, "sessions_not_restored", {{"reason", content.error().message}});
  return std::nullopt;
}

void SessionFile::note_change() {
  if (timer_.deadline() == never) timer_.set(loop_.now() + std::max(shortest_delay, last_cost_ * 30));
}

void SessionFile::write_now() {
  timer_.set(never);
  const Duration begin = processor_time();
  ByteVector content = save_();
  // A loss of power ends the sessions: nobody waits for the disk, least of all packets.
  const auto written = write_secret_file(path_, content, Outlives::process);
  wipe(content);
  last_cost_ = processor_time() - begin;
  if (!written && !failed_) log_event(LogLevel::error, "sessions_not_saved", {{"reason", written.error().message}});
  failed_ = !written;
}

}  // namespace ilnp
