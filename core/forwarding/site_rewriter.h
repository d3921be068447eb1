// SPDX-License-Identifier: Apache-2.0
// A site border router's decisions (RFC 6748; scenarios: docs/protocol/border-router.md): inside locators
// become outside ones and back, nodes that moved are reached where they are, and their correspondents see no change.
// Packets, facts and the time go in, verdicts and actions come out. No I/O: the daemon, the simulator, the tests and
// the fuzzers drive the same object.
//
// Three kinds of sides: the site itself, uplinks to providers, and links to the border routers of other sites. Between
// sites packets travel in inside form. NIDs, ports and nonces are never touched.
//
// Files: site_rewriter.cpp (where to, by what name), site_errors.cpp (ICMPv6 errors, other people's and ours),
// site_updates.cpp (Locator Updates), site_holding.cpp (packets that wait for a node to arrive).
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "core/base/crypto.h"
#include "core/base/rate_limit.h"
#include "core/ilnp/error_translation.h"
#include "core/ilnp/locator_update.h"
#include "core/ilnp/timer_heap.h"
#include "core/ipv6/packet.h"
#include "core/site/flow_table.h"
#include "core/site/nid_table.h"
#include "core/site/site_reasons.h"
#include "core/site/subnet_map.h"
#include "core/site/uplinks.h"
#include "core/site/watched_sessions.h"

namespace ilnp {

struct Side {
  enum class Kind : std::uint8_t { inside, uplink, link };
  Kind kind = Kind::inside;
  std::uint8_t number = 0;  ///< UplinkId, SiteId
  bool operator==(const Side&) const = default;

  static constexpr Side inside() { return {Kind::inside, 0}; }
  static constexpr Side uplink(UplinkId id) { return {Kind::uplink, id}; }
  static constexpr Side link(SiteId id) { return {Kind::link, id}; }
};

struct SiteVerdict {
  enum class Kind : std::uint8_t {
    forward,   ///< rewritten in place: send it to `to`
    replaced,  ///< as forward, but the packet to send is in the actions
    held,      ///< copied; it comes out later as an action
    answered,  ///< dropped, and an ICMPv6 error for its sender is in the actions
    dropped,
  };
  Kind kind = Kind::dropped;
  Side to;
  SiteDropReason reason = SiteDropReason::none;
};

struct SitePacket {
  Side to;
  ByteVector bytes;
  Offload offload{};
};

enum class SiteEventKind : std::uint8_t {
  node_heard,     ///< it has arrived and has sent
  node_moved,     ///< it has another locator inside the site
  node_expected,  ///< heard where a prepared move will bring it; what it sends is held
  node_silent,    ///< what was learnt of it is forgotten
};

struct SiteEvent {
  SiteEventKind kind;
  NodeId nid;
  Locator home, now;
};

/// What should happen besides the verdict. Reused by the caller: clear() keeps the memory.
struct SiteActions {
  std::vector<SitePacket> packets;
  std::vector<SiteEvent> events;
  void clear() {
    packets.clear();
    events.clear();
  }
};

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

struct SiteTuning {
  std::size_t max_nids = 1 << 20;
  std::size_t flows = 1 << 18;
  std::size_t sessions = 1 << 16;                  ///< ILNP sessions that are watched
  std::size_t inside_mtu = 1500, link_mtu = 1500;  ///< octets
  Duration learnt_lifetime = seconds{300};
  Duration grace = seconds{300};       ///< an entry that is away and ends: how long it outlives its last packet
  std::size_t hold_packets = 256;      ///< per node
  std::size_t hold_octets = 32 << 20;  ///< all nodes together
  Duration hold_time = seconds{5};
  double errors_per_second = 100;  ///< ICMPv6 errors of our own (RFC 4443 section 2.4 f)
};

/// What should outlive the process, such as a mapped file that nobody else may read. All zeros: empty.
struct SiteMemory {
  std::uint64_t seed = 0;              ///< of the hashes: drawn when the memory is new, kept with it
  std::span<Flow> flows;               ///< FlowTable::rounded() many
  std::span<WatchedSession> sessions;  ///< WatchedSessions::rounded() many
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
  /// Our own address on a side: ICMPv6 errors come from it.
  void set_address(Side side, const Address& address) { own_address(side) = address; }
  /// Octets of the largest packet that every link inside takes, and every link to other sites.
  void set_mtus(std::size_t inside, std::size_t links) {
    tuning_.inside_mtu = inside;
    tuning_.link_mtu = links;
  }

