// SPDX-License-Identifier: Apache-2.0
#include "core/lisp/probe_responder.h"

#include "core/lisp/address_hash.h"

namespace ilnp::lisp {

std::optional<ItrDrop> ProbeResponder::objection(TimePoint now, const MapRequest& probe, const IpAddress& peer,
                                                 const MappingRecord* registered, bool through_resolver) {
  if (through_resolver) return ItrDrop::probe_through_resolver;
  if (!probe.is_probe || probe.records.empty() || probe.itr_rlocs.empty() || probe.wants_no_reply)
    return ItrDrop::probe_malformed;
  if (!limits_[hash_of(seed_, peer) % buckets].allow(now)) return ItrDrop::probe_limit;
  if (registered == nullptr ||
      !registered->eid.contains(Eid{probe.records[0].eid.instance, probe.records[0].eid.prefix.address}))
    return ItrDrop::probe_unknown_eid;
  return std::nullopt;
}

std::optional<MapReply> ProbeResponder::answer(TimePoint now, const MapRequest& probe, const IpAddress& peer,
                                               const IpAddress& probed, const MappingRecord* registered,
                                               bool through_resolver) {
  if (const auto problem = objection(now, probe, peer, registered, through_resolver)) {
    drops_.count(*problem);
    return std::nullopt;
  }
  MappingRecord record = *registered;
  record.eid = probe.records[0].eid;  // as it was asked: some compare it literally
  record.is_authoritative = true;
  for (RlocRecord& rloc : record.rlocs) rloc.is_probed = rloc.address == probed;
  MapReply reply;
  reply.is_probe = true;
  reply.nonce = probe.nonce;
  reply.records = {std::move(record)};
  return reply;
}

}  // namespace ilnp::lisp
