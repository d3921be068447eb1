// SPDX-License-Identifier: Apache-2.0
// Map-Server and Map-Resolver in one (RFC 9301 sections 8.2, 8.3), for labs and small sites: takes registrations of the
// prefixes that it was configured with, answers Map-Requests or forwards them, publishes changes (RFC 9437), and tells
// an xTR whose EID-prefix somebody else has registered since.
//
// Registrations are kept for each xTR. Where they do not merge, the xTR that said something new last is the owner; the
// one before it is told so. Until it has acknowledged that, its mere refreshes do not take the prefix back while its
// notice is young: they may have left before it heard.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/base/bounded_map.h"
#include "core/base/crypto.h"
#include "core/base/time.h"
#include "core/lisp/map_publisher.h"
#include "core/lisp/messages.h"
#include "core/lisp/prefix_table.h"
#include "core/lisp/reply_limit.h"

namespace ilnp::lisp {

/// Which nonces of Map-Registers are taken.
enum class NonceCheck : std::uint8_t {
  growing,  ///< RFC 9301: above the last one
  unique,   ///< not one of the last ten minutes: for xTRs that draw them at random
  off,
};

struct MapServerSite {
  struct Prefix {
    EidPrefix eid;
    bool accepts_more_specifics = false;
    bool always_proxy = false;  ///< answers for the xTR also when it did not ask for that
    std::uint32_t most_ttl = 1440;
  };
  std::string name;
  NonceCheck nonce_check = NonceCheck::growing;
  std::vector<Prefix> prefixes;
};

using MapServerSiteId = std::uint16_t;

struct MapServerTuning {
  Duration registration_lifetime = seconds{180};
  Duration superseded_for = seconds{10};
  Duration unique_for = seconds{600};
  bool tell_former_owner = true;
  std::size_t most_registrations = 100'000;  ///< in all
  std::size_t most_xtrs = 10'000;            ///< whose nonces are kept, in all
  std::size_t most_remembered = 100'000;     ///< nonces of the last ten minutes, where they only have to be unique
  double replies_per_second = 1000;
};

/// Names of counters.
enum class MapServerReason : std::uint8_t {
  registered,
  replayed,        ///< the nonce was there before
  not_configured,  ///< a record is outside of the site's prefixes: the whole message is refused
  full,
  superseded,  ///< the refresh of a former owner
  answered,
  forwarded,
  negative,
  not_for_servers,  ///< a probe, an SMR, or a request without a way back
  too_many,         ///< requests
  subscription_replayed,
  subscription_refused,
  count
};

struct MapServerActions {
  struct Notify {  ///< authenticated with the key of `site` that the message names
    IpAddress to;
    std::uint16_t port = control_port;
    MapServerSiteId site = 0;
    MapNotify message;
  };
  struct Reply {
    IpAddress to;
    std::uint16_t port = control_port;
    MapReply message;
  };
  struct Forward {  ///< the Map-Request as it came, in a new Encapsulated Control Message
    IpAddress to;
  };
  std::vector<Notify> notifies;
  std::vector<Reply> replies;
  std::vector<Forward> forwards;
  std::vector<Publication> publications;
};

class MapServer {
 public:
  MapServer(MapServerTuning tuning, PublisherTuning publisher, std::vector<MapServerSite> sites, Random& random);

  /// Whose key a Map-Register has to be authenticated with, by its first record.
  std::optional<MapServerSiteId> site_of(const EidPrefix& eid) const;

  /// Authenticated with a key of `site`.
  MapServerReason on_register(TimePoint now, MapServerSiteId site, const IpAddress& from, std::uint16_t port,
                              const MapRegister& message, MapServerActions& actions);
  /// A Map-Request that came in an Encapsulated Control Message from `from`.
  void on_request(TimePoint now, const IpAddress& from, const EncapsulatedControl& envelope, const MapRequest& request,
                  MapServerActions& actions);
  /// Authenticated with the subscriber's key.
  bool on_acknowledgement(const XtrIdentity& subscriber, const MapNotify& message);
  /// Authenticated with a key of `site`: of the notice that somebody else has an EID-prefix now.
  bool on_notice_acknowledged(const IpAddress& from, const MapNotify& message);
  void on_time(TimePoint now, MapServerActions& actions);
  TimePoint next_deadline() const;

