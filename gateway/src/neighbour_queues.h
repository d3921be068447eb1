// SPDX-License-Identifier: Apache-2.0
// What was held for a mobile EID comes at once, often before the kernel knows the link-layer address of its new host.
// The kernel's queue for such packets (some 200 by default, the oldest make room) has to be as long as the hold.
#pragma once

#include <cstddef>
#include <map>
#include <string>

#include "core/lisp/ip_address.h"

namespace ilnp {

class NeighbourQueues {
 public:
  /// `octets`: what a queue holds at least. The kernel counts its buffers, which are larger than their packets.
  explicit NeighbourQueues(std::size_t octets);

  /// Queues that are long enough stay as they are.
  void widen(const std::string& interface, lisp::Family family);
  void take_back();

 private:
  std::size_t octets_;
  std::map<std::string, std::size_t> before_;  ///< by file
};

}  // namespace ilnp
