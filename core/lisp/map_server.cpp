// SPDX-License-Identifier: Apache-2.0
#include "core/lisp/map_server.h"

#include <algorithm>

#include "core/lisp/mapping_record.h"

namespace ilnp::lisp {
namespace {

constexpr std::uint32_t ttl_hole = 15, ttl_unregistered = 1;  // minutes

/// Of a registrant that does not say who it is, its address says it.
XtrIdentity identity_of(const MapRegister& message, const IpAddress& from) {
  if (message.sender) return *message.sender;
  XtrIdentity identity;
  std::copy(from.octets().begin(), from.octets().end(), identity.xtr.begin());
  return identity;
}

/// As everybody else is told: nothing in it is local to the one who answers.
MappingRecord as_told(MappingRecord record) {
  record.is_authoritative = false;
  for (RlocRecord& rloc : record.rlocs) rloc.is_local = rloc.is_probed = false;
  return record;
}

}  // namespace

MapServer::MapServer(MapServerTuning tuning, PublisherTuning publisher, std::vector<MapServerSite> sites,
                     Random& random)
    : tuning_{tuning},
      sites_{std::move(sites)},
      configured_{random.u64()},
      table_{random.u64()},
      publisher_{publisher, random.u64()},
      notice_nonce_{random.u64()},
      seen_{tuning.most_remembered},
      limit_{tuning.replies_per_second} {
  for (std::size_t site = 0; site < sites_.size(); ++site)
    for (std::size_t k = 0; k < sites_[site].prefixes.size(); ++k)
      configured_.insert(sites_[site].prefixes[k].eid).first->second = {static_cast<MapServerSiteId>(site), k};
}

std::optional<MapServerSiteId> MapServer::site_of(const EidPrefix& eid) const {
  const auto* found = configured_.match(eid);
  if (found == nullptr) return std::nullopt;
  return found->second.first;
}

/// The longest prefix of that site, unless another site's lies between.
const MapServerSite::Prefix* MapServer::configured(MapServerSiteId site, const EidPrefix& eid) const {
  const auto* found = configured_.match(eid);
  if (found == nullptr || found->second.first != site) return nullptr;
  const MapServerSite::Prefix& prefix = sites_[site].prefixes[found->second.second];
  return prefix.eid == eid || prefix.accepts_more_specifics ? &prefix : nullptr;
}

// --- Registrations
// ---------------------------------------------------------------------------------------------------------------

bool MapServer::is_fresh(TimePoint now, MapServerSiteId site, const XtrIdentity& xtr, const MapRegister& message) {
  const NonceKey key{xtr, {site, message.key.key}};
  switch (sites_[site].nonce_check) {
    case NonceCheck::off:
      return true;
    case NonceCheck::unique: {
      const TimePoint* seen = seen_.find({key, message.nonce});
      if (seen != nullptr && now - *seen < tuning_.unique_for) return false;
      seen_.put({key, message.nonce}, now);
      return true;
    }
    case NonceCheck::growing:
      break;
  }
  const auto last = nonces_.find(key);
  if (last == nonces_.end()) return true;
  return message.nonce > last->second;
}

/// Looks at all of it before anything is believed.
MapServerReason MapServer::refusal(TimePoint now, MapServerSiteId site, const XtrIdentity& xtr,
                                   const MapRegister& message) {
  const bool is_inside = std::all_of(message.records.begin(), message.records.end(),
                                     [&](const auto& record) { return configured(site, record.eid) != nullptr; });
  if (!is_inside || message.records.empty()) return MapServerReason::not_configured;
  const auto is_new = [&](const MappingRecord& record) {
    const auto* known = table_.find(record.eid);
    return record.ttl != 0 && (known == nullptr || !known->second.contains(xtr));
  };
  const auto more = static_cast<std::size_t>(std::count_if(message.records.begin(), message.records.end(), is_new));
  if (more > 0 && registrations_ + more > tuning_.most_registrations) return MapServerReason::full;
  const NonceKey key{xtr, {site, message.key.key}};
  const bool keeps_nonce = sites_[site].nonce_check == NonceCheck::growing;
  if (keeps_nonce && !nonces_.contains(key) && nonces_.size() >= tuning_.most_xtrs) return MapServerReason::full;
  if (!is_fresh(now, site, xtr, message)) return MapServerReason::replayed;
  if (keeps_nonce) nonces_[key] = message.nonce;
  return MapServerReason::registered;
}

MapServerReason MapServer::on_register(TimePoint now, MapServerSiteId site, const IpAddress& from, std::uint16_t port,
                                       const MapRegister& message, MapServerActions& actions) {
  const XtrIdentity xtr = identity_of(message, from);
  if (const auto reason = refusal(now, site, xtr, message); reason != MapServerReason::registered) return count(reason);
  bool all_taken = true;
  for (const MappingRecord& record : message.records) {
    const MapServerSite::Prefix& prefix = *configured(site, record.eid);
    Registration news{record, from, port, site, message.key, message.merges};
    news.proxies = message.wants_proxy_reply || prefix.always_proxy;
    news.record.ttl = std::min(record.ttl, prefix.most_ttl);
    news.expires =
        now + (message.is_ttl_timeout ? std::chrono::minutes{news.record.ttl} : tuning_.registration_lifetime);
    all_taken &= apply(now, xtr, std::move(news));
  }
  if (!all_taken) return count(MapServerReason::superseded);  // the notice that it lost the prefix is on its way
  if (message.wants_notify)
    actions.notifies.push_back(
        {from, port, site, {false, message.nonce, message.key, message.records, message.sender}});
  return count(MapServerReason::registered);
}

/// False: it is the refresh of somebody who lost the prefix a moment ago.
bool MapServer::apply(TimePoint now, const XtrIdentity& xtr, Registration news) {
  const EidPrefix eid = news.record.eid;
  if (news.record.ttl == 0) {
    withdraw(now, eid, xtr);
    return true;
  }
  Table::Entry& entry = *table_.insert(eid).first;
  const auto [place, is_new] = entry.second.try_emplace(xtr);
  Registration& own = place->second;
  const bool is_news = is_new || own.record != news.record || own.merges != news.merges;
  if (!is_news && is_late_refresh(now, entry, own)) {
    own.from = news.from;
    return false;
  }
  if (is_new) ++registrations_;
  if (!is_new) expiries_.erase({own.expires, {eid, xtr}});
  const bool takes_over = is_news || own.superseded != never;
  news.order = takes_over ? ++last_order_ : own.order;
  own = std::move(news);
  expiries_.insert({own.expires, {eid, xtr}});
  if (!takes_over) return true;
  supersede(now, entry, xtr);
  changed(now, eid);
  return true;
}

bool MapServer::is_late_refresh(TimePoint now, const Table::Entry& entry, const Registration& old) {
  if (old.superseded == never || now - old.superseded >= tuning_.superseded_for) return false;
  tell_former(now, old, merged(entry.first, entry.second));
  return true;
}

void MapServer::withdraw(TimePoint now, const EidPrefix& eid, const XtrIdentity& xtr) {
  auto* entry = table_.find(eid);
  if (entry == nullptr || !entry->second.contains(xtr)) return;
  erase(*entry, xtr);
  changed(now, eid);
}

/// Those who had the prefix before `owner` would go on believing that they have it.
void MapServer::supersede(TimePoint now, Table::Entry& entry, const XtrIdentity& owner) {
  if (entry.second.at(owner).merges) return;
  const MappingRecord current = merged(entry.first, entry.second);
  for (auto& [xtr, registration] : entry.second) {
    if (xtr == owner || registration.merges || registration.superseded != never) continue;
    registration.superseded = now;
    tell_former(now, registration, current);
  }
}

void MapServer::tell_former(TimePoint now, const Registration& former, const MappingRecord& current) {
  if (!tuning_.tell_former_owner) return;
  MapNotify message{false, ++notice_nonce_, former.key, {current}, std::nullopt};
  notices_.tell(now, {current.eid, former.from}, {former.from, control_port, former.site, std::move(message)});
}

void MapServer::erase(Table::Entry& entry, const XtrIdentity& xtr) {
  const auto found = entry.second.find(xtr);
  expiries_.erase({found->second.expires, {entry.first, xtr}});
  entry.second.erase(found);
  --registrations_;
  if (entry.second.empty()) table_.erase(entry);
}

void MapServer::changed(TimePoint now, const EidPrefix& eid) {
  MappingRecord gone;
  gone.eid = eid;
  publisher_.publish(now, mapping(eid).value_or(gone));
}

void MapServer::on_time(TimePoint now, MapServerActions& actions) {
  while (!expiries_.empty() && expiries_.begin()->first <= now) {
    const Place place = expiries_.begin()->second;
    erase(*table_.find(place.first), place.second);
    changed(now, place.first);
  }
  while (notices_.is_due(now))
    if (const auto due = notices_.take(now); !due.given_up) actions.notifies.push_back(due.notify);
  publisher_.on_time(now, actions.publications);
}

TimePoint MapServer::next_deadline() const {
  return std::min(
      {publisher_.next_deadline(), notices_.next_deadline(), expiries_.empty() ? never : expiries_.begin()->first});
}

/// Who said something new last.
const MapServer::Registrants::value_type* MapServer::owner(const Registrants& registrants) {
  const auto latest = std::max_element(registrants.begin(), registrants.end(),
                                       [](const auto& a, const auto& b) { return a.second.order < b.second.order; });
  return latest == registrants.end() ? nullptr : &*latest;
}

MappingRecord MapServer::merged(const EidPrefix& eid, const Registrants& registrants) {
  MappingRecord record = owner(registrants)->second.record;
  record.eid = eid;
  if (!owner(registrants)->second.merges) return as_told(record);
  for (const auto& [xtr, registration] : registrants) {
    if (!registration.merges) continue;
    for (const RlocRecord& rloc : registration.record.rlocs) {
      const auto same = std::find_if(record.rlocs.begin(), record.rlocs.end(),
                                     [&](const RlocRecord& known) { return known.address == rloc.address; });
      if (same == record.rlocs.end() && record.rlocs.size() < max_rlocs) record.rlocs.push_back(rloc);
    }
  }
  std::sort(record.rlocs.begin(), record.rlocs.end(),
            [](const RlocRecord& a, const RlocRecord& b) { return a.address < b.address; });
  return as_told(record);
}

std::optional<MappingRecord> MapServer::mapping(const EidPrefix& eid) const {
  const auto* entry = table_.match(eid);
  if (entry == nullptr) return std::nullopt;
  return merged(entry->first, entry->second);
}

// --- Requests
// --------------------------------------------------------------------------------------------------------------------

void MapServer::on_request(TimePoint now, const IpAddress& from, const EncapsulatedControl& envelope,
                           const MapRequest& request, MapServerActions& actions) {
  if (request.is_probe || request.is_smr) {
    count(MapServerReason::not_for_servers);
    return;
  }
  for (const MapRequest::Record& asked : request.records) answer(now, from, envelope, request, asked, actions);
}

void MapServer::answer(TimePoint now, const IpAddress& from, const EncapsulatedControl& envelope,
                       const MapRequest& request, const MapRequest::Record& asked, MapServerActions& actions) {
  const auto* entry = table_.match(asked.eid);
  MappingRecord record = entry != nullptr ? merged(entry->first, entry->second) : negative(asked.eid);
  if (asked.subscribes && request.sender) {
    switch (publisher_.subscribe(now, request, asked.eid, from, record)) {
      case MapPublisher::Answer::subscribed:
      case MapPublisher::Answer::unsubscribed:
        return;
      case MapPublisher::Answer::replay:
        count(MapServerReason::subscription_replayed);
        return;
      case MapPublisher::Answer::full:
        count(MapServerReason::subscription_refused);
        record = negative(asked.eid);
        record.action = Action::drop_policy;
        entry = nullptr;
    }
  }
  if (request.itr_rlocs.empty() || request.wants_no_reply) {
    count(MapServerReason::not_for_servers);
    return;
  }
  const IpAddress& to = request.itr_rlocs.front();
  if (!limit_.allow(now, to, record.eid)) {
    count(MapServerReason::too_many);
    return;
  }
  if (entry != nullptr && !owner(entry->second)->second.proxies) {
    const auto usable = std::find_if(record.rlocs.begin(), record.rlocs.end(), [](const RlocRecord& rloc) {
      return rloc.is_reachable && rloc.priority != never_use && rloc.address.is_routable_unicast();
    });
    if (usable != record.rlocs.end()) {
      actions.forwards.push_back({usable->address});
      count(MapServerReason::forwarded);
      return;
    }
  }
  actions.replies.push_back({to, envelope.source_port, {false, false, false, request.nonce, {std::move(record)}}});
  count(entry != nullptr ? MapServerReason::answered : MapServerReason::negative);
}

/// The least specific prefix that contains the question and nothing that is configured or registered (RFC 9301 section
/// 8.3), inside the configured prefix if there is one around it.
MappingRecord MapServer::negative(const EidPrefix& asked) const {
  const auto* around = configured_.match(asked);
  MappingRecord record;
  record.action = Action::natively_forward;
  record.ttl = around != nullptr ? ttl_unregistered : ttl_hole;
  record.eid = asked;
  std::uint8_t length = around != nullptr ? around->first.prefix.length : std::uint8_t{0};
  for (; length < asked.prefix.length; ++length) {
    record.eid.prefix.length = length;
    record.eid.prefix = IpPrefix{asked.prefix.address, length}.network();
    const auto* inner = configured_.first_in(record.eid);
    const bool is_around = inner != nullptr && around != nullptr && inner->first == around->first;
    if (is_around) inner = configured_.next_in(record.eid, *inner);
    if (inner == nullptr && table_.first_in(record.eid) == nullptr) return record;
  }
  record.eid = asked;
  return record;
}

bool MapServer::on_acknowledgement(const XtrIdentity& subscriber, const MapNotify& message) {
  return std::any_of(message.records.begin(), message.records.end(), [&](const MappingRecord& record) {
    return publisher_.on_acknowledgement(subscriber, record.eid, message.nonce);
  });
}

/// It knows: when it registers the prefix once more, it has it once more.
void MapServer::forget_former(const EidPrefix& eid, const IpAddress& from) {
  auto* entry = table_.find(eid);
  if (entry == nullptr) return;
  const auto former = std::find_if(entry->second.begin(), entry->second.end(), [&](const auto& one) {
    return one.second.superseded != never && one.second.from == from;
  });
  if (former != entry->second.end()) erase(*entry, XtrIdentity{former->first});
}

bool MapServer::on_notice_acknowledged(const IpAddress& from, const MapNotify& message) {
  return std::any_of(message.records.begin(), message.records.end(), [&](const MappingRecord& record) {
    const auto* notice = notices_.find({record.eid, from});
    if (notice == nullptr || notice->message.nonce != message.nonce) return false;
    notices_.forget({record.eid, from});
    forget_former(record.eid, from);
    return true;
  });
}

}  // namespace ilnp::lisp
