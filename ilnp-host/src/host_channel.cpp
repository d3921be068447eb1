// SPDX-License-Identifier: Apache-2.0
#include "ilnp-host/src/host_channel.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "io/telemetry/log.h"

namespace ilnp {

namespace {
constexpr int reads_a_turn = 4;
}

HostChannel::HostChannel(Loop& loop, std::string port, std::size_t max_line, OnLine on_line, std::string ports)
    : loop_{loop},
      port_{std::move(port)},
      ports_{std::move(ports)},
      max_line_{max_line},
      on_line_{std::move(on_line)} {}

std::string HostChannel::find() const {
  if (port_.find('/') != std::string::npos) return port_;
  std::error_code failure;
  for (const auto& entry : std::filesystem::directory_iterator{ports_, failure}) {
    std::ifstream file{entry.path() / "name"};
    std::string name;
    if (std::getline(file, name) && name == port_) return "/dev/" + entry.path().filename().string();
  }
  return {};
}

bool HostChannel::open() {
  path_ = find();
  if (path_.empty()) return false;
  Descriptor opened{::open(path_.c_str(), O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)};
  if (!opened.is_open()) return refuse(std::strerror(errno)), false;
  struct stat about {};
  // In a FIFO we would hear our own answers.
  if (::fstat(opened.get(), &about) != 0 || !S_ISCHR(about.st_mode)) return refuse("not a character device"), false;
  descriptor_ = std::move(opened);
  refused_ = false;
  log_event(LogLevel::info, "host_channel_opened", {{"path", path_}});
  return true;
}

/// Tried again each time, and told once.
void HostChannel::refuse(const std::string& reason) {
  if (!std::exchange(refused_, true))
    log_event(LogLevel::warning, "host_channel_refused", {{"path", path_}, {"reason", reason}});
}

void HostChannel::look() {
  if (port_.empty()) return;
  if (descriptor_.is_open() || open()) listen();
}

void HostChannel::listen() {
  if (!descriptor_.is_open() || watch_ != nullptr) return;
  const End end = read_some();
  if (end == End::gone) close();
  // From now on the kernel tells when something comes.
  if (end == End::open) watch_ = std::make_unique<Watch>(loop_, descriptor_.get(), [this] { return drain(); });
}

bool HostChannel::drain() {
  const End end = read_some();
  if (end == End::open) return false;
  watch_.reset();
  if (end == End::gone) close();
  return false;
}

HostChannel::End HostChannel::read_some() {
  std::array<char, 4096> block;
  for (int i = 0; i < reads_a_turn; ++i) {
    const ssize_t got = ::read(descriptor_.get(), block.data(), block.size());
    if (got < 0 && errno == EAGAIN) return End::open;
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return End::gone;
    if (got == 0) {
      // What comes next is from another other end.
      line_.clear();
      skipping_ = false;
      // A virtio port stays ours without another end; a terminal that was hung up is dead.
      pollfd state{descriptor_.get(), 0, 0};
      return ::poll(&state, 1, 0) == 1 && (state.revents & POLLERR) != 0 ? End::gone : End::closed;
    }
    take({block.data(), static_cast<std::size_t>(got)});
  }
  return End::open;
}

void HostChannel::take(std::string_view octets) {
  while (!octets.empty()) {
    const std::size_t end = octets.find('\n');
    const std::string_view part = octets.substr(0, end);
    if (!skipping_ && line_.size() + part.size() > max_line_) {
      ++counters_.too_long;
      skipping_ = true;
      line_.clear();
    }
    if (!skipping_) line_ += part;
    if (end == std::string_view::npos) return;
    octets.remove_prefix(end + 1);
    if (!skipping_ && !line_.empty()) answer(on_line_(line_));
    skipping_ = false;
    line_.clear();
  }
}

void HostChannel::answer(const std::string& line) {
  if (line.empty()) return;
  const std::string octets = line + "\n";
  // All or nothing would need a buffer; an answer is short, and whoever asked asks again.
  if (::write(descriptor_.get(), octets.data(), octets.size()) != static_cast<ssize_t>(octets.size()))
    ++counters_.answers_lost;
}

void HostChannel::close() {
  descriptor_.reset();
  line_.clear();
  skipping_ = false;
}

}  // namespace ilnp
