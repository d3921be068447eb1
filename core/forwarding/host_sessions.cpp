// SPDX-License-Identifier: Apache-2.0
// Sessions: how they begin, change and end (RFC 6741 section 5).
#include <algorithm>

#include "core/forwarding/host_forwarder.h"

namespace ilnp {

namespace {
constexpr std::size_t max_not_ilnp = 1024;
}  // namespace

HostForwarder::HostForwarder(const Tuning& tuning, Locator identity_prefix, Random& random, Hasher& hasher)
    : tuning_{tuning},
      random_{random},
      hasher_{hasher},
      ilcc_{tuning, identity_prefix, random},
      own_{tuning},
      lu_rate_{tuning.lu_node_rate, tuning.lu_node_burst},
      probe_rate_{tuning.probe_rate, tuning.probe_burst},
      name_query_rate_{tuning.name_query_rate, tuning.name_query_burst},
      nids_{random.u64()} {}

bool HostForwarder::is_identity(const Address& address) const {
  const Locator prefix = ilcc_.identity_prefix();
  if (address.locator == prefix) return true;
  const auto k = static_cast<std::uint16_t>((address.locator.bits >> 16) - (prefix.bits >> 16));
  return k < tuning_.max_siblings && address.locator == alias_prefix(prefix, k);
}

HostEvent HostForwarder::event(EventKind kind, const Correspondent& c, const char* reason) {
  HostEvent e{kind};
  e.local_nid = c.local_nid;
  e.remote_nid = c.remote_nid();
  e.locator = c.using_remote;
  e.reason = reason;
  return e;
}

void HostForwarder::establish(TimePoint now, Correspondent& c, Actions& actions) {
  ilcc_.set_state(c, PeerState::established);
  c.remote.keep_for_session();
  c.nonce_packets_left = static_cast<std::uint8_t>(tuning_.nonce_initial_packets);
  c.last_received = now;
  c.touch();
  succeed(c, actions);
  actions.events.push_back(event(EventKind::session_established, c));
  actions.sessions_changed = true;
  if (c.tell_when_established)
    if (const Advertisement set = own_.advertisement(now)) tell(now, c, set, {}, true, actions);
  release_held(now, c, actions);
  deliver_kept(now, c, actions);
  reschedule(c);
}

/// A peer that restarted has a new nonce and an entry beside the old one. It proved that it is where the old one was,
/// and the old one has been silent since: the sessions of our kernel go on with the new entry.
void HostForwarder::succeed(Correspondent& successor, Actions& actions) {
  // What our kernel knows already keeps its identity.
  if (successor.delivered || successor.packets_out != 0) return;
  for (Correspondent* old = ilcc_.find_pair(successor.local_nid, successor.remote_nid()); old != nullptr;
       old = ilcc_.sibling(*old)) {
    if (old == &successor || !old->is_session()) continue;
    // At one place there is one node: its latest nonce counts, whatever arrives late under the one before.
    if (!successor.unproven && old->last_received > successor.created) continue;
    const bool same_place = std::any_of(
        successor.remote.all().begin(), successor.remote.all().end(),
        [&](const RemoteLocator& l) { return l.reach == Reach::reachable && old->remote.find(l.locator) != nullptr; });
    if (!same_place) continue;
    for (const RemoteLocator& l : old->remote.all())
      if (!l.receive_only && successor.remote.find(l.locator) == nullptr)
        successor.remote.learn_from_dns(l.locator, l.preference, never, tuning_);
    successor.name = old->name;
    successor.pinned = old->pinned;
    successor.checksum = old->checksum;
    successor.checksum_known = old->checksum_known;
    successor.packets_in = old->packets_in;
    successor.packets_out = old->packets_out;
    successor.octets_in = old->octets_in;
    successor.octets_out = old->octets_out;
    if (old->held != nullptr && successor.held == nullptr) successor.held = std::move(old->held);
    if (old->held != nullptr)
      for (const HeldPacket& held : *old->held) {
        held_octets_ -= held.bytes.size();
        drop(DropReason::out_held_too_long);
      }
    ilcc_.take_over(successor, *old);
    actions.events.push_back(event(EventKind::peer_restarted, successor));
    return;
  }
}

bool HostForwarder::known_not_ilnp(TimePoint now, NodeId nid, Locator locator) const {
  return std::any_of(not_ilnp_.begin(), not_ilnp_.end(),
                     [&](const NotIlnp& n) { return n.nid == nid && n.locator == locator && n.until > now; });
}

void HostForwarder::fall_back(TimePoint now, Correspondent& c, const char* reason, bool remember, Actions& actions) {
  if (tuning_.fallback == FallbackPolicy::refuse) return;
  if (remember) {
    std::erase_if(not_ilnp_, [&](const NotIlnp& n) { return n.until <= now; });
    if (not_ilnp_.size() >= max_not_ilnp) not_ilnp_.erase(not_ilnp_.begin());
    not_ilnp_.push_back({c.remote_nid(), c.using_remote, now + tuning_.not_ilnp_cache});
  }
  ilcc_.set_state(c, PeerState::fallback);
  c.checksum = ChecksumMode::ipv6;
  c.checksum_known = true;
  c.remote.keep_for_session();
  c.remote.mark_reachable(c.using_remote);  // pinned: a plain session cannot move
  c.touch();
  actions.events.push_back(event(EventKind::session_fallback, c, reason));
  reschedule(c);
}

void HostForwarder::end(Correspondent& c, const char* reason, Actions& actions) {
  if (c.is_session()) {
    actions.events.push_back(event(EventKind::session_ended, c, reason));
    actions.sessions_changed = true;
  }
  if (c.held != nullptr)
    for (const HeldPacket& held : *c.held) {
      held_octets_ -= held.bytes.size();
      drop(DropReason::out_held_too_long);
    }
  const NodeId local = c.local_nid, remote = c.remote_nid();
  ilcc_.erase(c);
  if (!nids_.is_ephemeral(local) || ilcc_.find_pair(local, remote) != nullptr) return;
  nids_.release(remote);
  actions.own_nids_changed = true;
}

void HostForwarder::set_pinned(TimePoint now, CorrespondentId id, bool pinned) {
  Correspondent* c = ilcc_.at(id);
  if (c == nullptr) return;
  c->pinned = pinned;
  if (pinned) c->flow_check_pending = false;
  c->next_flow_check = now + tuning_.flow_check;
  if (!pinned && c->state == PeerState::established && now - c->last_used() >= tuning_.idle)
    ilcc_.set_state(*c, PeerState::closing);
  if (pinned && c->state == PeerState::closing) ilcc_.set_state(*c, PeerState::established);
  reschedule(*c);
}

}  // namespace ilnp
