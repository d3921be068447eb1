// SPDX-License-Identifier: Apache-2.0
// TCP after a silence (RFC 6069): our own kernel is told "no route" about the head of its window, once per doubling of
// its timer, when the peer can be reached again; nobody else is told anything.
#include "tests/unit/forwarding/host_fixture.h"

namespace ilnp::test {
namespace {

class HostStalls : public HostTest {
 protected:
  static constexpr std::uint32_t sequence = 0x11223344;

  ByteVector segment(std::uint16_t port = 40001, std::uint32_t with_sequence = sequence) const {
    return from_us().tcp(port, 80, with_sequence, 7, ack, text("data")).build();
  }
  static std::vector<ByteVector> told(const Outcome& o) {
    std::vector<ByteVector> errors;
    for (const ByteVector& packet : o.identity())
      if (icmp_type_of(packet) == icmpv6::destination_unreachable) errors.push_back(packet);
    return errors;
  }
  /// The peer is silent for so long that segments count as retransmissions.
  void fall_silent() {
    settle();
    send(segment());
    now += tuning.stall;
  }
  /// The peer is somewhere else and says so.
  Outcome peer_moves() { return receive(update({at(peer_away)})); }
};

TEST_F(HostStalls, HeadOfTheWindowIsQuotedOncePerDoubling) {
  fall_silent();
  send(segment());
  const Outcome o = peer_moves();
  const std::vector<ByteVector> errors = told(o);
  // Timers from 200 ms to 51 s: longer than any silence that a session outlives.
  ASSERT_EQ(errors.size(), 8u);
  for (const ByteVector& error : errors) {
    const HeaderWalk walk = walk_of(error);
    EXPECT_EQ(walk.source, peer_identity);
    EXPECT_EQ(walk.destination, our_identity);
    EXPECT_TRUE(checksum_is_good(error));
    const Bytes message = upper_of(error);
    EXPECT_EQ(message[1], 0u) << "no route: the code that Linux obeys";
    const HeaderWalk quoted = walk_headers(message.subspan(8), true).walk;
    EXPECT_EQ(quoted.source, our_identity);
    EXPECT_EQ(quoted.destination, peer_identity);
    const std::uint8_t* tcp = message.data() + 8 + quoted.upper_offset;
    EXPECT_EQ(load_u16(tcp), 40001);
    EXPECT_EQ(load_u16(tcp + 2), 80);
    EXPECT_EQ(load_u32(tcp + 4), sequence);
  }
  for (const ByteVector& packet : o.wire()) EXPECT_NE(icmp_type_of(packet), icmpv6::destination_unreachable);
}

TEST_F(HostStalls, EveryConnectionIsToldOfItsLatestSegmentAndOnlyOnce) {
  fall_silent();
  send(segment(40001, 1));
  send(segment(40002, 500));
  send(segment(40001, 2));
  const std::vector<ByteVector> errors = told(peer_moves());
  ASSERT_EQ(errors.size(), 16u);
  std::set<std::pair<std::uint16_t, std::uint32_t>> quoted;
  for (const ByteVector& error : errors) {
    const std::uint8_t* tcp = upper_of(error).data() + 8 + ipv6_header_length;
    quoted.emplace(load_u16(tcp), load_u32(tcp + 4));
  }
  EXPECT_EQ(quoted, (std::set<std::pair<std::uint16_t, std::uint32_t>>{{40001, 2}, {40002, 500}}));
  EXPECT_TRUE(told(receive(update({at(peer_home)}))).empty());
}

TEST_F(HostStalls, SegmentsHeldForWantOfALocatorAreWokenInTheNewPlace) {
  settle();
  down(home);
  EXPECT_EQ(send(segment()).verdict.disposition, Disposition::held);
  EXPECT_EQ(told(up(away)).size(), 8u);
}

TEST_F(HostStalls, AnsweredProbeEndsASilence) {
  fall_silent();
  send(segment());
  ByteVector probe;
  for (const ByteVector& packet : wait(tuning.silence_probe).wire())
    if (is_probe_request(packet)) probe = packet;
  ASSERT_FALSE(probe.empty());
  EXPECT_EQ(told(receive(answer(probe))).size(), 8u);
}

TEST_F(HostStalls, ConversationInFullSwingIsLeftAlone) {
  settle();
  for (int i = 0; i < 5; ++i) {
    send(segment());
    now += tuning.stall - milliseconds{1};
    receive(their_udp());
  }
  EXPECT_TRUE(told(peer_moves()).empty());
}

TEST_F(HostStalls, OtherProtocolsHaveNoTimerToTakeBack) {
  fall_silent();
  send(our_udp());
  send(from_us().echo_request(1, 1).build());
  EXPECT_TRUE(told(peer_moves()).empty());
}

TEST_F(HostStalls, AConnectionThatIsBeingOpenedWouldEndByIt) {
  fall_silent();
  send(from_us().tcp(40001, 80, sequence, 0, syn).build());
  send(from_us().tcp(80, 40002, sequence, 7, syn | ack).build());
  EXPECT_TRUE(told(peer_moves()).empty());
}

TEST_F(HostStalls, ConnectionsPerPeerAreLimited) {
  tuning.max_stalled = 3;
  fall_silent();
  for (std::uint16_t port = 40001; port < 40100; ++port) send(segment(port));
  EXPECT_EQ(told(peer_moves()).size(), 3u * 8);
}

TEST_F(HostStalls, OnlySessionsAreWoken) {
  start_detached();
  ASSERT_TRUE(resolve());
  EXPECT_EQ(send(segment()).verdict.disposition, Disposition::held);
  EXPECT_TRUE(told(up(home)).empty());
  ASSERT_EQ(state(), PeerState::tentative_out);
  EXPECT_EQ(entry()->stalled, nullptr);
}

}  // namespace
}  // namespace ilnp::test
