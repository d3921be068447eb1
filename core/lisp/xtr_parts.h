// SPDX-License-Identifier: Apache-2.0
// What Xtr is made of: the machines, and the paths of messages between them and the network. Only the files of Xtr
// include it.
//
// Whatever is sent goes through post(). What goes to an address of ours does not see the network: it is handed over in
// the next turn, as if it had come from there, so that no machine is called while it is still at work.
#pragma once

#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/lisp/probe_responder.h"
#include "core/lisp/raw_change_priority.h"
#include "core/lisp/request_responder.h"
#include "core/lisp/xtr.h"
#include "core/lisp/xtr_keys.h"
#include "core/lisp/xtr_peers.h"
#include "core/lisp/xtr_server.h"

namespace ilnp::lisp {

struct Xtr::Parts {
  Parts(XtrSettings given, std::optional<XtrMemory> memory, Random& chance, Hmac& mac);

  // --- Out (xtr_send.cpp)
  void post(ControlToSend datagram, XtrActions& actions);
  void post_all(std::vector<ControlToSend> datagrams, XtrActions& actions);
  /// In an Encapsulated Control Message. Its inner source is of the family of the EID, as its header has one family
  /// (RFC 9301 section 5.8): an RLOC, or, where we have none of the family, an address of an EID of ours.
  void ask(const IpAddress& resolver, MapRequest request, XtrActions& actions);
  void forward(const IpAddress& to, const EncapsulatedControl& envelope, XtrActions& actions);
  void send(const ResolutionActions::Send& request, XtrActions& actions);
  void send(const RegistrationActions::Send& message, XtrActions& actions);
  void send(const ChangeSend& change, XtrActions& actions);
  void send_raw(std::uint64_t unix_microseconds, const ChangeSend& change, XtrActions& actions);
  void send_openlisp(std::uint64_t unix_microseconds, const XtrPeer& peer, OpenLispNotice::Kind kind,
                     const MappingRecord& record, XtrActions& actions);
  void acknowledge(const ControlReceived& datagram, const Secret& secret, ChangePriority message, XtrActions& actions);

  // --- What the machines want
  void obey(ResolutionActions wanted, XtrActions& actions);
  void obey(Instant at, const RegistrationActions& wanted, XtrActions& actions);
  void obey(const ProbingActions& wanted, XtrActions& actions);
  /// `asked`: octets of the question.
  void obey(Instant at, const ResponderActions& wanted, std::size_t asked, XtrActions& actions);
  /// As much of it as may answer `asked` octets.
  void post_reply(ControlToSend to, MapReply reply, std::size_t asked, XtrActions& actions);
  void obey(Instant at, const SignallingActions& wanted, XtrActions& actions);

  // --- In (xtr_control.cpp)
  void receive(Instant at, const ControlReceived& datagram, XtrActions& actions);
  void on_map_request(Instant at, const ControlReceived& datagram, XtrActions& actions);
  void on_encapsulated(Instant at, const ControlReceived& datagram, XtrActions& actions);
  void on_probe(Instant at, const ControlReceived& datagram, const MapRequest& probe, XtrActions& actions);
  /// Through the embedded Map-Server.
  void resolve(Instant at, const ControlReceived& datagram, const EncapsulatedControl& envelope,
               const MapRequest& request, XtrActions& actions);
  /// As the ETR. False: it is about nothing of ours.
  bool answer(Instant at, const EncapsulatedControl& question, const MapRequest& request, XtrActions& actions);
  void on_map_reply(Instant at, const ControlReceived& datagram, XtrActions& actions);

  // --- Map-Notifies, subscriptions (xtr_notify.cpp)
  struct Subscriber {
    Subscriber(std::size_t of, const SubscriptionsTuning& tuning, const XtrIdentity& own, bool lost_state,
               std::uint64_t seed, ItrDrops& drops)
        : server{of}, machine{tuning, own, lost_state, seed, drops} {}
    std::size_t server;  ///< of settings.map_servers
    Subscriptions machine;
  };
  void on_map_notify(Instant at, const ControlReceived& datagram, XtrActions& actions);
  void on_notice(Instant at, std::size_t server, const MapNotify& notice, XtrActions& actions);
  void obey(Instant at, Subscriber& subscriber, const SubscriptionActions& wanted, XtrActions& actions);
  /// What the map-cache uses of these.
  void subscribe_to(Instant at, const std::vector<MappingRecord>& records);
  /// Ends what is of no use any more.
  void review_subscriptions(TimePoint now);

