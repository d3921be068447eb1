// SPDX-License-Identifier: Apache-2.0
// A LISP client, a gateway that speaks for it, and an ILNP node, each with what it would send and has received.
#pragma once

#include <memory>

#include "core/forwarding/eid_exchange.h"
#include "tests/unit/forwarding/vm_world.h"

namespace ilnp::test {

struct ModeNWorld : VmWorld {
  const Address router{{0x2001'0db8'0077'0000}, {1}};

  std::unique_ptr<EidExchange> new_exchange() {
    auto fresh = std::make_unique<EidExchange>(ExchangeSettings{identity, {{0, eids}}, 4}, hasher, 1);
    fresh->reserve(vm_nid);
    return fresh;
  }
  std::unique_ptr<HostForwarder> new_gateway() {
    auto fresh = std::make_unique<HostForwarder>(tuning, identity, random, hasher);
    Actions actions;
    fresh->locator_up(now, at_eth0(entry), actions);
    return fresh;
  }

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
    go_on(verdict, buffer.packet, actions);
    deliver();
    return ExchangeDrop::none;
  }

  std::vector<OutPacket> at_client;  ///< what arrived, oldest first
  std::unique_ptr<EidExchange> exchange = new_exchange();
  std::unique_ptr<HostForwarder> gateway = new_gateway();

 protected:
  TimePoint gateway_deadline() const override { return gateway->next_deadline(); }
  void gateway_on_time() override {
    Actions actions;
    gateway->on_time(now, actions);
    go_on({Disposition::consumed, DropReason::none}, nothing_.packet, actions);
  }
  void at_gateway(Packet& packet) override {
    Actions actions;
    const Verdict verdict = gateway->inbound(now, packet, eth0, actions);
    go_on(verdict, packet, actions);
  }

 private:
  void go_on(Verdict verdict, const Packet& packet, Actions& actions) {
    if (verdict.disposition == Disposition::to_wire) put_on_wire(copy_of(packet));
    if (verdict.disposition == Disposition::to_identity) to_client(copy_of(packet));
    for (const OutPacket& each : actions.to_identity) to_client(each);
    for (OutPacket& each : actions.to_wire) put_on_wire(std::move(each));
    for (const NameQuery& query : std::vector<NameQuery>{actions.name_queries}) {
      Actions more;
      EXPECT_EQ(query.identity, vm_identity);
      EXPECT_TRUE(gateway->resolved(now, "vm", query.local, query.identity.nid, {{place, 10, seconds{300}}}, more));
      go_on({Disposition::consumed, DropReason::none}, nothing_.packet, more);
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
};

}  // namespace ilnp::test
