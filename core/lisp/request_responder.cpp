// SPDX-License-Identifier: Apache-2.0
#include "core/lisp/request_responder.h"

#include <algorithm>

namespace ilnp::lisp {
namespace {

constexpr std::uint32_t ttl_away = 1;  // minutes

}  // namespace

void RequestResponder::set(const MappingRecord& record) {
  own_.insert(record.eid).first->second = record;
  if (const auto* away = away_.find(record.eid)) away_.erase(*away);
}

void RequestResponder::erase(const EidPrefix& eid) {
  if (const auto* entry = own_.find(eid)) own_.erase(*entry);
}

void RequestResponder::set_away(const MappingRecord& record, TimePoint until) {
  erase(record.eid);
  away_.insert(record.eid).first->second = {record, until};
}

const MappingRecord* RequestResponder::find(const EidPrefix& eid) const {
  const auto* entry = own_.match(eid);
  return entry == nullptr ? nullptr : &entry->second;
}

/// The one that the packet came from, if it is among them; then one of its family; then any that we can reach.
std::optional<IpAddress> RequestResponder::way_back(const IpAddress& from, const MapRequest& request) const {
  if (request.wants_no_reply) return std::nullopt;
  std::optional<IpAddress> best;
  int rank = 0;
  for (const IpAddress& rloc : request.itr_rlocs) {
    if (!rloc.is_routable_unicast() || !(rloc.is_ipv4() ? has_ipv4_ : has_ipv6_)) continue;
    const int own_rank = rloc == from ? 3 : rloc.family() == from.family() ? 2 : 1;
    if (own_rank <= rank) continue;
    best = rloc;
    rank = own_rank;
  }
  return best;
}

/// Adds to `reply` what there is to say about the prefix.
RequestReason RequestResponder::answer(TimePoint now, const EidPrefix& asked, MapReply& reply, EidPrefix& owned) {
  if (const auto* entry = own_.match(asked)) {
    owned = entry->first;
    reply.records.push_back(entry->second);
    reply.records.back().is_authoritative = true;
    return RequestReason::answered;
  }
  const auto* away = away_.match(asked);
  if (away == nullptr) return RequestReason::not_ours;
  if (away->second.until <= now) {
    away_.erase(*away);
    return RequestReason::not_ours;
  }
  owned = away->first;
  MappingRecord& record = reply.records.emplace_back(away->second.record);
  record.is_authoritative = false;
  record.ttl = ttl_away;
  for (RlocRecord& rloc : record.rlocs) rloc.is_local = rloc.is_probed = false;
  return RequestReason::answered_away;
}

bool RequestResponder::on_request(TimePoint now, const IpAddress& from, std::uint16_t port, const MapRequest& request,
                                  ResponderActions& actions) {
  if (request.is_probe || request.is_smr) {
    count(RequestReason::not_for_us);
    return false;
  }
  const auto to = way_back(from, request);
  if (!to) {
    count(RequestReason::no_way_back);
    return false;
  }
  std::optional<EidPrefix> clients_own;
  if (request.source) clients_own = EidPrefix::host(*request.source);
  bool is_ours = false;
  MapReply reply;
  reply.nonce = request.nonce;
  for (const MapRequest::Record& record : request.records) {
    EidPrefix owned;
    const RequestReason reason = answer(now, record.eid, reply, owned);
    if (reason == RequestReason::not_ours) {
      count(reason);
      continue;
    }
    is_ours = true;
    const auto is_same = [&](const MappingRecord& other) { return other.eid == owned; };
    const bool is_said = std::ranges::count_if(reply.records, is_same) > 1;
    if (!is_said && limit_.allow(now, *to, owned)) {
      actions.asked.push_back({owned, *to, clients_own});
      count(reason);
      continue;
    }
    reply.records.pop_back();
    if (!is_said) count(RequestReason::too_many);
  }
  if (!reply.records.empty()) actions.replies.push_back({*to, port, std::move(reply)});
  return is_ours;
}

}  // namespace ilnp::lisp
