// SPDX-License-Identifier: Apache-2.0
// A LISP router's control plane as one object: ITR, ETR and the signalling between them, from datagrams to datagrams.
// It owns the machines of this folder, knows the keys, and decides which machine a message is for (RFC 9301 section 5).
// Packets of the data plane only ask it: where to (route), and whose is this (place_of).
//
// Two kinds of EID-prefixes are ours. Those of the site are registered as long as we run. Mobile EIDs, hosts in a
// configured block, come and go: each has an EidPresence, which is told what happens and says what follows.
//
// Files: xtr.cpp (construction, time, data plane), xtr_control.cpp (datagrams in), xtr_notify.cpp (Map-Notifies in),
// xtr_send.cpp (datagrams out), xtr_change.cpp (Change-Priority), xtr_presence.cpp (mobile EIDs), xtr_server.h (the
// embedded Map-Server), xtr_keys.h (which secret a message may have been made with), xtr_peers.h (who speaks
// Change-Priority).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/crypto.h"
#include "core/lisp/change_signalling.h"
#include "core/lisp/client_log.h"
#include "core/lisp/eid_presence.h"
#include "core/lisp/itr.h"
#include "core/lisp/map_server.h"
#include "core/lisp/reasons.h"
#include "core/lisp/registration_client.h"
#include "core/lisp/subscriptions.h"
#include "core/lisp/xtr_reasons.h"

namespace ilnp::lisp {

/// Both clocks: the steady one for timers, the wall for nonces.
struct Instant {
  TimePoint now{};
  std::uint64_t unix_microseconds = 0;
};

struct Secret {
  KeyName name;
  ByteVector octets;
  bool truncated = false;  ///< 16 octets of algorithm 2, as RFC 4868 says; 12 of algorithm 1 are taken as well
};

/// Another LISP implementation's habits (specification of the project, section 9).
enum class PeerProfile : std::uint8_t { generic, oor, lispers, opendaylight, frr, openlisp };

/// How type 5 from and to a peer is understood.
enum class RawChangePriority : std::uint8_t { off, thesis, openlisp };

struct XtrMapServer {
  std::string name;
  IpAddress address;
  std::vector<Secret> secrets;  ///< the first is used, the others are tried when it stays unanswered
  PeerProfile profile = PeerProfile::generic;
  bool merges = false, proxy_reply = true;
  bool subscribes = false;  ///< PubSub: what the map-cache holds of its mappings is subscribed to there
  std::vector<Secret> subscriber_secrets{};  ///< of its Map-Notifies for PubSub; none: `secrets`
};

/// Somebody with whom Change-Priority is spoken: a gateway, a client's xTR, or a hypervisor.
struct XtrPeer {
  std::string name;
  std::vector<IpAddress> addresses;  ///< its RLOCs, or where the hypervisor sends from
  XtrIdentity identity{};            ///< zero: any that has the key
  std::vector<Secret> secrets;
  std::vector<EidPrefix> scope;  ///< EIDs that it may speak about
  bool may_announce = false;     ///< ARRIVE: a hypervisor or an orchestrator
  bool is_gateway = false;       ///< gets TRANSFERs of EIDs whose former owner is unknown
  bool is_trusted = false;       ///< its UPDATEs count wherever they are sent from
  RawChangePriority raw = RawChangePriority::off;
};

struct XtrSettings {
  XtrIdentity own;
  Underlay underlay;
  std::vector<RlocRecord> rlocs;  ///< as they are registered
  std::vector<IpAddress> map_resolvers;
  std::vector<XtrMapServer> map_servers;
  std::vector<XtrPeer> peers;
  std::vector<EidPrefix> site;    ///< registered always
  std::vector<EidPrefix> mobile;  ///< blocks whose hosts may be here
  std::vector<MappingRecord> static_mappings;
  std::uint32_t site_ttl = 1440, mobile_ttl = 5;  ///< minutes
  bool proxies = false;                           ///< PITR: asks with p
  bool change_priority = true;                    ///< off: SMRs only
  std::uint16_t change_priority_subtype = 3950;
  MappingRules rules;
  ItrPolicy itr;
  MapCacheTuning cache;
  ResolutionTuning resolution;
  ProbingTuning probing;
  RegistrationTuning registration;
  ClientLogTuning clients;
  SignallingTuning signalling;
  PresenceTuning presence;
  /// The embedded Map-Server: none without sites. Its keys are by site; those of subscribers by xTR.
  struct Server {
    struct Site {
      MapServerSite site;
      std::vector<Secret> secrets;
    };
    std::vector<Site> sites;
    std::vector<Secret> subscriber_secrets;
    MapServerTuning tuning;
    PublisherTuning publisher;
  } server;
};

struct ControlReceived {
  IpAddress source, destination;  ///< ours
  std::uint16_t source_port = 0;
  Bytes message;
};

struct ControlToSend {
  IpAddress to;
  std::uint16_t port = control_port;
  std::optional<IpAddress> from{};  ///< of ours; the kernel's choice where it does not matter
  ByteVector message;
};

/// Worth an operator's eye; the daemon logs them under these names.
struct XtrEvent {
  enum class Kind : std::uint8_t {
    registered,            ///< `eid` with the Map-Server `peer`
    registration_lost,     ///< no Map-Notify for three minutes
    registration_key,      ///< the Map-Server `peer` gets another key from now on
    presence,              ///< of `eid`: `state`
    arrival_unregistered,  ///< moved in, and no Map-Server confirms
    dual_claim,            ///< it is here, and somebody else registers it
    mapping_disagrees,     ///< what `peer` said in an UPDATE is not what the mapping system says
    unanswered,            ///< nobody answers for `eid`
    transfer_unanswered,   ///< the former owner of `eid` does not acknowledge
    mapping_changed,       ///< packets for `eid` go to `rloc` from now on
    client_solicited,      ///< SMR about `eid` to `rloc`
    client_updated,        ///< UPDATE about `eid` to `rloc`
    rloc_up,
    rloc_down,
    subscribed,
    subscription_ended,
  };
  Kind kind;
  EidPrefix eid{};
  IpAddress rloc{};
  std::string peer{};
  EidPresence::State state{};
};

struct XtrActions {
  std::vector<ControlToSend> datagrams;
  std::vector<WaitingPacket> packets;  ///< to be routed once more
  std::vector<XtrEvent> events;
  /// Mobile EIDs that begin or cease to be delivered here: host routes.
  struct Delivery {
    Eid eid;
    bool here = false;
  };
  std::vector<Delivery> deliveries;
  bool memory_changed = false;     ///< XtrMemory has to be on the disk before `datagrams` leave
  bool presences_changed = false;  ///< saved_presences() are others than before

