// SPDX-License-Identifier: Apache-2.0
#include "core/forwarding/eid_exchange.h"

#include <algorithm>

#include "core/ilnp/locator_update.h"
#include "core/ipv6/checksum.h"
#include "core/ipv6/icmpv6.h"
#include "tests/unit/forwarding/eid_exchange_world.h"

namespace ilnp::test {
namespace {

constexpr std::uint8_t syn = 0x02, ack = 0x10;

using ModeN = ModeNWorld;

std::size_t count_type(const std::vector<ByteVector>& packets, std::uint8_t type, int operation = -1) {
  return static_cast<std::size_t>(std::ranges::count_if(packets, [&](const ByteVector& packet) {
    const HeaderWalk walk = walk_headers(packet).walk;
    return walk.upper_protocol == next_header::icmpv6 && packet[walk.upper_offset] == type &&
           (operation < 0 || packet[walk.upper_offset + 5u] == operation);
  }));
}

TEST_F(ModeN, TcpCrossesBothWays) {
  ASSERT_EQ(client_sends(from_client().tcp(4000, 80, 100, 0, syn).build()), ExchangeDrop::none);
  ASSERT_EQ(at_vm_kernel.size(), 1u);
  EXPECT_EQ(at_vm_kernel[0].bytes, PacketBuilder(client_identity, vm_identity).tcp(4000, 80, 100, 0, syn).build());
  vm_sends(from_vm().tcp(80, 4000, 500, 101, syn | ack).build());
  ASSERT_EQ(at_client.size(), 1u);
  EXPECT_EQ(at_client[0].bytes, PacketBuilder(vm_eid, client).tcp(80, 4000, 500, 101, syn | ack).build());
  for (std::uint32_t i = 0; i < 20; ++i) {
    client_sends(from_client().tcp(4000, 80, 101 + 100 * i, 501 + 50 * i, ack, counting(100)).build());
    vm_sends(from_vm().tcp(80, 4000, 501 + 50 * i, 201 + 100 * i, ack, counting(50)).build());
  }
  EXPECT_EQ(at_vm_kernel.size(), 21u);
  EXPECT_EQ(at_client.size(), 21u);
  EXPECT_EQ(at_client.back().bytes,
            PacketBuilder(vm_eid, client).tcp(80, 4000, 501 + 50 * 19, 201 + 100 * 19, ack, counting(50)).build());
  for (const ByteVector& packet : wire) {
    const HeaderWalk walk = walk_headers(packet).walk;
    const Address inside{entry, client.nid}, outside{first, vm_nid};
    EXPECT_TRUE((walk.source == inside && walk.destination == outside) ||
                (walk.source == outside && walk.destination == inside));
  }
}

TEST_F(ModeN, PingAndUdpCross) {
  client_sends(from_client().echo_request(7, 1, counting(56)).build());
  vm_sends(from_vm().icmpv6(icmpv6::echo_reply, 0, hex("0007 0001 6162")).build());
  client_sends(from_client().udp(5000, 53, text("question")).build());
  vm_sends(from_vm().udp(53, 5000, text("answer")).build());
  ASSERT_EQ(at_vm_kernel.size(), 2u);
  EXPECT_EQ(at_vm_kernel[1].bytes, PacketBuilder(client_identity, vm_identity).udp(5000, 53, text("question")).build());
  ASSERT_EQ(at_client.size(), 2u);
  EXPECT_EQ(at_client[0].bytes, PacketBuilder(vm_eid, client).icmpv6(129, 0, hex("0007 0001 6162")).build());
  EXPECT_EQ(at_client[1].bytes, PacketBuilder(vm_eid, client).udp(53, 5000, text("answer")).build());
}

TEST_F(ModeN, LocatorUpdateIsObeyedAndAcknowledged) {
  client_sends(from_client().tcp(4000, 80, 100, 0, syn).build());
  vm_sends(from_vm().tcp(80, 4000, 500, 101, syn | ack).build());
  client_sends(from_client().tcp(4000, 80, 101, 501, ack, text("before")).build());
  wait(seconds{2});
  wire.clear();
  move(second);
  wait(seconds{1});
  EXPECT_GE(count_type(wire, icmpv6::locator_update, 1), 1u) << "the VM tells";
  EXPECT_GE(count_type(wire, icmpv6::locator_update, 2), 1u) << "the gateway acknowledges in the client's name";
  wire.clear();
  const std::size_t before = at_vm_kernel.size();
  client_sends(from_client().tcp(4000, 80, 107, 501, ack, text("after")).build());
  ASSERT_EQ(at_vm_kernel.size(), before + 1);
  EXPECT_EQ(at_vm_kernel.back().bytes,
            PacketBuilder(client_identity, vm_identity).tcp(4000, 80, 107, 501, ack, text("after")).build());
  EXPECT_EQ(Address::load(wire.front().data() + 24), (Address{second, vm_nid}));
  vm_sends(from_vm().tcp(80, 4000, 501, 112, ack, text("to you")).build());
  EXPECT_EQ(at_client.back().bytes, PacketBuilder(vm_eid, client).tcp(80, 4000, 501, 112, ack, text("to you")).build())
      << "the client sees no move";
}

TEST_F(ModeN, SessionsOutliveTheGateway) {
  client_sends(from_client().tcp(4000, 80, 100, 0, syn).build());
  vm_sends(from_vm().tcp(80, 4000, 500, 101, syn | ack).build());
  client_sends(from_client().tcp(4000, 80, 101, 501, ack, text("before")).build());
  const ByteVector sessions = gateway->save(now), clients = exchange->clients().save();
  exchange = new_exchange();
  gateway = new_gateway();
  for (const NodeId nid : exchange->clients().restore(now, clients)) gateway->add_own_nid(nid);
  Actions actions;
  ASSERT_TRUE(gateway->restore(now, sessions, actions));
  wait(seconds{2});
  move(second);  // only who knows the nonces is told, and believed
  wait(seconds{1});
  const std::size_t before = at_vm_kernel.size();
  client_sends(from_client().tcp(4000, 80, 107, 501, ack, text("after")).build());
  ASSERT_EQ(at_vm_kernel.size(), before + 1);
  vm_sends(from_vm().tcp(80, 4000, 501, 112, ack, text("to you")).build());
  EXPECT_EQ(at_client.back().bytes, PacketBuilder(vm_eid, client).tcp(80, 4000, 501, 112, ack, text("to you")).build());
}

TEST_F(ModeN, ErrorsAboutWhatTheClientSent) {
  const ByteVector asked = from_client().udp(5000, 53, text("question")).build();
  client_sends(asked);
  // The VM's kernel has nobody at that port.
  const ByteVector seen = at_vm_kernel.at(0).bytes;
  vm_sends(build_packet(vm_identity, client_identity, 58, build_error(1, 4, 0, seen)));
  ASSERT_EQ(at_client.size(), 1u);
  EXPECT_EQ(at_client[0].bytes, build_packet(vm_eid, client, 58, build_error(1, 4, 0, asked)));
}

TEST_F(ModeN, ErrorsAboutWhatTheVmSent) {
  client_sends(from_client().udp(5000, 53, text("question")).build());
  const ByteVector answer = from_vm().udp(53, 5000, counting(1300)).build();
  vm_sends(answer);
  const ByteVector received = at_client.at(0).bytes;
  for (const auto& [from, mtu] : {std::pair{client, 1340u}, std::pair{router, 1300u}}) {
    at_vm_kernel.clear();
    ASSERT_EQ(client_sends(build_packet(from, vm_eid, 58, build_error(2, 0, mtu, received))), ExchangeDrop::none);
    ASSERT_EQ(at_vm_kernel.size(), 1u);
    const HeaderWalk walk = walk_headers(at_vm_kernel[0].bytes).walk;
    EXPECT_EQ(walk.destination, vm_identity);
    const Bytes told = Bytes{at_vm_kernel[0].bytes}.subspan(40);
    EXPECT_EQ(told[0], icmpv6::packet_too_big);
    EXPECT_TRUE(std::ranges::equal(told.subspan(8, 600), Bytes{answer}.first(600)));
  }
}

struct EidExchangeTest : ModeNWorld {
  /// Addresses of what came out; nothing: dropped.
  ExchangeDrop enter(const ByteVector& octets, std::uint32_t instance = 0) {
    PacketBuffer buffer{octets};
    const EidExchange::Entered out = exchange->to_identity(now, instance, buffer.packet);
    result = buffer.bytes();
    return out.drop;
  }
  ExchangeDrop leave(const ByteVector& octets) {
    PacketBuffer buffer{octets};
    const EidExchange::Left out = exchange->to_eid(now, buffer.packet);
    result = buffer.bytes();
    return out.drop;
  }
  ByteVector result;
};

TEST_F(EidExchangeTest, FragmentsKeepTheChecksumOfTheirFirst) {
  const ByteVector whole = from_client().udp(1, 2, counting(64)).build();
  const Bytes upper = Bytes{whole}.subspan(40);
  const auto expected = PacketBuilder(client_identity, vm_identity).udp(1, 2, counting(64)).build();
  ASSERT_EQ(enter(from_client().fragment(0, true, 7).payload(17, upper.first(32)).keep_checksum().build()),
            ExchangeDrop::none);
  EXPECT_TRUE(std::ranges::equal(Bytes{result}.subspan(48), Bytes{expected}.subspan(40, 32)));
  ASSERT_EQ(enter(from_client().fragment(32, false, 7).payload(17, upper.subspan(32)).keep_checksum().build()),
            ExchangeDrop::none);
  EXPECT_TRUE(std::ranges::equal(Bytes{result}.subspan(48), Bytes{expected}.subspan(72)));
  EXPECT_EQ(Address::load(result.data() + 8), client_identity);
}

TEST_F(EidExchangeTest, UdpWithoutChecksumGetsOne) {
  ByteVector without = from_client().udp(1, 2, text("odd")).build();
  store_u16(without.data() + 46, 0);
  ASSERT_EQ(enter(without), ExchangeDrop::none);
  EXPECT_EQ(result, PacketBuilder(client_identity, vm_identity).udp(1, 2, text("odd")).build());
  EXPECT_EQ(enter(from_client().fragment(0, true, 7).payload(17, hex("0001 0002 0010 0000")).keep_checksum().build()),
            ExchangeDrop::no_udp_checksum);
  store_u16(without.data() + 44, 99);
  EXPECT_EQ(enter(without), ExchangeDrop::malformed);
}

TEST_F(EidExchangeTest, SuperPacketsKeepTheirMetadata) {
  ByteVector super = from_client().tcp(1, 2, 3, 4, ack, counting(5000)).build();
  store_u16(super.data() + 56, pseudo_header_sum(client, vm_eid, 5020, 6));
  PacketBuffer buffer{super};
  buffer.packet.offload = {true, Offload::Segmentation::tcp, false, false, 40, 16, 1400, 60};
  ASSERT_EQ(exchange->to_identity(now, 0, buffer.packet).drop, ExchangeDrop::none);
  EXPECT_EQ(load_u16(buffer.packet.data() + 56), pseudo_header_sum(client_identity, vm_identity, 5020, 6));
  EXPECT_EQ(buffer.packet.offload.segment_size, 1400);
  EXPECT_EQ(buffer.packet.offload.checksum_start, 40);
}

TEST_F(EidExchangeTest, ThereAndBackIsTheSamePacket) {
  FakeRandom any{11};
  for (int round = 0; round < 5000; ++round) {
    const ByteVector data = any.octets(any.below(80));
    PacketBuilder packet{client, vm_eid};
    switch (any.below(3)) {
      case 0:
        packet.tcp(1, 2, static_cast<std::uint32_t>(any.u64()), 4, ack, data);
        break;
      case 1:
        packet.udp(static_cast<std::uint16_t>(any.u64()), 2, data);
        break;
      default:
        packet.icmpv6(128, 0, any.octets(4 + data.size()));
    }
    ASSERT_EQ(enter(packet.build()), ExchangeDrop::none);
    ASSERT_TRUE(checksum_is_good(result)) << round;
    // As if it had come from the VM: no checksum minds.
    std::swap_ranges(result.begin() + 8, result.begin() + 24, result.begin() + 24);
    ASSERT_EQ(leave(result), ExchangeDrop::none);
    std::swap_ranges(result.begin() + 8, result.begin() + 24, result.begin() + 24);
    ASSERT_EQ(result, packet.build()) << round;
  }
}

TEST_F(EidExchangeTest, QuotesOfEveryKindKeepTheirChecksums) {
  ASSERT_EQ(enter(from_client().udp(1, 2).build()), ExchangeDrop::none);
  for (const bool short_quote : {false, true})
    for (const auto& inner :
         {PacketBuilder(vm_eid, client).udp(2, 1, text("x")), PacketBuilder(vm_eid, client).tcp(2, 1, 3, 4, ack),
          PacketBuilder(vm_eid, client).echo_request(1, 2, text("x")),
          PacketBuilder(vm_eid, client).payload(50, counting(40)),
          PacketBuilder(vm_eid, client).fragment(64, true, 9).payload(6, counting(40))}) {
      const ByteVector sent = inner.build();
      const Bytes quote = short_quote ? Bytes{sent}.first(48) : Bytes{sent};
      ASSERT_EQ(enter(build_packet(router, vm_eid, 58, build_error(3, 0, 0, quote))), ExchangeDrop::none);
      EXPECT_TRUE(checksum_is_good(result));
      const Bytes there = Bytes{result}.subspan(48);
      EXPECT_EQ(Address::load(there.data() + 8), vm_identity);
      EXPECT_EQ(Address::load(there.data() + 24), client_identity);
      const bool is_whole = !short_quote && there[6] != 44 && there[6] != 50;
      EXPECT_TRUE(!is_whole || checksum_is_good(there));
    }
}

TEST_F(EidExchangeTest, WhatIsNotExchanged) {
  using enum ExchangeDrop;
  const auto from = [&](const Address& source, const Address& to) {
    return PacketBuilder(source, to).udp(1, 2).build();
  };
  EXPECT_EQ(enter(from_client().udp(1, 2).build(), 7), unknown_instance);
  EXPECT_EQ(enter(from(client, {first, vm_nid})), not_for_a_node);
  EXPECT_EQ(enter(from(client, {eids, {}})), not_for_a_node);
  for (const Address& nobody : {Address{eids, {5}}, Address{identity, {5}}, Address{{0xfe80ull << 48}, {5}}, Address{},
                                Address{{0xff02ull << 48}, {5}}})
    EXPECT_EQ(enter(from(nobody, vm_eid)), not_a_client) << to_string(nobody);
  EXPECT_EQ(enter(ByteVector(39, 0x60)), malformed);
  EXPECT_EQ(enter(from_client().payload(6, counting(12)).build()), malformed);
  EXPECT_EQ(leave(from(vm_identity, {identity, {0x4711}})), unknown_client);
  EXPECT_EQ(leave(from(vm_identity, client)), unknown_client);
  EXPECT_EQ(leave(from(vm_identity, vm_identity)), unknown_client) << "reserved";
  EXPECT_EQ(leave(from(router, client_identity)), not_from_a_node);
  EXPECT_EQ(leave(ByteVector(39, 0x60)), malformed);
  // The first one took a place although it was cut: three are left.
  for (std::uint64_t i = 1; i <= 3; ++i) EXPECT_EQ(enter(from({client.locator, {i}}, vm_eid)), none);
  EXPECT_EQ(enter(from({client.locator, {9}}, vm_eid)), too_many_clients);
  EXPECT_EQ(exchange->drops(not_a_client), 5u);
  EXPECT_EQ(exchange->drops(none), 0u);
  EXPECT_STREQ(name_of(unusable_quote), "unusable_quote");
}

TEST_F(EidExchangeTest, ErrorsThatAreNotAboutASession) {
  using enum ExchangeDrop;
  const auto about = [&](const ByteVector& sent) {
    return build_packet(router, vm_eid, 58, build_error(1, 0, 0, sent));
  };
  const ByteVector to_client = PacketBuilder(vm_eid, client).udp(2, 1).build();
  EXPECT_EQ(enter(about(to_client)), unusable_quote) << "nobody knows that client: no place for him";
  EXPECT_EQ(exchange->clients().size(), 0u);
  ASSERT_EQ(enter(from_client().udp(1, 2).build()), none);
  EXPECT_EQ(enter(about(to_client)), none);
  EXPECT_EQ(enter(about(from_client().udp(1, 2).build())), unusable_quote) << "not what the VM sent";
  EXPECT_EQ(enter(about(PacketBuilder({eids, {5}}, client).udp(2, 1).build())), unusable_quote) << "another node did";
  ByteVector damaged = about(to_client);
  damaged.back() ^= 1;
  EXPECT_EQ(enter(damaged), unusable_quote);
  const ByteVector from_elsewhere = PacketBuilder(client_identity, {first, vm_nid}).udp(1, 2).build();
  EXPECT_EQ(leave(build_packet(router, client_identity, 58, build_error(1, 0, 0, from_elsewhere))), unusable_quote);
}

TEST_F(EidExchangeTest, RoutersOfTheIlnpSideKeepTheirAddress) {
  const ByteVector asked = from_client().udp(1, 2, text("x")).build();
  ASSERT_EQ(enter(asked), ExchangeDrop::none);
  ASSERT_EQ(leave(build_packet(router, client_identity, 58, build_error(3, 0, 0, result))), ExchangeDrop::none);
  EXPECT_EQ(result, build_packet(router, client, 58, build_error(3, 0, 0, asked)));
}

TEST_F(EidExchangeTest, PiecesOfEchoesAreNoErrors) {
  ASSERT_EQ(enter(from_client().fragment(64, false, 7).payload(58, counting(16)).build()), ExchangeDrop::none);
  EXPECT_EQ(Address::load(result.data() + 8), client_identity);
}

TEST_F(EidExchangeTest, NobodySpeaksToHimself) {
  ASSERT_EQ(enter(from_client().udp(1, 2).build()), ExchangeDrop::none);
  EXPECT_EQ(enter(PacketBuilder(client, {eids, client.nid}).udp(1, 2).build()), ExchangeDrop::same_nid);
}

TEST_F(EidExchangeTest, ClientsOfTwoTenants) {
  EidExchange two{{identity, {{0, eids}, {7, Locator{0x2001'0db8'0e1e'0000}}}}, hasher, 1};
  const auto enter_as = [&](std::uint32_t instance, Locator prefix) {
    PacketBuffer buffer{PacketBuilder(client, {prefix, vm_nid}).udp(1, 2).build()};
    EXPECT_EQ(two.to_identity(now, instance, buffer.packet).drop, ExchangeDrop::none);
    return Address::load(buffer.packet.data() + 8);
  };
  const Address one = enter_as(0, eids), other = enter_as(7, {0x2001'0db8'0e1e'0000});
  EXPECT_NE(one, other);
  PacketBuffer reply{PacketBuilder(vm_identity, other).udp(2, 1).build()};
  EXPECT_EQ(two.to_eid(now, reply.packet).instance, 7u);
  EXPECT_EQ(reply.bytes(), PacketBuilder({{0x2001'0db8'0e1e'0000}, vm_nid}, client).udp(2, 1).build());
}

}  // namespace
}  // namespace ilnp::test
