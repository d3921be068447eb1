// SPDX-License-Identifier: Apache-2.0
// Mode N as one machine: sessions of LISP clients with ILNP nodes, in which this gateway is the ILNP node that the
// other one sees. It joins the exchange of addresses (eid_exchange.h), the node engine (host_forwarder.h) and what is
// known of where the nodes are. Packets without their tunnels, answers about names and the time go in. No I/O.
//
// Which sessions there are decides what may enter (specification 10.1.1): the first packet of a flow opens one; a TCP
// segment from the middle of a connection belongs to one, or was never translated and must not be now.
//
// A node that comes to a client by itself is believed to be the node where it is known to be. Otherwise anybody could
// become, by its NID, the node that the client calls next.
//
// Files: node_sessions.cpp (packets), node_places.cpp (where nodes are), node_memory.cpp (over a restart),
// node_group.cpp (other gateways).
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/forwarding/eid_exchange.h"
#include "core/forwarding/group_sessions.h"
#include "core/forwarding/host_forwarder.h"
#include "core/forwarding/lisp_interworking.h"

namespace ilnp {

/// Why a packet was dropped here, beside the reasons of the exchange and of the node engine. Names are API.
enum class NodeDrop : std::uint8_t {
  none,
  no_session,     ///< of a client, from the middle of a connection that is not one of ours
  unknown_place,  ///< of a node that nobody called, from where it is not known to be
  no_client,      ///< to a NID at our locator that is no client's
  count
};
const char* name_of(NodeDrop reason);

struct NodeSettings {
  struct Node {
    NodeId nid;
    std::set<std::uint32_t> instances;  ///< where it has an EID: tenants reach their own nodes only
    std::string name{};                 ///< in the DNS; empty: `locators` are all that is known
    std::vector<ResolvedLocator> locators{};
  };
  Tuning tuning;
  ExchangeSettings exchange;
  std::vector<OwnLocator> locators;  ///< ours: clients have them in the ILNP world
  std::vector<Node> nodes;
  /// Nobody here knows which connections are open. One that was silent for less than two hours and four minutes must
  /// not be lost (RFC 5382 section 5).
  Duration keep = std::chrono::minutes{124};
};

/// Reused by the caller: clear() keeps the memory.
struct NodeActions {
  std::vector<OutPacket> to_wire;        ///< ILNP packets, to be routed by their addresses
  std::vector<InsidePacket> to_clients;  ///< between EIDs: for the tunnel to the client of that instance
  std::vector<HostEvent> events;
  std::vector<NameQuery> name_queries;  ///< with a name: answer with resolved() or not_resolved()
  std::vector<NodeId> heard;            ///< places() of these may be others
  bool sessions_changed = false;        ///< memory() is another one

  bool empty() const {
    return to_wire.empty() && to_clients.empty() && events.empty() && name_queries.empty() && heard.empty() &&
           !sessions_changed;
  }
  void clear() {
    to_wire.clear();
    to_clients.clear();
    events.clear();
    name_queries.clear();
    heard.clear();
    sessions_changed = false;
  }
};

class NodeSessions {
 public:
  /// `seed`: secret. `random` and `hasher` outlive it.
  NodeSessions(NodeSettings settings, Random& random, Hasher& hasher, std::uint64_t seed);
  NodeSessions(const NodeSessions&) = delete;
  NodeSessions& operator=(const NodeSessions&) = delete;

  /// Before the first packet: `memory` of the run before, or nothing. False: what there was could not be used. `age`:
  /// another gateway wrote it so long ago, by its own clock.
  bool start(TimePoint now, Bytes memory, NodeActions& actions, std::optional<Duration> age = {});
  /// The memory() of another gateway of the group, so long ago. Where its clients come to us, their sessions go on
  /// here. False: damaged.
  bool told_by(TimePoint now, std::uint64_t member, Bytes memory, Duration age, NodeActions& actions);
  /// Sessions, with their nonces and the NIDs of their clients. Secret.
  ByteVector memory(TimePoint now);

  /// Whether it is the EID of a node of ours: sessions with it are translated.
  bool serves(std::uint32_t instance, const lisp::IpAddress& eid) const;

  /// Whether the packet, of a client to an EID that is served, goes on with a session of theirs. A TCP connection that
  /// begins does not.
  bool goes_on(std::uint32_t instance, const Packet& packet);
  /// How many clients of its instance have one with the node.
  std::size_t sessions_with(const lisp::Eid& node);

