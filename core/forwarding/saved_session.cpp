// SPDX-License-Identifier: Apache-2.0
#include "core/forwarding/saved_session.h"

#include <algorithm>

namespace ilnp {
namespace {

constexpr std::uint32_t magic = 0x494c4343;  // "ILCC"
constexpr std::uint16_t version = 3;
constexpr std::size_t max_name = 255, max_locators = 255;
constexpr std::uint8_t is_checksum_known = 1, is_pinned = 2, is_ephemeral = 4;  // flags

std::uint64_t ticks(TimePoint t) { return static_cast<std::uint64_t>(t.time_since_epoch().count()); }

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
  write_time(w, l.expires);
  write_time(w, l.last_received);
}

RemoteLocator read_locator(ByteReader& in, const SavedTimes& times, const Tuning& tuning) {
  RemoteLocator l;
  l.locator = {in.u64()};
  l.preference = in.u16();
  const std::uint8_t validity = in.u8(), reach = in.u8(), source = in.u8();
  l.receive_only = in.u8() != 0;
  l.path_mtu = in.u16();
  l.path_mtu_until = times.written() + tuning.path_mtu_memory;
  l.expires = times.any(in);
  l.last_received = times.past(in);
  if (validity > 3 || reach > 3 || source > 2) in.fail();
  l.validity = static_cast<Validity>(validity & 3);
  l.reach = static_cast<Reach>(reach & 3);
  l.source = static_cast<LocatorSource>(source % 3);
  if (l.reach == Reach::probing || l.reach == Reach::failed) l.reach = Reach::unverified;
  l.packets_left = static_cast<std::uint8_t>(tuning.unverified_packets);
  l.credit = static_cast<std::int64_t>(tuning.unverified_credit);
  return l;
}

void write_updates(ByteWriter& w, const LuMemory* memory) {
  w.u8(static_cast<std::uint8_t>(memory == nullptr ? 0 : memory->seen().size()));
  if (memory == nullptr) return;
  for (const LuMemory::Seen& seen : memory->seen()) {
    w.bytes(seen.digest);
    write_time(w, seen.at);
  }
}

std::unique_ptr<LuMemory> read_updates(ByteReader& in, const SavedTimes& times, const Tuning& tuning) {
  const std::size_t count = in.u8();
  if (count == 0) return nullptr;
  auto memory = std::make_unique<LuMemory>(tuning);
  for (std::size_t n = 0; n < count && in.ok(); ++n) {
    LuMemory::Seen seen{};
    const Bytes digest = in.take(seen.digest.size());
    seen.at = times.past(in);
    if (!in.ok()) break;
    std::copy(digest.begin(), digest.end(), seen.digest.begin());
    memory->restore(seen);
  }
  return memory;
}

Locator read_prefix(ByteReader& in) {
  if (in.u32() != magic || in.u16() != version) in.fail();
  return {in.u64()};
}

bool is_session(PeerState state) {
  return state == PeerState::established || state == PeerState::unreachable || state == PeerState::closing;
}

}  // namespace

SavedTimes::SavedTimes(ByteReader& in, TimePoint now, std::optional<Duration> age) {
  written_ = read(in, age ? never : now);
  if (age) shift_ = now - *age - written_;
}

/// The start of the clock stays what it is: what has never happened.
TimePoint SavedTimes::read(ByteReader& in, TimePoint latest) const {
  const std::uint64_t octets = in.u64();
  if (octets > ticks(latest)) {
    in.fail();
    return {};
  }
  const TimePoint time{Duration{static_cast<Duration::rep>(octets)}};
  if (time == TimePoint{} || time == never || shift_ == Duration{}) return time;
  if (shift_ > Duration{} && time > never - shift_) return never;
  return std::max(time + shift_, TimePoint{Duration{1}});
}

void write_time(ByteWriter& w, TimePoint time) { w.u64(ticks(time)); }

bool is_saved(const Correspondent& c) { return c.is_session() || c.state == PeerState::fallback; }

