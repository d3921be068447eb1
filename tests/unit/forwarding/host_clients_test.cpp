// SPDX-License-Identifier: Apache-2.0
// Ephemeral NIDs: sockets that nobody bound speak to every peer under another one; the node's stays what it is.
#include "tests/unit/forwarding/host_fixture.h"

namespace ilnp::test {
namespace {

class ClientsTest : public HostTest {
 protected:
  const Address client{prefix, OwnNids::client};
  static constexpr NodeId other_nid{0x1111'2222'3333'4444};
  const Address other_identity{prefix, other_nid};

  static NodeId made(std::uint64_t n) { return {0x1000'0000'0000'0000 + n}; }
  void use_ephemeral_nids(std::uint64_t ready = 4) {
    host().use_ephemeral_nids(true);
    for (std::uint64_t i = 0; i <= ready; ++i) ASSERT_TRUE(host().nids().provision(made(i)));
  }
  std::optional<Address> look_up(NodeId remote, Locator at, Actions& actions, NodeId local = OwnNids::client) {
    return host().resolved(now, remote == peer_nid ? "peer" : "other", local, remote, {{at, 10, seconds{3600}}},
                           actions);
  }
  std::optional<Address> look_up_peer() {
    Actions actions;
    return look_up(peer_nid, peer_home, actions);
  }
  Outcome client_sends(const Address& to = {prefix, peer_nid}, std::uint16_t port = 40000) {
    return send(PacketBuilder{client, to}.udp(port, 7777, text("hello")).build());
  }
  Outcome peer_sends(NodeId to, std::uint16_t port = 40000) {
    return receive(PacketBuilder{peer, {home, to}}.nonce(peer_nonce).udp(7777, port, text("world")).build());
  }
  static NodeId sender_of(const Outcome& o) { return walk_of(o.wire().at(0)).source.nid; }
  /// A session that we began; its NID.
  NodeId begin() {
    EXPECT_TRUE(look_up_peer());
    const NodeId nid = sender_of(client_sends());
    EXPECT_EQ(peer_sends(nid).verdict.disposition, Disposition::to_identity);
    return nid;
  }
};

TEST_F(ClientsTest, EachPeerSeesANodeIdentifierOfItsOwn) {
  use_ephemeral_nids();
  Actions actions;
  EXPECT_EQ(look_up(peer_nid, peer_home, actions), peer_identity);
  EXPECT_TRUE(actions.own_nids_changed);
  EXPECT_EQ(look_up(other_nid, elsewhere, actions), other_identity);
  const NodeId here = sender_of(client_sends()), there = sender_of(client_sends(other_identity));
  EXPECT_NE(here, there);
  EXPECT_TRUE(host().nids().is_ephemeral(here));
  EXPECT_TRUE(host().nids().is_ephemeral(there));
  EXPECT_EQ(sender_of(client_sends(peer_identity, 40001)), here) << "another connection to the same peer";
}

TEST_F(ClientsTest, AnswersReachTheSocketUnderTheAddressThatItHas) {
  use_ephemeral_nids();
  ASSERT_TRUE(look_up_peer());
  const Outcome out = client_sends();
  EXPECT_TRUE(checksum_is_good(out.wire().at(0)));
  const Outcome in = peer_sends(sender_of(out));
  ASSERT_EQ(in.verdict.disposition, Disposition::to_identity);
  EXPECT_EQ(walk_of(in.packet).source, peer_identity);
  EXPECT_EQ(walk_of(in.packet).destination, client);
  EXPECT_TRUE(checksum_is_good(in.packet));
}

TEST_F(ClientsTest, BoundSocketsSpeakAsTheNode) {
  use_ephemeral_nids();
  const NodeId ephemeral = begin();
  const Outcome held = send(our_udp());
  ASSERT_EQ(held.verdict.disposition, Disposition::held);
  ASSERT_EQ(held.actions.name_queries.size(), 1u);
  EXPECT_EQ(held.actions.name_queries[0].local, our_nid);
  Actions actions;
  ASSERT_EQ(look_up(peer_nid, peer_home, actions, our_nid), peer_identity);
  ASSERT_EQ(actions.to_wire.size(), 1u);
  EXPECT_EQ(walk_of(actions.to_wire[0].bytes).source.nid, our_nid);
  EXPECT_EQ(sender_of(client_sends()), ephemeral) << "the other session goes on as it was";
}

TEST_F(ClientsTest, AnAddressThatTheApplicationKeptGetsAnEphemeralOneToo) {
  use_ephemeral_nids();
  const Outcome held = client_sends();
  ASSERT_EQ(held.verdict.disposition, Disposition::held);
  ASSERT_EQ(held.actions.name_queries.size(), 1u);
  EXPECT_EQ(held.actions.name_queries[0].local, OwnNids::client);
  Actions actions;
  ASSERT_TRUE(look_up(peer_nid, peer_home, actions, held.actions.name_queries[0].local));
  ASSERT_EQ(actions.to_wire.size(), 1u);
  EXPECT_TRUE(host().nids().is_ephemeral(walk_of(actions.to_wire[0].bytes).source.nid));
}

TEST_F(ClientsTest, ClientAndNodeMayWaitForTheSameName) {
  use_ephemeral_nids();
  ASSERT_EQ(client_sends().actions.name_queries.size(), 1u);
  ASSERT_EQ(send(our_udp()).actions.name_queries.size(), 1u);
  Actions actions;
  ASSERT_TRUE(look_up(peer_nid, peer_home, actions, our_nid));
  ASSERT_EQ(actions.to_wire.size(), 1u);
  EXPECT_EQ(walk_of(actions.to_wire[0].bytes).source.nid, our_nid);
  EXPECT_TRUE(actions.name_queries.empty());
  ASSERT_TRUE(look_up(peer_nid, peer_home, actions));
  ASSERT_EQ(actions.to_wire.size(), 2u);
  EXPECT_NE(walk_of(actions.to_wire[1].bytes).source.nid, our_nid);
}

TEST_F(ClientsTest, WithoutTheOptionTheClientAddressIsNobodys) {
  ASSERT_TRUE(resolve());
  EXPECT_TRUE(dropped_as(client_sends(), DropReason::out_foreign_source));
  EXPECT_EQ(host().default_local(), our_nid);
}

TEST_F(ClientsTest, OurKernelCannotSpeakAsAnEphemeralOneItself) {
  use_ephemeral_nids();
  const NodeId nid = begin();
  EXPECT_TRUE(
      dropped_as(send(PacketBuilder{{prefix, nid}, peer_identity}.udp(1, 2).build()), DropReason::out_foreign_source));
}

TEST_F(ClientsTest, ALookUpWithoutASessionDoesNotKeepItsNodeIdentifier) {
  use_ephemeral_nids();
  ASSERT_TRUE(look_up_peer());
  const NodeId first = *host().nids().of_peer(peer_nid);
  const Outcome o = wait(tuning.resolved_minimum);  // whatever the TTL
  EXPECT_TRUE(o.actions.own_nids_changed);
  EXPECT_FALSE(host().nids().contains(first));
  ASSERT_TRUE(look_up_peer());
  EXPECT_NE(*host().nids().of_peer(peer_nid), first);
}

TEST_F(ClientsTest, ASessionThatEndedIsNotContinuedUnderTheSameNodeIdentifier) {
  use_ephemeral_nids();
  const NodeId first = begin();
  wait(tuning.idle - seconds{1});
  EXPECT_TRUE(host().nids().contains(first));
  wait(tuning.idle + tuning.closing + 2 * tuning.flow_check);
  EXPECT_EQ(host().ilcc().size(), 0u);
  EXPECT_FALSE(host().nids().contains(first));
  EXPECT_EQ(peer_sends(first).verdict.disposition, Disposition::to_kernel) << "not ours any more";
  EXPECT_NE(begin(), first);
}

TEST_F(ClientsTest, NothingReadyIsSharedNeverTheNodes) {
  use_ephemeral_nids(0);
  Actions actions;
  ASSERT_TRUE(look_up(peer_nid, peer_home, actions));
  ASSERT_TRUE(look_up(other_nid, elsewhere, actions));
  EXPECT_EQ(sender_of(client_sends()), made(0));
  EXPECT_EQ(sender_of(client_sends(other_identity)), made(0));
  EXPECT_EQ(host().nids().shared(), 2u);
}

TEST_F(ClientsTest, AFullCacheTakesNoNodeIdentifier) {
  tuning.max_entries = 1;
  use_ephemeral_nids();
  Actions actions;
  ASSERT_TRUE(look_up(peer_nid, peer_home, actions));
  EXPECT_FALSE(look_up(other_nid, elsewhere, actions));
  EXPECT_FALSE(host().nids().of_peer(other_nid));
  EXPECT_EQ(host().nids().peers(), 1u);
}

TEST_F(ClientsTest, AQueryThatOutlivedItsSessionMakesNothing) {
  use_ephemeral_nids();
  const NodeId gone = begin();
  wait(2 * tuning.idle + tuning.closing);
  Actions actions;
  EXPECT_FALSE(look_up(peer_nid, peer_home, actions, gone));
  EXPECT_EQ(host().ilcc().size(), 0u);
}

TEST_F(ClientsTest, NobodyIsCalledByOurOwnNames) {
  use_ephemeral_nids();
  Actions actions;
  for (const NodeId own : {our_nid, made(1), OwnNids::client}) EXPECT_FALSE(look_up(own, elsewhere, actions));
}

TEST_F(ClientsTest, OthersCannotUseAPeersNodeIdentifier) {
  use_ephemeral_nids();
  const NodeId nid = begin();
  const Address stranger{elsewhere, other_nid};
  EXPECT_TRUE(dropped_as(receive(PacketBuilder{stranger, {home, nid}}.nonce(peer_nonce).tcp(1, 22, 1, 0, syn).build()),
                         DropReason::in_ephemeral_nid));
  EXPECT_TRUE(dropped_as(receive(PacketBuilder{stranger, {home, nid}}.tcp(1, 22, 1, 0, syn).build()),
                         DropReason::in_ephemeral_nid));
  const NodeId unused = host().nids().ready().front();
  EXPECT_TRUE(dropped_as(receive(PacketBuilder{peer, {home, unused}}.nonce(peer_nonce).tcp(1, 22, 1, 0, syn).build()),
                         DropReason::in_ephemeral_nid));
}

TEST_F(ClientsTest, APeerThatRestartedIsKnownUnderTheSameNodeIdentifier) {
  use_ephemeral_nids();
  const NodeId nid = begin();
  const Outcome o = receive(
      PacketBuilder{peer, {home, nid}}.nonce(hex("000102030405060708090a0b")).udp(7777, 40000, text("again")).build());
  EXPECT_NE(o.verdict.reason, DropReason::in_ephemeral_nid);
  EXPECT_EQ(host().ilcc().size(), 2u);
}

// A server on a UDP socket that is bound to no address: our kernel answers from the client address.
class WildcardServer : public ClientsTest {
 protected:
  static constexpr std::uint16_t port = 5201;
  void SetUp() override {
    use_ephemeral_nids();
    ASSERT_EQ(walk_of(peer_sends(our_nid, port).packet).destination, our_identity);
  }
  Outcome answer_from_server() { return client_sends(peer_identity, port); }
};

TEST_F(WildcardServer, AnswersAsTheNodeThatThePeerAsked) {
  EXPECT_EQ(sender_of(answer_from_server()), our_nid);
  // It may have connected its socket by now: the peer's datagrams have to be for that address.
  EXPECT_EQ(walk_of(peer_sends(our_nid, port).packet).destination, client);
  EXPECT_EQ(walk_of(peer_sends(our_nid, 5202).packet).destination, our_identity);
}

TEST_F(WildcardServer, IsNotTakenForAClientOfThePeer) {
  ASSERT_TRUE(look_up_peer());
  const NodeId as_client = sender_of(client_sends(peer_identity, 40000));
  EXPECT_NE(as_client, our_nid);
  EXPECT_EQ(sender_of(answer_from_server()), our_nid);
  EXPECT_EQ(sender_of(client_sends(peer_identity, 40000)), as_client);
}

TEST_F(WildcardServer, AnotherOneAtThatPortMayBeBound) {
  answer_from_server();
  const Outcome in = peer_sends(our_nid, port);
  ASSERT_EQ(walk_of(in.packet).destination, client);
  constexpr std::uint8_t port_unreachable = 4;
  const ByteVector error = build_error(icmpv6::destination_unreachable, port_unreachable, 0, in.packet);
  const Outcome out = send(build_packet(client, peer_identity, next_header::icmpv6, error));
  ASSERT_FALSE(out.wire().empty());
  EXPECT_EQ(sender_of(out), our_nid) << "the peer hears it in its session";
  EXPECT_EQ(walk_of(peer_sends(our_nid, port).packet).destination, our_identity);
}

}  // namespace
}  // namespace ilnp::test
