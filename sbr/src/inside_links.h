// SPDX-License-Identifier: Apache-2.0
// What the router says and hears of neighbour discovery on its inside links: router advertisements, answers for nodes
// that are elsewhere, and the search for nodes that are about to arrive. The kernel resolves our own next hops.
#pragma once

#include <functional>
#include <map>
#include <memory>

#include "core/forwarding/site_directory.h"
#include "core/site/neighbour_proxy.h"
#include "core/site/router_advertiser.h"
#include "io/loop/loop.h"
#include "io/sockets/neighbour_discovery_socket.h"
#include "io/sockets/solicitation_socket.h"
#include "sbr/src/interfaces.h"
#include "sbr/src/settings.h"

namespace ilnp {

class InsideLinks {
 public:
  struct Counters {
    std::uint64_t advertisements = 0, answers = 0, searches = 0, send_failed = 0;
  };
  /// A node that was looked for has answered from `address`.
  using OnHeard = std::function<void(NidEntry&, const Address& address)>;
  /// Somebody has that address, or wants to have it.
  using OnSeen = std::function<void(const Address& address, const MacAddress& mac)>;

  InsideLinks(Loop& loop, const SbrSettings& settings, NeighbourDiscoverySocket& socket, SiteRewriter& rewriter,
              Random& random, OnHeard on_heard, OnSeen on_seen);

  /// After every change of the network.
  void update(const Interfaces& interfaces);
  void on_message(const ReceivedNeighbourMessage& received);
  void on_event(const DirectoryEvent& event);
  /// Whoever arrives, and its neighbours, learn at once where they are.
  void announce_router();

  const Counters& counters() const { return counters_; }

 private:
  struct Link {
    InsideSettings settings;
    MacAddress mac;
    std::uint32_t mtu = 0;
    RouterAdvertiser advertiser;
    std::optional<SolicitationSocket> solicitations;
    std::unique_ptr<Watch> watch;
  };
  struct Search {
    TimePoint since, next;
  };
  void open(unsigned ifindex, Link& link);
  void advertise(unsigned ifindex, const Link& link);
  bool answer_solicitations(unsigned ifindex);
  void announce_left(const NodeKey& key);
  void consider(const Address& address);
  NidEntry* entry_of(const NodeKey& key);
  void look_for(const Address& target);
  void search(TimePoint now);
  void send(unsigned ifindex, const MacAddress& destination, const ByteVector& packet);
  static bool has_locator(const Link& link, Locator locator);
  void on_time();
  void arm();

  Loop& loop_;
  const SbrSettings& settings_;
  NeighbourDiscoverySocket& socket_;
  SiteRewriter& rewriter_;
  Random& random_;
  OnHeard on_heard_;
  OnSeen on_seen_;
  NeighbourProxy proxy_;
  std::map<unsigned, Link> links_;
  std::map<NodeKey, Search> searches_;
  TimePoint next_refresh_ = never;
  DeadlineTimer timer_;
  Counters counters_;
};

}  // namespace ilnp
