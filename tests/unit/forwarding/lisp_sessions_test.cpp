// SPDX-License-Identifier: Apache-2.0
#include "core/forwarding/lisp_sessions.h"

#include <algorithm>

#include "core/ipv6/fragments.h"
#include "core/ipv6/icmpv6.h"
#include "tests/unit/forwarding/lisp_sessions_world.h"

namespace ilnp::test {
namespace {

using Kind = LispVerdict::Kind;
constexpr std::uint8_t syn = 0x02, ack = 0x10;

using LispSessionsTest = LispSessionsWorld;

std::size_t count_type(const std::vector<ByteVector>& packets, std::uint8_t type) {
  return static_cast<std::size_t>(std::ranges::count_if(packets, [&](const ByteVector& packet) {
    const HeaderWalk walk = walk_headers(packet).walk;
    return walk.upper_protocol == next_header::icmpv6 && packet[walk.upper_offset] == type;
  }));
}

/// Type and code of the ICMP error that the client got last, and from whom.
std::string last_error(const std::vector<ByteVector>& packets) {
  if (packets.empty()) return "nothing";
  const auto inner = lisp::parse_inner(packets.back()).value();
  const std::uint8_t* message = packets.back().data() + inner.upper_offset;
  return std::to_string(message[0]) + "/" + std::to_string(message[1]) + " of " + lisp::to_string(inner.source);
}

// --- Mode N

TEST_F(LispSessionsTest, ASessionOpensAndIsAnsweredThroughTheTunnel) {
  EXPECT_EQ(client_sends(from_client().tcp(4000, 80, 100, 0, syn).build()).kind, Kind::answered);
  ASSERT_EQ(at_vm_kernel.size(), 1u);
  EXPECT_EQ(landed(at_vm_kernel[0].bytes),
            PacketBuilder(client_identity, vm_identity).tcp(4000, 80, 100, 0, syn).build());
  EXPECT_TRUE(walk_headers(wire.at(0)).walk.has_nonce());
  vm_sends(from_vm().tcp(80, 4000, 500, 101, syn | ack).build());
  ASSERT_EQ(at_client.size(), 1u);
  EXPECT_EQ(landed(at_client[0]), PacketBuilder(vm_eid, client).tcp(80, 4000, 500, 101, syn | ack).build());
  client_sends(from_client().tcp(4000, 80, 101, 501, ack, text("data")).build());
  EXPECT_EQ(at_vm_kernel.size(), 2u);
  EXPECT_TRUE(at_inside.empty());
  const std::vector<NodeSessions::Row> rows = nodes->rows();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].client.address, lisp::IpAddress{client});
  EXPECT_EQ(rows[0].node.address, lisp::IpAddress{vm_eid});
  EXPECT_EQ(rows[0].theirs, first);
}

TEST_F(LispSessionsTest, TheNodeMovesAndNothingBreaks) {
  connect();
  wait(seconds{2});
  wire.clear();
  move(second);
  wait(seconds{1});
  EXPECT_GE(count_type(wire, icmpv6::locator_update), 2u) << "the update, and its acknowledgement in the client's name";
  wire.clear();
  client_sends(from_client().tcp(4000, 80, 107, 501, ack, text("after")).build());
  EXPECT_EQ(landed(at_vm_kernel.back().bytes),
            PacketBuilder(client_identity, vm_identity).tcp(4000, 80, 107, 501, ack, text("after")).build());
  EXPECT_EQ(Address::load(wire.front().data() + 24), (Address{second, vm_nid}));
  vm_sends(from_vm().tcp(80, 4000, 501, 112, ack, text("to you")).build());
  EXPECT_EQ(landed(at_client.back()),
            PacketBuilder(vm_eid, client).tcp(80, 4000, 501, 112, ack, text("to you")).build());
}

TEST_F(LispSessionsTest, TheNextClientIsTakenToWhereTheNodeIsNow) {
  connect();
  wait(seconds{2});
  move(second);
  wait(seconds{1});
  const std::size_t before = at_vm_kernel.size();
  client_sends(PacketBuilder(address("2001:db8:c11::77"), vm_eid).udp(1, 2, text("hello")).build());
  EXPECT_EQ(at_vm_kernel.size(), before + 1) << "configured is where it was";
}

