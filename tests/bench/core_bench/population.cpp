// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/core_bench/population.h"

#include <cstdlib>

#include "tests/support/packet_builder.h"

namespace ilnp::bench {
namespace {

constexpr Locator prefix{0xfd494c4e50366631}, home{0x20010db8000a0001};
constexpr NodeId our_nid{0x5c1a97d304be6f21};
constexpr std::size_t payload = 1360;
const ByteVector nonce = test::hex("41d0c7729e1835fb0a66284c");

/// Node Identifiers as random as real ones.
NodeId nid_of(std::size_t i) { return NodeId{(i + 1) * 0x9e3779b97f4a7c15u & ~(std::uint64_t{3} << 56)}; }

}  // namespace

Population::Population(std::size_t sessions, TimePoint at) : now{at}, sessions_{sessions} {
  forwarder_ = std::make_unique<HostForwarder>(tuning_, prefix, random_, hasher_);
  forwarder_->add_own_nid(our_nid);
  OwnLocator own;
  own.locator = home;
  own.interface = 2;
  forwarder_->locator_up(now, own, actions);
  for (std::size_t i = 0; i < sessions_; ++i) establish(i);
  actions = {};
}

Address Population::our_identity() { return {prefix, our_nid}; }
Nonce Population::peer_nonce() { return Nonce{nonce}; }
Address Population::identity(std::size_t i) { return {prefix, nid_of(i)}; }

Address Population::peer(std::size_t i) const { return {Locator{0x20010db800c00000 + i % 4096}, nid_of(i)}; }

void Population::establish(std::size_t i) {
  const auto identity =
      forwarder_->resolved(now, "", our_nid, nid_of(i), {{peer(i).locator, 10, seconds{60}}}, actions);
  if (!identity || identity->locator != prefix) std::abort();
  const ByteVector first = test::PacketBuilder{{prefix, our_nid}, *identity}.udp(40000, 7777, test::text("x")).build();
  for (int n = 0; n <= tuning_.nonce_initial_packets; ++n) {
    test::PacketBuffer out{first};
    if (forwarder_->outbound(now, out.packet, actions).disposition != Disposition::to_wire) std::abort();
    if (n > 0) continue;
    const ByteVector reply =
        test::PacketBuilder{peer(i), {home, our_nid}}.nonce(nonce).udp(7777, 40000, test::text("y")).build();
    test::PacketBuffer in{reply};
    if (forwarder_->inbound(now, in.packet, 2, actions).disposition != Disposition::to_identity) std::abort();
  }
  actions.clear();
}

Packet Population::make(const Address& source, const Address& destination) {
  if (buffer_.empty()) {
    buffer_.resize(packet_headroom);
    const ByteVector packet =
        test::PacketBuilder{source, destination}.tcp(40000, 80, 1, 1, 0x10, test::counting(payload)).build();
    buffer_.insert(buffer_.end(), packet.begin(), packet.end());
  }
  std::uint8_t* p = buffer_.data() + packet_headroom;
  source.store(p + 8);
  destination.store(p + 24);
  Packet packet{buffer_, packet_headroom, buffer_.size() - packet_headroom};
  packet.offload.partial_checksum = true;
  packet.offload.checksum_start = 40;
  packet.offload.checksum_offset = 16;
  return packet;
}

Packet Population::outbound(std::size_t i) { return make(our_identity(), identity(i)); }
Packet Population::inbound(std::size_t i) { return make(peer(i), {home, our_nid}); }

bool Population::send(std::size_t i) {
  Packet packet = outbound(i);
  return forwarder_->outbound(now, packet, actions).disposition == Disposition::to_wire;
}

bool Population::receive(std::size_t i) {
  Packet packet = inbound(i);
  return forwarder_->inbound(now, packet, 2, actions).disposition == Disposition::to_identity;
}

}  // namespace ilnp::bench
