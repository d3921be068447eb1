// SPDX-License-Identifier: Apache-2.0
// The control plane's datagrams: UDP port 4342 of the families in which we have an RLOC. Answers leave from the address
// that was asked.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "core/lisp/rloc_choice.h"
#include "core/lisp/xtr.h"
#include "io/loop/loop.h"
#include "io/sockets/udp_socket.h"

namespace ilnp {

class ControlPort {
 public:
  struct Hooks {
    std::function<void(const lisp::ControlReceived&)> on_datagram;
    std::function<void()> on_batch_end;  ///< after some of them
  };
  struct Counters {
    std::uint64_t received = 0, sent = 0;
    std::uint64_t malformed = 0;    ///< without the ancillary data that was asked for, or cut
    std::uint64_t send_failed = 0;  ///< also: no RLOC of the family
    std::uint64_t receive_failed = 0;
  };

  static Result<std::unique_ptr<ControlPort>> open(Loop& loop, const lisp::Underlay& underlay, Hooks hooks);
  ControlPort(const ControlPort&) = delete;
  ControlPort& operator=(const ControlPort&) = delete;

  void send(const lisp::ControlToSend& datagram);
  Counters counters() const;

 private:
  struct Side {
    lisp::Family family;
    UdpSocket socket;
    std::unique_ptr<Watch> watch;
  };
  explicit ControlPort(Hooks hooks) : hooks_{std::move(hooks)} {}
  bool drain(Side& side);

  Hooks hooks_;
  std::vector<std::unique_ptr<Side>> sides_;
  std::uint64_t no_side_ = 0;
};

}  // namespace ilnp
