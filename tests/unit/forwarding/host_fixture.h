// SPDX-License-Identifier: Apache-2.0
// One HostForwarder and the packets that its kernel and its peers would send. Every packet given to it is checked for
// what must always hold: a dropped one is counted once under its reason, and nothing on the wire shows an identity
// address.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/forwarding/host_forwarder.h"
#include "core/ilnp/locator_update.h"
#include "core/ipv6/icmpv6.h"
#include "tests/support/fakes.h"
#include "tests/support/matchers.h"
#include "tests/support/packet_builder.h"

namespace ilnp {

inline void PrintTo(DropReason reason, std::ostream* out) { *out << name_of(reason); }
inline void PrintTo(EventKind kind, std::ostream* out) { *out << name_of(kind); }
inline void PrintTo(PeerState state, std::ostream* out) { *out << name_of(state); }
inline void PrintTo(Disposition d, std::ostream* out) {
  static constexpr const char* names[] = {"to_wire", "to_identity", "to_kernel", "held", "consumed", "dropped"};
  *out << names[static_cast<std::size_t>(d)];
}

namespace test {

inline constexpr Locator prefix{0xfd494c4e50366631};
inline constexpr NodeId our_nid{0x5c1a97d304be6f21}, peer_nid{0x02144ffffe20ee64};
inline constexpr Locator home{0x20010db8000a0001}, away{0x20010db8000b0001};            // ours
inline constexpr Locator peer_home{0x20010db800c00001}, peer_away{0x20010db800d00001};  // the peer's
inline constexpr Locator elsewhere{0x20010db800ee0001}, victim{0x20010db800ff0001};
inline constexpr std::uint8_t fin = 0x01, syn = 0x02, rst = 0x04, ack = 0x10;

/// What became of one packet, and everything that it caused.
struct Outcome {
  Verdict verdict;
  ByteVector packet;  ///< as rewritten
  Actions actions;
  std::vector<std::pair<DropReason, std::uint64_t>> drops;  ///< counters that moved, by how much

  /// All packets for the wire, in order.
  std::vector<ByteVector> wire() const {
    std::vector<ByteVector> out;
    if (verdict.disposition == Disposition::to_wire) out.push_back(packet);
    for (const OutPacket& p : actions.to_wire) out.push_back(p.bytes);
    return out;
  }
  std::vector<ByteVector> identity() const {
    std::vector<ByteVector> out;
    if (verdict.disposition == Disposition::to_identity) out.push_back(packet);
    for (const OutPacket& p : actions.to_identity) out.push_back(p.bytes);
    return out;
  }
  const HostEvent* event(EventKind kind) const {
    for (const HostEvent& e : actions.events)
      if (e.kind == kind) return &e;
    return nullptr;
  }
};

inline HeaderWalk walk_of(Bytes packet) {
  const WalkOutcome outcome = walk_headers(packet);
  EXPECT_TRUE(outcome.ok) << hex_dump(packet);
  return outcome.walk;
}
inline ByteVector nonce_in(Bytes packet) {
  const HeaderWalk walk = walk_of(packet);
  const Bytes value = packet.subspan(walk.nonce_offset, walk.nonce_length);
  return {value.begin(), value.end()};
}
inline bool has_nonce(Bytes packet) { return walk_of(packet).has_nonce(); }
inline Bytes upper_of(Bytes packet) { return packet.subspan(walk_of(packet).upper_offset); }
inline std::uint8_t icmp_type_of(Bytes packet) {
  const HeaderWalk walk = walk_of(packet);
  return walk.upper_protocol == next_header::icmpv6 ? packet[walk.upper_offset] : std::uint8_t{0};
}
inline bool is_locator_update(Bytes packet) { return icmp_type_of(packet) == icmpv6::locator_update; }
inline bool is_probe_request(Bytes packet) {
  return icmp_type_of(packet) == icmpv6::echo_request && load_u16(upper_of(packet).data() + 4) == probe_identifier;
}
inline LocatorUpdate update_in(Bytes packet) {
  const auto parsed = parse_locator_update(upper_of(packet));
  EXPECT_TRUE(parsed.has_value());
  return parsed ? parsed.value() : LocatorUpdate{};
}

/// Exactly this reason, counted exactly once, and nothing else was.
inline ::testing::AssertionResult dropped_as(const Outcome& outcome, DropReason reason) {
  if (outcome.verdict.disposition != Disposition::dropped)
    return ::testing::AssertionFailure() << "not dropped: " << ::testing::PrintToString(outcome.verdict.disposition);
  if (outcome.verdict.reason != reason)
    return ::testing::AssertionFailure() << "dropped as " << name_of(outcome.verdict.reason);
  if (outcome.drops.size() != 1 || outcome.drops[0] != std::pair{reason, std::uint64_t{1}})
    return ::testing::AssertionFailure() << outcome.drops.size() << " counters moved";
  return ::testing::AssertionSuccess();
}

/// How the kernel hands over a TCP super-packet.
inline Offload tcp_super(std::uint16_t segment) {
  Offload o;
  o.segmentation = Offload::Segmentation::tcp;
  o.segment_size = segment;
  o.partial_checksum = true;
  o.checksum_start = ipv6_header_length;
  o.checksum_offset = 16;
  return o;
}

class HostTest : public ::testing::Test {
 protected:
  static constexpr std::uint32_t eth0 = 2, eth1 = 3;
  const Address us_at_home{home, our_nid}, us_away{away, our_nid};
  const Address peer{peer_home, peer_nid}, peer_moved{peer_away, peer_nid};
  const Address our_identity{prefix, our_nid}, peer_identity{prefix, peer_nid};
  const ByteVector peer_nonce = hex("41d0c7729e1835fb0a66284c");