  /// What is answered for the prefix that matches best; nothing: nobody has registered it.
  std::optional<MappingRecord> mapping(const EidPrefix& eid) const;
  std::size_t registrations() const { return registrations_; }
  std::uint64_t counter(MapServerReason reason) const { return counters_[static_cast<std::size_t>(reason)]; }

  /// Nonces survive a restart: the highest of each xTR and key.
  using NonceKey = std::pair<XtrIdentity, std::pair<MapServerSiteId, std::uint8_t>>;
  const std::map<NonceKey, std::uint64_t>& nonces() const { return nonces_; }
  void restore_nonces(std::map<NonceKey, std::uint64_t> nonces) { nonces_ = std::move(nonces); }

 private:
  struct Registration {
    MappingRecord record;
    IpAddress from;
    std::uint16_t port = control_port;
    MapServerSiteId site = 0;
    KeyName key;
    bool merges = false, proxies = false;
    std::uint64_t order = 0;  ///< higher: said something new later
    TimePoint expires{};
    TimePoint superseded = never;
  };
  using Registrants = std::map<XtrIdentity, Registration>;
  using Table = PrefixTable<Registrants>;
  using Place = std::pair<EidPrefix, XtrIdentity>;

  const MapServerSite::Prefix* configured(MapServerSiteId site, const EidPrefix& eid) const;
  bool is_fresh(TimePoint now, MapServerSiteId site, const XtrIdentity& xtr, const MapRegister& message);
  MapServerReason refusal(TimePoint now, MapServerSiteId site, const XtrIdentity& xtr, const MapRegister& message);
  bool apply(TimePoint now, const XtrIdentity& xtr, Registration news);
  bool is_late_refresh(TimePoint now, const Table::Entry& entry, const Registration& old);
  void withdraw(TimePoint now, const EidPrefix& eid, const XtrIdentity& xtr);
  void supersede(TimePoint now, Table::Entry& entry, const XtrIdentity& owner);
  void forget_former(const EidPrefix& eid, const IpAddress& from);
  void tell_former(TimePoint now, const Registration& former, const MappingRecord& current);
  void erase(Table::Entry& entry, const XtrIdentity& xtr);
  void changed(TimePoint now, const EidPrefix& eid);
  static const Registrants::value_type* owner(const Registrants& registrants);
  static MappingRecord merged(const EidPrefix& eid, const Registrants& registrants);
  void answer(TimePoint now, const IpAddress& from, const EncapsulatedControl& envelope, const MapRequest& request,
              const MapRequest::Record& asked, MapServerActions& actions);
  MappingRecord negative(const EidPrefix& asked) const;
  MapServerReason count(MapServerReason reason) {
    ++counters_[static_cast<std::size_t>(reason)];
    return reason;
  }

  MapServerTuning tuning_;
  std::vector<MapServerSite> sites_;
  PrefixTable<std::pair<MapServerSiteId, std::size_t>> configured_;  ///< site, and which of its prefixes
  Table table_;
  MapPublisher publisher_;
  UnsolicitedNotifies<std::pair<EidPrefix, IpAddress>, MapServerActions::Notify> notices_;
  std::uint64_t notice_nonce_;
  std::map<NonceKey, std::uint64_t> nonces_;
  BoundedMap<std::pair<NonceKey, std::uint64_t>, TimePoint> seen_;
  ReplyLimit limit_;
  std::set<std::pair<TimePoint, Place>> expiries_;
  std::size_t registrations_ = 0;
  std::uint64_t last_order_ = 0;
  std::array<std::uint64_t, static_cast<std::size_t>(MapServerReason::count)> counters_{};
};

}  // namespace ilnp::lisp