TEST_F(LispSessionsTest, SessionsOutliveTheProcess) {
  connect();
  const ByteVector memory = nodes->memory(now);
  begin(memory);
  EXPECT_TRUE(whole_memory);
  wait(seconds{2});
  move(second);  // only who knows the nonces is told, and believed
  wait(seconds{1});
  const std::size_t before = at_vm_kernel.size();
  client_sends(from_client().tcp(4000, 80, 107, 501, ack, text("after")).build());
  EXPECT_EQ(at_vm_kernel.size(), before + 1);
  ByteVector damaged = memory;
  damaged[0] ^= 1;
  begin(damaged);
  EXPECT_FALSE(whole_memory);
  begin(Bytes{memory}.first(memory.size() - 5));
  EXPECT_FALSE(whole_memory);
}

TEST_F(LispSessionsTest, AConnectionThatIsNotOneOfOursIsRefused) {
  EXPECT_EQ(client_sends(from_client().tcp(4000, 80, 101, 501, ack, text("data")).build()).kind, Kind::answered);
  EXPECT_EQ(last_error(at_client), "1/3 of 2001:db8:e1d:0:200:ff:fe00:1234");
  EXPECT_EQ(nodes->drops(NodeDrop::no_session), 1u);
  EXPECT_TRUE(wire.empty());
  client_sends(from_client().icmpv6(icmpv6::echo_reply, 0, hex("0007 0001 6162")).build());
  EXPECT_EQ(nodes->drops(NodeDrop::no_session), 2u);
  EXPECT_TRUE(wire.empty());
}

TEST_F(LispSessionsTest, OtherEidsOfThePrefixAreNotTranslated) {
  EXPECT_EQ(client_sends(PacketBuilder(client, {eids, {0x77}}).tcp(4000, 80, 100, 0, syn).build()).kind, Kind::inside);
}

TEST_F(LispSessionsTest, ATenantReachesItsOwnNodesOnly) {
  client_sends(PacketBuilder(client, {tenant_eids, vm_nid}).tcp(4000, 80, 100, 0, syn).build(), 7);
  EXPECT_EQ(at_inside.size(), 1u) << "a plain address of that instance";
  EXPECT_TRUE(at_vm_kernel.empty());
}

TEST_F(LispSessionsTest, QuietConnectionsAreKeptForTwoHours) {
  connect();
  wait(std::chrono::minutes{120});
  EXPECT_EQ(nodes->rows().size(), 1u);
  wait(std::chrono::minutes{20});
  EXPECT_TRUE(nodes->rows().empty()) << "not for ever";
}

TEST_F(LispSessionsTest, ANodeMayCallAClientFromItsPlace) {
  client_sends(from_client().echo_request(7, 1).build());
  wait(std::chrono::minutes{140});
  ASSERT_TRUE(nodes->rows().empty());
  const ByteVector call = PacketBuilder({first, vm_nid}, {entry, {0x99}})
                              .nonce(hex("0102030405060708090a0b0c"))
                              .tcp(80, 4000, 1, 0, syn)
                              .build();
  ByteVector elsewhere = PacketBuilder({second, vm_nid}, {entry, {0x99}})
                             .nonce(hex("0102030405060708090a0b0c"))
                             .tcp(80, 4000, 1, 0, syn)
                             .build();
  const std::size_t before = at_client.size();
  arrives(elsewhere);
  EXPECT_EQ(nodes->drops(NodeDrop::unknown_place), 1u) << "anybody may say that";
  EXPECT_EQ(at_client.size(), before);
  arrives(PacketBuilder({second, vm_nid}, {entry, {0x99}}).fragment(0, true, 9).payload(17, counting(64)).build());
  EXPECT_EQ(nodes->drops(NodeDrop::unknown_place), 2u) << "nor in pieces";
  arrives(call);
  EXPECT_EQ(at_client.size(), before + 1);
  EXPECT_EQ(nodes->drops(NodeDrop::unknown_place), 2u);
}

TEST_F(LispSessionsTest, AnotherNodeWithTheSameNidIsNotTheClientsNode) {
  connect();
  wait(seconds{1});
  const std::size_t before = at_client.size();
  arrives(PacketBuilder({second, vm_nid}, {entry, {0x99}})
              .nonce(hex("0102030405060708090a0b0c"))
              .udp(5, 6, text("it is me"))
              .build());
  EXPECT_EQ(at_client.size(), before);
}

TEST_F(LispSessionsTest, NobodyIsBehindOtherNidsOfOurLocator) {
  arrives(PacketBuilder(plain, {entry, {0x4711}}).echo_request(1, 1).build());
  EXPECT_EQ(nodes->drops(NodeDrop::no_client), 1u);
}

