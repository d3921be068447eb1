// SPDX-License-Identifier: Apache-2.0
// One network interface seen raw: whole frames with their virtio-net header, so that TCP and UDP super-packets cross
// the wire as they are and partial checksums stay partial.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "core/base/result.h"
#include "core/base/time.h"
#include "examples/roam/wire/lane.h"

namespace ilnp::wire {

class Port {
 public:
  struct Frame {
    TimePoint arrived;   ///< when the kernel saw it, on the monotonic clock: our own wake-up delay is not in it
    ByteVector bytes;    ///< virtio-net header, then the Ethernet frame
    std::size_t octets;  ///< of the Ethernet frame
  };
  enum class Sent : std::uint8_t { done, later, refused };

  static Result<Port> open(const std::string& interface);
  Port(Port&& other) noexcept : fd_{other.fd_} { other.fd_ = -1; }
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;
  Port& operator=(Port&&) = delete;
  ~Port();

  int fd() const { return fd_; }
  std::optional<Frame> receive();
  Sent send(Bytes frame);
  /// Frames that the kernel dropped because we did not read in time (counted since the last call).
  std::uint64_t missed();

 private:
  explicit Port(int fd) : fd_{fd} {}
  int fd_;
};

/// CLOCK_MONOTONIC as a TimePoint.
TimePoint monotonic_now();

}  // namespace ilnp::wire
