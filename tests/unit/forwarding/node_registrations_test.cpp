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
  lisp::XtrActions control;
  slow.start(at(), control);
  move(second);
  wait(milliseconds{1});
  lisp::XtrActions waits;
  slow.heard(at(), std::vector{vm_nid}, waits);
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
  registrations->heard(at(), std::vector{vm_nid}, actions.control);
  sessions->on_time(at(), actions);
  perform();
  now += seconds{1};
  sessions->on_time(at(), actions);
  perform();
  EXPECT_EQ(told_clients, 0u);
  EXPECT_EQ(registered_records.back().ttl, 5u);
}

TEST_F(NodeRegistrationsTest, ASegmentOfNoSessionIsRefusedAlsoHere) {
  begin_in(RlocMode::per_site);
  client_sends(from_client().tcp(4000, 80, 101, 501, ack, text("data")).build());
  EXPECT_TRUE(at_inside.empty()) << "there is no host route";
  EXPECT_EQ(at_client.size(), 1u);
}

}  // namespace
}  // namespace ilnp::test
