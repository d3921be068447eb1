// SPDX-License-Identifier: Apache-2.0
// The sessions as bytes, so that a restarted daemon goes on with them: same nonces, same identities, same locators; and
// by which locator each flow with an IP-only correspondent goes.
// Written and read by the same host within one boot; read as carefully as anything from a wire all the same.
#include "core/forwarding/host_forwarder.h"

namespace ilnp {

namespace {

constexpr std::uint32_t magic = 0x494c4343;  // "ILCC"
constexpr std::uint16_t version = 3;
constexpr std::size_t max_name = 255, max_locators = 255;

std::uint64_t ticks(TimePoint t) { return static_cast<std::uint64_t>(t.time_since_epoch().count()); }

/// A time between the start of the clock and `latest`.
TimePoint read_time(ByteReader& in, TimePoint latest) {
  const std::uint64_t t = in.u64();
  if (t > ticks(latest)) {
    in.fail();
    return {};
  }
  return TimePoint{Duration{static_cast<Duration::rep>(t)}};
}

void write_nonce(ByteWriter& w, const Nonce& nonce) {
  w.u8(static_cast<std::uint8_t>(nonce.length()));
  w.bytes(nonce.octets());
}

Nonce read_nonce(ByteReader& in) {
  const Bytes octets = in.take(in.u8());
  if (!in.ok() || octets.empty()) return {};
  if (!Nonce::is_storable(octets.size())) {
    in.fail();
    return {};
  }
  return Nonce{octets};
}

void write_locator(ByteWriter& w, const RemoteLocator& l) {
  w.u64(l.locator.bits);
  w.u16(l.preference);
  w.u8(static_cast<std::uint8_t>(l.validity));
  w.u8(static_cast<std::uint8_t>(l.reach));
  w.u8(static_cast<std::uint8_t>(l.source));
  w.u8(l.receive_only ? 1 : 0);
  w.u16(l.path_mtu);
  w.u64(ticks(l.expires));
  w.u64(ticks(l.last_received));
}

RemoteLocator read_locator(ByteReader& in, TimePoint written, const Tuning& tuning) {
  RemoteLocator l;
  l.locator = {in.u64()};
  l.preference = in.u16();
  const std::uint8_t validity = in.u8(), reach = in.u8(), source = in.u8();
  l.receive_only = in.u8() != 0;
  l.path_mtu = in.u16();
  l.path_mtu_until = written + tuning.path_mtu_memory;
  l.expires = read_time(in, never);
  l.last_received = read_time(in, written);
  if (validity > 3 || reach > 3 || source > 2) in.fail();
  l.validity = static_cast<Validity>(validity & 3);
  l.reach = static_cast<Reach>(reach & 3);
  l.source = static_cast<LocatorSource>(source % 3);
  if (l.reach == Reach::probing || l.reach == Reach::failed) l.reach = Reach::unverified;
  l.packets_left = static_cast<std::uint8_t>(tuning.unverified_packets);
  l.credit = static_cast<std::int64_t>(tuning.unverified_credit);
  return l;
}

constexpr std::uint8_t is_checksum_known = 1, is_pinned = 2, is_ephemeral = 4;  // flags

void write_session(ByteWriter& w, const Correspondent& c, bool ephemeral) {
  w.u8(static_cast<std::uint8_t>(c.state));
  w.u8(static_cast<std::uint8_t>(c.checksum));
  w.u8(static_cast<std::uint8_t>((c.checksum_known ? is_checksum_known : 0) | (c.pinned ? is_pinned : 0) |
                                 (ephemeral ? is_ephemeral : 0)));
  w.u64(c.local_nid.bits);
  w.bytes(c.identity.octets());
  write_nonce(w, c.nonce_sent);
  write_nonce(w, c.nonce_received);
  w.u64(ticks(c.last_sent));
  w.u64(ticks(c.last_delivered));
  w.u64(ticks(c.last_received));
  const auto length = std::min(c.name.size(), max_name);
  w.u8(static_cast<std::uint8_t>(length));
  for (std::size_t i = 0; i < length; ++i) w.u8(static_cast<std::uint8_t>(c.name[i]));
  const auto locators = std::min(c.remote.all().size(), max_locators);
  w.u8(static_cast<std::uint8_t>(locators));
  for (std::size_t i = 0; i < locators; ++i) write_locator(w, c.remote.all()[i]);
  const auto* memory = c.lu_memory.get();
  w.u8(static_cast<std::uint8_t>(memory == nullptr ? 0 : memory->seen().size()));
  if (memory == nullptr) return;
  for (const LuMemory::Seen& seen : memory->seen()) {
    w.bytes(seen.digest);
    w.u64(ticks(seen.at));
  }
}

void write_flow(ByteWriter& w, const IpOnlyFlow& flow) {
  w.bytes(flow.key.remote.octets());
  w.u64(flow.key.local.bits);
  w.u16(flow.key.local_port);
  w.u16(flow.key.remote_port);
  w.u8(flow.key.protocol);
  w.u64(flow.locator.bits);
  w.u64(ticks(flow.last_seen));
}

/// One that our kernel has answered.
IpOnlyFlow read_flow(ByteReader& in, TimePoint written) {
  IpOnlyFlow flow;
  if (const Bytes remote = in.take(16); in.ok()) flow.key.remote = Address::load(remote.data());
  flow.key.local = {in.u64()};
  flow.key.local_port = in.u16();
  flow.key.remote_port = in.u16();
  flow.key.protocol = in.u8();
  flow.locator = {in.u64()};
  flow.last_seen = read_time(in, written);
  flow.answered = true;
  return flow;
}

bool is_saved(const Correspondent& c) { return c.is_session() || c.state == PeerState::fallback; }

}  // namespace

ByteVector HostForwarder::save(TimePoint now) {
  ByteVector out;
  ByteWriter w{out};
  w.u32(magic);
  w.u16(version);
  w.u64(ilcc_.identity_prefix().bits);
  w.u64(ticks(now));
  w.u32(own_.variation());
  std::uint32_t count = 0;
  ilcc_.for_each([&](const Correspondent& c) { count += is_saved(c) ? 1 : 0; });
  w.u32(count);
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

bool HostForwarder::restore_ip_only(ByteReader& in, TimePoint written) {
  const std::uint32_t count = in.u32();
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
    const IpOnlyFlow flow = read_flow(in, written);
    if (!in.ok() || ip_only_ == nullptr || !nids_.is_node(flow.key.local)) continue;
    if (ip_only_->find(flow.key) == nullptr) ip_only_->add(flow);
  }
  return in.ok();
}

bool HostForwarder::restore(TimePoint now, Bytes saved, Actions& actions) {
  ByteReader in{saved};
  if (in.u32() != magic || in.u16() != version || in.u64() != ilcc_.identity_prefix().bits) return false;
  const TimePoint written = read_time(in, now);  // later than now: another boot, another clock
  const std::uint32_t variation = in.u32();
  const std::uint32_t count = in.u32();
  if (!in.ok()) return false;
  own_.restore_variation(variation);
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint8_t state = in.u8(), checksum = in.u8(), flags = in.u8();
    const NodeId local{in.u64()};
    const Bytes identity_octets = in.take(16);
    if (!in.ok() || state > static_cast<std::uint8_t>(PeerState::closing) || checksum > 1) return false;
    const Address identity = Address::load(identity_octets.data());
    const Nonce sent = read_nonce(in), received = read_nonce(in);
    const TimePoint last_sent = read_time(in, written), last_delivered = read_time(in, written);
    const TimePoint last_received = read_time(in, written);
    const Bytes name = in.take(in.u8());
    RemoteLocators locators;
    const std::size_t locator_count = in.u8();
    for (std::size_t n = 0; n < locator_count && in.ok(); ++n) {
      const RemoteLocator l = read_locator(in, written, tuning_);
      if (in.ok() && locators.find(l.locator) == nullptr) locators.restore(l);
    }
    auto memory = std::make_unique<LuMemory>(tuning_);
    const std::size_t seen_count = in.u8();
    for (std::size_t n = 0; n < seen_count && in.ok(); ++n) {
      LuMemory::Seen seen{};
      const Bytes digest = in.take(seen.digest.size());
      seen.at = read_time(in, written);
      if (!in.ok()) break;
      std::copy(digest.begin(), digest.end(), seen.digest.begin());
      memory->restore(seen);
    }
    if (!in.ok()) return false;
    const auto peer_state = static_cast<PeerState>(state);
    const bool session = peer_state == PeerState::established || peer_state == PeerState::unreachable ||
                         peer_state == PeerState::closing;
    if (!is_identity(identity) || identity.nid == OwnNids::client || !(session || peer_state == PeerState::fallback))
      continue;
    if (session && !(sent.is_set() && received.is_set())) continue;
    const bool ephemeral = (flags & is_ephemeral) != 0;
    if (ephemeral ? !nids_.adopt(local, identity.nid) : !nids_.is_node(local)) continue;
    Correspondent* c = ilcc_.restore(now, local, identity, peer_state);
    if (c == nullptr) {
      if (ephemeral && ilcc_.find_pair(local, identity.nid) == nullptr) nids_.release(identity.nid);
      continue;
    }
    c->checksum = static_cast<ChecksumMode>(checksum);
    c->checksum_known = (flags & is_checksum_known) != 0;
    c->pinned = (flags & is_pinned) != 0;
    c->nonce_sent = sent;
    c->nonce_received = received;
    c->last_sent = last_sent;
    c->last_delivered = last_delivered;
    c->last_received = last_received;
    c->name.assign(name.begin(), name.end());
    c->remote = std::move(locators);
    c->delivered = true;
    c->packets_out = 1;  // an error about what was sent before the restart is still about us
    c->nonce_until = now + tuning_.nonce_after_change;
    if (seen_count != 0) c->lu_memory = std::move(memory);
    reschedule(*c);
  }
  actions.sessions_changed = false;
  return restore_ip_only(in, written);
}

}  // namespace ilnp
