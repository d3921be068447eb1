// SPDX-License-Identifier: Apache-2.0
// Names: where sessions begin, and where a peer that is lost is found again (RFC 6741 section 5).
#include <algorithm>

#include "core/forwarding/host_forwarder.h"
#include "core/ipv6/icmpv6.h"

namespace ilnp {

/// The peer answers nowhere: its names may know more than its last update told.
bool HostForwarder::is_lost(TimePoint now, const Correspondent& c) const {
  if (!c.is_session()) return false;
  const bool silent = c.first_unanswered != never && now - c.first_unanswered >= tuning_.lu_first_timeout;
  const bool not_acknowledged = c.lu_sender != nullptr && c.lu_sender->unacknowledged() &&
                                c.lu_sender->transmissions() >= tuning_.lu_ask_names_after;
  return silent || not_acknowledged || c.state == PeerState::unreachable;
}

/// The entry that this answer is about: the one of this name, else one that shares a locator, else the only one that
/// nobody named yet, if it is lost. Another node with the same NID gets an entry (and an alias) of its own.
Correspondent* HostForwarder::entry_for_name(TimePoint now, std::string_view name, NodeId local, NodeId remote,
                                             const std::vector<ResolvedLocator>& locators) {
  Correspondent* by_locator = nullptr;
  Correspondent* tentative = nullptr;
  Correspondent* nameless = nullptr;
  bool is_only = true;
  for (Correspondent* c = ilcc_.find_pair(local, remote); c != nullptr; c = ilcc_.sibling(*c)) {
    if (c->name == name && c->state != PeerState::tentative_in) return c;
    const bool shares = std::any_of(locators.begin(), locators.end(),
                                    [&](const ResolvedLocator& l) { return c->remote.find(l.locator) != nullptr; });
    if (shares && c->state == PeerState::tentative_in && !c->unproven) tentative = c;
    if (shares && c->state != PeerState::tentative_in) by_locator = c;
    if (!c->is_session() || !c->name.empty()) continue;
    is_only = nameless == nullptr;
    nameless = c;
  }
  if (by_locator != nullptr) return by_locator;
  if (tentative != nullptr) return tentative;  // it called us a moment ago, from the place that the name tells
  // It came to us and was lost since; this is what its reverse name says.
  return nameless != nullptr && is_only && is_lost(now, *nameless) ? nameless : nullptr;
}

std::optional<Address> HostForwarder::resolved(TimePoint now, std::string_view name, NodeId local, NodeId remote,
                                               const std::vector<ResolvedLocator>& locators, Actions& actions) {
  const bool leads_back =
      std::any_of(locators.begin(), locators.end(), [&](const ResolvedLocator& l) { return !may_locate(l.locator); });
  if (locators.empty() || leads_back || is_own_nid(remote) || remote == OwnNids::client) return std::nullopt;
  const bool is_client = local == OwnNids::client || nids_.is_ephemeral(local);
  if (is_client) local = nids_.of_peer(remote).value_or(NodeId{});
  if (!is_client && !is_own_nid(local)) return std::nullopt;  // retired since somebody asked
  Correspondent* c = entry_for_name(now, name, local, remote, locators);
  if (c == nullptr) {
    const bool refused = std::all_of(locators.begin(), locators.end(),
                                     [&](const ResolvedLocator& l) { return known_not_ilnp(now, remote, l.locator); });
    if (refused) return std::nullopt;
    c = create_resolved(now, local, remote, is_client, actions);
    if (c == nullptr) {
      drop(DropReason::out_cache_full);
      return std::nullopt;
    }
  }
  if (c->name.empty()) c->name = name;
  c->note_heard_in_place();
  const bool lost = is_lost(now, *c);
  seconds longest{0};
  for (const ResolvedLocator& l : locators) {
    longest = std::max(longest, l.ttl);
    // A session does not live by names, which may be older than the peer's last update, unless the peer is lost.
    if (c->is_session() && !lost) continue;
    c->remote.learn_from_dns(l.locator, l.preference,
                             c->state == PeerState::resolved ? now + tuning_.resolved_minimum + l.ttl : never, tuning_);
  }
  // An application that keeps the address longer than an ephemeral NID lives is looked up again, and gets another one.
  c->usable_until =
      now + (is_client ? tuning_.resolved_minimum : std::max<Duration>(tuning_.resolved_minimum, longest));
  if (c->state == PeerState::tentative_in && probe_rate_.allow(now)) {
    c->remote.start_probes(now);
    send_probes(now, *c, actions);
  }
  if (lost) {
    // Both ends may have moved at once: what the name does not list any more and does not answer is not used.
    bool elsewhere = false;
    for (const RemoteLocator& old : c->remote.all()) {
      const bool listed = std::any_of(locators.begin(), locators.end(),
                                      [&](const ResolvedLocator& l) { return l.locator == old.locator; });
      const bool heard = c->first_unanswered != never && old.last_received > c->first_unanswered;
      if (!listed && !heard) elsewhere = c->remote.mark_failed(now, old.locator, tuning_) || elsewhere;
    }
    if (elsewhere && c->lu_sender != nullptr) c->lu_sender->start_over(now, tuning_);
    if (c->state == PeerState::unreachable) ilcc_.set_state(*c, PeerState::established);
    c->remote.start_probes(now);
    send_probes(now, *c, actions);
  }
  c->touch();
  const Address identity = c->identity;
  release_held(now, *c, actions);
  reschedule(*c);
  release_waiting_for_name(now, is_client ? OwnNids::client : local, identity, actions);
  return identity;
}

Correspondent* HostForwarder::create_resolved(TimePoint now, NodeId local, NodeId remote, bool is_client,
                                              Actions& actions) {
  if (is_client) {
    const auto taken = nids_.take(remote);
    if (!taken) return nullptr;
    local = *taken;
    actions.own_nids_changed = true;
  }
  Correspondent* c = ilcc_.create(now, local, remote, PeerState::resolved);
  if (c == nullptr && is_client && ilcc_.find_pair(local, remote) == nullptr) nids_.release(remote);
  return c;
}

void HostForwarder::release_waiting_for_name(TimePoint now, NodeId local, const Address& identity, Actions& actions) {
  std::vector<WaitingForName> released;
  for (std::size_t i = 0; i < waiting_for_name_.size();) {
    if (waiting_for_name_[i].local != local || waiting_for_name_[i].identity != identity) {
      ++i;
      continue;
    }
    released.push_back(std::move(waiting_for_name_[i]));
    waiting_for_name_.erase(waiting_for_name_.begin() + static_cast<std::ptrdiff_t>(i));
  }
  for (WaitingForName& w : released) {
    held_octets_ -= w.packet.bytes.size();
    send_again(now, w.packet, actions);
  }
}

void HostForwarder::not_resolved(TimePoint now, const Address& identity, Actions& actions) {
  (void)now;
  // Nobody knows this identity: the application learns it at once instead of waiting for a timeout.
  std::erase_if(waiting_for_name_, [&](const WaitingForName& w) {
    if (w.identity != identity) return false;
    held_octets_ -= w.packet.bytes.size();
    drop(DropReason::out_unknown_peer);
    const Bytes packet = w.packet.bytes;
    const Address source = Address::load(packet.data() + 8);
    constexpr std::uint8_t address_unreachable = 3;
    const ByteVector error = build_error(icmpv6::destination_unreachable, address_unreachable, 0, packet);
    actions.to_identity.push_back({build_packet(identity, source, next_header::icmpv6, error), {}});
    return true;
  });
}

}  // namespace ilnp
