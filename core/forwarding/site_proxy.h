// SPDX-License-Identifier: Apache-2.0
// Locator Updates on behalf of nodes inside (RFC 6748, RFC 6743): when the outside names of a node
// change - an uplink fails or returns, a prefix is replaced, its home changes - the correspondents of the sessions that
// the router has watched are told by it, with the node's nonce, until they acknowledge. Their acknowledgements end
// here.
//
// A node that speaks for itself is not interrupted: its own update, which is rewritten on its way and so carries the
// same names, ends what the router was telling that correspondent; the next change of names begins anew. Sessions under
// AH or ESP, and those without a nonce that was seen, cannot be spoken for.
//
// The schedule is LuSender's. Many correspondents are told at a bounded rate, the one heard last first.
#pragma once

#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

#include "core/base/crypto.h"
#include "core/base/rate_limit.h"
#include "core/base/timer_heap.h"
#include "core/forwarding/site_types.h"
#include "core/ilnp/lu_sender.h"
#include "core/site/outside_names.h"

namespace ilnp {

struct ProxyCounters {
  std::uint64_t sent = 0;          ///< updates, each transmission
  std::uint64_t acknowledged = 0;  ///< correspondents that were told
  std::uint64_t other_ack = 0;     ///< of another update than ours: told again
  std::uint64_t wrong_nonce = 0;   ///< acknowledgements that are not the correspondent's
  std::uint64_t not_possible = 0;  ///< sessions that had to be told, under AH or ESP
};

/// What the site looks like from outside; the owner of all this outlives the proxy.
struct SiteView {
  const SubnetMap& map;
  const Uplinks& uplinks;
  NidTable& nids;
  const std::map<SiteId, SubnetMap>& other_maps;
  const SitePrefixes& named_by;  ///< relays
};

class SiteProxy {
 public:
  SiteProxy(const SiteTuning& tuning, Random& random, const SiteView& site, WatchedSessions& sessions);

  /// The names that a correspondent outside should have for one inside locator of `nid`, best first.
  std::vector<AdvertisedLocator> names_of(NodeId nid, const AdvertisedLocator& inside) const;
  /// Tells every correspondent that has not acknowledged the names as they are now.
  void names_changed(TimePoint now);
  /// The same for the correspondents of one node.
  void rehomed(TimePoint now, NodeId nid);
  /// A session that was not known before. Its correspondent may know a former home's names only.
  void began(TimePoint now, WatchedSession& session);

  /// The node itself lists these names, now on their way to the correspondent.
  void node_told(TimePoint now, WatchedSession& session, const std::vector<AdvertisedLocator>& names);
  /// True: it was for an update of ours.
  bool acknowledged(TimePoint now, const SessionKey& key, Bytes nonce, const LocatorUpdate& update);
  /// The correspondent has acknowledged the names as they are now: it takes packets from any of them.
  bool is_current(const WatchedSession& session) const { return session.generation == generation_; }

  void on_time(TimePoint now, SiteActions& actions);
  TimePoint next_deadline() const { return timers_.next(); }
  const ProxyCounters& counters() const { return counters_; }
  /// Correspondents that have not acknowledged.
  std::size_t outstanding() const;

 private:
  struct Telling {
    SessionKey key;
    LuSender sender;
    std::uint64_t fingerprint = 0;  ///< of what is told
    std::uint32_t generation = 0;
    Locator home;
  };
  struct Names {
    Locator home;
    std::vector<AdvertisedLocator> list;
  };

  const NidEntry* entry_of(const WatchedSession& session) const;
  void forget_told(WatchedSession& session) const;
  std::optional<Names> names_for(const WatchedSession& session) const;
  bool can_tell(TimePoint now, const WatchedSession& session);
  void tell(TimePoint now, WatchedSession& session, const Names& names, Duration delay, bool urgent);
  void tell_if_new(TimePoint now, WatchedSession& session);
  bool may_know_others(const WatchedSession& session);
  void refresh_later(const WatchedSession& session);
  void refresh(TimePoint now, std::uint32_t place, WatchedSession& session);
  void stop(std::uint32_t place);
  void told(TimePoint now, WatchedSession& session, std::uint64_t fingerprint, Locator home);
  void service(TimePoint now, std::uint32_t place, SiteActions& actions);
  void send(const WatchedSession& session, const Telling& telling, const LocatorUpdate& body, SiteActions& actions);
  std::optional<UplinkId> uplink_for(const WatchedSession& session, const Telling& telling) const;
  Telling* find(const WatchedSession& session);

  const SiteTuning& tuning_;
  Random& random_;
  SiteView site_;
  WatchedSessions& sessions_;
  std::unordered_map<std::uint32_t, Telling> tellings_;  ///< by the session's place in its table
  TimerHeap timers_;                                     ///< by the same: the next update, or the next refresh
  RateLimit rate_;
  std::uint32_t generation_;  ///< of the names
  ProxyCounters counters_;
};

}  // namespace ilnp
