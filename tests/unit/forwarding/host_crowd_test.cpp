// SPDX-License-Identifier: Apache-2.0
// Many peers at once: nobody is forgotten, and packets, the resolver and the wire keep their turns.
#include <set>

#include "tests/unit/forwarding/host_fixture.h"

namespace ilnp {
namespace test {
namespace {

constexpr std::size_t crowd = 600;

class HostCrowd : public HostTest {
 protected:
  static NodeId nid_of(std::size_t i) { return NodeId{0x1000 + i}; }

  /// Sessions with `crowd` peers at one place, each with a name.
  void establish_all() {
    Actions actions;
    for (std::size_t i = 0; i < crowd; ++i) {
      const auto identity = host().resolved(now, "peer" + std::to_string(i), our_nid, nid_of(i),
                                            {{peer_home, 10, seconds{300}}}, actions);
      ASSERT_TRUE(identity);
      send(PacketBuilder{our_identity, *identity}.udp(40000, 7777, text("x")).build());
      receive(PacketBuilder{{peer_home, nid_of(i)}, us_at_home}.nonce(peer_nonce).udp(7777, 40000, text("y")).build());
    }
    ASSERT_EQ(host().ilcc().count(PeerState::established), crowd);
  }
};

TEST_F(HostCrowd, IsToldInTurnsBetweenWhichPacketsPass) {
  establish_all();
  up(away, eth1);
  std::set<NodeId> told;
  now += tuning.lu_min_interval;  // the loop was busy: all of them are due
  int calls = 0;
  for (; told.size() < crowd && calls < 10; ++calls) {
    ASSERT_LE(host().next_deadline(), now) << "those left are still due";
    Actions actions;
    host().on_time(now, actions);
    EXPECT_LE(actions.to_wire.size(), 256u);
    for (const OutPacket& out : actions.to_wire)
      if (is_locator_update(out.bytes)) told.insert(walk_of(out.bytes).destination.nid);
  }
  EXPECT_EQ(told.size(), crowd);
  EXPECT_EQ(calls, 3);
}

TEST_F(HostCrowd, ThatIsLostAtOnceIsLookedUpInTurns) {
  establish_all();
  up(away, eth1);  // nobody acknowledges
  std::set<std::string> asked;
  for (int half = 0; half < 60 && asked.size() < crowd; ++half) {
    const Outcome outcome = wait(milliseconds{500});
    EXPECT_LE(outcome.actions.name_queries.size(), 200u + 100u) << "in half second " << half;
    for (const NameQuery& query : outcome.actions.name_queries) asked.insert(query.name);
  }
  EXPECT_EQ(asked.size(), crowd);
}

}  // namespace
}  // namespace test
}  // namespace ilnp