  // --- Who has an EID (xtr_notify.cpp)
  struct OwnerQuestion {
    EidPrefix eid;
    TimePoint sent{};
    bool at_arrival = false;  ///< the former owner gets a TRANSFER; otherwise the answer is a claim
    std::optional<std::pair<std::size_t, std::uint64_t>> notice{};  ///< Map-Server and nonce of what made us ask
  };
  void ask_owner(Instant at, OwnerQuestion question, XtrActions& actions);
  bool on_owner_answer(Instant at, const MapReply& reply, XtrActions& actions);

  // --- Change-Priority (xtr_change.cpp)
  void on_shared_extension(Instant at, const ControlReceived& datagram, XtrActions& actions);
  void on_type_five(Instant at, const ControlReceived& datagram, XtrActions& actions);
  void on_raw_change(Instant at, const ControlReceived& datagram, const XtrPeer& peer, XtrActions& actions);
  void on_openlisp(Instant at, const IpAddress& from, const XtrPeer& peer, const OpenLispNotice& notice,
                   XtrActions& actions);
  enum class Heard : std::uint8_t {
    refused,
    again,   ///< to be acknowledged once more
    obeyed,  ///< to be acknowledged
  };
  Heard on_change(Instant at, const IpAddress& from, const XtrPeer& peer, const ChangePriority& message,
                  const Epoch& epoch, XtrActions& actions);
  bool obey_change(Instant at, const ChangePriority& message, const Epoch& epoch, XtrActions& actions);
  bool on_transfer(Instant at, const MappingRecord& record, const Epoch& epoch, XtrActions& actions);
  std::optional<XtrDrop> objection(const IpAddress& from, const XtrPeer& peer, const ChangePriority& message);
  void on_acknowledged(Instant at, const ChangePriority& message, XtrActions& actions);
  void on_given_up(Instant at, const std::vector<ChangeSend>& given_up, XtrActions& actions);
  void transfer(Instant at, const XtrPeer& peer, const MappingRecord& record, XtrActions& actions);
  void transfer_to(Instant at, const std::vector<const XtrPeer*>& peers, const MappingRecord& record,
                   XtrActions& actions);
  void hand_over_clients(Instant at, const XtrPeer& peer, const EidPrefix& eid, XtrActions& actions);
  void send_more_clients(TimePoint now, const EidPrefix& eid);
  void take_clients(TimePoint now, const MappingRecord& record);
  /// A client sent here what is elsewhere. True: it is told.
  bool remind(TimePoint now, const EidPrefix& eid, const MappingRecord& record, const IpAddress& rloc);

  // --- Mobile EIDs (xtr_presence.cpp)
  bool is_mobile(const EidPrefix& eid) const;
  EidPresence* presence_of(const EidPrefix& eid);
  EidPresence* make_presence(TimePoint now, const EidPrefix& eid);
  /// f(EidPresence&, EidPresence::Actions&), then what follows of it.
  template <class F>
  void tell(Instant at, const EidPrefix& eid, XtrActions& actions, F&& f) {
    EidPresence* presence = presence_of(eid);
    if (presence == nullptr) return;
    const EidPresence::State before = presence->state();
    EidPresence::Actions wanted;
    f(*presence, wanted);
    follow(at, eid, before, wanted, actions);
  }
  void follow(Instant at, const EidPrefix& eid, EidPresence::State before, const EidPresence::Actions& wanted,
              XtrActions& actions);
  void obey(Instant at, const EidPrefix& eid, const PresenceAction& wanted, XtrActions& actions);
  void announce(TimePoint now, const EidPrefix& eid, const MappingRecord& gone);
  void begin_here(Instant at, const EidPrefix& eid, XtrActions& actions);
  void register_it(Instant at, const EidPrefix& eid);
  void end_here(Instant at, const EidPrefix& eid, XtrActions& actions);
  void relay(Instant at, const EidPrefix& eid, const MappingRecord& record, XtrActions& actions);
  void prepare(Instant at, const EidPrefix& eid, XtrActions& actions);
  void watch_rlocs(TimePoint now, const EidPrefix& eid);
  void arrived(Instant at, const MappingRecord& record, XtrActions& actions);
  std::vector<SavedPresence> saved_presences(TimePoint now) const;
  void restore(Instant at, const SavedPresence& saved, XtrActions& actions);
  void look_for_former(Instant at, const EidPrefix& eid, XtrActions& actions);
  void claimed(Instant at, const MappingRecord& record, XtrActions& actions);
  void look_whether_told(Instant at, const EidPrefix& eid, XtrActions& actions);
  void purge_presences();
  MappingRecord record_of(const EidPrefix& eid) const;
  std::vector<RlocRecord> own_rlocs() const;
  /// As those hear it who used other RLOCs before: these are in it, as not to be used any more.
  MappingRecord with_former(MappingRecord record, const std::vector<RlocRecord>& former) const;

