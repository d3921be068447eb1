// SPDX-License-Identifier: Apache-2.0
// How a counter session gets its socket: by name and by port, with nothing that an ordinary program would not do.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <string>
#include <utility>

#include "core/base/result.h"

namespace ilnp::counter {

struct Settings {
  bool serve = false;
  std::string host, protocol = "udp", log;
  std::uint16_t port = 0;
  unsigned rate = 1000;
  double seconds = 120, dead_after = 6, answer_within = 15, gather = 0;
  bool stream() const { return protocol == "tcp"; }
};

struct Descriptor {
  int fd = -1;
  Descriptor() = default;
  explicit Descriptor(int value) : fd{value} {}
  Descriptor(Descriptor&& other) noexcept : fd{std::exchange(other.fd, -1)} {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd, other.fd);
    return *this;
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd >= 0) close(fd);
  }
};

/// Waits for the first peer; the session's socket is bound to the address the peer used.
Result<Descriptor> served(const Settings& settings);
/// Resolves and connects; a datagram session knocks until the other side answers.
Result<Descriptor> connected(const Settings& settings);

/// CLOCK_MONOTONIC in nanoseconds: both ends of a stream run on one machine.
std::int64_t monotonic_now();

}  // namespace ilnp::counter