  /// The packet came from `from`. Addresses of the router itself, link-local ones and multicast are not for this
  /// function: the kernel has them.
  SiteVerdict forward(TimePoint now, Side from, Packet& packet, SiteActions& actions);

  /// The node was seen inside (a neighbour advertisement, a packet): what is held for it leaves.
  void heard(TimePoint now, NidEntry& entry, SiteActions& actions);
  /// What was held for a node with this home goes where its entry says now.
  void release_held(TimePoint now, NodeId nid, Locator home, SiteActions& actions);
  /// The entry ends then, unless it is told otherwise. One that is away starts its grace period anew with each packet.
  void set_end(NidEntry& entry, TimePoint when);
  void on_time(TimePoint now, SiteActions& actions);
  TimePoint next_deadline() const;

  std::uint64_t drops(SiteDropReason reason) const { return drops_[static_cast<std::size_t>(reason)]; }
  std::size_t held_octets() const { return held_octets_; }

 private:
  /// One packet on its way through.
  struct Job {
    TimePoint now;
    Side from;
    Packet& packet;
    const HeaderWalk& walk;
    SiteActions& actions;
    std::optional<QuotedPacket> quoted{};  ///< when it is an ICMPv6 error
    Flow* flow = nullptr;                  ///< when it crosses an uplink
    NidEntry* expected = nullptr;          ///< its sender, when that will be here soon
  };
  /// A node inside, or one whose home is here.
  struct Destination {
    Locator home;
    NidEntry* entry = nullptr;  ///< when there is one
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
  NidEntry* known_inside(const Address& destination);
  std::optional<Destination> destination_of(NodeId nid, const SubnetMap::Inside& inside);
  SiteVerdict hairpin(Job& job, Locator source_home, const SubnetMap::Inside& inside);
  SiteVerdict leave(Job& job, Locator source_home);
  SiteVerdict deliver(Job& job, Locator source, const Destination& destination, Naming naming);
  SiteVerdict emit(Job& job, Side to, const AddressPair& addresses, Naming naming);
  SiteVerdict drop(SiteDropReason reason);
  std::optional<SiteId> other_site(Locator locator) const;
  std::optional<UplinkId> uplink_for(Job& job, Locator source_home);
  void note_flow(Job& job, const FlowKey& key, std::uint64_t hash, UplinkId uplink, bool outward);
  ChecksumMode checksum_mode(const Job& job) const;
  std::optional<SiteDropReason> learn_hidden(Job& job, UplinkId uplink, Locator source_home);
  std::size_t mtu_of(Side to) const;

  // site_errors.cpp
  SiteVerdict answer(Job& job, std::uint8_t type, std::uint8_t code, std::uint32_t parameter, SiteDropReason reason);
  std::optional<SiteDropReason> read_error(Job& job) const;
  void rewrite_error(Job& job, const AddressPair& addresses, Naming naming);
  // What a node inside is called: by itself, by others inside, and by those outside.
  Address self_name(const Address& address);
  Address home_name(const Address& address);
  Address outside_name(const Address& address, UplinkId uplink);

  // site_updates.cpp
  std::vector<AdvertisedLocator> outside_names(NodeId nid, const AdvertisedLocator& inside);
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
  void service(TimePoint now, NidEntry& entry, SiteActions& actions);

  SiteTuning tuning_;
  SubnetMap map_;
  Uplinks uplinks_;
  NidTable nids_;
  FlowTable flows_;
  WatchedSessions sessions_;
  std::vector<std::pair<LocatorPrefix, SiteId>> other_sites_;
  Address inside_address_{};
  std::array<Address, max_uplinks> uplink_addresses_{};
  std::array<Address, max_sites> link_addresses_{};
  using NodeKey = std::pair<NodeId, Locator>;  ///< NID and home
  std::map<NodeKey, std::deque<Held>> held_;
  std::size_t held_octets_ = 0;
  RateLimit error_rate_;
  TimerHeap timers_;  ///< of entries that end by themselves
  std::array<std::uint64_t, static_cast<std::size_t>(SiteDropReason::count)> drops_{};
};

}  // namespace ilnp