void write_session(ByteWriter& w, const Correspondent& c, bool ephemeral) {
  w.u8(static_cast<std::uint8_t>(c.state));
  w.u8(static_cast<std::uint8_t>(c.checksum));
  w.u8(static_cast<std::uint8_t>((c.checksum_known ? is_checksum_known : 0) | (c.pinned ? is_pinned : 0) |
                                 (ephemeral ? is_ephemeral : 0)));
  w.u64(c.local_nid.bits);
  w.bytes(c.identity.octets());
  write_nonce(w, c.nonce_sent);
  write_nonce(w, c.nonce_received);
  write_time(w, c.last_sent);
  write_time(w, c.last_delivered);
  write_time(w, c.last_received);
  const auto length = std::min(c.name.size(), max_name);
  w.u8(static_cast<std::uint8_t>(length));
  for (std::size_t i = 0; i < length; ++i) w.u8(static_cast<std::uint8_t>(c.name[i]));
  const auto locators = std::min(c.remote.all().size(), max_locators);
  w.u8(static_cast<std::uint8_t>(locators));
  for (std::size_t i = 0; i < locators; ++i) write_locator(w, c.remote.all()[i]);
  write_updates(w, c.lu_memory.get());
}

/// Magic, version, prefix, time of writing, variation, number of sessions.
void write_header(ByteWriter& w, TimePoint now, const SavedHeader& header) {
  w.u32(magic);
  w.u16(version);
  w.u64(header.identity_prefix.bits);
  write_time(w, now);
  w.u32(header.variation);
  w.u32(header.sessions);
}

SavedSessions::SavedSessions(Bytes saved, TimePoint now, std::optional<Duration> age, const Tuning& tuning)
    : in_{saved}, header_{read_prefix(in_)}, times_{in_, now, age}, tuning_{tuning} {
  header_.variation = in_.u32();
  header_.sessions = left_ = in_.u32();
}

std::optional<SavedSession> SavedSessions::next() {
  while (in_.ok() && left_ > 0) {
    --left_;
    if (auto session = read()) return session;
  }
  return std::nullopt;
}

/// Nothing: of no use. The reader fails where the octets are damaged.
std::optional<SavedSession> SavedSessions::read() {
  ByteReader& in = in_;
  const SavedTimes& times = times_;
  SavedSession s;
  const std::uint8_t state = in.u8(), checksum = in.u8(), flags = in.u8();
  s.local = {in.u64()};
  const Bytes identity = in.take(16);
  if (state > static_cast<std::uint8_t>(PeerState::closing) || checksum > 1) in.fail();
  if (!in.ok()) return std::nullopt;
  s.state = static_cast<PeerState>(state);
  s.checksum = static_cast<ChecksumMode>(checksum);
  s.checksum_known = (flags & is_checksum_known) != 0;
  s.pinned = (flags & is_pinned) != 0;
  s.ephemeral = (flags & is_ephemeral) != 0;
  s.identity = Address::load(identity.data());
  s.nonce_sent = read_nonce(in);
  s.nonce_received = read_nonce(in);
  s.last_sent = times.past(in);
  s.last_delivered = times.past(in);
  s.last_received = times.past(in);
  const Bytes name = in.take(in.u8());
  s.name.assign(name.begin(), name.end());
  const std::size_t locators = in.u8();
  for (std::size_t n = 0; n < locators && in.ok(); ++n) {
    const RemoteLocator l = read_locator(in, times, tuning_);
    if (in.ok() && s.remote.find(l.locator) == nullptr) s.remote.restore(l);
  }
  s.lu_memory = read_updates(in, times, tuning_);
  if (!in.ok()) return std::nullopt;
  const bool has_nonces = s.nonce_sent.is_set() && s.nonce_received.is_set();
  if (is_session(s.state) ? !has_nonces : s.state != PeerState::fallback) return std::nullopt;
  return s;
}

}  // namespace ilnp
