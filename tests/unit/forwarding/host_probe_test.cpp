// SPDX-License-Identifier: Apache-2.0
// Probes: who answers them, and from where.
#include "tests/unit/forwarding/host_control_fixture.h"

namespace ilnp::test {
namespace {

TEST_F(HostControl, ProbeOfThePeerIsAnsweredFromThePlaceThatItAskedAbout) {
  settle();
  up(away, eth1, 20);
  const ByteVector probe =
      PacketBuilder{peer_moved, us_away}.nonce(peer_nonce).echo_request(probe_identifier, 7, counting(8)).build();
  const Outcome o = receive(probe, eth1);
  EXPECT_EQ(o.verdict.disposition, Disposition::consumed);
  ASSERT_EQ(o.actions.to_wire.size(), 1u);
  const ByteVector& reply = o.actions.to_wire[0].bytes;
  EXPECT_EQ(walk_of(reply).source, us_away);
  EXPECT_EQ(walk_of(reply).destination, peer_moved);
  EXPECT_EQ(nonce_in(reply), our_nonce);
  EXPECT_SAME_BYTES(upper_of(reply).subspan(4), upper_of(probe).subspan(4));
}

TEST_F(HostControl, ProbeToALocatorThatIsNotOursAnyMoreIsNotAnswered) {
  settle();
  up(away, eth1, 5);
  down(home);
  const Outcome o = receive(from_peer().echo_request(probe_identifier, 7, counting(8)).build());
  EXPECT_TRUE(dropped_as(o, DropReason::in_not_our_locator));
}

TEST_F(HostControl, OrdinaryPingIsTheKernelsBusiness) {
  settle();
  const Outcome o = receive(from_peer().echo_request(0x1111, 7, counting(8)).build());
  EXPECT_EQ(o.verdict.disposition, Disposition::to_identity);
  EXPECT_TRUE(checksum_is_good(o.packet));
}

TEST_F(HostControl, AnswersToProbesNeverSentAreDropped) {
  settle();
  const auto reply = [&](const Address& from) {
    ByteVector body;
    ByteWriter w{body};
    w.u16(probe_identifier);
    w.u16(1);
    w.bytes(counting(8));
    return PacketBuilder{from, us_at_home}.nonce(peer_nonce).icmpv6(icmpv6::echo_reply, 0, body).build();
  };
  EXPECT_TRUE(dropped_as(receive(reply(peer)), DropReason::probe_unexpected));
  receive(update({at(peer_away)}));
  EXPECT_TRUE(dropped_as(receive(reply(peer_moved)), DropReason::probe_unexpected)) << "wrong token";
  EXPECT_NE(entry()->remote.find(peer_away)->reach, Reach::reachable);
}

TEST_F(HostControl, DamagedProbesAreDropped) {
  settle();
  ByteVector probe = from_peer().echo_request(probe_identifier, 7, counting(8)).build();
  probe.back() ^= 1;
  EXPECT_TRUE(dropped_as(receive(probe), DropReason::in_bad_checksum));
}

}  // namespace
}  // namespace ilnp::test
