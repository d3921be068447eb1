// SPDX-License-Identifier: Apache-2.0
#include "ilnp-host/src/session_file.h"

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

SessionFile::SessionFile(Loop& loop, HostForwarder& forwarder, const std::string& directory)
    : loop_{loop},
      forwarder_{forwarder},
      path_{(std::filesystem::path{directory} / "sessions").string()},
      timer_{loop, [this] { write_now(); }} {}

bool SessionFile::restore(Actions& actions) {
  std::error_code failure;
  if (!std::filesystem::exists(path_, failure)) return false;
  auto content = read_secret_file(path_, max_file);
  if (!content) {
    log_event(LogLevel::warning, "sessions_not_restored", {{"reason", content.error().message}});
    return false;
  }
  const bool whole = forwarder_.restore(loop_.now(), content.value(), actions);
  wipe(content.value());
  log_event(whole ? LogLevel::info : LogLevel::warning, "sessions_restored",
            {{"sessions", forwarder_.ilcc().size()}, {"whole", whole}});
  return forwarder_.ilcc().size() != 0;
}

void SessionFile::note_change() {
  if (timer_.deadline() == never) timer_.set(loop_.now() + std::max(shortest_delay, last_cost_ * 30));
}

void SessionFile::write_now() {
  timer_.set(never);
  const Duration begin = processor_time();
  ByteVector content = forwarder_.save(loop_.now());
  // A loss of power ends the sessions: nobody waits for the disk, least of all packets.
  const auto written = write_secret_file(path_, content, Outlives::process);
  wipe(content);
  last_cost_ = processor_time() - begin;
  if (!written && !failed_) log_event(LogLevel::error, "sessions_not_saved", {{"reason", written.error().message}});
  failed_ = !written;
}

void SessionFile::remove() {
  timer_.set(never);
  std::error_code failure;
  std::filesystem::remove(path_, failure);
}

}  // namespace ilnp