  // --- Time and memory (xtr.cpp)
  void start(TimePoint now);
  void run(Instant at, XtrActions& actions);
  void run_registrations(Instant at, XtrActions& actions);
  void run_presences(Instant at, XtrActions& actions);
  void look_at_memory(TimePoint now, XtrActions& actions);
  TimePoint next_deadline() const;
  XtrMemory memory() const;
  bool owns(const IpAddress& address) const { return settings.underlay.owns(address); }
  /// At most one of a family.
  std::vector<IpAddress> reply_addresses() const;
  bool names_others(const MappingRecord& record) const;

  XtrSettings settings;
  Random& random;
  Hmac& hmac;
  ItrDrops drops;
  ControlCounters counters;

  MapCache cache;
  ChangeReceiver receiver;
  Resolution resolution;
  RlocProbing probing;
  Itr itr;
  ProbeResponder probe_responder;
  RequestResponder responder;
  RegistrationClient registrations;
  ClientLog clients;
  ChangePeers peers;
  ChangeSender changes;
  ChangeSignalling signalling;
  GrowingNonce raw_nonces;
  SourceLimit change_limit;
  std::unique_ptr<XtrServer> server;
  std::deque<Subscriber> subscribers;
  std::map<EidPrefix, std::uint64_t> known_subscriptions;  ///< of the run before
  TimePoint review_at = never;

  std::map<std::uint64_t, OwnerQuestion> owner_questions;       ///< by nonce
  RateLimit owner_limit, hint_limit;                            ///< questions; those of them that an SMR made us ask
  BoundedMap<EidPrefix, TimePoint> owner_asked;                 ///< because of a hint
  std::map<std::size_t, std::uint64_t> notice_nonces;           ///< highest that was believed, by Map-Server
  BoundedMap<EidPrefix, TimePoint> noticed;                     ///< when the mapping system said that others have it
  std::map<EidPrefix, std::deque<ChangeSend>> clients_to_send;  ///< CLIENT-LOGs after the one on its way
  BoundedMap<std::pair<EidPrefix, IpAddress>, TimePoint> late;  ///< when a late client was told last
  RateLimit reminder_limit;                                     ///< of those that were in no log

  /// Whose EIDs are, for packets.
  struct Place {
    EidPlace::Kind kind = EidPlace::Kind::site;
    MappingRecord elsewhere{};
    EidPresence* presence = nullptr;  ///< mobile
    bool has_changed = false;  ///< its RLOCs, since it came: that data comes here does not show that a client knows
    IpAddress last_client{};   ///< that sent here, and when it was written down: of the next packet nothing is new
    TimePoint last_heard{};
  };
  PrefixTable<Place> places;
  std::map<EidPrefix, EidPresence> presences;
  std::map<EidPrefix, MappingRecord> records;  ///< of mobile EIDs that are here
  std::map<EidPrefix, TimePoint> presence_due;
  BoundedMap<EidPrefix, TimePoint> watched;  ///< about to move: until when their RLOCs are probed more often
  TimePoint purged_at{};
  std::set<std::pair<TimePoint, EidPrefix>> due_presences;

  std::deque<ControlToSend> to_ourselves;
  bool is_started = false;
  std::uint64_t saved_registration_nonce = 0, saved_change_nonce = 0;
  bool has_heard_nonces = false;  ///< of others: they may be on the disk a second later
  TimePoint saved_at{};
};

}  // namespace ilnp::lisp
