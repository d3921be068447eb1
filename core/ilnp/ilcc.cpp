// SPDX-License-Identifier: Apache-2.0
#include "core/ilnp/ilcc.h"

#include <algorithm>
#include <cassert>

namespace ilnp {

std::size_t Ilcc::KeyHash::operator()(const Key& k) const noexcept {
  std::uint64_t h = seed;
  for (std::uint64_t part : {k.a, k.b, k.c}) {
    h ^= part;
    h *= 0x9e3779b97f4a7c15u;
    h ^= h >> 32;
    h += seed;
  }
  h *= 0xd6e8feb86659fd93u;
  return static_cast<std::size_t>(h ^ h >> 29);
}

Ilcc::Ilcc(const Tuning& tuning, Locator identity_prefix, Random& random)
    : tuning_{tuning},
      identity_prefix_{identity_prefix},
      random_{random},
      by_identity_{16, KeyHash{random.u64() | 1}},
      by_pair_{16, KeyHash{random.u64() | 1}} {}

Correspondent* Ilcc::find_by_identity(NodeId local, const Address& identity) {
  const auto it = by_identity_.find({local.bits, identity.locator.bits, identity.nid.bits});
  return it == by_identity_.end() ? nullptr : at(it->second);
}

Correspondent* Ilcc::find_pair(NodeId local, NodeId remote) {
  const auto it = by_pair_.find({local.bits, remote.bits, 0});
  return it == by_pair_.end() ? nullptr : at(it->second);
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
  by_identity_[{local.bits, identity.locator.bits, identity.nid.bits}] = id;
  const auto [pair, fresh] = by_pair_.try_emplace({local.bits, identity.nid.bits, 0}, id);
  if (!fresh) {
    c.next_sibling = pair->second;
    pair->second = id;
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
  by_identity_.erase({c.local_nid.bits, c.identity.locator.bits, c.identity.nid.bits});
  const auto pair = by_pair_.find({c.local_nid.bits, c.remote_nid().bits, 0});
  assert(pair != by_pair_.end());
  if (pair->second == c.id) {
    if (c.next_sibling == Correspondent::no_id)
      by_pair_.erase(pair);
    else
      pair->second = c.next_sibling;
  } else {
    Correspondent* before = at(pair->second);
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
  by_identity_.erase({successor.local_nid.bits, successor.identity.locator.bits, successor.identity.nid.bits});
  successor.identity = identity;
  by_identity_[{successor.local_nid.bits, identity.locator.bits, identity.nid.bits}] = successor.id;
}

void Ilcc::schedule(Correspondent& c, TimePoint when) {
  if (when >= c.scheduled) return;
  c.scheduled = when;
  timers_.set(c.id, when);
}

Correspondent* Ilcc::pop_due(TimePoint now) {
  if (timers_.empty() || timers_.next() > now) return nullptr;
  Correspondent* c = at(timers_.earliest());
  timers_.remove(timers_.earliest());
  c->scheduled = never;
  return c;
}

}  // namespace ilnp
