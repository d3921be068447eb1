// SPDX-License-Identifier: Apache-2.0
// The gateway's decisions: packets of the inside (nodes of the site, ILNP or not) go into LISP tunnels, and what comes
// out of tunnels goes inside, whichever world the node at the other end lives in. The control plane (Xtr) says where
// EIDs are; this file says what becomes of packets. No I/O.
//
// Mode X: the packet of a session with an EID is forwarded as it is; the node has that address. Who moves keeps it.
//
// Files: lisp_interworking.cpp (where to), lisp_holding.cpp (packets for a node that is on its way).
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "core/base/bounded_map.h"
#include "core/base/rate_limit.h"
#include "core/forwarding/lisp_reasons.h"
#include "core/ipv6/packet.h"
#include "core/lisp/encapsulation.h"
#include "core/lisp/xtr.h"

namespace ilnp {

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
  lisp::XtrActions control;  ///< its `packets` are for after_control()
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
  bool operator==(const TunnelEnd&) const = default;
};

struct InterworkingSettings {
  lisp::DscpMode dscp = lisp::DscpMode::uniform;
  bool is_pitr = false;                        ///< tunnels for senders without an EID of ours
  std::optional<lisp::IpAddress> proxy_etr{};  ///< gets what is not for a LISP site (RFC 6832 section 5)
  std::vector<lisp::IpPrefix> petr_clients{};  ///< outer sources that may send to the world through us; none: no PETR
  bool clamp_mss = false;                      ///< TCP sessions begin with segments that fit into the tunnel
  bool check_sources = false;                  ///< the tunnel's other end has to be an RLOC of the inner source
  double errors_per_second = 100;              ///< ICMP errors of our own
  std::size_t default_path_mtu = 1500;         ///< octets, to an RLOC that nothing is known of
  Duration path_mtu_life = seconds{600};       ///< of what ICMP said (RFC 8201 section 4)
  std::size_t most_path_mtus = 10'000;         ///< RLOCs
  std::size_t hold_packets = 4096;             ///< of one node
  std::size_t hold_octets = 32 << 20;          ///< of all
  Duration hold_time = seconds{5};
};

/// Who says whether we may carry a packet: whoever has the EID, or a session here, wherever its node's EID is by now.
enum class CarriedFor : std::uint8_t { eid, session };

class LispInterworking {
 public:
  /// What is given by reference outlives it. `seed`: secret.
  LispInterworking(InterworkingSettings settings, lisp::Xtr& xtr, std::uint64_t seed);

  /// Ours: ICMP errors come from the first of the packet's family.
  void set_inside_addresses(std::vector<lisp::IpAddress> addresses) { inside_addresses_ = std::move(addresses); }

  /// From a node of ours. May be a super-packet.
  LispVerdict from_inside(lisp::Instant at, std::uint32_t instance, Packet& packet, LispActions& actions,
                          CarriedFor whom = CarriedFor::eid);
  /// What a tunnel carried: one packet, no super-packet. Changed in place; octets behind it are cut off.
  LispVerdict from_tunnel(lisp::Instant at, const TunnelEnd& end, MutableBytes& packet, LispActions& actions,
                          CarriedFor whom = CarriedFor::eid);
  /// What ICMP said about the way to an RLOC: octets of an outer packet.
  void set_path_mtu(TimePoint now, const lisp::IpAddress& rloc, std::size_t octets);

  /// A mobile EID has stopped here, or is about to: what comes for it waits until it is known where it is.
  void hold(TimePoint now, const lisp::Eid& eid);
  /// It did not leave after all, and what waits for it goes to it.
  void release(lisp::Instant at, const lisp::Eid& eid, LispActions& actions);

  /// To be called when the Xtr was: packets that waited for an answer go on, also held ones, where their node is
  /// somewhere else now. Takes `actions.control.packets`.
  void after_control(lisp::Instant at, LispActions& actions);
  void on_time(lisp::Instant at, LispActions& actions);
  TimePoint next_deadline() const;

  std::uint64_t drops(LispDrop reason) const { return drops_[static_cast<std::size_t>(reason)]; }
  std::size_t held_octets() const { return held_octets_; }

 private:
  struct PathMtu {
    std::size_t octets;
    TimePoint until;
  };
  struct Hold {
    TimePoint until{};
    struct Waiting {
      TunnelEnd end;
      ByteVector bytes;
    };
    std::deque<Waiting> packets;
  };
  using Holds = std::map<lisp::Eid, Hold>;

  // lisp_interworking.cpp
  LispVerdict drop(LispDrop reason);
  LispVerdict refuse(lisp::Instant at, std::uint32_t instance, Bytes packet, const lisp::InnerPacket& inner,
                     LispDrop reason, lisp::InnerError error, std::size_t mtu, LispActions& actions);
  LispVerdict route(lisp::Instant at, std::uint32_t instance, Packet& packet, const lisp::InnerPacket& inner,
                    LispActions& actions);
  lisp::Encapsulation encapsulated(MutableBytes packet, const lisp::InnerPacket& inner, const lisp::IpAddress& rloc,
                                   std::size_t path_mtu, std::size_t segment) const;
  LispVerdict send_to(lisp::Instant at, std::uint32_t instance, Packet& packet, const lisp::InnerPacket& inner,
                      const lisp::IpAddress& rloc, LispActions& actions);
  LispVerdict send_pieces(std::uint32_t instance, Packet& packet, const lisp::InnerPacket& inner,
                          const lisp::IpAddress& rloc, std::size_t mtu, LispActions& actions);
  LispVerdict out_of_tunnel(lisp::Instant at, const TunnelEnd& end, MutableBytes packet, const lisp::InnerPacket& inner,
                            LispActions& actions);
  LispVerdict hand_in(TimePoint now, const TunnelEnd& end, MutableBytes packet, const lisp::InnerPacket& inner);
  LispVerdict relay(lisp::Instant at, const TunnelEnd& end, MutableBytes packet, const lisp::InnerPacket& inner,
                    const lisp::MappingRecord& elsewhere, LispActions& actions);
  std::size_t path_mtu(TimePoint now, const lisp::IpAddress& rloc) const;
  void fit_session(TimePoint now, MutableBytes packet, const lisp::InnerPacket& inner, const lisp::IpAddress& rloc,
                   bool leaves_checksum) const;
  lisp::Flow flow_of(const lisp::InnerPacket& inner) const;

  // lisp_holding.cpp
  LispVerdict keep(Hold& hold, const TunnelEnd& end, Bytes packet);
  void let_go(lisp::Instant at, Holds::iterator hold, LispActions& actions);
  void drop_oldest(Hold& hold);

  InterworkingSettings settings_;
  lisp::Xtr& xtr_;
  std::uint64_t seed_;
  std::vector<lisp::IpAddress> inside_addresses_;
  BoundedMap<lisp::IpAddress, PathMtu> path_mtus_;
  RateLimit errors_;
  Holds holds_;
  std::size_t held_octets_ = 0;
  std::array<std::uint64_t, static_cast<std::size_t>(LispDrop::count)> drops_{};
};

}  // namespace ilnp
