// SPDX-License-Identifier: Apache-2.0
// The embedded Map-Server with its keys: datagrams in, datagrams out. Each site has its own secrets; those with which
// subscribers are spoken to are apart from them (RFC 9437 section 7).
#pragma once

#include <span>
#include <vector>

#include "core/lisp/map_server.h"
#include "core/lisp/xtr.h"
#include "core/lisp/xtr_keys.h"

namespace ilnp::lisp {

class XtrServer {
 public:
  /// What is given by reference outlives it.
  XtrServer(const XtrSettings::Server& settings, const Underlay& underlay, Random& random, Hmac& hmac,
            ControlCounters& counters);

  /// Some site's prefix contains it.
  bool serves(const EidPrefix& eid) const { return machine_.site_of(eid).has_value(); }
  bool publishes() const { return !settings_.subscriber_secrets.empty(); }

  /// True: something was registered.
  bool on_register(TimePoint now, const ControlReceived& datagram, std::vector<ControlToSend>& out);
  /// False: it acknowledges nothing.
  bool on_acknowledgement(const ControlReceived& datagram);
  /// A Map-Request that came encapsulated `from` there. Answered, or to be forwarded to these RLOCs.
  std::vector<IpAddress> on_request(TimePoint now, const IpAddress& from, const EncapsulatedControl& envelope,
                                    MapRequest request, std::vector<ControlToSend>& out);
  void on_time(TimePoint now, std::vector<ControlToSend>& out);
  TimePoint next_deadline() const { return machine_.next_deadline(); }

  const MapServer& machine() const { return machine_; }
  /// Of the run before.
  void restore(std::map<MapServer::NonceKey, std::uint64_t> nonces) { machine_.restore_nonces(std::move(nonces)); }

 private:
  void write(const MapServerActions& actions, std::vector<ControlToSend>& out);

  const XtrSettings::Server& settings_;
  const Underlay& underlay_;
  Hmac& hmac_;
  ControlCounters& counters_;
  std::vector<Secret> site_secrets_;  ///< of all sites, each once: the site is only known when a message is open
  SourceLimit limit_;
  MapServer machine_;
};

}  // namespace ilnp::lisp