  bool empty() const {
    return datagrams.empty() && packets.empty() && events.empty() && deliveries.empty() && !memory_changed &&
           !presences_changed;
  }
  void clear() {
    datagrams.clear();
    packets.clear();
    events.clear();
    deliveries.clear();
    memory_changed = presences_changed = false;
  }
};

/// What has to survive a restart (RFC 9301 section 5.6): nonces only grow.
struct XtrMemory {
  std::uint64_t registration_nonce = 0, change_nonce = 0;  ///< reserved
  std::map<ChangeReceiver::Sender, std::uint64_t> change_highest;
  std::vector<std::pair<EidPrefix, std::uint64_t>> subscriptions;
  std::map<MapServer::NonceKey, std::uint64_t> server_nonces;
};

/// Whose an EID is, for a packet that came to us.
struct EidPlace {
  enum class Kind : std::uint8_t {
    remote,  ///< not ours
    site,    ///< of the site, or mobile and here
    away,    ///< was here a moment ago: goes on to the RLOCs of `elsewhere`
  };
  Kind kind = Kind::remote;
  const MappingRecord* elsewhere = nullptr;  ///< away; until the next call that changes something
};

class Xtr {
 public:
  /// `memory`: of the run before; nothing: there was none, or it was lost.
  Xtr(XtrSettings settings, std::optional<XtrMemory> memory, Random& random, Hmac& hmac);
  ~Xtr();

  // --- Data plane
  ItrVerdict route(TimePoint now, const Eid& source, const Eid& destination, const Flow& flow, const Packet& packet,
                   XtrActions& actions);
  EidPlace place_of(TimePoint now, const Eid& eid) const;
  /// Whether the mapping system says that `source` is behind that RLOC; asks it when nothing is known.
  bool is_behind(TimePoint now, const Eid& source, const IpAddress& rloc, XtrActions& actions);
  /// A data packet for `destination`, which is ours or was, came from that RLOC: it is in the client log from now on,
  /// and hears when it is late.
  void on_data(Instant at, const Eid& destination, const IpAddress& outer_source, XtrActions& actions);
  /// An ICMP error says that it may not be reached.
  void doubt(TimePoint now, const IpAddress& rloc);
  void expect(std::span<const Eid> destinations) const;

  // --- Control plane
  /// A datagram to port 4342, or from it.
  void on_control(Instant at, const ControlReceived& datagram, XtrActions& actions);
  void on_time(Instant at, XtrActions& actions);
  TimePoint next_deadline() const;

  // --- Mobile EIDs (their registrations leave with on_time(), which is due then): what the ILNP side, neighbour
  // discovery, a hypervisor or an operator knows.
  bool is_mobile(const Eid& eid) const;
  /// It is here, with this record (RLOCs of the gateways that serve its locators). Again: the record changed.
  void arrived(Instant at, const MappingRecord& record, XtrActions& actions);
  /// It did not come after all.
  void not_here(Instant at, const EidPrefix& eid, XtrActions& actions);
  /// It sent a packet here.
  void heard(TimePoint now, const EidPrefix& eid);
  /// It does not run here any more.
  void stopped(const EidPrefix& eid);
  void locators_gone(TimePoint now, const EidPrefix& eid);
  void locators_back(TimePoint now, const EidPrefix& eid);
  /// An orchestrator says that it is about to come, or to go.
  void will_move(Instant at, const EidPrefix& eid, XtrActions& actions);
  /// Those that a gateway which starts anew has to know.
  std::vector<SavedPresence> saved_presences(TimePoint now) const;
  /// Of the run before: what is not known meanwhile goes on as it was.
  void restore(Instant at, const std::vector<SavedPresence>& saved, XtrActions& actions);
  /// The client log of a gateway that has died.
  bool restore_clients(TimePoint now, Bytes saved);
  /// The record that a mobile EID has when nothing else is known: all our RLOCs.
  MappingRecord own_record(const EidPrefix& eid) const;

  // --- For the operator
  const MapCache& cache() const;
  const RlocProbing& probing() const;
  const ClientLog& clients() const;
  const MapServer* server() const;
  const RegistrationClient& registrations() const;
  const XtrSettings& settings() const;
  std::uint64_t drops(ItrDrop reason) const;
  std::uint64_t refused(ReadError reason) const;
  std::uint64_t dropped(XtrDrop reason) const;
  /// f(const EidPrefix&, const EidPresence&)
  template <class F>
  void for_each_presence(F&& f) const {
    for (const auto& [eid, presence] : presences()) f(eid, presence);
  }
  XtrMemory memory() const;

 private:
  struct Parts;
  const std::map<EidPrefix, EidPresence>& presences() const;
  std::unique_ptr<Parts> parts_;
};

}  // namespace ilnp::lisp
