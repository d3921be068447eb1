// SPDX-License-Identifier: Apache-2.0
// The sessions as bytes, so that a restarted daemon goes on with them: same nonces, same identities, same locators; and
// by which locator each flow with an IP-only correspondent goes.
// Written and read by the same host within one boot; read as carefully as anything from a wire all the same.
#include "core/forwarding/host_forwarder.h"

namespace ilnp {

namespace {

void write_flow(ByteWriter& w, const IpOnlyFlow& flow) {
  w.bytes(flow.key.remote.octets());
  w.u64(flow.key.local.bits);
  w.u16(flow.key.local_port);
  w.u16(flow.key.remote_port);
  w.u8(flow.key.protocol);
  w.u64(flow.locator.bits);
  write_time(w, flow.last_seen);
}

/// One that our kernel has answered.
IpOnlyFlow read_flow(ByteReader& in, const SavedTimes& times) {
  IpOnlyFlow flow;
  if (const Bytes remote = in.take(16); in.ok()) flow.key.remote = Address::load(remote.data());
  flow.key.local = {in.u64()};
  flow.key.local_port = in.u16();
  flow.key.remote_port = in.u16();
  flow.key.protocol = in.u8();
  flow.locator = {in.u64()};
  flow.last_seen = times.past(in);
  flow.answered = true;
  return flow;
}

}  // namespace

ByteVector HostForwarder::save(TimePoint now) {
  ByteVector out;
  ByteWriter w{out};
  std::uint32_t count = 0;
  ilcc_.for_each([&](const Correspondent& c) { count += is_saved(c) ? 1 : 0; });
  write_header(w, now, {ilcc_.identity_prefix(), own_.variation(), count});
  ilcc_.for_each([&](Correspondent& c) {
    c.note_heard_in_place();
    if (is_saved(c)) write_session(w, c, nids_.is_ephemeral(c.local_nid));
  });
  save_ip_only(w);
  return out;
}

/// What our kernel never answered is not worth keeping.
void HostForwarder::save_ip_only(ByteWriter& w) {
  std::vector<const IpOnlyFlow*> answered;
  if (ip_only_ != nullptr)
    ip_only_->for_each([&](const IpOnlyFlow& flow) {
      if (flow.answered) answered.push_back(&flow);
    });
  w.u32(static_cast<std::uint32_t>(answered.size()));
  for (const IpOnlyFlow* flow : answered) write_flow(w, *flow);
}

bool HostForwarder::restore_ip_only(ByteReader& in, const SavedTimes& times) {
  const std::uint32_t count = in.u32();
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
    const IpOnlyFlow flow = read_flow(in, times);
    if (!in.ok() || ip_only_ == nullptr || !nids_.is_node(flow.key.local)) continue;
    if (ip_only_->find(flow.key) == nullptr) ip_only_->add(flow);
  }
  return in.ok();
}

bool HostForwarder::restore(TimePoint now, Bytes saved, Actions& actions, std::optional<Duration> age) {
  SavedSessions sessions{saved, now, age, tuning_};
  if (!sessions.ok() || sessions.header().identity_prefix != ilcc_.identity_prefix()) return false;
  own_.restore_variation(sessions.header().variation);
  while (auto session = sessions.next()) (void)go_on(now, std::move(*session));
  actions.sessions_changed = false;
  return sessions.ok() && restore_ip_only(sessions.rest(), sessions.times());
}

bool HostForwarder::take_over(TimePoint now, SavedSession session, Actions& actions) {
  Correspondent* c = go_on(now, std::move(session));
  if (c == nullptr) return false;
  actions.events.push_back(event(EventKind::session_established, *c, "taken over"));
  announce(now, *c, actions);
  return true;
}

void HostForwarder::learn(Correspondent& c, const SavedSession& heard) {
  c.remote = heard.remote;
  c.touch();
  if (heard.lu_memory == nullptr) return;
  if (c.lu_memory == nullptr) c.lu_memory = std::make_unique<LuMemory>(tuning_);
  c.lu_memory->merge(*heard.lu_memory);
}

void HostForwarder::lend(Correspondent& c) {
  c.lu_sender.reset();
  c.lu_outstanding = c.tell_when_established = false;
  reschedule(c);
}

void HostForwarder::announce(TimePoint now, Correspondent& c, Actions& actions) {
  actions.sessions_changed = true;
  own_.renew();  // what it heard when the session was here before would be a replay
  if (const Advertisement set = own_.advertisement(now); set != nullptr && c.is_session())
    tell(now, c, set, {}, true, actions);
  release_held(now, c, actions);
  reschedule(c);
}

void HostForwarder::give_up(Correspondent& c, Actions& actions) { end(c, "taken over", actions); }

/// With a session as it was; nothing: it is not one of ours, or there is one already.
Correspondent* HostForwarder::go_on(TimePoint now, SavedSession session) {
  const NodeId remote = session.identity.nid;
  if (!is_identity(session.identity) || remote == OwnNids::client) return nullptr;
  if (session.ephemeral ? !nids_.adopt(session.local, remote) : !nids_.is_node(session.local)) return nullptr;
  Correspondent* c = ilcc_.restore(now, session.local, session.identity, session.state);
  if (c == nullptr) {
    if (session.ephemeral && ilcc_.find_pair(session.local, remote) == nullptr) nids_.release(remote);
    return nullptr;
  }
  c->checksum = session.checksum;
  c->checksum_known = session.checksum_known;
  c->pinned = session.pinned;
  c->nonce_sent = session.nonce_sent;
  c->nonce_received = session.nonce_received;
  c->last_sent = session.last_sent;
  c->last_delivered = session.last_delivered;
  c->last_received = session.last_received;
  c->name = std::move(session.name);
  c->remote = std::move(session.remote);
  c->delivered = true;
  c->packets_out = 1;  // an error about what was sent before is still about us
  c->nonce_until = now + tuning_.nonce_after_change;
  c->lu_memory = std::move(session.lu_memory);
  reschedule(*c);
  return c;
}

}  // namespace ilnp
