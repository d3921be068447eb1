// SPDX-License-Identifier: Apache-2.0
// A site border router's decisions (RFC 6748; scenarios: docs/protocol/border-router.md): inside locators
// become outside ones and back, nodes that moved are reached where they are, and their correspondents see no change.
// Packets, facts and the time go in, verdicts and actions come out. No I/O: the daemon, the simulator, the tests and
// the fuzzers drive the same object.
//
// Three kinds of sides: the site itself, uplinks to providers, and links to the border routers of other sites. Between
// sites packets travel in inside form. NIDs, ports and nonces are never touched.
//
// Files: site_rewriter.cpp (where to), site_flows.cpp (by what name), site_errors.cpp (ICMPv6 errors, other people's
// and ours), site_updates.cpp (Locator Updates that pass), site_holding.cpp (packets that wait for a node to arrive).
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "core/base/bounded_map.h"
#include "core/base/crypto.h"
#include "core/base/rate_limit.h"
#include "core/base/timer_heap.h"
#include "core/forwarding/site_proxy.h"
#include "core/forwarding/site_types.h"
#include "core/ilnp/error_translation.h"
#include "core/ilnp/locator_update.h"
#include "core/site/subnet_map.h"

namespace ilnp {

/// In whose words a packet's addresses are.
struct Naming {
  enum class Kind : std::uint8_t {
    inside,   ///< everything inside has its inside locator
    outside,  ///< everything inside has the outside locator that `uplink` gives it
    hairpin,  ///< both ends are inside: each knows itself by the inside locator, the other one by the outside locator
  };
  Kind kind = Kind::inside;
  UplinkId uplink = 0;
};

class SiteRewriter {
 public:
  SiteRewriter(const SiteTuning& tuning, Random& random);
  /// `memory` outlives it; flows and sessions go on from what is there.
  SiteRewriter(const SiteTuning& tuning, Random& random, const SiteMemory& memory);

  SubnetMap& map() { return map_; }
  Uplinks& uplinks() { return uplinks_; }
  NidTable& nids() { return nids_; }
  const FlowTable& flows() const { return flows_; }
  const WatchedSessions& sessions() const { return sessions_; }
  /// Inside locators of other sites, reached by the links to them.
  void add_other_site(const LocatorPrefix& inside, SiteId site) { other_sites_.push_back({inside, site}); }
  /// Location privacy (RFC 6748; docs/decisions/0007). At the relay: nodes with these inside locators are at
  /// that site, and the world knows them by the names that our map gives them.
  void relay_for(const LocatorPrefix& inside, SiteId site) { relayed_.push_back({inside, site}); }
  /// Where they are: the world knows nodes with these inside locators by the names that this site, the relay, gives
  /// them.
  void relay_by(const LocatorPrefix& inside, SiteId site) { named_by_.push_back({inside, site}); }
  /// How that site's nodes are called outside: so that correspondents of a node that was at home there can be told the
  /// names that still work.
  SubnetMap& map_of(SiteId site) { return other_maps_[site]; }
  /// Our own address on a side: ICMPv6 errors come from it.
  void set_address(Side side, const Address& address) { own_address(side) = address; }
  /// Octets of the largest packet that every link inside takes.
  void set_inside_mtu(std::size_t octets) { inside_mtu_ = octets; }
  /// The same of the link to another site.
  void set_link_mtu(SiteId site, std::size_t octets) { link_mtus_.at(site) = octets; }

  /// These packets from `from` are forward()ed next: what is known of their nodes and flows is fetched from memory
  /// meanwhile, so that many nodes cost little more than few.
  void expect(Side from, std::span<const Packet* const> packets);
  /// The packet came from `from`. Addresses of the router itself, link-local ones and multicast are not for this
  /// function: the kernel has them.
  SiteVerdict forward(TimePoint now, Side from, Packet& packet, SiteActions& actions);

