// SPDX-License-Identifier: Apache-2.0
// The EID of a node with sessions of mode N goes to another router (specification 10.1.1).
#include "core/ipv6/icmpv6.h"
#include "tests/unit/forwarding/lisp_sessions_world.h"

namespace ilnp::test {
namespace {

constexpr std::uint8_t syn = 0x02, ack = 0x10;

struct NodeDrainTest : LispSessionsWorld {
  void begin_drained() {
    is_pitr = false;
    places = LispPlaces{RlocMode::hybrid, {{first, {{here, true}}}}, {{here, true}}, 5};
    begin_with_mobile_nodes();
    connect();
    wait(seconds{1});
    taken_by_data_centre();
    ASSERT_TRUE(is_away());
  }
  /// A segment of the client arrives at the VM, and one of the VM at the client.
  bool session_goes_on() {
    const std::size_t at_vm = at_vm_kernel.size(), at_us = at_client.size();
    client_sends(from_client().tcp(4000, 80, 107, 501, ack, text("on")).build());
    vm_sends(from_vm().tcp(80, 4000, 501, 109, ack, text("and on")).build());
    return at_vm_kernel.size() == at_vm + 1 && at_client.size() == at_us + 1;
  }
  LispVerdict another_connection() { return client_sends(from_client().tcp(4001, 80, 100, 0, syn).build()); }

  const lisp::IpAddress here = lisp::ip("2001:db8:a1::1"), data_centre = lisp::ip("2001:db8:d2::1");
};

TEST_F(NodeDrainTest, SessionsGoOnAndEverythingElseGoesAfterTheEid) {
  begin_drained();
  ASSERT_EQ(lost.size(), 1u);
  EXPECT_EQ(lost[0].node, (lisp::Eid{0, vm_eid}));
  EXPECT_EQ(lost[0].sessions, 1u);
  EXPECT_EQ(lost[0].rloc, data_centre);
  EXPECT_TRUE(session_goes_on());
  const LispVerdict began = another_connection();
  EXPECT_EQ(began.kind, LispVerdict::Kind::tunnel);
  EXPECT_EQ(began.rloc, data_centre);
  const PacketBuilder stranger{address("2001:db8:c11::98"), vm_eid};
  EXPECT_EQ(client_sends(PacketBuilder{stranger}.udp(7, 7, text("hello")).build()).rloc, data_centre);
}

TEST_F(NodeDrainTest, RoutersOnTheWayToTheClientAreHeard) {
  begin_drained();
  vm_sends(from_vm().tcp(80, 4000, 501, 107, ack, text("too long for somebody")).build());
  const ByteVector sent = at_client.back();
  at_vm_kernel.clear();
  const Address router = address("2001:db8:77::1");
  EXPECT_NE(client_sends(build_packet(router, vm_eid, 58, build_error(2, 0, 1300, sent))).kind,
            LispVerdict::Kind::tunnel);
  ASSERT_EQ(at_vm_kernel.size(), 1u);
  EXPECT_EQ(at_vm_kernel[0].bytes[40], icmpv6::packet_too_big);
  const ByteVector of_another = build_packet(vm_eid, router, 58, build_error(2, 0, 1300, sent));
  EXPECT_EQ(client_sends(build_packet(router, vm_eid, 58, build_error(1, 0, 0, of_another))).rloc, data_centre);
}

TEST_F(NodeDrainTest, TheNodeMayMoveMeanwhile) {
  begin_drained();
  move(eids);
  wait(seconds{1});
  EXPECT_TRUE(session_goes_on());
}

TEST_F(NodeDrainTest, AnHourAtMost) {
  begin_drained();
  for (int minutes = 0; minutes < 56; minutes += 4) {
    wait(std::chrono::minutes{4});
    EXPECT_TRUE(session_goes_on()) << minutes;
  }
  EXPECT_EQ(another_connection().reason, LispDrop::not_our_eid) << "nobody says any more where it is";
  wait(std::chrono::minutes{4});
  EXPECT_FALSE(session_goes_on());
}

TEST_F(NodeDrainTest, WithoutSessionsThereIsNothingToLose) {
  places = LispPlaces{RlocMode::hybrid, {{first, {{here, true}}}}, {{here, true}}, 5};
  begin_with_mobile_nodes();
  taken_by_data_centre();
  ASSERT_TRUE(is_away());
  EXPECT_TRUE(lost.empty());
}

TEST_F(NodeDrainTest, TenantsLoseTheirOwnSessionsOnly) {
  instances = {0, 7};
  places = LispPlaces{RlocMode::hybrid, {{first, {{here, true}}}}, {{here, true}}, 5};
  begin_with_mobile_nodes();
  connect();
  taken_by_data_centre(7);
  EXPECT_EQ(xtr->place_of(now, {7, Address{tenant_eids, vm_nid}}).kind, lisp::EidPlace::Kind::away);
  EXPECT_TRUE(lost.empty()) << "the session is one of instance 0";
  EXPECT_FALSE(is_away());
  EXPECT_TRUE(session_goes_on());
}

TEST_F(NodeDrainTest, AnotherGatewayMayGoOnWithThem) {
  data_centre_is_gateway = true;
  begin_drained();
  EXPECT_TRUE(lost.empty());
  EXPECT_TRUE(session_goes_on()) << "until it does";
}

TEST_F(NodeDrainTest, WhoComesBackIsHereAsBefore) {
  begin_drained();
  move(eids);
  wait(seconds{1});
  move(first);
  wait(seconds{1});
  ASSERT_FALSE(is_away());
  EXPECT_TRUE(session_goes_on());
  taken_by_data_centre();
  EXPECT_EQ(lost.size(), 2u) << "once each time";
}

}  // namespace
}  // namespace ilnp::test