TEST_F(LispSessionsTest, NamesAreLookedUpWhereNodesHaveOne) {
  name = "vm.example.";
  begin();
  client_sends(from_client().tcp(4000, 80, 100, 0, syn).build());
  ASSERT_EQ(asked.size(), 1u);
  EXPECT_EQ(asked[0].name, name);
  EXPECT_TRUE(wire.empty());
  place = second;
  Actions of_vm;
  vm.locator_down(now, first, eth0, of_vm);
  vm.locator_up(now, {second, eth0}, of_vm);
  nodes->resolved(now, asked[0], {{second, 10, seconds{60}}}, actions.nodes);
  sessions->after_control(at(), actions);
  perform();
  ASSERT_EQ(at_vm_kernel.size(), 1u);
  EXPECT_EQ(Address::load(wire.at(0).data() + 24), (Address{second, vm_nid}));
}

TEST_F(LispSessionsTest, WhereANameIsNotAnsweredWhatIsConfiguredCounts) {
  name = "vm.example.";
  begin();
  client_sends(PacketBuilder(address("2001:db8:c11::1"), vm_eid).echo_request(7, 1).build());
  nodes->not_resolved(now, asked.at(0), actions.nodes);
  sessions->after_control(at(), actions);
  perform();
  EXPECT_TRUE(at_client.empty());
  EXPECT_EQ(at_vm_kernel.size(), 1u);
}

TEST_F(LispSessionsTest, ANodeThatIsNowhereIsUnreachable) {
  name = "vm.example.";
  configured.clear();
  begin();
  client_sends(from_client().echo_request(7, 1).build());
  nodes->not_resolved(now, asked.at(0), actions.nodes);
  sessions->after_control(at(), actions);
  perform();
  EXPECT_EQ(last_error(at_client), "1/3 of 2001:db8:e1d:0:200:ff:fe00:1234");
}

// --- Errors and sizes

TEST_F(LispSessionsTest, WhatTheTunnelDoesNotTakeIsToldToTheNode) {
  connect();
  at_vm_kernel.clear();
  const ByteVector large = from_vm().tcp(80, 4000, 501, 107, ack, counting(1420)).build();
  vm_sends(large);
  ASSERT_EQ(at_vm_kernel.size(), 1u);
  EXPECT_EQ(at_vm_kernel[0].bytes[40], icmpv6::packet_too_big);
  EXPECT_EQ(load_u32(at_vm_kernel[0].bytes.data() + 44), 1444u - 16) << "the nonce needs room";
  EXPECT_TRUE(std::ranges::equal(Bytes{at_vm_kernel[0].bytes}.subspan(48 + 8, 700), Bytes{large}.subspan(8, 700)))
      << "addresses, ports and numbers of what its kernel sent";
}

TEST_F(LispSessionsTest, AClientWithoutAMappingIsUnreachableForTheNode) {
  const Address gone = address("2001:db8:c12::97");
  client_sends(PacketBuilder(gone, vm_eid).udp(5000, 53, text("its last words")).build());
  ASSERT_EQ(at_vm_kernel.size(), 1u);
  wire.clear();
  vm_sends(PacketBuilder(vm_identity, {identity, gone.nid}).udp(53, 5000, text("for nobody")).build());
  EXPECT_TRUE(at_client.empty());
  EXPECT_EQ(count_type(wire, icmpv6::destination_unreachable), 1u);
  EXPECT_EQ(count_type(wire, icmpv6::locator_update), 0u);
}

TEST_F(LispSessionsTest, ANodeCutsWhatWasTooLargeOnce) {
  connect();
  wait(seconds{5});  // no nonces any more
  at_vm_kernel.clear();
  const ByteVector whole = from_vm().udp(80, 4000, counting(1436)).build();
  vm_sends(whole);
  ASSERT_EQ(at_vm_kernel.size(), 1u);
  EXPECT_EQ(at_vm_kernel[0].bytes[40], icmpv6::packet_too_big);
  const std::uint32_t told = load_u32(at_vm_kernel[0].bytes.data() + 44);
  at_vm_kernel.clear();
  at_client.clear();
  for (const ByteVector& piece : fragment_packet(whole, walk_headers(whole).walk, told, 77)) vm_sends(piece);
  EXPECT_TRUE(at_vm_kernel.empty()) << "the pieces were put together and sent whole";
  EXPECT_EQ(at_client.size(), 2u);
}

