// SPDX-License-Identifier: Apache-2.0
// Keeps the sessions (nonces included, mode 0600) where a restarted daemon finds them. Written soon after a change, but
// never so often that writing costs more than a few percent of the time.
#pragma once

#include <string>

#include "core/forwarding/host_forwarder.h"
#include "io/loop/loop.h"

namespace ilnp {

class SessionFile {
 public:
  SessionFile(Loop& loop, HostForwarder& forwarder, const std::string& directory);

  /// Sessions of an earlier run. False: there were none worth having.
  bool restore(Actions& actions);
  /// Something changed: written within a moment.
  void note_change();
  void write_now();
  /// The daemon ends for good.
  void remove();

 private:
  Loop& loop_;
  HostForwarder& forwarder_;
  std::string path_;
  DeadlineTimer timer_;
  Duration last_cost_{};
  bool failed_ = false;
};

}  // namespace ilnp