  Tuning tuning;
  FakeRandom random{7};
  FakeHasher hasher;
  TimePoint now{seconds{1000}};
  std::unique_ptr<HostForwarder> forwarder;

  /// After changes of `tuning`. At home on eth0.
  HostForwarder& host() {
    if (forwarder == nullptr) {
      forwarder = std::make_unique<HostForwarder>(tuning, prefix, random, hasher);
      forwarder->add_own_nid(our_nid);
      if (at_home_) up(home, eth0);
    }
    return *forwarder;
  }
  void start_detached() { at_home_ = false; }

  static OwnLocator own(Locator locator, std::uint32_t interface = eth0, std::uint16_t preference = 10) {
    OwnLocator l;
    l.locator = locator;
    l.interface = interface;
    l.preference = preference;
    return l;
  }
  Outcome up(Locator locator, std::uint32_t interface = eth0, std::uint16_t preference = 10) {
    return record([&](Outcome& o) { host().locator_up(now, own(locator, interface, preference), o.actions); });
  }
  Outcome down(Locator locator, std::uint32_t interface = eth0) {
    return record([&](Outcome& o) { host().locator_down(now, locator, interface, o.actions); });
  }
  Outcome wait(Duration d) {
    return record([&](Outcome& o) {
      const TimePoint until = now + d;
      for (int steps = 0; host().next_deadline() <= until; ++steps) {
        ASSERT_LT(steps, 100'000) << "a timer does not come to rest";
        now = std::max(now, host().next_deadline());
        host().on_time(now, o.actions);
      }
      now = until;
    });
  }

  Outcome send(const ByteVector& packet, Offload offload = {}) {
    return record([&](Outcome& o) {
      PacketBuffer buffer{packet};
      buffer.packet.offload = offload;
      o.verdict = host().outbound(now, buffer.packet, o.actions);
      o.packet = buffer.bytes();
    });
  }
  Outcome receive(const ByteVector& packet, std::uint32_t interface = eth0) {
    return record([&](Outcome& o) {
      PacketBuffer buffer{packet};
      o.verdict = host().inbound(now, buffer.packet, interface, o.actions);
      o.packet = buffer.bytes();
    });
  }

  // What our kernel sends.
  PacketBuilder from_us() const { return {our_identity, peer_identity}; }
  ByteVector our_udp(std::string_view payload = "hello") const {
    return from_us().udp(40000, 7777, text(payload)).build();
  }
  // What the peer sends, with its nonce.
  PacketBuilder from_peer() const { return std::move(PacketBuilder{peer, us_at_home}.nonce(peer_nonce)); }
  ByteVector their_udp(std::string_view payload = "world") const {
    return from_peer().udp(7777, 40000, text(payload)).build();
  }
  ByteVector update(std::vector<AdvertisedLocator> locators,
                    LocatorUpdateOperation operation = LocatorUpdateOperation::advertisement) const {
    return update_from(peer_moved, std::move(locators), operation);
  }
  ByteVector update_from(const Address& source, std::vector<AdvertisedLocator> locators,
                         LocatorUpdateOperation operation = LocatorUpdateOperation::advertisement) const {
    return PacketBuilder{source, us_at_home}
        .nonce(peer_nonce)
        .payload(next_header::icmpv6, encode_locator_update({operation, std::move(locators)}))
        .build();
  }
  static AdvertisedLocator at(Locator locator, std::uint16_t preference = 10, std::uint16_t lifetime = 600) {
    return {locator, preference, std::chrono::duration<std::uint16_t>{lifetime}};
  }
  /// The peer's answer to one of our Locator Updates or probes.
  ByteVector answer(const ByteVector& request) const {
    const HeaderWalk walk = walk_of(request);
    ByteVector message{upper_of(request).begin(), upper_of(request).end()};
    if (message[0] == icmpv6::locator_update) message[5] = 2;
    if (message[0] == icmpv6::echo_request) message[0] = icmpv6::echo_reply;
    return PacketBuilder{walk.destination, walk.source}.nonce(peer_nonce).payload(next_header::icmpv6, message).build();
  }

  std::optional<Address> resolve(std::vector<ResolvedLocator> locators = {{peer_home, 10, seconds{300}}},
                                 std::string_view name = "peer.example.org", Outcome* outcome = nullptr) {
    std::optional<Address> identity;
    Outcome o =
        record([&](Outcome& r) { identity = host().resolved(now, name, our_nid, peer_nid, locators, r.actions); });
    if (outcome != nullptr) *outcome = std::move(o);
    return identity;
  }
  Correspondent* entry() { return host().ilcc().find_by_identity(our_nid, peer_identity); }
  PeerState state() {
    const Correspondent* c = entry();
    return c == nullptr ? PeerState::resolved : c->state;
  }

  /// We open, the peer answers: a session with its first packets over, so that both ends leave the nonce out.
  void establish() {
    ASSERT_TRUE(resolve());
    const Outcome first = send(our_udp());
    ASSERT_EQ(first.verdict.disposition, Disposition::to_wire);
    our_nonce = nonce_in(first.packet);
    ASSERT_EQ(receive(their_udp()).verdict.disposition, Disposition::to_identity);
    ASSERT_EQ(state(), PeerState::established);
  }
  void settle() {
    establish();
    for (int i = 0; i < tuning.nonce_initial_packets; ++i) send(our_udp());
    receive(their_udp());
  }

  /// An ICMPv6 error about `sent` (a packet of ours on the wire).
  ByteVector error_about(const ByteVector& sent, std::uint8_t type, std::uint8_t code, std::uint32_t parameter,
                         const Address& from = {{0x20010db800fe0000}, {1}}) const {
    return PacketBuilder{from, walk_of(sent).source}
        .payload(next_header::icmpv6, build_error(type, code, parameter, sent))
        .build();
  }

  ByteVector our_nonce;

 private:
  template <class F>
  Outcome record(F&& f) {
    host();
    Outcome outcome;
    const auto before = counters();
    f(outcome);
    const auto after = counters();
    for (std::size_t i = 0; i < after.size(); ++i)
      if (after[i] != before[i]) outcome.drops.emplace_back(static_cast<DropReason>(i), after[i] - before[i]);
    for (const ByteVector& packet : outcome.wire()) {
      const WalkOutcome walked = walk_headers(packet);
      EXPECT_TRUE(walked.ok) << hex_dump(packet);
      EXPECT_FALSE(host().is_identity(walked.walk.source)) << hex_dump(packet);
      EXPECT_FALSE(host().is_identity(walked.walk.destination)) << hex_dump(packet);
    }
    return outcome;
  }
  std::vector<std::uint64_t> counters() const {
    std::vector<std::uint64_t> all;
    for (std::size_t i = 0; i < static_cast<std::size_t>(DropReason::count); ++i)
      all.push_back(forwarder->drops(static_cast<DropReason>(i)));
    return all;
  }

  bool at_home_ = true;
};

/// Packets from the wire; the suite is in several files.
class HostInput : public HostTest {};

}  // namespace test
}  // namespace ilnp
