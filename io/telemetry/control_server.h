// SPDX-License-Identifier: Apache-2.0
// The control socket of a daemon, on its loop. A client may send any number of requests, one JSON object a line; after
// {"command":"monitor"} it also receives every published event. Nothing that a client does can hold up the daemon:
// requests, clients and queued output are bounded, and a slow monitor loses events and is told how many.
//
// Who may connect: root, the daemon's own user, and members of `group` when one is given (SO_PEERCRED); the socket file
// has mode 0660. The server holds a lock beside the socket for its whole life: that is the guard against a second
// instance, and why a socket file that a dead process left behind can be replaced safely.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
// Boost 1.74's Asio uses std::exchange without including <utility>.
#include <boost/asio/io_context.hpp>

#include "core/base/result.h"
#include "io/telemetry/log.h"

namespace ilnp {

struct ControlServerOptions {
  std::string path{};                  ///< "/run/ilnp/host.sock"; its directory exists
  std::string group{};                 ///< may connect besides root; empty = nobody
  std::size_t max_clients = 32;        ///< further ones are told "busy" and closed
  std::size_t max_queue = 256 * 1024;  ///< octets of events that wait for one slow monitor
};

struct ControlServerStats {
  std::uint64_t accepted = 0, refused_credentials = 0, refused_busy = 0, requests = 0, bad_requests = 0,
                events_published = 0, events_lost = 0;
};

class ControlServer {
 public:
  /// Answers a request. The object is sent as it is, on one line; `schema` is up to the handler. An error becomes
  /// ilnp.error/1 with code "failed".
  using Handler = std::function<Result<nlohmann::json>(const nlohmann::json& request)>;
  /// The same for what takes a while: `reply` is called once, now or later, with the answer or a control_error(). The
  /// client's next request waits for it; when the client has gone meanwhile, nothing happens.
  using Reply = std::function<void(nlohmann::json answer)>;
  using SlowHandler = std::function<void(const nlohmann::json& request, Reply reply)>;

  /// The loop must outlive the server. Errors: "already running, pid N"; the path cannot be bound; no such group.
  static Result<std::unique_ptr<ControlServer>> open(boost::asio::io_context& loop, ControlServerOptions options);
  ~ControlServer();  ///< closes all clients and removes the socket

  void on(std::string command, Handler handler);
  void on_slow(std::string command, SlowHandler handler);
  /// To every monitor: pass it to EventLog::watch.
  void publish(const Event& event);

  std::size_t clients() const;
  std::size_t monitors() const;
  const ControlServerStats& stats() const;

 private:
  class Server;
  explicit ControlServer(std::shared_ptr<Server> server);
  std::shared_ptr<Server> server_;
};

}  // namespace ilnp
