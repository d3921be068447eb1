// SPDX-License-Identifier: Apache-2.0
#include "core/lisp/change_signalling.h"

#include <algorithm>

namespace ilnp::lisp {
namespace {

ChangePriority update_about(const MappingRecord& record, KeyName key) {
  ChangePriority update;
  update.kind = ChangePriority::Kind::update;
  update.key = key;
  update.records = {record};
  return update;
}

}  // namespace

bool ChangeSignalling::is_smr_only(TimePoint now, const IpAddress& rloc) const {
  const TimePoint* until = smr_only_.find(rloc);
  return until != nullptr && now < *until;
}

void ChangeSignalling::solicit(const Client& client, const EidPrefix& eid, TimePoint from) {
  smr_.solicit({client.rloc, eid, client.prefix, own_rlocs_}, from);
}

void ChangeSignalling::announce(TimePoint now, const MappingRecord& record, KeyName key) {
  const ChangePriority update = update_about(record, key);
  for (const Client& client : log_.clients(now, record.eid)) {
    const bool has_it = std::ranges::any_of(record.rlocs, [&](const RlocRecord& rloc) {
      return rloc.address == client.rloc && rloc.priority != never_use;
    });
    if (!has_it) tell(now, client, update);
  }
}

void ChangeSignalling::remind(TimePoint now, const MappingRecord& record, KeyName key, const Client& client) {
  Client late = client;
  // The publication did not reach it, or somebody else subscribed in its name.
  if (late.capability == Capability::pubsub) late.capability = Capability::smr;
  tell(now, late, update_about(record, key));
}

void ChangeSignalling::tell(TimePoint now, const Client& client, const ChangePriority& update) {
  switch (client.capability) {
    case Capability::pubsub:
      return;
    case Capability::change_priority:
      if (is_smr_only(now, client.rloc)) break;
      return changes_.send(now, client.rloc, update);
    case Capability::raw_change_priority:
      raw_.push_back({client.rloc, update});
      break;  // it may be lost
    case Capability::unknown:
    case Capability::smr:
      break;
  }
  solicit(client, update.records.front().eid, now + tuning_.smr_after_at_most);
}

void ChangeSignalling::on_given_up(TimePoint now, const std::vector<ChangeSend>& given_up) {
  for (const ChangeSend& lost : given_up) {
    if (lost.message.kind != ChangePriority::Kind::update) continue;
    smr_only_.put(lost.to, now + tuning_.smr_only_for);
    for (const MappingRecord& record : lost.message.records) {
      const Client* client = log_.find(record.eid, lost.to);
      solicit(client != nullptr ? *client : Client{.rloc = lost.to, .prefix = {}}, record.eid, now);
    }
  }
}

void ChangeSignalling::on_time(TimePoint now, SignallingActions& actions) {
  actions.raw_changes.insert(actions.raw_changes.end(), raw_.begin(), raw_.end());
  raw_.clear();
  smr_.on_time(now, actions.smrs);
}

}  // namespace ilnp::lisp
