// SPDX-License-Identifier: Apache-2.0
// An ILNP node with a kernel, the VM, that talks to a gateway and moves. What is on the wire between them arrives at
// once. Every packet that anybody receives has right checksums.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <vector>

#include "core/forwarding/host_forwarder.h"
#include "core/forwarding/rewrite.h"
#include "tests/support/fakes.h"
#include "tests/support/ipv4_packets.h"
#include "tests/support/matchers.h"
#include "tests/support/packet_builder.h"

namespace ilnp::test {

struct VmWorld : testing::Test {
  static constexpr Locator identity{0xfd49'4c4e'5036'6631}, eids{0x2001'0db8'0e1d'0000}, entry{0x2001'0db8'00a1'00ff},
      first{0x2001'0db8'00c1'0001}, second{0x2001'0db8'00c2'0001};
  static constexpr NodeId vm_nid{0x0200'00ff'fe00'1234};
  static constexpr std::uint32_t eth0 = 2;
  const Address client{{0x2001'0db8'0c11'0000}, {0x99}}, client_identity{identity, {0x99}}, vm_eid{eids, vm_nid},
      vm_identity{identity, vm_nid};

  VmWorld() {
    vm.add_own_nid(vm_nid);
    Actions actions;
    vm.locator_up(now, at_eth0(first), actions);
  }
  static OwnLocator at_eth0(Locator locator) { return {locator, eth0}; }

  PacketBuilder from_client() const { return {client, vm_eid}; }
  PacketBuilder from_vm() const { return {vm_identity, client_identity}; }

  void vm_sends(const ByteVector& octets, Offload offload = {}) {
    PacketBuffer buffer{octets};
    buffer.packet.offload = offload;
    Actions actions;
    const Verdict verdict = vm.outbound(now, buffer.packet, actions);
    at_vm(verdict, buffer.packet, actions);
    deliver();
  }
  void wait(Duration duration) {
    for (const TimePoint until = now + duration;;) {
      now = std::max(now, std::min({until, gateway_deadline(), vm.next_deadline()}));
      gateway_on_time();
      Actions actions;
      vm.on_time(now, actions);
      at_vm({Disposition::consumed, DropReason::none}, nothing_.packet, actions);
      deliver();
      if (now >= until) return;
    }
  }
  /// The VM is there from now on.
  void move(Locator to) {
    Actions actions;
    const Locator from = place;
    place = to;
    vm.locator_down(now, from, eth0, actions);
    vm.locator_up(now, at_eth0(to), actions);
    at_vm({Disposition::consumed, DropReason::none}, nothing_.packet, actions);
    deliver();
  }

  std::vector<OutPacket> at_vm_kernel;  ///< what arrived, oldest first
  std::vector<ByteVector> wire;         ///< all that was on it

  TimePoint now{seconds{1000}};
  Tuning tuning;
  FakeRandom random{7};
  FakeHasher hasher;
  HostForwarder vm{tuning, identity, random, hasher};
  Locator place = first;

 protected:
  /// What the gateway does at its time, and with a packet to `entry`. What it sends goes to put_on_wire().
  virtual TimePoint gateway_deadline() const = 0;
  virtual void gateway_on_time() = 0;
  virtual void at_gateway(Packet& packet) = 0;

  static bool is_right(const Packet& packet) {
    if (packet.data()[0] >> 4 == 4) return checksums_are_right(packet.bytes());
    const WalkOutcome outcome = walk_headers(packet.bytes());
    return outcome.ok && (outcome.walk.is_fragment || checksum_verifies(packet, outcome.walk, ChecksumMode::ipv6));
  }
  static OutPacket copy_of(const Packet& packet) {
    return {{packet.bytes().begin(), packet.bytes().end()}, packet.offload};
  }
  static void expect_right(const OutPacket& received) {
    PacketBuffer buffer{received.bytes};
    buffer.packet.offload = received.offload;
    EXPECT_TRUE(is_right(buffer.packet)) << hex_dump(received.bytes);
  }
  void put_on_wire(OutPacket packet) { on_wire_.push_back(std::move(packet)); }
  void deliver() {
    for (int steps = 0; !on_wire_.empty(); ++steps) {
      ASSERT_LT(steps, 1000) << "they do not stop talking";
      const OutPacket next = std::move(on_wire_.front());
      on_wire_.pop_front();
      wire.push_back(next.bytes);
      expect_right(next);
      PacketBuffer buffer{next.bytes};
      buffer.packet.offload = next.offload;
      const Locator to = Address::load(next.bytes.data() + 24).locator;
      if (to == entry) {
        at_gateway(buffer.packet);
      } else if (to == place) {
        Actions actions;
        const Verdict verdict = vm.inbound(now, buffer.packet, eth0, actions);
        at_vm(verdict, buffer.packet, actions);
      }
    }
  }

  PacketBuffer nothing_{ByteVector(40)};

 private:
  void at_vm(Verdict verdict, const Packet& packet, Actions& actions) {
    if (verdict.disposition == Disposition::to_wire) put_on_wire(copy_of(packet));
    if (verdict.disposition == Disposition::to_identity) actions.to_identity.push_back(copy_of(packet));
    for (OutPacket& each : actions.to_identity) {
      expect_right(each);
      at_vm_kernel.push_back(std::move(each));
    }
    for (OutPacket& each : actions.to_wire) put_on_wire(std::move(each));
  }

  std::deque<OutPacket> on_wire_;
};

}  // namespace ilnp::test
