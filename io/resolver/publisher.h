// SPDX-License-Identifier: Apache-2.0
// Keeps a node's name in the DNS up to date: core/records/publication decides, UpdateClient sends. One per name.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/base/result.h"
#include "core/records/publication.h"
#include "io/resolver/name_server.h"

namespace boost::asio {
class io_context;
}

namespace ilnp {

struct PublisherSettings {
  NameServer server;
  DnsName name;
  std::optional<DnsName> zone;  ///< asked from the server (SOA) when not given
  std::string key_file;         ///< mode 0600; empty: unsigned updates
  TtlPolicy ttls = TtlPolicy::mobile();
  bool manage_nids = true;  ///< false: the key may write L64 and AAAA only, the NID is an operator's
  bool take_over = false;   ///< publish even if the name holds other NIDs
  /// Where the LP leads when there is one (PublishedState::behind_border): then LPs are ours.
  std::optional<DnsName> site_name;
  PublicationTuning tuning;
};

struct PublisherStatus {
  std::string state;     ///< "idle", "waiting", "in-flight", "stopped", "finding-zone"
  bool settled = false;  ///< the server acknowledged what is wanted
  DnsName name;
  std::optional<DnsName> zone;
  NameServer server;
  std::optional<PublishedState> desired, acknowledged;
  std::string last_problem;
  unsigned failures_in_a_row = 0;
  std::uint64_t updates_sent = 0, updates_acknowledged = 0;
  std::optional<Duration> last_round_trip;  ///< of the last acknowledged update, retransmissions included
};

class Publisher {
 public:
  using OnEvent = std::function<void(const PublicationEvent&)>;

  /// Reads the key file; the network is first used by set_desired().
  static Result<std::unique_ptr<Publisher>> open(boost::asio::io_context& io, PublisherSettings settings,
                                                 OnEvent on_event = {});
  ~Publisher();
  Publisher(const Publisher&) = delete;
  Publisher& operator=(const Publisher&) = delete;

  /// What the name should hold from now on: PublishedState::of(nids, locators). No locators: L64 and AAAA are deleted.
  void set_desired(PublishedState desired);
  /// A link came, went or changed: retries start again at once.
  void network_changed();
  PublisherStatus status() const;

 private:
  class Impl;
  explicit Publisher(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace ilnp
