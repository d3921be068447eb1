// SPDX-License-Identifier: Apache-2.0
#include "core/forwarding/node_registrations.h"

#include "tests/unit/forwarding/lisp_sessions_world.h"

namespace ilnp::test {
namespace {

constexpr std::uint8_t ack = 0x10;

/// A gateway with an RLOC near each place of the VM, and one that is near none.
struct NodeRegistrationsTest : LispSessionsWorld {
  void begin_in(RlocMode mode) {
    places = LispPlaces{mode, {{first, {{one, true}}}, {second, {{two, true}}}}, {{anchor, true}}, 5};
    begin_with_mobile_nodes();
  }
  /// What clients are told: RLOC and priority.
  std::string registered() const {
    std::string out;
    if (registered_records.empty()) return out;
    for (const lisp::RlocRecord& rloc : registered_records.back().rlocs)
      out += (out.empty() ? "" : ", ") + lisp::to_string(rloc.address) + " " + std::to_string(rloc.priority);
    return out;
  }
  bool is_withdrawn() const { return !registered_records.empty() && registered_records.back().ttl == 0; }
  /// The VM has told `second` in a session, and is not heard of after that. Its name is all that is known beside.
  void begin_with_a_silent_vm(RlocMode mode) {
    name = "vm.example.";
    configured.clear();
    begin_in(mode);
    client_sends(from_client().tcp(4000, 80, 100, 0, 0x02).build());
    answer({{first, 10, seconds{60}}});
    vm_sends(from_vm().tcp(80, 4000, 500, 101, 0x12).build());
    client_sends(from_client().tcp(4000, 80, 101, 501, ack, text("before")).build());
    wait(seconds{1});
    move(second);
    wait(seconds{1});
    place = Locator{};
    asked.clear();
  }
  /// What is left of it.
  seconds told_life() { return nodes->places(now, vm_nid).at(0).lifetime; }
  void answer(const std::vector<ResolvedLocator>& locators) {
    ASSERT_EQ(asked.size(), 1u);
    EXPECT_EQ(asked[0].name, name);
    nodes->resolved(now, std::exchange(asked, {})[0], locators, actions.nodes);
    sessions->after_control(at(), actions);
    perform();
  }
  const lisp::IpAddress anchor = lisp::ip("2001:db8:a1::1"), one = lisp::ip("2001:db8:a1::11"),
                        two = lisp::ip("2001:db8:a1::12");
};

TEST_F(NodeRegistrationsTest, TheRlocsFollowTheNode) {
  begin_in(RlocMode::hybrid);
  EXPECT_EQ(registered(), "2001:db8:a1::1 101, 2001:db8:a1::11 1") << "where it is configured";
  connect();
  EXPECT_EQ(registered(), "2001:db8:a1::1 101, 2001:db8:a1::11 1");
  wait(seconds{2});
  told_clients = 0;
  move(second);
  wait(seconds{1});
  EXPECT_GE(told_clients, 1u) << "and the client is told";
  EXPECT_EQ(registered(), "2001:db8:a1::1 101, 2001:db8:a1::11 255, 2001:db8:a1::12 1")
      << "the old one is not to be used";
  const std::size_t before = at_vm_kernel.size();
  client_sends(from_client().tcp(4000, 80, 107, 501, ack, text("after")).build());
  EXPECT_EQ(at_vm_kernel.size(), before + 1);
  EXPECT_EQ(host_routes, 0u) << "nobody here has that address";
}

TEST_F(NodeRegistrationsTest, AClientThatStillSendsIsToldOfTheNextMoveToo) {
  begin_in(RlocMode::hybrid);
  connect();
  for (const Locator to : {second, first}) {
    wait(seconds{1});
    move(to);
    told_clients = 0;
    for (int i = 0; i < 8; ++i) {  // its packets come to one of our RLOCs, whichever
      client_sends(from_client().tcp(4000, 80, 107, 501, ack, text("on")).build());
      wait(milliseconds{500});
    }
    EXPECT_GE(told_clients, 1u);
  }
}

TEST_F(NodeRegistrationsTest, WithoutAnAnchorThereAreThoseOfThePlaceOnly) {
  begin_in(RlocMode::per_site);
  EXPECT_EQ(registered(), "2001:db8:a1::11 1");
}

TEST_F(NodeRegistrationsTest, AnAnchorStaysWhatItIs) {
  begin_in(RlocMode::anchor);
  EXPECT_EQ(registered(), "2001:db8:a1::1 1");
  connect();
  wait(seconds{2});
  told_clients = 0;
  move(second);
  wait(seconds{1});
  EXPECT_EQ(registered(), "2001:db8:a1::1 1");
  EXPECT_EQ(told_clients, 0u) << "for LISP nothing has moved";
}

TEST_F(NodeRegistrationsTest, AnUnknownPlaceIsTheAnchors) {
  places = LispPlaces{RlocMode::hybrid, {{second, {{two, true}}}}, {{anchor, true}}, 5};
  begin_with_mobile_nodes();
  EXPECT_EQ(registered(), "2001:db8:a1::1 101");
}

TEST_F(NodeRegistrationsTest, OfManyMovesTheLastOneCounts) {
  begin_in(RlocMode::per_site);
  connect();
  wait(seconds{2});
  NodeRegistrations slow{*places, node_settings(), *xtr, *nodes, seconds{10}};
  NodeActions names;
  lisp::XtrActions control;
  slow.start(at(), names, control);
  move(second);
  wait(milliseconds{1});
  lisp::XtrActions waits;
  slow.heard(at(), std::vector{vm_nid}, names, waits);
  EXPECT_EQ(slow.next_deadline(), now + seconds{10} - milliseconds{1}) << "a change a moment ago";
  EXPECT_TRUE(waits.datagrams.empty());
}

TEST_F(NodeRegistrationsTest, LifetimesThatAreToldAnewChangeNothing) {
  begin_in(RlocMode::per_site);
  connect();
  move(second);
  for (int i = 0; i < 20; ++i) {
    wait(std::chrono::minutes{1});
    client_sends(from_client().tcp(4000, 80, 107, 501, ack, text("on")).build());
    vm_sends(from_vm().tcp(80, 4000, 501, 109, ack, text("on")).build());
  }
  EXPECT_EQ(registered().substr(registered().find("::12")), "::12 1");
}

TEST_F(NodeRegistrationsTest, ALifetimeThatGetsShorterIsNoNews) {
  begin_in(RlocMode::per_site);
  connect();
  move(second);
  wait(seconds{30});
  told_clients = 0;
  now += std::chrono::minutes{7};  // the node says nothing meanwhile
  registrations->heard(at(), std::vector{vm_nid}, actions.nodes, actions.control);
  sessions->on_time(at(), actions);
  perform();
  now += seconds{1};
  sessions->on_time(at(), actions);
  perform();
  EXPECT_EQ(told_clients, 0u);
  EXPECT_EQ(registered_records.back().ttl, 5u);
}

TEST_F(NodeRegistrationsTest, WithoutAnyLocatorItIsHeldThenWithdrawn) {
  tuning.idle = std::chrono::hours{1};  // of the VM
  begin_with_a_silent_vm(RlocMode::hybrid);
  wait(told_life() - seconds{1});
  EXPECT_FALSE(is_withdrawn());
  EXPECT_TRUE(asked.empty());
  wait(seconds{1});
  EXPECT_EQ(asked.size(), 1u) << "its name may know more";
  wait(seconds{9});
  EXPECT_FALSE(is_withdrawn()) << "held";
  wait(seconds{2});
  ASSERT_TRUE(is_withdrawn()) << "nobody could deliver: not even by an anchor";
  for (const lisp::RlocRecord& rloc : registered_records.back().rlocs) EXPECT_EQ(rloc.priority, lisp::never_use);
  EXPECT_EQ(host_routes, 0u);
  place = second;
  vm_sends(from_vm().tcp(80, 4000, 501, 107, ack, text("after")).build());
  wait(seconds{6});
  EXPECT_EQ(registered(), "2001:db8:a1::1 101, 2001:db8:a1::11 255, 2001:db8:a1::12 1") << "it speaks";
}

TEST_F(NodeRegistrationsTest, AnAnchorDoesNotStayWithoutALocator) {
  begin_with_a_silent_vm(RlocMode::anchor);
  wait(told_life() + seconds{9});
  EXPECT_FALSE(is_withdrawn());
  wait(seconds{2});
  EXPECT_TRUE(is_withdrawn());
}

TEST_F(NodeRegistrationsTest, TheNameOfWhoIsLostIsAskedAgain) {
  begin_with_a_silent_vm(RlocMode::hybrid);
  wait(told_life());
  answer({{first, 10, seconds{90}}});
  wait(seconds{1});
  EXPECT_EQ(registered(), "2001:db8:a1::1 101, 2001:db8:a1::11 1, 2001:db8:a1::12 255") << "nothing is withdrawn";
  wait(seconds{88});
  EXPECT_TRUE(asked.empty());
  wait(seconds{2});
  answer({});
  wait(seconds{10});
  EXPECT_TRUE(is_withdrawn());
  EXPECT_TRUE(asked.empty());
  wait(seconds{60});
  answer({{second, 10, seconds{300}}});
  wait(seconds{1});
  EXPECT_EQ(registered(), "2001:db8:a1::1 101, 2001:db8:a1::11 255, 2001:db8:a1::12 1");
}

TEST_F(NodeRegistrationsTest, WhoSpeaksIsThereWhateverItsLifetimesWere) {
  begin_with_a_silent_vm(RlocMode::hybrid);
  place = second;
  for (int i = 0; i < 30; ++i) {  // its engine sleeps, and refreshes nothing
    now += seconds{30};
    vm_sends(from_vm().tcp(80, 4000, 501, 107, ack, text("on")).build());
    sessions->on_time(at(), actions);
    perform();
  }
  EXPECT_FALSE(is_withdrawn());
  EXPECT_TRUE(asked.empty());
}

TEST_F(NodeRegistrationsTest, LifetimesAreToldInTheSessionsThatAreUsed) {
  const PacketBuilder from_another{address("2001:db8:c11::98"), vm_eid};
  const PacketBuilder to_another{vm_identity, {identity, {0x98}}};
  for (const bool in_the_first : {true, false}) {  // the node was heard of last in one of them
    configured = {{first, 10, seconds{300}}};
    registered_records.clear();
    now += std::chrono::hours{3};
    begin_in(RlocMode::hybrid);
    connect();
    client_sends(PacketBuilder{from_another}.udp(7, 7, text("here I am")).build());
    vm_sends(PacketBuilder{to_another}.udp(7, 7, text("and I")).build());
    wait(seconds{1});
    move(place == second ? first : second);
    const Locator before = place;
    for (int i = 0; i < 90; ++i) {
      wait(seconds{10});
      if (in_the_first)
        vm_sends(from_vm().tcp(80, 4000, 501, 107, ack, text("on")).build());
      else
        vm_sends(PacketBuilder{to_another}.udp(7, 7, text("and on")).build());
    }
    EXPECT_EQ(nodes->places(now, vm_nid).at(0).locator, before);
  }
}

TEST_F(NodeRegistrationsTest, WhatIsConfiguredHasNoLifetime) {
  begin_in(RlocMode::per_site);
  connect();
  wait(seconds{1});
  move(second);
  wait(seconds{1});
  place = Locator{};
  wait(tuning.lu_lifetime + seconds{30});
  EXPECT_EQ(registered(), "2001:db8:a1::11 1, 2001:db8:a1::12 255");
}

/// In the data centre its EID is an address of its own, and so is the upper half of that a locator.
TEST_F(NodeRegistrationsTest, WhatAnotherRouterHasIsNotTakenBackByWordsFromThere) {
  begin_in(RlocMode::hybrid);
  connect();
  wait(seconds{1});
  move(second);
  wait(seconds{1});
  taken_by_data_centre();
  ASSERT_TRUE(is_away());
  registered_records.clear();
  move(eids);
  client_sends(PacketBuilder(address("2001:db8:c11::98"), vm_eid).udp(7, 7, text("another client")).build());
  vm_sends(PacketBuilder(vm_identity, {identity, {0x98}}).udp(7, 7, text("its node")).build());
  wait(seconds{2});
  EXPECT_TRUE(is_away());
  EXPECT_TRUE(registered_records.empty());
}

TEST_F(NodeRegistrationsTest, ItComesBackToWhereItWas) {
  begin_in(RlocMode::per_site);
  connect();
  wait(seconds{1});
  taken_by_data_centre();
  ASSERT_TRUE(is_away());
  move(eids);
  wait(seconds{1});
  registered_records.clear();
  move(first);
  wait(seconds{1});
  EXPECT_FALSE(is_away());
  EXPECT_EQ(registered(), "2001:db8:a1::11 1");
}

TEST_F(NodeRegistrationsTest, ItComesBackToAnotherPlaceWithTheSameRloc) {
  places = LispPlaces{RlocMode::per_site, {{first, {{one, true}}}, {second, {{one, true}}}}, {{anchor, true}}, 5};
  begin_with_mobile_nodes();
  connect();
  wait(seconds{1});
  taken_by_data_centre();
  ASSERT_TRUE(is_away());
  move(second);
  wait(seconds{1});
  EXPECT_FALSE(is_away());
}

TEST_F(NodeRegistrationsTest, ASegmentOfNoSessionIsRefusedAlsoHere) {
  begin_in(RlocMode::per_site);
  client_sends(from_client().tcp(4000, 80, 101, 501, ack, text("data")).build());
  EXPECT_TRUE(at_inside.empty()) << "there is no host route";
  EXPECT_EQ(at_client.size(), 1u);
}

}  // namespace
}  // namespace ilnp::test
