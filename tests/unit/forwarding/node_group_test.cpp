// SPDX-License-Identifier: Apache-2.0
// Two gateways of a group, an ILNP node and a LISP client whose packets go to one of the gateways. What is on the ILNP
// side arrives at once; what one gateway tells the other is a call.
#include <gtest/gtest.h>

#include <array>
#include <deque>

#include "core/forwarding/node_sessions.h"
#include "tests/support/fakes.h"
#include "tests/support/matchers.h"
#include "tests/support/packet_builder.h"

namespace ilnp::test {
namespace {

constexpr Locator identity{0xfd49'4c4e'5036'6631}, eids{0x2001'0db8'0e1d'0000}, home{0x2001'0db8'00c1'0001},
    away{0x2001'0db8'00c2'0001};
constexpr std::array<Locator, 2> entries{{{0x2001'0db8'00a1'00ff}, {0x2001'0db8'00a2'00ff}}};
constexpr NodeId vm_nid{0x0200'00ff'fe00'1234}, client_nid{0x99};
constexpr Address client{{0x2001'0db8'0c11'0000}, client_nid}, vm_eid{eids, vm_nid},
    client_identity{identity, client_nid}, vm_identity{identity, vm_nid};
constexpr std::uint8_t syn = 0x02, ack = 0x10;

struct NodeGroupTest : testing::Test {
  NodeGroupTest() {
    vm.add_own_nid(vm_nid);
    Actions actions;
    vm.locator_up(now, {home, 1}, actions);
    for (std::size_t i = 0; i < 2; ++i) EXPECT_TRUE(gateways.emplace_back(made(i))->start(now, {}, actions_));
  }
  std::unique_ptr<NodeSessions> made(std::size_t number) {
    NodeSettings settings;
    settings.exchange = {identity, {{0, eids}}, 4};
    settings.locators = {{entries[number], 1}};
    settings.nodes = {{vm_nid, {0}, {}, {{home, 10, seconds{300}}}}};
    return std::make_unique<NodeSessions>(settings, random, hasher, number);
  }

  NodeSessions::Entry client_sends(std::size_t gateway, const ByteVector& octets) {
    PacketBuffer buffer{octets};
    const auto entry = gateways[gateway]->from_client(now, 0, buffer.packet, actions_);
    perform();
    return entry;
  }
  NodeSessions::Entry segment(std::size_t gateway, std::uint32_t sequence) {
    return client_sends(gateway, PacketBuilder{client, vm_eid}.tcp(4000, 80, sequence, 501, ack, text("x")).build());
  }
  void vm_sends(const ByteVector& octets) {
    PacketBuffer buffer{octets};
    Actions of_vm;
    const Verdict verdict = vm.outbound(now, buffer.packet, of_vm);
    at_vm(verdict, buffer.packet, of_vm);
    perform();
  }
  void vm_answers() { vm_sends(PacketBuilder{vm_identity, client_identity}.tcp(80, 4000, 501, 102, ack).build()); }
  void connect(std::size_t gateway) {
    client_sends(gateway, PacketBuilder{client, vm_eid}.tcp(4000, 80, 100, 0, syn).build());
    vm_sends(PacketBuilder{vm_identity, client_identity}.tcp(80, 4000, 500, 101, syn | ack).build());
    segment(gateway, 101);
  }
  void move(Locator to) {
    Actions of_vm;
    vm.locator_down(now, std::exchange(place, to), 1, of_vm);
    vm.locator_up(now, {to, 1}, of_vm);
    at_vm({Disposition::consumed, DropReason::none}, PacketBuffer{ByteVector(40)}.packet, of_vm);
    perform();
  }
  void wait(Duration duration) {
    for (const TimePoint until = now + duration; now < until;) {
      now = std::min(until, std::max(now, vm.next_deadline()));
      for (const auto& gateway : gateways) now = std::min(now, std::max(now, gateway->next_deadline()));
      for (const auto& gateway : gateways) gateway->on_time(now, actions_);
      Actions of_vm;
      vm.on_time(now, of_vm);
      at_vm({Disposition::consumed, DropReason::none}, PacketBuffer{ByteVector(40)}.packet, of_vm);
      perform();
      now += milliseconds{10};
    }
  }
  bool tell(std::size_t from, std::size_t to) {
    heard.clear();
    const bool is_whole = gateways[to]->told_by(now, from, gateways[from]->memory(now), milliseconds{1}, actions_);
    heard = actions_.heard;
    perform();
    return is_whole;
  }
  /// Not lent to the other one.
  std::size_t sessions(std::size_t gateway) {
    return static_cast<std::size_t>(
        std::ranges::count_if(gateways[gateway]->rows(), [](const NodeSessions::Row& row) { return !row.is_lent; }));
  }
  /// Where the last packet on the wire came from.
  Locator last_from() const { return Address::load(wire.back().data() + 8).locator; }

  TimePoint now{seconds{1000}};
  Tuning tuning;
  FakeRandom random{7};
  FakeHasher hasher;
  std::vector<std::unique_ptr<NodeSessions>> gateways;
  HostForwarder vm{tuning, identity, random, hasher};
  Locator place = home;
  std::vector<ByteVector> wire, at_vm_kernel;
  std::array<std::size_t, 2> to_client{};  ///< packets, by gateway
  std::vector<NodeId> heard;

 private:
  void at_vm(Verdict verdict, const Packet& packet, Actions& of_vm) {
    const ByteVector octets{packet.bytes().begin(), packet.bytes().end()};
    if (verdict.disposition == Disposition::to_wire) on_wire_.push_back({octets, packet.offload});
    if (verdict.disposition == Disposition::to_identity) at_vm_kernel.push_back(octets);
    for (OutPacket& each : of_vm.to_identity) at_vm_kernel.push_back(std::move(each.bytes));
    for (OutPacket& each : of_vm.to_wire) on_wire_.push_back(std::move(each));
  }
  void perform() {
    for (int steps = 0;; ++steps) {
      ASSERT_LT(steps, 1000) << "they do not stop talking";
      for (OutPacket& each : std::exchange(actions_.to_wire, {})) on_wire_.push_back(std::move(each));
      actions_.clear();
      if (on_wire_.empty()) return;
      const OutPacket next = std::move(on_wire_.front());
      on_wire_.pop_front();
      wire.push_back(next.bytes);
      PacketBuffer buffer{next.bytes};
      const Locator to = Address::load(next.bytes.data() + 24).locator;
      for (std::size_t i = 0; i < 2; ++i)
        if (to == entries[i] && gateways[i] != nullptr) {
          gateways[i]->from_wire(now, buffer.packet, actions_);
          to_client[i] += actions_.to_clients.size();
        }
      if (to != place) continue;
      Actions of_vm;
      const Verdict verdict = vm.inbound(now, buffer.packet, 1, of_vm);
      at_vm(verdict, buffer.packet, of_vm);
    }
  }

  NodeActions actions_;
  std::deque<OutPacket> on_wire_;
};

TEST_F(NodeGroupTest, ConnectionGoesOnAtTheOtherGateway) {
  connect(0);
  ASSERT_TRUE(tell(0, 1));
  EXPECT_EQ(sessions(1), 0u) << "until somebody comes";
  std::size_t before = at_vm_kernel.size();
  EXPECT_EQ(segment(1, 102), NodeSessions::Entry::taken);
  EXPECT_EQ(at_vm_kernel.size(), before + 1);
  vm_answers();
  EXPECT_EQ(last_from(), place);
  EXPECT_EQ(to_client[1], 1u) << "the node knows where to send";
  EXPECT_EQ(gateways[1]->taken_over(), 1u);

  EXPECT_EQ(gateways[0]->given_up(), 0u);
  ASSERT_TRUE(tell(1, 0));
  EXPECT_EQ(gateways[0]->given_up(), 1u);
  EXPECT_EQ(sessions(0), 0u);
  // And back, as often as its node moves.
  for (const std::size_t there : {0u, 1u, 0u}) {
    wait(seconds{1});
    before = at_vm_kernel.size();
    EXPECT_EQ(segment(there, 103), NodeSessions::Entry::taken);
    EXPECT_EQ(at_vm_kernel.size(), before + 1);
    const std::size_t answers = to_client[there];
    vm_answers();
    EXPECT_EQ(to_client[there], answers + 1);
    ASSERT_TRUE(tell(there, 1 - there));
    EXPECT_EQ(sessions(1 - there), 0u);
  }
  EXPECT_EQ(read_node_memory(gateways[0]->memory(now))->turns, (SessionTurns{{{client_nid, vm_nid}, 4}}));
  wait(seconds{61});
  segment(0, 104);
  tell(0, 1);
  EXPECT_EQ(gateways[1]->engine().ilcc().size(), 0u) << "nothing came any more";
  EXPECT_TRUE(read_node_memory(gateways[1]->memory(now))->turns.empty());
}

TEST_F(NodeGroupTest, NodeSpeaksToTheGatewayThatItKnows) {
  connect(0);
  tell(0, 1);
  place = away;  // it is not there yet, and hears nothing
  segment(1, 102);
  tell(1, 0);
  place = home;
  move(away);
  vm_answers();
  EXPECT_EQ(to_client[0], 2u) << "what it sends is delivered, and it is acknowledged that it has moved";
  const std::size_t before = at_vm_kernel.size();
  segment(1, 103);
  EXPECT_EQ(at_vm_kernel.size(), before);
  tell(0, 1);
  segment(1, 104);
  EXPECT_EQ(at_vm_kernel.size(), before + 1) << "told where it is";
  wait(milliseconds{100});
  vm_answers();
  EXPECT_EQ(to_client[1], 1u) << "which has heard where we are";
  const std::size_t packets = wire.size();
  tell(0, 1);
  EXPECT_EQ(wire.size(), packets) << "no news";
}

TEST_F(NodeGroupTest, LentSessionComesBackWithWhatTheOtherOneHeard) {
  connect(0);
  tell(0, 1);
  segment(1, 102);
  vm_answers();
  tell(1, 0);
  move(away);  // it tells the other one
  wait(seconds{1});
  tell(1, 0);
  const std::size_t before = at_vm_kernel.size();
  EXPECT_EQ(segment(0, 103), NodeSessions::Entry::taken);
  EXPECT_EQ(at_vm_kernel.size(), before + 1);
  vm_answers();
  EXPECT_EQ(to_client[0], 2u);
}

TEST_F(NodeGroupTest, OldNewsTakeNothing) {
  connect(0);
  tell(0, 1);
  const ByteVector old = gateways[0]->memory(now);
  segment(1, 102);
  tell(0, 1);
  EXPECT_EQ(sessions(1), 1u) << "the other one does not know yet";
  tell(1, 0);
  segment(0, 103);
  NodeActions actions;
  EXPECT_TRUE(gateways[0]->told_by(now, 1, old, {}, actions));
  EXPECT_EQ(sessions(0), 1u);
}

TEST_F(NodeGroupTest, OfTwoThatNeverChangedHandsEachKeepsItsOwn) {
  for (const std::size_t gateway : {0u, 1u})
    client_sends(gateway, PacketBuilder{client, vm_eid}.udp(1, 2, text("hello")).build());
  vm_sends(PacketBuilder{vm_identity, client_identity}.udp(2, 1, text("hello")).build());
  const std::array<std::size_t, 2> before{sessions(0), sessions(1)};
  tell(0, 1);
  tell(1, 0);
  EXPECT_EQ((std::array{sessions(0), sessions(1)}), before);
  EXPECT_EQ(gateways[0]->given_up() + gateways[1]->given_up(), 0u);
}

TEST_F(NodeGroupTest, WithoutTheOthersWordAConnectionIsRefused) {
  connect(0);
  EXPECT_EQ(segment(1, 102), NodeSessions::Entry::no_session);
  ASSERT_TRUE(tell(0, 1));
  now += std::chrono::minutes{125};
  EXPECT_EQ(segment(1, 102), NodeSessions::Entry::no_session) << "so long silent";
}

TEST_F(NodeGroupTest, HeirOfADeadGatewayGoesOnAlsoAfterItsOwnRestart) {
  connect(0);
  tell(0, 1);
  gateways[0].reset();
  segment(1, 102);
  const ByteVector memory = gateways[1]->memory(now);
  gateways[1] = made(1);
  NodeActions actions;
  ASSERT_TRUE(gateways[1]->start(now, memory, actions));
  const std::size_t before = at_vm_kernel.size();
  EXPECT_EQ(segment(1, 103), NodeSessions::Entry::taken);
  EXPECT_EQ(at_vm_kernel.size(), before + 1);
  // Its turn is known as well: a third one that heard of the beginning lets go.
  gateways[0] = made(0);
  ASSERT_TRUE(gateways[0]->start(now, {}, actions));
  ASSERT_TRUE(tell(1, 0));
  segment(0, 104);
  EXPECT_EQ(gateways[0]->taken_over(), 1u);
  tell(0, 1);
  EXPECT_EQ(sessions(1), 0u);
}

TEST_F(NodeGroupTest, PlaceThatTheNodeToldTheOtherGatewayIsKnown) {
  connect(0);
  move(away);
  tell(0, 1);
  EXPECT_EQ(heard, std::vector{vm_nid}) << "it may be registered elsewhere";
  const auto places = gateways[1]->places(now, vm_nid);
  ASSERT_FALSE(places.empty());
  EXPECT_EQ(places.front().locator, away);
  const std::size_t before = at_vm_kernel.size();
  client_sends(1, PacketBuilder{{{0x2001'0db8'0c11'0000}, {0x77}}, vm_eid}.udp(1, 2, text("hello")).build());
  EXPECT_EQ(at_vm_kernel.size(), before + 1) << "another client";
}

TEST_F(NodeGroupTest, NidThatIsSomebodyElsesHereIsNotTaken) {
  connect(0);
  tell(0, 1);
  const Address other{{0x2001'0db8'0c12'0000}, client_nid};  // another client with the same lower half
  client_sends(1, PacketBuilder{other, vm_eid}.udp(1, 2, text("hello")).build());
  EXPECT_EQ(segment(1, 102), NodeSessions::Entry::no_session);
  EXPECT_EQ(gateways[1]->taken_over(), 0u);
}

TEST_F(NodeGroupTest, DamagedWordIsSurvived) {
  connect(0);
  const ByteVector whole = gateways[0]->memory(now);
  NodeActions actions;
  for (std::size_t length = 0; length + 4 < whole.size(); ++length)
    EXPECT_FALSE(gateways[1]->told_by(now, 0, Bytes{whole}.first(length), {}, actions)) << length;
  for (std::size_t i = 0; i < whole.size(); ++i) {
    ByteVector damaged = whole;
    damaged[i] ^= 0xff;
    gateways[1]->told_by(now, 0, damaged, {}, actions);
    segment(1, 102);
  }
}

}  // namespace
}  // namespace ilnp::test
