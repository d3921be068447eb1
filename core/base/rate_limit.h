// SPDX-License-Identifier: Apache-2.0
// Token bucket on virtual time.
#pragma once

#include <algorithm>

#include "core/base/time.h"

namespace ilnp {

class RateLimit {
 public:
  RateLimit(double per_second, double burst)
      : rate_{static_cast<float>(per_second)}, burst_{static_cast<float>(burst)}, tokens_{static_cast<float>(burst)} {}

  /// Takes one token if there is one.
  bool allow(TimePoint now) {
    if (now > last_) {
      const float elapsed = std::chrono::duration<float>(now - last_).count();
      tokens_ = std::min(burst_, tokens_ + elapsed * rate_);
      last_ = now;
    }
    if (tokens_ < 1) return false;
    tokens_ -= 1;
    return true;
  }

 private:
  float rate_, burst_, tokens_;
  TimePoint last_{};
};

}  // namespace ilnp
