// SPDX-License-Identifier: Apache-2.0
// Every neighbour solicitation on one link, also those for groups that this machine has not joined and those that the
// packet filter drops: for a router that answers for others.
#pragma once

#include <vector>

#include "core/base/result.h"
#include "core/ipv6/mac_address.h"
#include "core/ipv6/neighbour_discovery.h"
#include "io/loop/descriptor.h"

namespace ilnp {

struct ReceivedSolicitation {
  NeighbourSolicitation solicitation;
  MacAddress source;  ///< of the frame
};

class SolicitationSocket {
 public:
  static constexpr int batch = 32;

  static Result<SolicitationSocket> open(unsigned ifindex);
  int fd() const { return descriptor_.get(); }

  struct Batch {
    std::vector<ReceivedSolicitation> solicitations;
    bool more = false;
  };
  Batch receive();
  std::uint64_t malformed() const { return malformed_; }

 private:
  SolicitationSocket() = default;
  Descriptor descriptor_;
  std::uint64_t malformed_ = 0;
};

}  // namespace ilnp
