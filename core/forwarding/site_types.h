// SPDX-License-Identifier: Apache-2.0
// What goes in and out of a SiteRewriter besides packets.
#pragma once

#include <span>
#include <vector>

#include "core/ilnp/tuning.h"
#include "core/ipv6/packet.h"
#include "core/site/flow_table.h"
#include "core/site/nid_table.h"
#include "core/site/site_reasons.h"
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
    consumed,  ///< it was for the router: the acknowledgement of an update of its own
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

struct SiteTuning {
  std::size_t max_nids = 1 << 20;
  std::size_t flows = 1 << 18;
  std::size_t sessions = 1 << 16;  ///< ILNP sessions that are watched
  Duration learnt_lifetime = seconds{300};
  Duration grace = seconds{300};       ///< an entry that is away and ends: how long it outlives its last packet
  std::size_t hold_packets = 4096;     ///< per node
  std::size_t hold_octets = 32 << 20;  ///< all nodes together
  Duration hold_time = seconds{5};
  double errors_per_second = 100;  ///< ICMPv6 errors of our own (RFC 4443 section 2.4 f)

  bool proxy_updates = true;  ///< correspondents are told on behalf of nodes inside
  double updates_per_second = 5000;
  Duration session_idle = seconds{300};  ///< then its correspondent is told nothing any more
  int patient_updates = 8;  ///< unanswered ones, then one each `patience`; none if it was never seen to speak ILNP
  Duration patience = seconds{30};
  Tuning updates{};  ///< when each is sent again: as a host does
};

/// What should outlive the process, such as a mapped file that nobody else may read. All zeros: empty.
struct SiteMemory {
  std::uint64_t seed = 0;              ///< of the hashes: drawn when the memory is new, kept with it
  std::span<Flow> flows;               ///< FlowTable::rounded() many
  std::span<WatchedSession> sessions;  ///< WatchedSessions::rounded() many
};

}  // namespace ilnp
