// SPDX-License-Identifier: Apache-2.0
// One question to one name server over one socket, connected to that server and with a port of the kernel's choice:
// only that server's answers are seen, and a port that refuses is known at once (ICMP). No timers: who asks has one.
#pragma once

#include <functional>
#include <memory>

#include "core/base/bytes.h"
#include "io/resolver/name_server.h"

namespace boost::asio {
class io_context;
}

namespace ilnp {

class Asking {
 public:
  enum class Transport : std::uint8_t { udp, tcp };
  /// Sees every message that arrives. True: this was the answer, the socket closes. Over TCP a stream of messages may
  /// follow (zone transfers): false waits for the next one.
  using OnMessage = std::function<bool(Bytes)>;
  /// The server can't be reached or closed the connection; why, in words.
  using OnFailure = std::function<void(const std::string&)>;

  /// Sends at once. Callbacks run in the loop, never inside this call, and not after the Asking is gone.
  Asking(boost::asio::io_context& io, const NameServer& server, Transport transport, ByteVector message,
         OnMessage on_message, OnFailure on_failure);
  ~Asking();
  Asking(const Asking&) = delete;
  Asking& operator=(const Asking&) = delete;

  /// UDP: the same octets again. TCP: nothing, the transport does it.
  void send_again();

 private:
  class Udp;
  class Tcp;
  std::shared_ptr<Udp> udp_;
  std::shared_ptr<Tcp> tcp_;
};

}  // namespace ilnp
