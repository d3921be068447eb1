// SPDX-License-Identifier: Apache-2.0
// A HostForwarder driven by a script: each step is one octet of kind, one of size or pause, and the octets of a packet.
// What must hold after every step is checked here.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "core/forwarding/host_forwarder.h"
#include "core/ipv6/icmpv6.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/fakes.h"
#include "tests/support/packet_builder.h"

namespace ilnp::fuzz {

inline constexpr Locator identity_prefix{0xfd494c4e50366631};
inline constexpr NodeId our_nid{0x5c1a97d304be6f21}, peer_nid{0x02144ffffe20ee64};
inline constexpr Locator home{0x20010db8000a0001}, away{0x20010db8000b0001}, peer_home{0x20010db800c00001},
    peer_away{0x20010db800d00001};
inline constexpr Address our_identity{identity_prefix, our_nid}, peer_identity{identity_prefix, peer_nid};
inline constexpr Address client_identity{identity_prefix, OwnNids::client};
inline constexpr std::uint32_t eth0 = 2;

inline Tuning fuzz_tuning() {
  Tuning tuning;
  tuning.max_entries = 64;
  tuning.max_tentative = 8;
  tuning.hold_octets = 1u << 16;
  return tuning;
}

class HostScript {
 public:
  HostScript() {
    forwarder_.add_own_nid(our_nid);
    forwarder_.use_ephemeral_nids(true);
    for (std::uint64_t i = 0; i < 4; ++i) forwarder_.nids().provision({0x1000000000000000 + i});
    attach(home);
  }

  HostForwarder& forwarder() { return forwarder_; }
  TimePoint now() const { return now_; }
  Actions& actions() { return actions_; }

  void attach(Locator locator) {
    OwnLocator own;
    own.locator = locator;
    own.interface = eth0;
    forwarder_.locator_up(now_, own, actions_);
    check();
  }
  void detach(Locator locator) {
    forwarder_.locator_down(now_, locator, eth0, actions_);
    check();
  }
  void resolve() {
    forwarder_.resolved(now_, "peer", our_nid, peer_nid, {{peer_home, 10, seconds{60}}, {peer_away, 20, seconds{60}}},
                        actions_);
    check();
  }
  void inbound(Bytes packet) {
    test::PacketBuffer buffer{packet};
    const Verdict verdict = forwarder_.inbound(now_, buffer.packet, eth0, actions_);
    FUZZ_REQUIRE((verdict.disposition == Disposition::dropped) == (verdict.reason != DropReason::none));
    FUZZ_REQUIRE(verdict.disposition != Disposition::to_wire);  // held: a stranger's segment until it has proved itself
    if (verdict.disposition == Disposition::to_kernel) FUZZ_REQUIRE(std::ranges::equal(buffer.bytes(), packet));
    if (verdict.disposition == Disposition::to_identity) check_for_kernel(buffer.bytes());
    check();
  }
  void outbound(Bytes packet, Offload offload = {}) {
    test::PacketBuffer buffer{packet};
    buffer.packet.offload = offload;
    const Verdict verdict = forwarder_.outbound(now_, buffer.packet, actions_);
    FUZZ_REQUIRE((verdict.disposition == Disposition::dropped) == (verdict.reason != DropReason::none));
    FUZZ_REQUIRE(verdict.disposition != Disposition::to_kernel && verdict.disposition != Disposition::to_identity);
    if (verdict.disposition == Disposition::to_wire) check_for_wire(buffer.bytes());
    check();
  }
  void pass(Duration time) {
    const TimePoint until = now_ + time;
    for (int steps = 0; forwarder_.next_deadline() <= until; ++steps) {
      FUZZ_REQUIRE(steps < 100'000);  // timers come to rest
      now_ = std::max(now_, forwarder_.next_deadline());
      forwarder_.on_time(now_, actions_);
      check();
    }
    now_ = until;
  }
  /// A socket that nobody bound sends to the peer, which answers.
  void client_speaks(std::uint16_t port, Bytes nonce) {
    forwarder_.resolved(now_, "peer", OwnNids::client, peer_nid, {{peer_home, 10, seconds{60}}}, actions_);
    outbound(test::PacketBuilder{client_identity, peer_identity}.udp(port, 7777, test::text("hello")).build());
    const NodeId ours = forwarder_.nids().of_peer(peer_nid).value_or(our_nid);
    inbound(test::PacketBuilder{{peer_home, peer_nid}, {home, ours}}.nonce(nonce).udp(7777, port).build());
  }
  /// Our kernel opens, the peer answers with `nonce`.
  void establish(Bytes nonce) {
    resolve();
    outbound(test::PacketBuilder{our_identity, peer_identity}.udp(40000, 7777, test::text("hello")).build());
    inbound(test::PacketBuilder{{peer_home, peer_nid}, {home, our_nid}}.nonce(nonce).udp(7777, 40000).build());
  }
  /// Everything that is held or waits ends at last.
  void end() {
    pass(seconds{7200});
    FUZZ_REQUIRE(forwarder_.held_octets() == 0);
    FUZZ_REQUIRE(forwarder_.reassembler().octets() == 0);
  }

 private:
  void check() {
    for (const OutPacket& packet : actions_.to_wire) check_for_wire(packet.bytes);
    for (const OutPacket& packet : actions_.to_identity) check_for_kernel(packet.bytes);
    FUZZ_REQUIRE(forwarder_.ilcc().size() <= 64);
    FUZZ_REQUIRE(forwarder_.held_octets() <= (1u << 16));
    // Answers of the daemon: nothing is open, nothing is known.
    const std::vector<CorrespondentId> checks = std::move(actions_.flow_checks);
    actions_.clear();
    for (const CorrespondentId id : checks) forwarder_.set_pinned(now_, id, false);
  }
  void check_for_wire(Bytes packet) {
    const WalkOutcome outcome = walk_headers(packet);
    // A packet that the kernel gave us with as many headers as may be has one more now.
    if (!outcome.ok && outcome.error == ParseError::too_many_headers) return;
    FUZZ_REQUIRE(outcome.ok);
    FUZZ_REQUIRE(!forwarder_.is_identity(outcome.walk.source));
    FUZZ_REQUIRE(!forwarder_.is_identity(outcome.walk.destination));
    FUZZ_REQUIRE(forwarder_.nids().contains(outcome.walk.source.nid));
  }
  void check_for_kernel(Bytes packet) {
    const WalkOutcome outcome = walk_headers(packet);
    FUZZ_REQUIRE(outcome.ok);
    // Ours in identity form, or plain IPv6 that was reassembled on its way.
    const bool identity = outcome.walk.destination == our_identity || outcome.walk.destination == client_identity;
    FUZZ_REQUIRE(identity || forwarder_.nids().contains(outcome.walk.destination.nid) ||
                 !forwarder_.is_identity(outcome.walk.source));
    if (identity) FUZZ_REQUIRE(!outcome.walk.has_nonce());
  }

  Tuning tuning_ = fuzz_tuning();
  test::FakeRandom random_{1};
  test::FakeHasher hasher_;
  TimePoint now_{seconds{1000}};
  Actions actions_;
  HostForwarder forwarder_{tuning_, identity_prefix, random_, hasher_};
};

}  // namespace ilnp::fuzz
