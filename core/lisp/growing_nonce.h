// SPDX-License-Identifier: Apache-2.0
// Nonces of messages that a receiver refuses to read twice (RFC 9301 section 5.6; RFC 9437 section 5): each is larger
// than every one before it, also than those of earlier runs and of a machine whose clock was ahead.
#pragma once

#include <algorithm>
#include <cstdint>

namespace ilnp::lisp {

/// One for each key that messages are authenticated with.
class GrowingNonce {
 public:
  /// How far ahead the disk is: microseconds, so that a crash costs at most a second of nonces.
  static constexpr std::uint64_t reserved_at_once = 1u << 20;

  /// `reserved`: what the disk says; 0 when there is nothing.
  explicit GrowingNonce(std::uint64_t reserved = 0) : last_{reserved}, reserved_{reserved} {}

  /// `unix_microseconds`: the wall clock, which may go backwards.
  std::uint64_t next(std::uint64_t unix_microseconds) {
    last_ = std::max(last_ + 1, unix_microseconds);
    if (last_ > reserved_) reserved_ = last_ + reserved_at_once;
    return last_;
  }
  /// To be on the disk before the nonce leaves: with this number the next run begins.
  std::uint64_t reserved() const { return reserved_; }

 private:
  std::uint64_t last_, reserved_;
};

}  // namespace ilnp::lisp
