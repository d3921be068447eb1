// SPDX-License-Identifier: Apache-2.0
// Packets for a node that is about to arrive wait for it, bounded in number, octets and time; and entries end.
#include <algorithm>

#include "core/forwarding/site_rewriter.h"

namespace ilnp {

void SiteRewriter::drop_oldest(std::deque<Held>& queue, SiteDropReason reason) {
  held_octets_ -= queue.front().bytes.size();
  queue.pop_front();
  drop(reason);
}

SiteVerdict SiteRewriter::hold(Job& job, const NidEntry& entry) {
  if (held_octets_ + job.packet.size() > tuning_.hold_octets) return drop(SiteDropReason::hold_full);
  std::deque<Held>& queue = held_[{entry.nid, entry.home}];
  if (queue.size() >= tuning_.hold_packets) drop_oldest(queue, SiteDropReason::hold_full);
  const Bytes bytes = job.packet.bytes();
  queue.push_back({job.now + tuning_.hold_time, job.from, ByteVector(bytes.begin(), bytes.end()), job.packet.offload});
  held_octets_ += bytes.size();
  return {SiteVerdict::Kind::held, job.from, SiteDropReason::none};
}

void SiteRewriter::heard(TimePoint now, NidEntry& entry, SiteActions& actions) {
  entry.last_heard = now;
  if (entry.presence == Presence::away && entry.is_expected)
    actions.events.push_back({SiteEventKind::node_expected, entry.nid, entry.home, entry.now});
  if (entry.presence != Presence::arriving) return;
  entry.presence = entry.is_guest ? Presence::visiting : Presence::here;
  actions.events.push_back({SiteEventKind::node_heard, entry.nid, entry.home, entry.now});
  release_held(now, entry.nid, entry.home, actions);
}

void SiteRewriter::release_held(TimePoint now, NodeId nid, Locator home, SiteActions& actions) {
  auto waiting = held_.extract({nid, home});
  if (waiting.empty()) return;
  for (Held& held : waiting.mapped()) {
    held_octets_ -= held.bytes.size();
    Packet packet{held.bytes, 0, held.bytes.size(), held.offload};
    const SiteVerdict verdict = forward(now, held.from, packet, actions);
    if (verdict.kind == SiteVerdict::Kind::forward)
      actions.packets.push_back({verdict.to, std::move(held.bytes), packet.offload});
  }
}

TimePoint SiteRewriter::end_of(const NidEntry& entry) const {
  return entry.is_learnt ? std::min(entry.until, entry.last_heard + tuning_.learnt_lifetime) : entry.until;
}

void SiteRewriter::schedule(const NidEntry& entry) {
  if (const TimePoint end = std::min(end_of(entry), entry.former_until); end != never)
    timers_.set(entry.id, end);
  else
    timers_.remove(entry.id);
}

void SiteRewriter::set_end(NidEntry& entry, TimePoint when) {
  entry.until = when;
  schedule(entry);
}

/// Its timer, set for an earlier time, finds the new one (service()).
void SiteRewriter::renew(TimePoint now, NidEntry& entry) const {
  if (entry.presence == Presence::away && entry.until != never)
    entry.until = std::max(entry.until, now + tuning_.grace);
}

void SiteRewriter::renew_former(TimePoint now, NidEntry& entry) const {
  if (entry.former_until != never) entry.former_until = std::max(entry.former_until, now + tuning_.grace);
}

void SiteRewriter::set_former_end(NidEntry& entry, TimePoint when) {
  entry.former_until = entry.former ? when : never;
  schedule(entry);
}

void SiteRewriter::service(TimePoint now, NidEntry& entry, SiteActions& actions) {
  if (entry.former_until <= now) {
    (void)nids_.set_former(entry, std::nullopt);  // nobody has that as another's
    entry.former_until = never;
    rehomed(now, entry.nid);
  }
  if (end_of(entry) > now) return schedule(entry);  // it was heard meanwhile
  actions.events.push_back({SiteEventKind::node_silent, entry.nid, entry.home, entry.now});
  nids_.erase(entry);
}

void SiteRewriter::on_time(TimePoint now, SiteActions& actions) {
  while (!timers_.empty() && timers_.next() <= now) {
    const NidEntryId id = timers_.earliest();
    timers_.remove(id);
    if (NidEntry* entry = nids_.at(id)) service(now, *entry, actions);
  }
  proxy_.on_time(now, actions);
  for (auto it = held_.begin(); it != held_.end();) {
    while (!it->second.empty() && it->second.front().until <= now)
      drop_oldest(it->second, SiteDropReason::hold_too_long);
    it = it->second.empty() ? held_.erase(it) : std::next(it);
  }
}

TimePoint SiteRewriter::next_deadline() const {
  TimePoint next = std::min(timers_.next(), proxy_.next_deadline());
  for (const auto& [node, queue] : held_) next = std::min(next, queue.front().until);
  return next;
}

}  // namespace ilnp
