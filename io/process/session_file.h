// SPDX-License-Identifier: Apache-2.0
// Keeps the sessions of a daemon (nonces included, mode 0600) where the next one finds them. Written soon after a
// change, but never so often that writing costs more than a few percent of the time.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "core/base/bytes.h"
#include "io/loop/loop.h"

namespace ilnp {

class SessionFile {
 public:
  /// `save`: the sessions as they are now.
  SessionFile(Loop& loop, std::string path, std::function<ByteVector()> save);

  /// Those of an earlier run; nothing: there are none, or it is logged why they cannot be read. To be wiped after use.
  std::optional<ByteVector> load() const;
  /// Something changed: written within a moment.
  void note_change();
  void write_now();

 private:
  Loop& loop_;
  std::string path_;
  std::function<ByteVector()> save_;
  DeadlineTimer timer_;
  Duration last_cost_{};
  bool failed_ = false;
};

}  // namespace ilnp
