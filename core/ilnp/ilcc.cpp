// SPDX-License-Identifier: Apache-2.0
#include "core/ilnp/ilcc.h"

#include <algorithm>
#include <cassert>

namespace ilnp {

namespace {

constexpr std::size_t prefetched_ahead = 8;

/// The lines that every packet of a session needs, at once instead of one after the other.
void prefetch_entry(const Correspondent* c) {
  for (std::size_t line = 0; line < 3; ++line) __builtin_prefetch(reinterpret_cast<const char*>(c) + 64 * line, 1);
}

}  // namespace

Ilcc::Ilcc(const Tuning& tuning, Locator identity_prefix, Random& random)
    : tuning_{tuning}, identity_prefix_{identity_prefix}, random_{random}, by_pair_{random.u64() | 1} {}

void Ilcc::prefetch(std::span<const NidPair> pairs) const {
  for (const NidPair& pair : pairs) by_pair_.prefetch(pair.local.bits, pair.remote.bits);
  for (const NidPair& pair : pairs)
    if (const CorrespondentId id = by_pair_.guess(pair.local.bits, pair.remote.bits); id != PairIndex::none)
      prefetch_entry(slots_[id].get());
}

Correspondent* Ilcc::find_pair(NodeId local, NodeId remote) {
  const CorrespondentId id = by_pair_.find(local.bits, remote.bits, [&](CorrespondentId i) {
    const Correspondent* c = slots_[i].get();
    prefetch_entry(c);
    return c->local_nid == local && c->identity.nid == remote;
  });
  return id == PairIndex::none ? nullptr : slots_[id].get();
}

Correspondent* Ilcc::find_by_identity(NodeId local, const Address& identity) {
  Correspondent* c = find_pair(local, identity.nid);
  while (c != nullptr && c->identity.locator != identity.locator) c = sibling(*c);
  return c;
}

std::optional<Address> Ilcc::free_identity(NodeId local, NodeId remote) {
  for (std::size_t k = 0; k < tuning_.max_siblings; ++k) {
    const Address identity{alias_prefix(identity_prefix_, static_cast<std::uint16_t>(k)), remote};
    if (find_by_identity(local, identity) == nullptr) return identity;
  }
  return std::nullopt;
}

Correspondent* Ilcc::insert(TimePoint now, NodeId local, const Address& identity, PeerState state) {
  if (size() >= tuning_.max_entries) return nullptr;
  const Correspondent* first = find_pair(local, identity.nid);
  CorrespondentId id;
  if (free_.empty()) {
    id = static_cast<CorrespondentId>(slots_.size());
    slots_.push_back(std::make_unique<Correspondent>());
  } else {
    id = free_.back();
    free_.pop_back();
    slots_[id] = std::make_unique<Correspondent>();
  }
  Correspondent& c = *slots_[id];
  c.id = id;
  c.state = state;
  c.local_nid = local;
  c.identity = identity;
  c.checksum = tuning_.checksum_mode;
  c.created = c.last_sent = c.last_received = now;
  c.next_flow_check = now + tuning_.flow_check;
  if (first == nullptr) {
    by_pair_.insert(local.bits, identity.nid.bits, id);
  } else {
    c.next_sibling = first->id;
    by_pair_.replace(local.bits, identity.nid.bits, first->id, id);
  }
  ++counts_[static_cast<std::size_t>(state)];
  return &c;
}

Correspondent* Ilcc::create(TimePoint now, NodeId local, NodeId remote, PeerState state) {
  const auto identity = free_identity(local, remote);
  return identity ? insert(now, local, *identity, state) : nullptr;
}

Correspondent* Ilcc::create_tentative(TimePoint now, NodeId local, NodeId remote, Locator source) {
  const std::uint64_t site = source.bits >> 16;
  if (const auto it = tentative_per_site_.find(site);
      it != tentative_per_site_.end() && it->second >= tuning_.max_tentative_per_site)
    return nullptr;
  if (tentative_.size() >= tuning_.max_tentative) return nullptr;
  Correspondent* c = create(now, local, remote, PeerState::tentative_in);
  if (c == nullptr) return nullptr;
  tentative_.push_back(c->id);
  tentative_site_[c->id] = site;
  ++tentative_per_site_[site];
  return c;
}

Correspondent* Ilcc::crowded_out() {
  if (tentative_.size() < tuning_.max_tentative || tentative_.empty()) return nullptr;
  return at(tentative_[static_cast<std::size_t>(random_.u64() % tentative_.size())]);
}

Correspondent* Ilcc::restore(TimePoint now, NodeId local, const Address& identity, PeerState state) {
  if (find_by_identity(local, identity) != nullptr) return nullptr;
  return insert(now, local, identity, state);
}

void Ilcc::forget_tentative(const Correspondent& c) {
  const auto it = tentative_site_.find(c.id);
  if (it == tentative_site_.end()) return;
  if (const auto site = tentative_per_site_.find(it->second); --site->second == 0) tentative_per_site_.erase(site);
  tentative_site_.erase(it);
  std::erase(tentative_, c.id);
}

void Ilcc::set_state(Correspondent& c, PeerState state) {
  if (c.state == state) return;
  if (c.state == PeerState::tentative_in) forget_tentative(c);
  --counts_[static_cast<std::size_t>(c.state)];
  ++counts_[static_cast<std::size_t>(state)];
  c.state = state;
}

void Ilcc::erase(Correspondent& c) {
  forget_tentative(c);
  --counts_[static_cast<std::size_t>(c.state)];
  Correspondent* before = find_pair(c.local_nid, c.remote_nid());
  assert(before != nullptr);
  if (before == &c) {
    if (c.next_sibling == Correspondent::no_id)
      by_pair_.erase(c.local_nid.bits, c.remote_nid().bits, c.id);
    else
      by_pair_.replace(c.local_nid.bits, c.remote_nid().bits, c.id, c.next_sibling);
  } else {
    while (before->next_sibling != c.id) before = at(before->next_sibling);
    before->next_sibling = c.next_sibling;
  }
  const CorrespondentId id = c.id;
  timers_.remove(id);
  slots_[id].reset();
  free_.push_back(id);
}

void Ilcc::take_over(Correspondent& successor, Correspondent& old) {
  const Address identity = old.identity;
  erase(old);
  successor.identity = identity;
}

void Ilcc::schedule(Correspondent& c, TimePoint when) {
  if (when >= c.scheduled) return;
  c.scheduled = when;
  timers_.set(c.id, when);
}

void Ilcc::await_answer(Correspondent& c, TimePoint when) {
  c.next_silence_probe = when;
  awaited_.push_back({when, c.id});
}

Correspondent* Ilcc::pop_unanswered(TimePoint now) {
  while (!awaited_.empty() && awaited_.front().when <= now) {
    if (awaited_.size() > prefetched_ahead) {
      const Correspondent* later = at(awaited_[prefetched_ahead].id);
      if (later != nullptr) prefetch_entry(later);
    }
    const Awaited next = awaited_.front();
    awaited_.pop_front();
    Correspondent* c = at(next.id);
    if (c == nullptr || c->next_silence_probe != next.when) continue;
    if (c->first_unanswered != never) return c;
    c->next_silence_probe = never;
  }
  return nullptr;
}

Correspondent* Ilcc::pop_due(TimePoint now) {
  if (Correspondent* c = pop_unanswered(now)) return c;
  if (timers_.empty() || timers_.next() > now) return nullptr;
  Correspondent* c = at(timers_.earliest());
  timers_.remove(timers_.earliest());
  c->scheduled = never;
  return c;
}

}  // namespace ilnp
