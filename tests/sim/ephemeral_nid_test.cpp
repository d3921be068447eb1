// SPDX-License-Identifier: Apache-2.0
// A host whose sessions have a NID per peer: they move, restart and end like all others, and two peers that compare
// what they saw find nothing in common.
#include "tests/sim/pair.h"

namespace ilnp::sim {
namespace {

class EphemeralNid : public ::testing::Test {
 protected:
  Pair p{77};
  Host& carol = p.world.add<Host>("carol", p.names, Tuning{});
  void SetUp() override {
    carol.attach(p.d);
    p.world.advance(seconds{1});
    p.alice.use_ephemeral_nids();
  }
  /// The peer's only entry: alice.
  Correspondent& entry_of(Host& peer) {
    Correspondent* found = nullptr;
    int entries = 0;
    peer.forwarder().ilcc().for_each([&](Correspondent& c) {
      found = &c;
      ++entries;
    });
    EXPECT_EQ(entries, 1) << peer.summary();
    return *found;
  }
  /// Under which NID this peer knows alice.
  NodeId known_to(Host& peer) { return entry_of(peer).remote_nid(); }
  void expect_agreement(Host& peer) {
    EXPECT_EQ(Host::target(entry_of(peer)), p.alice.best_site()->locator) << peer.summary();
    EXPECT_EQ(Host::target(*p.alice.session(peer)), peer.best_site()->locator) << p.alice.summary();
  }
  TcpStream& upload_to(Host& peer) {
    peer.kernel().listen_tcp(80);
    TcpStream& stream = p.alice.connect(peer, 80);
    stream.write_every(p.world.now(), milliseconds{20}, 400);
    p.world.advance(seconds{2});
    EXPECT_TRUE(stream.is_established());
    return stream;
  }
  void expect_whole(TcpStream& stream) {
    stream.stop_writing();
    p.world.advance(seconds{10});
    EXPECT_EQ(stream.acknowledged(), stream.written()) << stream.failure();
    EXPECT_EQ(stream.wrong_octets(), 0u);
  }
};

TEST_F(EphemeralNid, PeersHaveNothingToCompare) {
  TcpStream& to_bob = upload_to(p.bob);
  TcpStream& to_carol = upload_to(carol);
  EXPECT_NE(known_to(p.bob), known_to(carol));
  for (Host* peer : {&p.bob, &carol}) {
    EXPECT_NE(known_to(*peer), p.alice.nid());
    EXPECT_NE(known_to(*peer), OwnNids::client);
  }
  EXPECT_EQ(p.names.find("alice")->nid, p.alice.nid()) << "the published one is the node's";
  expect_whole(to_bob);
  expect_whole(to_carol);
}

TEST_F(EphemeralNid, SessionsSurviveMovesOfBothEnds) {
  TcpStream& stream = upload_to(p.bob);
  const NodeId nid = known_to(p.bob);
  p.alice.move_hard(p.b);
  p.world.advance(seconds{3});
  expect_agreement(p.bob);
  p.alice.move_soft(p.a);
  p.bob.move_hard(p.d);
  p.world.advance(seconds{5});
  expect_agreement(p.bob);
  EXPECT_EQ(known_to(p.bob), nid);
  expect_whole(stream);
}

TEST_F(EphemeralNid, SessionsSurviveARestartUnderTheSameNodeIdentifiers) {
  TcpStream& to_bob = upload_to(p.bob);
  TcpStream& to_carol = upload_to(carol);
  const NodeId here = known_to(p.bob), there = known_to(carol);
  p.alice.restart(true);
  p.world.advance(seconds{3});
  p.alice.move_hard(p.b);
  p.world.advance(seconds{3});
  expect_agreement(p.bob);
  EXPECT_EQ(known_to(p.bob), here);
  EXPECT_EQ(known_to(carol), there);
  expect_whole(to_bob);
  expect_whole(to_carol);
}

TEST_F(EphemeralNid, WhatThePeerBeginsUsesTheNodes) {
  TcpStream& stream = upload_to(p.bob);
  p.alice.kernel().listen_tcp(22);
  TcpStream& back = p.bob.connect(p.alice, 22);
  back.write_every(p.world.now(), milliseconds{20}, 100);
  p.world.advance(seconds{2});
  EXPECT_TRUE(back.is_established());
  std::set<NodeId> known;
  p.bob.forwarder().ilcc().for_each([&](const Correspondent& c) { known.insert(c.remote_nid()); });
  EXPECT_EQ(known.size(), 2u);
  EXPECT_TRUE(known.contains(p.alice.nid()));
  p.alice.move_hard(p.b);
  p.world.advance(seconds{3});
  expect_whole(stream);
  expect_whole(back);
}

TEST_F(EphemeralNid, TheNextSessionAfterTheLastOneEndedCannotBeLinked) {
  const auto begin_and_end = [&] {
    UdpSender& sender = p.alice.send_every(milliseconds{50}, p.bob, 7000);
    p.world.advance(seconds{2});
    const NodeId nid = known_to(p.bob);
    sender.stop();
    p.alice.answers_flow_checks = false;
    p.world.advance(seconds{1200});
    EXPECT_EQ(p.alice.forwarder().nids().peers(), 0u) << p.alice.summary();
    EXPECT_FALSE(p.alice.forwarder().nids().contains(nid));
    p.bob.forwarder().ilcc().for_each([](const Correspondent& c) { ADD_FAILURE() << name_of(c.state); });
    return nid;
  };
  p.bob.answers_flow_checks = false;
  const NodeId first = begin_and_end();
  EXPECT_NE(begin_and_end(), first);
}

TEST_F(EphemeralNid, AnAddressThatOutlivedItsSessionNeedsNoNewLookUp) {
  const auto address = p.alice.resolved("bob");
  ASSERT_TRUE(address);
  p.world.advance(seconds{120});
  ASSERT_EQ(p.alice.forwarder().nids().peers(), 0u);
  p.bob.kernel().listen_tcp(80);
  TcpStream& stream = p.alice.kernel().connect(p.alice.unbound(), *address, 80);
  p.world.advance(seconds{3});
  EXPECT_TRUE(stream.is_established());
  EXPECT_NE(known_to(p.bob), p.alice.nid());
}

}  // namespace
}  // namespace ilnp::sim
