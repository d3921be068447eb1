// SPDX-License-Identifier: Apache-2.0
// A LISP client, a gateway that speaks for it, and an ILNP node, each with what it would send and has received. What is
// on the wire arrives at once. Every packet that anybody receives has right checksums.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <vector>

#include "core/forwarding/eid_exchange.h"
#include "core/forwarding/host_forwarder.h"
#include "core/forwarding/rewrite.h"
#include "tests/support/fakes.h"
#include "tests/support/matchers.h"
#include "tests/support/packet_builder.h"

namespace ilnp::test {

struct ModeNWorld : testing::Test {
  static constexpr Locator identity{0xfd49'4c4e'5036'6631}, eids{0x2001'0db8'0e1d'0000}, entry{0x2001'0db8'00a1'00ff},
      first{0x2001'0db8'00c1'0001}, second{0x2001'0db8'00c2'0001};
  static constexpr NodeId vm_nid{0x0200'00ff'fe00'1234};
  static constexpr std::uint32_t eth0 = 2;
  const Address client{{0x2001'0db8'0c11'0000}, {0x99}}, client_identity{identity, {0x99}}, vm_eid{eids, vm_nid},
      vm_identity{identity, vm_nid}, router{{0x2001'0db8'0077'0000}, {1}};

  ModeNWorld() {
    vm.add_own_nid(vm_nid);
    Actions actions;
    vm.locator_up(now, at(first), actions);
  }
  std::unique_ptr<EidExchange> new_exchange() {
    auto fresh = std::make_unique<EidExchange>(ExchangeSettings{identity, {{0, eids}}, 4}, hasher, 1);
    fresh->reserve(vm_nid);
    return fresh;
  }
  std::unique_ptr<HostForwarder> new_gateway() {
    auto fresh = std::make_unique<HostForwarder>(tuning, identity, random, hasher);
    Actions actions;
    fresh->locator_up(now, at(entry), actions);
    return fresh;
  }
  static OwnLocator at(Locator locator) { return {locator, eth0}; }

  PacketBuilder from_client() const { return {client, vm_eid}; }
  PacketBuilder from_vm() const { return {vm_identity, client_identity}; }

  /// Out of the tunnel; what follows happens as well.
  ExchangeDrop client_sends(const ByteVector& octets, Offload offload = {}) {
    PacketBuffer buffer{octets};
    buffer.packet.offload = offload;
    const EidExchange::Entered entered = exchange->to_identity(now, 0, buffer.packet);
    if (entered.new_client) gateway->add_own_nid(*entered.new_client);
    if (entered.retired) gateway->remove_own_nid(*entered.retired);
    if (entered.drop != ExchangeDrop::none) return entered.drop;
    EXPECT_TRUE(is_right(buffer.packet));
    Actions actions;
    const Verdict verdict = gateway->outbound(now, buffer.packet, actions);
    at_gateway(verdict, buffer.packet, actions);
    deliver();
    return ExchangeDrop::none;
  }
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
      now = std::max(now, std::min({until, gateway->next_deadline(), vm.next_deadline()}));
      Actions actions;
      gateway->on_time(now, actions);
      at_gateway({Disposition::consumed, DropReason::none}, nothing_.packet, actions);
      actions.clear();
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
    vm.locator_up(now, at(to), actions);
    at_vm({Disposition::consumed, DropReason::none}, nothing_.packet, actions);
    deliver();
  }

  std::vector<OutPacket> at_client, at_vm_kernel;  ///< what arrived, oldest first
  std::vector<ByteVector> wire;                    ///< all that was on it

  TimePoint now{seconds{1000}};
  Tuning tuning;
  FakeRandom random{7};
  FakeHasher hasher;
  std::unique_ptr<EidExchange> exchange = new_exchange();
  std::unique_ptr<HostForwarder> gateway = new_gateway();
  HostForwarder vm{tuning, identity, random, hasher};
  Locator place = first;

 private:
  static bool is_right(const Packet& packet) {
    const WalkOutcome outcome = walk_headers(packet.bytes());
    return outcome.ok && (outcome.walk.is_fragment || checksum_verifies(packet, outcome.walk, ChecksumMode::ipv6));
  }
  static OutPacket copy_of(const Packet& packet) {
    return {{packet.bytes().begin(), packet.bytes().end()}, packet.offload};
  }

  void at_gateway(Verdict verdict, const Packet& packet, Actions& actions) {
    if (verdict.disposition == Disposition::to_wire) on_wire_.push_back(copy_of(packet));
    if (verdict.disposition == Disposition::to_identity) to_client(copy_of(packet));
    for (const OutPacket& each : actions.to_identity) to_client(each);
    for (OutPacket& each : actions.to_wire) on_wire_.push_back(std::move(each));
    for (const NameQuery& query : std::vector<NameQuery>{actions.name_queries}) {
      Actions more;
      EXPECT_EQ(query.identity, vm_identity);
      EXPECT_TRUE(gateway->resolved(now, "vm", query.local, query.identity.nid, {{place, 10, seconds{300}}}, more));
      at_gateway({Disposition::consumed, DropReason::none}, nothing_.packet, more);
    }
  }
  void at_vm(Verdict verdict, const Packet& packet, Actions& actions) {
    if (verdict.disposition == Disposition::to_wire) on_wire_.push_back(copy_of(packet));
    if (verdict.disposition == Disposition::to_identity) at_vm_kernel.push_back(copy_of(packet));
    for (OutPacket& each : actions.to_identity) at_vm_kernel.push_back(std::move(each));
    for (OutPacket& each : actions.to_wire) on_wire_.push_back(std::move(each));
    for (OutPacket& each : at_vm_kernel) {
      PacketBuffer buffer{each.bytes};
      buffer.packet.offload = each.offload;
      EXPECT_TRUE(is_right(buffer.packet)) << hex_dump(each.bytes);
    }
  }
  void to_client(const OutPacket& from_host) {
    PacketBuffer buffer{from_host.bytes};
    buffer.packet.offload = from_host.offload;
    const EidExchange::Left left = exchange->to_eid(now, buffer.packet);
    EXPECT_EQ(left.drop, ExchangeDrop::none) << name_of(left.drop);
    EXPECT_TRUE(is_right(buffer.packet)) << hex_dump(buffer.bytes());
    at_client.push_back(copy_of(buffer.packet));
  }
  void deliver() {
    for (int steps = 0; !on_wire_.empty(); ++steps) {
      ASSERT_LT(steps, 1000) << "they do not stop talking";
      const OutPacket next = std::move(on_wire_.front());
      on_wire_.pop_front();
      wire.push_back(next.bytes);
      PacketBuffer buffer{next.bytes};
      buffer.packet.offload = next.offload;
      EXPECT_TRUE(is_right(buffer.packet)) << hex_dump(next.bytes);
      const Locator to = Address::load(next.bytes.data() + 24).locator;
      Actions actions;
      if (to == entry) {
        const Verdict verdict = gateway->inbound(now, buffer.packet, eth0, actions);
        at_gateway(verdict, buffer.packet, actions);
      } else if (to == place) {
        const Verdict verdict = vm.inbound(now, buffer.packet, eth0, actions);
        at_vm(verdict, buffer.packet, actions);
      }
    }
  }

  std::deque<OutPacket> on_wire_;
  PacketBuffer nothing_{ByteVector(40)};
};

}  // namespace ilnp::test
