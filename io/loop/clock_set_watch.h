// SPDX-License-Identifier: Apache-2.0
// Tells when somebody sets the wall clock (by hand, NTP's first step, a guest agent after a pause of the machine).
#pragma once

#include <functional>
#include <memory>

#include "io/loop/descriptor.h"
#include "io/loop/loop.h"

namespace ilnp {

class ClockSetWatch {
 public:
  /// `step`: how far the wall clock went ahead of the steady one; negative when it was set back.
  using OnSet = std::function<void(Duration step)>;

  ClockSetWatch(Loop& loop, OnSet on_set) noexcept;

 private:
  void arm();
  bool drain();

  OnSet on_set_;
  Descriptor timer_;
  Duration offset_{};  ///< of the wall clock, when it was set last
  std::unique_ptr<Watch> watch_;
};

}  // namespace ilnp