  /// The node was seen inside (a neighbour advertisement, a packet): what is held for it leaves.
  void heard(TimePoint now, NidEntry& entry, SiteActions& actions);
  /// What was held for a node with this home goes where its entry says now.
  void release_held(TimePoint now, NodeId nid, Locator home, SiteActions& actions);
  /// Call it after uplinks began or ceased to work, and after rules or preferences were changed: the correspondents of
  /// ILNP sessions are told, where there is news for them.
  void names_changed(TimePoint now) { proxy_.names_changed(now); }
  /// The node has another home, or no former one any more. The same for its correspondents.
  void rehomed(TimePoint now, NodeId nid) { proxy_.rehomed(now, nid); }
  /// Nobody goes by the node's former names after that time, unless packets do: then the grace period starts anew.
  void set_former_end(NidEntry& entry, TimePoint when);
  const SiteProxy& proxy() const { return proxy_; }
  /// When a node inside last sent by that uplink: one that is to be given up is quiet when that is long ago.
  TimePoint last_used(UplinkId uplink) const { return last_used_.at(uplink); }

  /// The entry ends then, unless it is told otherwise. One that is away starts its grace period anew with each packet.
  void set_end(NidEntry& entry, TimePoint when);
  void on_time(TimePoint now, SiteActions& actions);
  TimePoint next_deadline() const;

  std::uint64_t drops(SiteDropReason reason) const { return drops_[static_cast<std::size_t>(reason)]; }
  std::size_t held_octets() const { return held_octets_; }

 private:
  static constexpr std::size_t usual_mtu = 1500;

  /// One packet on its way through.
  struct Job {
    TimePoint now;
    Side from;
    Packet& packet;
    const HeaderWalk& walk;
    SiteActions& actions;
    std::optional<QuotedPacket> quoted{};  ///< when it is an ICMPv6 error
    std::optional<FlowKey> key{};          ///< once find_flow() was there
    std::uint64_t flow_hash = 0;
    Flow* flow = nullptr;               ///< when it crosses an uplink, or its node has names elsewhere
    WatchedSession* session = nullptr;  ///< as flow; between ILNP nodes
    NidEntry* expected = nullptr;       ///< its sender, when that will be here soon
  };
  /// A node inside, or one whose home is here.
  struct Destination {
    Locator home;
    NidEntry* entry = nullptr;  ///< when there is one
  };
  /// What a sender inside is called by others: the names of this home, which that site gives it (nothing: this one).
  struct SenderNames {
    Locator home;
    std::optional<SiteId> site;
  };
  struct Held {
    TimePoint until;
    Side from;
    ByteVector bytes;
    Offload offload;
  };

  // site_rewriter.cpp
  Address& own_address(Side side);
  SiteVerdict from_inside(Job& job);
  SiteVerdict from_uplink(Job& job);
  SiteVerdict from_link(Job& job);
  /// The entry of a sender inside, if it has one; a reason when the packet is not to be believed.
  Result<NidEntry*, SiteDropReason> sender_inside(Job& job);
  NidEntry* sender_at(const Job& job, SiteId site);
  NidEntry* known_inside(const Address& destination);
  bool has_just_left(const Job& job, const NidEntry& entry, SiteId to) const;
  NidEntry* turned_round(const Job& job, SiteId site);
  std::optional<Destination> destination_of(NodeId nid, const SubnetMap::Inside& inside);
  SiteVerdict hairpin(Job& job, Locator source_home, const SubnetMap::Inside& inside);
  SiteVerdict leave(Job& job, Locator source_home);
  SiteVerdict deliver(Job& job, Locator source, const Destination& destination, Naming naming);
  SiteVerdict emit(Job& job, Side to, const AddressPair& addresses, Naming naming);
  SiteVerdict drop(SiteDropReason reason);
  std::optional<SiteId> other_site(Locator locator) const { return other_sites_.find(locator); }
  bool is_inside(Locator locator) const { return map_.is_inside(locator) || named_by_.find(locator); }
  void expect_nid(NodeId nid, Locator locator);
  std::optional<SiteDropReason> learn_hidden(Job& job, UplinkId uplink, Locator source_home);
  std::size_t mtu_of(Side to) const;