  enum class Entry : std::uint8_t {
    taken,       ///< what follows is in the actions; also where it was dropped
    no_session,  ///< the packet is as it was: refused, or untranslated where the node has the EID as an address
  };
  /// Of a client, to an EID that is served. It needs packet_headroom, and may be a super-packet.
  Entry from_client(TimePoint now, std::uint32_t instance, Packet& packet, NodeActions& actions);
  /// What came to one of our locators. It may be a super-packet.
  void from_wire(TimePoint now, Packet& packet, NodeActions& actions);

  // Answers to name queries.
  void resolved(TimePoint now, const NameQuery& query, std::vector<ResolvedLocator> locators, NodeActions& actions);
  void not_resolved(TimePoint now, const NameQuery& query, NodeActions& actions);

  /// Where a node is, as its sessions say, else its name and its configuration; unknown: a zero locator. Empty: its
  /// sessions here said it, and no lifetime is left of that, nor of what its name said.
  std::vector<AdvertisedLocator> places(TimePoint now, NodeId nid);
  /// Its name, where it has one, is looked up for what places() says.
  void ask_name(NodeId nid, NodeActions& actions);

  void on_time(TimePoint now, NodeActions& actions);
  TimePoint next_deadline() const { return forwarder_.next_deadline(); }

  // For the operator.
  struct Row {
    lisp::Eid client, node;
    Locator ours{}, theirs{};  ///< in use
    PeerState state{};
    std::uint64_t packets_in = 0, packets_out = 0;  ///< from the node, to it
    bool is_lent = false;                           ///< another gateway goes on with it
  };
  std::vector<Row> rows();
  const ClientNids& clients() const { return exchange_.clients(); }
  std::uint64_t drops(NodeDrop reason) const { return drops_[static_cast<std::size_t>(reason)]; }
  const EidExchange& exchange() const { return exchange_; }
  std::uint64_t taken_over() const { return taken_over_; }  ///< sessions, from other gateways
  std::uint64_t given_up() const { return given_up_; }      ///< to them
  HostForwarder& engine() { return forwarder_; }

 private:
  struct Place {
    NodeSettings::Node configured;
    std::vector<ResolvedLocator> named{};  ///< the last answer about its name
    TimePoint named_until{};
    std::optional<NodeId> teller{};  ///< the client in whose session it was heard of last
  };

  // node_sessions.cpp
  void count(NodeDrop reason) { ++drops_[static_cast<std::size_t>(reason)]; }
  bool belongs(std::uint32_t instance, const Packet& packet, const HeaderWalk& walk);
  void to_client(TimePoint now, Packet& packet, NodeActions& actions);
  void settle(TimePoint now, NodeActions& actions);
  void check_flows(TimePoint now, const std::vector<CorrespondentId>& ids);

  // node_group.cpp
  std::uint32_t turn_of(const SessionKey& key) const;
  void compare(TimePoint now, const SessionKey& key, const GroupSessions::Session& theirs);
  void end_lent(TimePoint now);
  void take_over(TimePoint now, const lisp::Eid& client, NodeId node, NodeActions& actions);
  bool begin_theirs(TimePoint now, const lisp::Eid& client, NodeId node, GroupSessions::Session& theirs);

  // node_places.cpp
  bool comes_from_its_place(const HeaderWalk& walk, NodeActions& actions);
  Correspondent* session_of(NodeId client, NodeId node);
  const Correspondent* teller_of(Place& place);
  const RemoteLocators* told_by_node(Place& place);
  std::vector<ResolvedLocator> places_of(Place& place);
  std::vector<AdvertisedLocator> still_told(TimePoint now, Place& place);
  void answer(TimePoint now, const NameQuery& query, NodeActions& actions);
  void install(TimePoint now, const NameQuery& query, Place& place);
  void note(const HostEvent& event, NodeActions& actions);

  NodeSettings settings_;
  EidExchange exchange_;
  HostForwarder forwarder_;
  std::map<NodeId, Place> nodes_;
  GroupSessions group_;
  SessionTurns turns_;         ///< of those here that have changed hands
  std::set<SessionKey> lent_;  ///< another gateway goes on with them
  std::uint64_t taken_over_ = 0, given_up_ = 0;
  Actions did_;  ///< what the engine asked for and settle() has not looked at yet
  std::array<std::uint64_t, static_cast<std::size_t>(NodeDrop::count)> drops_{};
};

}  // namespace ilnp
