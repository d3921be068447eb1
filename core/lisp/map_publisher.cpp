// SPDX-License-Identifier: Apache-2.0
#include "core/lisp/map_publisher.h"

#include <algorithm>
#include <optional>

namespace ilnp::lisp {
namespace {

constexpr std::size_t most_before_acknowledged = 3;
constexpr std::size_t most_once = 100;  ///< ends of what was not there, waiting to leave

}  // namespace

MapPublisher::Subscription* MapPublisher::find(const Place& place) {
  auto* entry = table_.find(place.first);
  if (entry == nullptr) return nullptr;
  const auto found = entry->second.find(place.second);
  return found == entry->second.end() ? nullptr : &found->second;
}

MapPublisher::Answer MapPublisher::subscribe(TimePoint now, const MapRequest& request, const EidPrefix& eid,
                                             const IpAddress& from, const MappingRecord& record) {
  const Place place{eid, request.sender.value_or(XtrIdentity{})};
  Subscription* subscription = find(place);
  if (subscription != nullptr && request.nonce <= subscription->nonce) return Answer::replay;
  const bool ends = request.itr_rlocs.empty();
  if (subscription == nullptr && ends) {
    if (once_.size() < most_once) once_.push_back({from, place.second, request.nonce, record});
    return Answer::unsubscribed;
  }
  if (subscription == nullptr) {
    const auto others = per_xtr_.find(place.second);
    if (size_ >= tuning_.most_subscriptions || (others != per_xtr_.end() && others->second >= tuning_.most_per_xtr))
      return Answer::full;
    subscription = &table_.insert(eid).first->second[place.second];
    ++per_xtr_[place.second];
    ++size_;
  }
  subscription->rlocs = ends ? std::vector{from} : request.itr_rlocs;
  subscription->nonce = request.nonce;
  subscription->ends = ends;
  tell(now, place, *subscription, record);
  return ends ? Answer::unsubscribed : Answer::subscribed;
}

void MapPublisher::tell(TimePoint now, const Place& place, const Subscription& subscription,
                        const MappingRecord& record) {
  notifies_.tell(now, place, {subscription.rlocs, subscription.nonce, subscription.acknowledged, record});
}

void MapPublisher::erase(const Place& place) {
  auto* entry = table_.find(place.first);
  notifies_.forget(place);
  entry->second.erase(place.second);
  if (entry->second.empty()) table_.erase(*entry);
  if (--per_xtr_[place.second] == 0) per_xtr_.erase(place.second);
  --size_;
}

template <class F>
bool MapPublisher::any_related(const EidPrefix& eid, F&& f) {
  const auto any_of = [&](PrefixTable<Subscribers>::Entry& entry) {
    return std::any_of(entry.second.begin(), entry.second.end(), [&](auto& one) {
      return f(Place{entry.first, one.first}, one.second);
    });
  };
  for (auto* entry = table_.first_in(eid); entry != nullptr; entry = table_.next_in(eid, *entry))
    if (any_of(*entry)) return true;
  for (auto* entry = table_.wider_than(eid); entry != nullptr; entry = table_.wider_than(entry->first))
    if (any_of(*entry)) return true;
  return false;
}

void MapPublisher::publish(TimePoint now, const MappingRecord& record) {
  any_related(record.eid, [&](const Place& place, Subscription& subscription) {
    if (subscription.ends) return false;
    ++subscription.nonce;
    tell(now, place, subscription, record);
    return false;
  });
}

bool MapPublisher::on_acknowledgement(const XtrIdentity& subscriber, const EidPrefix& eid, std::uint64_t nonce) {
  std::optional<Place> ended;
  const bool found = any_related(eid, [&](const Place& place, Subscription& subscription) {
    const Notify* notify = notifies_.find(place);
    if (place.second != subscriber || notify == nullptr || notify->nonce != nonce) return false;
    subscription.acknowledged = true;
    notifies_.forget(place);
    if (subscription.ends) ended = place;
    return true;
  });
  if (ended) erase(*ended);
  return found;
}

void MapPublisher::on_time(TimePoint now, std::vector<Publication>& out) {
  out.insert(out.end(), once_.begin(), once_.end());
  once_.clear();
  while (notifies_.is_due(now)) {
    if (!pace_.allow(now)) {
      paced_until_ = now + milliseconds{5};
      return;
    }
    const auto due = notifies_.take(now);
    if (due.given_up || (!due.notify.acknowledged && due.sent == most_before_acknowledged)) {
      ++given_up_;
      erase(due.key);
      continue;
    }
    out.push_back(
        {due.notify.rlocs[due.sent % due.notify.rlocs.size()], due.key.second, due.notify.nonce, due.notify.record});
  }
}

TimePoint MapPublisher::next_deadline() const {
  if (!once_.empty()) return {};
  return std::max(notifies_.next_deadline(), paced_until_);
}

}  // namespace ilnp::lisp
