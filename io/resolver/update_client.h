// SPDX-License-Identifier: Apache-2.0
// Sends dynamic updates (RFC 2136) with TSIG and says how they ended. The octets are made with ldns; the reply is read
// by core/records/dns_message and believed only when its signature verifies. UDP up to 1232 octets, TCP above that or
// when UDP stays silent; retransmissions carry the same octets, so a server applies an update at most once per MAC.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "core/records/publication.h"
#include "core/records/update_plan.h"
#include "io/resolver/name_server.h"
#include "io/resolver/tsig.h"

namespace boost::asio {
class io_context;
}

namespace ilnp {

struct UpdateClientSettings {
  NameServer server;
  std::optional<TsigKey> key;  ///< without one the update goes out unsigned (loopback set-ups)
  Duration try_timeout = seconds{1};
  unsigned tries = 3;  ///< over UDP, then one over TCP
  Duration tcp_timeout = seconds{5};
};

/// The update message of a plan: header, zone, prerequisites, updates; not signed, no compression.
ByteVector encode_update(std::uint16_t id, const UpdatePlan& plan);

class UpdateClient {
 public:
  using OnOutcome = std::function<void(const UpdateOutcome&)>;
  using OnZone = std::function<void(Result<DnsName>)>;

  UpdateClient(boost::asio::io_context& io, UpdateClientSettings settings);
  ~UpdateClient();
  UpdateClient(const UpdateClient&) = delete;
  UpdateClient& operator=(const UpdateClient&) = delete;

  /// `on_outcome` runs once, in the loop, never inside this call; not after the client is gone.
  void send(const UpdatePlan& plan, OnOutcome on_outcome);
  /// Asks the server for the SOA of the zone that holds `name`.
  void find_zone(const DnsName& name, OnZone on_zone);

  /// How far the server's clock was ahead of ours when it complained (BADTIME); used for later signatures.
  seconds clock_offset() const;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace ilnp