  // site_flows.cpp
  void expect_flow(const Packet& packet, const HeaderWalk& walk, bool outward) const;
  void find_flow(Job& job, bool outward);
  void note_flow(Job& job, UplinkId uplink, bool is_foreign, bool outward);
  SenderNames names_of_sender(Job& job, NidEntry* entry);
  bool keeps_former_names(const Job& job, const NidEntry& entry);
  bool keeps_our_names(const Job& job, const NidEntry& entry);
  void watch_outward(Job& job, Locator home);
  void note_inward(Job& job, UplinkId uplink, bool is_foreign);
  void note_error(const Job& job);
  std::optional<UplinkId> uplink_for(Job& job, Locator source_home);
  ChecksumMode checksum_mode(const Job& job) const;

  // site_errors.cpp
  SiteVerdict answer(Job& job, std::uint8_t type, std::uint8_t code, std::uint32_t parameter, SiteDropReason reason);
  std::optional<SiteDropReason> read_error(Job& job) const;
  void rewrite_error(Job& job, const AddressPair& addresses, Naming naming);
  // What a node inside is called: by itself, by others inside, and by those outside.
  Address self_name(const Address& address);
  NidEntry* former_owner(const Address& address);
  Address home_name(const Address& address);
  Address outside_name(const Address& address, UplinkId uplink);

  // site_updates.cpp
  /// It acknowledges an update of the router's own.
  bool take_acknowledgement(const Job& job);
  bool is_locator_update(const Job& job) const;
  /// Nothing: it lists none of our locators and goes as any packet.
  std::optional<SiteVerdict> rewrite_update(Job& job, Side to, const AddressPair& addresses, Naming naming);

  // site_holding.cpp
  SiteVerdict hold(Job& job, const NidEntry& entry);
  void drop_oldest(std::deque<Held>& queue, SiteDropReason reason);
  TimePoint end_of(const NidEntry& entry) const;
  void schedule(const NidEntry& entry);
  /// A packet needs an entry that may be about to end.
  void renew(TimePoint now, NidEntry& entry) const;
  void renew_former(TimePoint now, NidEntry& entry) const;
  void service(TimePoint now, NidEntry& entry, SiteActions& actions);

  SiteTuning tuning_;
  std::array<TimePoint, max_uplinks> last_used_{};
  SubnetMap map_;
  Uplinks uplinks_;
  NidTable nids_;
  FlowTable flows_;
  WatchedSessions sessions_;
  SitePrefixes other_sites_, relayed_, named_by_;
  std::map<SiteId, SubnetMap> other_maps_;
  SiteProxy proxy_;
  Address inside_address_{};
  std::array<Address, max_uplinks> uplink_addresses_{};
  std::array<Address, max_sites> link_addresses_{};
  std::size_t inside_mtu_ = usual_mtu;
  std::array<std::size_t, max_sites> link_mtus_{};  ///< 0: not known, then the usual one
  using NodeKey = std::pair<NodeId, Locator>;       ///< NID and home
  std::vector<NodeKey> expected_;                   ///< scratch of expect()
  /// A Locator Update as its node sent it and as it left: the acknowledgement of the one becomes that of the other.
  struct RewrittenUpdate {
    std::vector<AdvertisedLocator> sent, left;
  };
  static constexpr std::size_t max_rewritten_updates = 1 << 16;  ///< the oldest are forgotten: nodes repeat theirs
  /// Of a node and its correspondent.
  BoundedMap<std::pair<NodeId, NodeId>, RewrittenUpdate> rewritten_updates_{max_rewritten_updates};
  std::map<NodeKey, std::deque<Held>> held_;
  std::size_t held_octets_ = 0;
  RateLimit error_rate_;
  TimerHeap timers_;  ///< of entries that end by themselves
  std::array<std::uint64_t, static_cast<std::size_t>(SiteDropReason::count)> drops_{};
};

}  // namespace ilnp