TEST_F(LispSessionsTest, FragmentsOfANodeAreFragmentsAgain) {
  connect();
  at_client.clear();
  const ByteVector whole = from_vm().udp(80, 4000, counting(3000)).build();
  const WalkOutcome walked = walk_headers(whole);
  for (const ByteVector& piece : fragment_packet(whole, walked.walk, 1480, 77)) vm_sends(piece);
  ASSERT_EQ(at_client.size(), 3u);
  Reassembler together;
  ByteVector received;
  for (const ByteVector& piece : at_client) {
    EXPECT_LE(piece.size(), 1280u);
    auto outcome = together.on_fragment(now, piece, walk_headers(piece).walk);
    if (!outcome.packet.empty()) received.assign(outcome.packet.begin(), outcome.packet.end());
  }
  EXPECT_EQ(landed(received), PacketBuilder(vm_eid, client).udp(80, 4000, counting(3000)).build());
}

// --- Between the families

TEST_F(LispSessionsTest, AnIpv4ClientAndAnIlnpNode) {
  client_sends(Ipv4Builder{client4, vm4}.udp(5000, 53, text("question")).build());
  ASSERT_EQ(at_vm_kernel.size(), 1u);
  EXPECT_EQ(landed(at_vm_kernel[0].bytes),
            PacketBuilder(client6_identity, vm_identity).udp(5000, 53, text("question")).build());
  vm_sends(from_vm_to_ipv4().udp(53, 5000, text("answer")).build());
  ASSERT_EQ(at_client.size(), 1u);
  const ByteVector expected = Ipv4Builder{vm4, client4}.udp(53, 5000, text("answer")).build();
  EXPECT_TRUE(std::ranges::equal(Bytes{at_client[0]}.subspan(12), Bytes{expected}.subspan(12)));
  client_sends(Ipv4Builder{client4, vm4}.icmp(8, 0, 0x0007'0001, text("ping")).build());
  vm_sends(from_vm_to_ipv4().icmpv6(icmpv6::echo_reply, 0, hex("0007 0001 70696e67")).build());
  EXPECT_EQ(last_error(at_client), "0/0 of 10.8.0.7");
  move(second);
  wait(seconds{1});
  client_sends(Ipv4Builder{client4, vm4}.udp(5000, 53, text("again")).build());
  EXPECT_EQ(Address::load(wire.back().data() + 24).locator, second);
  EXPECT_TRUE(at_inside.empty());
}

TEST_F(LispSessionsTest, AnIpv4ClientAndAPlainNodeWithoutIpv4) {
  client_sends(Ipv4Builder{client4, plain4}.udp(5000, 53, text("question")).build());
  ASSERT_EQ(at_inside.size(), 1u);
  EXPECT_EQ(landed(at_inside[0]), PacketBuilder(client6, plain).udp(5000, 53, text("question")).build());
  inside_sends(PacketBuilder(plain, client6).udp(53, 5000, text("answer")).build());
  ASSERT_EQ(at_client.size(), 1u);
  const ByteVector expected = Ipv4Builder{plain4, client4}.udp(53, 5000, text("answer")).build();
  EXPECT_TRUE(std::ranges::equal(Bytes{at_client[0]}.subspan(12), Bytes{expected}.subspan(12)));
  EXPECT_TRUE(wire.empty());
}

TEST_F(LispSessionsTest, ErrorsAreInTheWordsOfTheirReader) {
  const ByteVector asked_for = Ipv4Builder{client4, vm4}.udp(5000, 53, text("question")).build();
  client_sends(asked_for);
  vm_sends(
      build_packet(vm_identity, client6_identity, next_header::icmpv6, build_error(1, 4, 0, at_vm_kernel.at(0).bytes)));
  EXPECT_EQ(last_error(at_client), "3/3 of 10.8.0.7");
  EXPECT_TRUE(std::ranges::equal(Bytes{at_client.back()}.subspan(28 + 12), Bytes{asked_for}.subspan(12)));
  // The tunnel is too narrow for an answer.
  at_vm_kernel.clear();
  vm_sends(from_vm_to_ipv4().udp(53, 5000, counting(1420)).build());
  ASSERT_EQ(at_vm_kernel.size(), 1u);
  EXPECT_EQ(at_vm_kernel[0].bytes[40], icmpv6::packet_too_big);
  EXPECT_EQ(load_u32(at_vm_kernel[0].bytes.data() + 44), 1464u - 16) << "IPv6 has 20 octets more";
  // No session: the client has IPv4 only.
  client_sends(Ipv4Builder{lisp::ip("10.9.0.6"), vm4}.tcp(1, 2, 3, text("middle")).build());
  EXPECT_EQ(last_error(at_client), "3/1 of 10.8.0.7");
}

TEST_F(LispSessionsTest, DatagramsOfIpv4InPieces) {
  const ByteVector whole = Ipv4Builder{client4, vm4}.may_fragment().udp(5000, 53, counting(3000)).build();
  const auto inner = lisp::parse_inner(whole).value();
  for (const ByteVector& piece : lisp::fragment_ipv4(whole, inner, 1400)) client_sends(piece);
  ASSERT_EQ(at_vm_kernel.size(), 1u);
  EXPECT_EQ(landed(at_vm_kernel[0].bytes),
            PacketBuilder(client6_identity, vm_identity).udp(5000, 53, counting(3000)).build());
  const ByteVector answer = from_vm_to_ipv4().udp(53, 5000, counting(3000)).build();
  for (const ByteVector& piece : fragment_packet(answer, walk_headers(answer).walk, 1480, 77)) vm_sends(piece);
  ASSERT_GE(at_client.size(), 3u);
  std::size_t payload = 0;
  const std::uint16_t identification = load_u16(at_client[0].data() + 4);
  EXPECT_NE(identification, 0);
  for (const ByteVector& piece : at_client) {
    EXPECT_EQ(load_u16(piece.data() + 4), identification);
    EXPECT_EQ(piece[6] & 0x40, 0) << "routers may cut it";
    payload += piece.size() - 20;
  }
  EXPECT_EQ(payload, 3008u);
}

TEST_F(LispSessionsTest, AnIpv4EidWithoutARowIsNobodys) {
  client_sends(Ipv4Builder{client4, stale4}.udp(1, 2, text("hello")).build());
  EXPECT_EQ(last_error(at_client), "3/1 of 10.8.255.1");
  EXPECT_EQ(sessions->drops(lisp::SiitDrop::no_mapping), 1u);
  for (int i = 0; i < 300; ++i) client_sends(Ipv4Builder{client4, stale4}.udp(1, 2, text("hello")).build());
  EXPECT_EQ(at_client.size(), 100u) << "errors are few";
}

TEST_F(LispSessionsTest, TheNodeOfAnIpv4EidMayBeElsewhere) {
  client_sends(Ipv4Builder{client4, guest4}.udp(1, 2, text("hello")).build());
  ASSERT_EQ(at_client.size(), 1u) << "into the tunnel to where it is";
  EXPECT_EQ(landed(at_client[0]), PacketBuilder(client6, guest).udp(1, 2, text("hello")).build());
  client_sends(PacketBuilder(guest, client6).udp(2, 1, text("hello")).build());
  ASSERT_EQ(at_client.size(), 2u);
  EXPECT_EQ(lisp::parse_inner(at_client[1]).value().source, guest4);
}

TEST_F(LispSessionsTest, TwoNodesWithoutIpv4MeetByTheirIpv4Addresses) {
  inside_sends(PacketBuilder(plain, address("2001:db8:64::a08:7")).udp(1, 2, text("hello")).build());
  ASSERT_EQ(at_vm_kernel.size(), 1u);
  EXPECT_TRUE(at_client.empty());
}

// --- Mode X

TEST_F(LispSessionsTest, AConnectionOfBeforeItCameHereIsNotTranslated) {
  begin_with_mobile_nodes();
  const ByteVector segment = from_client().tcp(4000, 80, 101, 501, ack, text("data")).build();
  client_sends(segment);
  EXPECT_EQ(interworking->drops(LispDrop::not_our_eid), 1u) << "it is not here";
  xtr->arrived(at(), xtr->own_record(lisp::EidPrefix::host({0, vm_eid})), actions.control);
  sessions->after_control(at(), actions);
  perform();
  client_sends(segment);
  ASSERT_EQ(at_inside.size(), 1u);
  EXPECT_EQ(landed(at_inside[0]), segment);
  EXPECT_TRUE(wire.empty());
  connect();
  EXPECT_EQ(at_vm_kernel.size(), 2u) << "a new one is";
}

TEST_F(LispSessionsTest, WhatIsNeitherTranslatedNorInASessionPasses) {
  EXPECT_EQ(client_sends(PacketBuilder(client, plain).udp(1, 2, text("hello")).build()).kind, Kind::inside);
  inside_sends(PacketBuilder(plain, client).udp(2, 1, text("hello")).build());
  EXPECT_EQ(at_client.size(), 1u);
}

}  // namespace
}  // namespace ilnp::test
