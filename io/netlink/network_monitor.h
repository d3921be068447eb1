// SPDX-License-Identifier: Apache-2.0
// Listens to the kernel's routing socket: links, IPv6 addresses, routes, neighbours and advertised prefixes as
// typed events. Joins the groups first and dumps afterwards, so nothing falls between; when the kernel had to drop
// notifications, it dumps again and says so.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/base/result.h"
#include "io/netlink/network_events.h"

namespace ilnp {

class NetworkMonitor {
 public:
  struct Counters {
    std::uint64_t messages = 0, resyncs = 0, overruns = 0, malformed = 0;
  };

  static Result<NetworkMonitor> open();
  NetworkMonitor(NetworkMonitor&&) noexcept;
  NetworkMonitor& operator=(NetworkMonitor&&) noexcept;
  ~NetworkMonitor();

  int fd() const;
  const Counters& counters() const;

  struct Batch {
    std::vector<NetworkEvent> events;
    bool more = false;  ///< a full batch: read again
  };
  /// The first call answers with the initial dump between ResyncStarted and ResyncFinished.
  Result<Batch> read();
  /// The next read() dumps everything again.
  void request_resync();

 private:
  struct State;
  explicit NetworkMonitor(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace ilnp
