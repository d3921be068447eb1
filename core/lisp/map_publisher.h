// SPDX-License-Identifier: Apache-2.0
// The Map-Server's side of PubSub (RFC 9437): who wants to hear of which EID-prefix, and Map-Notifies that are repeated
// until they are acknowledged.
//
// A subscription:
//   confirming   the Map-Notify with the nonce of its Map-Request is on its way.   acknowledged -> quiet
//   quiet        the subscriber knows what there is.                              publish() -> publishing
//   publishing   a Map-Notify with the next nonce is on its way.                  acknowledged -> quiet;
//                another publish() -> publishing the newer one
// After seven Map-Notifies without an answer, to each of its ITR-RLOCs in turn, the subscription is gone; after three,
// if it never was acknowledged: a Map-Request is not authenticated, and the ITR-RLOCs in it may be anybody's.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "core/base/rate_limit.h"
#include "core/base/time.h"
#include "core/lisp/messages.h"
#include "core/lisp/prefix_table.h"
#include "core/lisp/unsolicited_notifies.h"

namespace ilnp::lisp {

struct PublisherTuning {
  std::size_t most_subscriptions = 10'000, most_per_xtr = 1000;
  double notifies_per_second = 200;
};

/// Map-Notify to a subscriber; authenticated with the key that is shared with it.
struct Publication {
  IpAddress to;
  XtrIdentity subscriber;
  std::uint64_t nonce = 0;
  MappingRecord record;
};

class MapPublisher {
 public:
  enum class Answer : std::uint8_t {
    subscribed,    ///< the Map-Notify is the answer
    unsubscribed,  ///< so it is here
    replay,        ///< nonce not above the last one: no answer at all
    full,          ///< refused by policy (ACT 4)
  };

  MapPublisher(PublisherTuning tuning, std::uint64_t seed)
      : tuning_{tuning}, table_{seed}, pace_{tuning.notifies_per_second, tuning.notifies_per_second / 10} {}

  /// A Map-Request with the notification bit. `record` is what there is; `from` gets the confirmation of an end, which
  /// names no ITR-RLOC.
  Answer subscribe(TimePoint now, const MapRequest& request, const EidPrefix& eid, const IpAddress& from,
                   const MappingRecord& record);
  /// The mapping changed: to everybody who subscribed to the prefix, to one that covers it or to a part of it.
  void publish(TimePoint now, const MappingRecord& record);
  /// Authenticated. False: it acknowledges nothing that is on its way to that subscriber.
  bool on_acknowledgement(const XtrIdentity& subscriber, const EidPrefix& eid, std::uint64_t nonce);

  void on_time(TimePoint now, std::vector<Publication>& out);
  TimePoint next_deadline() const;
  std::size_t size() const { return size_; }
  std::uint64_t given_up() const { return given_up_; }

 private:
  struct Subscription {
    std::vector<IpAddress> rlocs;
    bool acknowledged = false;  ///< once at least
    std::uint64_t nonce = 0;
    bool ends = false;
  };
  using Subscribers = std::map<XtrIdentity, Subscription>;
  using Place = std::pair<EidPrefix, XtrIdentity>;

  /// f(place, subscription) for whatever covers the prefix or is a part of it; ends when f says true.
  template <class F>
  bool any_related(const EidPrefix& eid, F&& f);
  void tell(TimePoint now, const Place& place, const Subscription& subscription, const MappingRecord& record);
  void erase(const Place& place);
  Subscription* find(const Place& place);

  PublisherTuning tuning_;
  PrefixTable<Subscribers> table_;
  RateLimit pace_;
  std::map<XtrIdentity, std::size_t> per_xtr_;
  struct Notify {
    std::vector<IpAddress> rlocs;
    std::uint64_t nonce = 0;
    bool acknowledged = false;
    MappingRecord record;
  };
  UnsolicitedNotifies<Place, Notify> notifies_;
  std::vector<Publication> once_;  ///< ends of what was not there
  TimePoint paced_until_{};
  std::size_t size_ = 0;
  std::uint64_t given_up_ = 0;
};

}  // namespace ilnp::lisp
