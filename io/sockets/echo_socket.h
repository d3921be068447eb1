// SPDX-License-Identifier: Apache-2.0
// ICMPv6 Echo Replies that come for this machine, beside what the kernel does with them. Requests are sent as packets
// of our own (build_echo_request), so that they leave by the interface that is being asked about.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/ipv6/address.h"
#include "io/loop/descriptor.h"

namespace ilnp {

struct EchoReply {
  unsigned ifindex = 0;
  Address source;
  std::uint16_t identifier = 0, sequence = 0;
};

class EchoSocket {
 public:
  static constexpr int batch = 32;

  static Result<EchoSocket> open();
  int fd() const { return descriptor_.get(); }

  struct Batch {
    std::vector<EchoReply> replies;
    bool more = false;
  };
  Batch receive();

 private:
  EchoSocket() = default;
  Descriptor descriptor_;
};

}  // namespace ilnp
