// SPDX-License-Identifier: Apache-2.0
// The client side of the stub resolver: UDP and TCP sockets, messages in and replies out. Part of the stub resolver.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "io/resolver/name_server.h"

namespace boost::asio {
class io_context;
}

namespace ilnp {

/// Sends one reply to whoever asked; harmless when the client is gone.
using Reply = std::function<void(Bytes)>;
enum class ClientTransport : std::uint8_t { udp, tcp };
using OnQuery = std::function<void(Bytes query, ClientTransport, Reply)>;

class StubSockets {
 public:
  static Result<std::unique_ptr<StubSockets>> open(boost::asio::io_context& io, const std::vector<NameServer>& listen,
                                                   std::size_t most_connections, std::uint64_t& refused,
                                                   OnQuery on_query);
  ~StubSockets();
  StubSockets(const StubSockets&) = delete;
  StubSockets& operator=(const StubSockets&) = delete;

  const std::vector<NameServer>& listening() const { return listening_; }

 private:
  class Udp;
  class Tcp;
  class Session;
  StubSockets() = default;

  std::vector<std::shared_ptr<Udp>> udp_;
  std::vector<std::shared_ptr<Tcp>> tcp_;
  std::vector<NameServer> listening_;
};

}  // namespace ilnp
