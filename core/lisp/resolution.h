// SPDX-License-Identifier: Apache-2.0
// The ITR's side of the mapping system: asks for EIDs that the map-cache does not know, believes answers to its own
// questions only, and takes everything else that says something about mappings for a hint to ask (RFC 9301 sections 6
// and 8.1, RFC 7835). What is authenticated changes the cache at once: a publication (RFC 9437) for good, an UPDATE of
// Change-Priority until the mapping system has confirmed it.
//
// The states are those of the entries (map_cache.h). Every pending, stale or tentative entry that can still be answered
// has its question in Questions; an answer, or no answer after all tries, ends it.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "core/lisp/change_receiver.h"
#include "core/lisp/map_cache.h"
#include "core/lisp/mapping_rules.h"
#include "core/lisp/messages.h"
#include "core/lisp/questions.h"
#include "core/lisp/waiting_packets.h"

namespace ilnp::lisp {

struct ResolutionTuning {
  QuestionsTuning questions;
  WaitingTuning waiting;
  double new_eids_of_source = 50;  ///< per second, also as a burst
  // SMR (RFC 9301 section 6.1)
  Duration smr_spacing = seconds{3};  ///< for one prefix
  double smr_rate = 50;               ///< in all
  bool smr_strict = false;            ///< only from an RLOC of the entry
  bool smr_asks_for_host = false;     ///< not for the cached prefix: for mapping systems that answer prefixes literally
  // Change-Priority
  Duration longest_update = seconds{300};
  Duration verify_after = seconds{1}, verify_spread = seconds{4};
  Duration verify_again = seconds{1};  ///< the Map-Server may have heard a moment later
  Duration distrust = seconds{600};
  bool swaps_drop_and_ask = false;  ///< ACT 2 and 3 of OpenLISP
};

struct ResolutionEvent {
  enum class Kind : std::uint8_t {
    unanswered,  ///< nobody answered for `eid`
    disagreed,   ///< the mapping system does not confirm what `sender` said about `eid`: he is not believed for a while
    changed,     ///< a record for `eid` says `rloc`, and what was known before does not
  };
  Kind kind;
  EidPrefix eid;
  XtrIdentity sender{};
  IpAddress rloc{};
};

struct ResolutionActions {
  struct Send {
    MapRequest message;
    IpAddress eid;    ///< destination of the inner packet (RFC 9301 section 5.8)
    int attempt = 0;  ///< another Map-Resolver may be luckier
  };
  std::vector<Send> requests;          ///< to a Map-Resolver, never to who gave the hint
  std::vector<WaitingPacket> packets;  ///< there is an answer: to be forwarded once more, whatever it says
  std::vector<ResolutionEvent> events;
};

/// An UPDATE whose authentication is good, before ChangeReceiver has seen it: what is refused here is not a duplicate
/// when it comes again.
struct AuthenticUpdate {
  const ChangePriority& message;
  IpAddress from;
  bool key_covers_eids = false;    ///< of all records
  bool sender_is_trusted = false;  ///< for these EIDs, by configuration, wherever it sends from
};
enum class UpdateVerdict : std::uint8_t {
  accepted,   ///< acknowledge it
  duplicate,  ///< acknowledge it again
  refused,    ///< counted
};

class Resolution {
 public:
  /// What is given by reference outlives it, and may change.
  Resolution(const ResolutionTuning& tuning, Random& random, const Underlay& underlay, const MappingRules& rules,
             MapCache& cache, ChangeReceiver& receiver, ItrDrops& drops);

  /// No entry, or a pending one: the packet waits, or is dropped. `packet`: nullptr when it does not wait for the
  /// answer. `source`: nothing where no packet to there is the reason; all such questions share one limit.
  void on_miss(TimePoint now, const std::optional<Eid>& source, const Eid& destination, const Packet* packet,
               ResolutionActions& actions);
  /// Asks again for an entry that is of no use: no RLOC can be reached, or ACT says so.
  void ask_again(TimePoint now, Mapping& mapping, ResolutionActions& actions);

  void on_map_reply(TimePoint now, const MapReply& reply, ResolutionActions& actions);
  /// Map-Request with S, `from` that RLOC.
  void on_smr(TimePoint now, const MapRequest& smr, const IpAddress& from, ResolutionActions& actions);
  /// A record of a Map-Notify that a subscription has accepted.
  void on_publication(TimePoint now, const MappingRecord& record, ResolutionActions& actions);
  /// That EID-prefix is ours from now on: no question about it, and nothing waits.
  void on_own(TimePoint now, const MappingRecord& record, ResolutionActions& actions);
  UpdateVerdict on_update(TimePoint now, const AuthenticUpdate& update, ResolutionActions& actions);

  /// Also the cache's timers.
  void on_time(TimePoint now, ResolutionActions& actions);
  TimePoint next_deadline() const { return std::min(questions_.next_deadline(), cache_.next_deadline()); }

  std::size_t questions() const { return questions_.size(); }
  std::size_t waiting_eids() const { return waiting_.size(); }

 private:
  /// An entry by the word of somebody who is not the mapping system.
  struct Tentative {
    XtrIdentity sender;
    bool disagreed = false;  ///< once
  };

  RateLimit& limit_of(const Eid& source);
  bool ask(TimePoint now, const Question& question, Duration delay, ResolutionActions& actions);
  void send_due(TimePoint now, ResolutionActions& actions);
  void refresh(TimePoint now, const EidPrefix& eid, bool is_smr_invoked, ResolutionActions& actions);
  void give_up(TimePoint now, const Question& question, ResolutionActions& actions);

  MappingRecord believed(const MappingRecord& record);
  void answered(TimePoint now, const Question& question, std::vector<MappingRecord> records, const EidPrefix& anchor,
                ResolutionActions& actions);
  void settle(const Question& question, const EidPrefix& anchor);
  bool is_asked_once_more(TimePoint now, const Question& question, const MappingRecord& answer,
                          ResolutionActions& actions);
  void release(const EidPrefix& eid, ResolutionActions& actions);
  /// Nothing for `longest`: as long as the cache keeps any.
  Mapping* install(TimePoint now, const MappingRecord& record, MappingOrigin origin, std::optional<Duration> longest,
                   ResolutionActions& actions);

  /// The entry that an SMR is about, and which EID of it.
  std::pair<Mapping*, Eid> concerned_by(const MapRequest& smr);
  std::optional<ItrDrop> objection(TimePoint now, const AuthenticUpdate& update);
  std::optional<ItrDrop> objection(const AuthenticUpdate& update, const MappingRecord& record);
  void try_out(TimePoint now, const XtrIdentity& sender, const MappingRecord& record, ResolutionActions& actions);

  ResolutionTuning tuning_;
  Random& random_;
  const Underlay& underlay_;
  const MappingRules& rules_;
  MapCache& cache_;
  ChangeReceiver& receiver_;
  ItrDrops& drops_;
  Questions questions_;
  WaitingPackets waiting_;
  std::uint64_t seed_;
  std::vector<RateLimit> source_limits_;  ///< by keyed hash: sources that share one share its tokens
  BoundedMap<EidPrefix, TimePoint> last_smr_;
  RateLimit smr_rate_;
  std::map<EidPrefix, Tentative> tentative_;  ///< each with a question
  BoundedMap<XtrIdentity, TimePoint> distrusted_until_;
};

}  // namespace ilnp::lisp
