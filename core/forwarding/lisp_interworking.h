// SPDX-License-Identifier: Apache-2.0
// The gateway's decisions: packets of the inside (nodes of the site, ILNP or not) go into LISP tunnels and what comes
// out of tunnels goes inside, whatever the world that the node at the other end lives in. The control plane (Xtr) says
// where EIDs are; this file says what becomes of packets. No I/O.
//
// Mode X: the packet of a session with an EID is forwarded as it is; the node has that address. Who moves keeps it.
//
// Files: lisp_interworking.cpp (where to), lisp_holding.cpp (packets for a node that is on its way).
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "core/base/bounded_map.h"
#include "core/base/rate_limit.h"
#include "core/ipv6/packet.h"
#include "core/lisp/encapsulation.h"
#include "core/lisp/xtr.h"

namespace ilnp {

/// Why a gateway dropped a packet. Names are API: counters appear under them. What the map-cache refused is counted by
/// the control plane (ItrDrop).
enum class LispDrop : std::uint8_t {
  none,
  malformed,       ///< not IP, or cut
  not_unicast,     ///< multicast, link-local
  source_not_eid,  ///< from inside, neither of our EIDs nor of anybody whom we proxy for
  source_is_ours,  ///< out of a tunnel, in the name of one of our EIDs
  inside_loop,     ///< from inside to our own EID: the kernel has no route to it
  not_our_eid,     ///< out of a tunnel, for somebody else
  outsider,        ///< out of a tunnel whose other end is not the sender's (`check_sources`), or no client of the PETR
  relay_loop,      ///< the node has gone to where the packet came from
  relayed_to_itself,  ///< the tunnel would end here
  nested,             ///< too many LISP headers
  congestion,         ///< marked, and its sender does not know the marks (RFC 6040)
  hop_limit_exceeded,
  too_big,
  map_cache,         ///< counted as ItrDrop
  not_encapsulable,  ///< offload metadata and headers contradict each other
  hold_full,
  hold_time,
  count
};
const char* name_of(LispDrop reason);

struct LispVerdict {
  enum class Kind : std::uint8_t {
    tunnel,    ///< in place: to `rloc`
    inside,    ///< in place: to the node
    held,      ///< copied; it comes out later as an action
    answered,  ///< dropped, and its sender hears of it in an action; or its pieces are in the actions
    dropped,
  };
  Kind kind = Kind::dropped;
  LispDrop reason = LispDrop::none;
  lisp::IpAddress rloc{};     ///< tunnel
  lisp::OuterHeader outer{};  ///< tunnel
};

struct InsidePacket {
  std::uint32_t instance = 0;
  ByteVector bytes;
  Offload offload{};
};

struct TunnelPacket {
  lisp::IpAddress rloc;
  lisp::OuterHeader outer;
  std::uint32_t instance = 0;
  ByteVector bytes;
  Offload offload{};
};

/// What should happen besides the verdict. Reused by the caller: clear() keeps the memory.
struct LispActions {
  lisp::XtrActions control;  ///< without `packets`: those are routed already
  std::vector<InsidePacket> inside;
  std::vector<TunnelPacket> tunnel;

  void clear() {
    control.clear();
    inside.clear();
    tunnel.clear();
  }
};

/// Of the outer header of a packet that came out of a tunnel.
struct TunnelEnd {
  lisp::IpAddress source;
  std::uint8_t hop_limit = 0;
  std::uint8_t traffic_class = 0;
  std::uint32_t instance = 0;
};

struct InterworkingSettings {
  lisp::DscpMode dscp = lisp::DscpMode::uniform;
  bool is_pitr = false;                      ///< tunnels for senders without an EID of ours
  std::vector<lisp::IpPrefix> petr_clients;  ///< outer sources that may send to the world through us; none: no PETR
  bool check_sources = false;                ///< the tunnel's other end has to be an RLOC of the inner source
  double errors_per_second = 100;            ///< ICMP errors of our own
  std::size_t default_path_mtu = 1500;       ///< octets, to an RLOC that nothing is known of
  Duration path_mtu_life = seconds{600};     ///< of what ICMP said (RFC 8201 section 4)
  std::size_t hold_packets = 256, hold_octets = 32 << 20;  ///< of one node, of all
  Duration hold_time = seconds{5};
};

class LispInterworking {
 public:
  /// What is given by reference outlives it. `seed`: secret.
  LispInterworking(InterworkingSettings settings, lisp::Xtr& xtr, std::uint64_t seed);

  /// Our addresses in the instances: ICMP errors come from them, one of a family.
  void set_inside_addresses(std::vector<lisp::IpAddress> addresses) { inside_addresses_ = std::move(addresses); }

  /// These packets are next in the same direction, for speed alone.
  void expect_from_inside(std::uint32_t instance, std::span<const Packet* const> packets);

  /// From a node of ours. May be a super-packet.
  LispVerdict from_inside(lisp::Instant at, std::uint32_t instance, Packet& packet, LispActions& actions);
  /// What a tunnel carried: one packet, no super-packet.
  LispVerdict from_tunnel(lisp::Instant at, const TunnelEnd& end, MutableBytes packet, LispActions& actions);
  /// What ICMP said about the way to an RLOC: octets of an outer packet.
  void set_path_mtu(TimePoint now, const lisp::IpAddress& rloc, std::size_t octets);

  /// A mobile EID is about to leave, or has stopped: what comes for it waits until it is known where it is.
  void hold(TimePoint now, const lisp::EidPrefix& eid);

  /// After every call of the Xtr: packets that waited go on, held ones as well where their node is somewhere now.
  void after_control(lisp::Instant at, lisp::XtrActions control, LispActions& actions);
  /// Also that of the Xtr.
  void on_time(lisp::Instant at, LispActions& actions);
  TimePoint next_deadline() const;

  std::uint64_t drops(LispDrop reason) const { return drops_[static_cast<std::size_t>(reason)]; }

 private:
  lisp::Xtr& xtr_;
  InterworkingSettings settings_;
  std::vector<lisp::IpAddress> inside_addresses_;
  std::array<std::uint64_t, static_cast<std::size_t>(LispDrop::count)> drops_{};
};

}  // namespace ilnp
