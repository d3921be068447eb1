// SPDX-License-Identifier: Apache-2.0
// Peers of other kinds: type 5 in both forms, subscribers of the embedded Map-Server, older implementations.
#include "core/lisp/xtr_peers.h"
#include "core/lisp/raw_change_priority.h"
#include "core/lisp/registration.h"
#include "tests/unit/lisp/xtr_world.h"

namespace ilnp::lisp {
namespace {

using State = EidPresence::State;

class XtrPeersTest : public XtrWorld {
 protected:
  /// The first gateway, whose peer of that form is played by the test.
  void build_with(RawChangePriority raw, const char* address, const EidPrefix& scope) {
    XtrSettings g1 = gateway(1, g1_address);
    g1.underlay.rlocs.push_back(ip("192.0.2.1"));
    g1.mobile.push_back(eid_prefix("10.8.0.0/16"));
    XtrPeer other = peer("other", address);
    other.raw = raw;
    other.secrets = {secret("raw", 0, 1)};
    other.scope = {scope};
    other.is_gateway = other.may_announce = true;
    XtrPeer its_client = other;
    its_client.addresses = {ip(client_address)};
    its_client.is_gateway = its_client.may_announce = false;
    g1.peers = {other, its_client};
    world.add("server", server());
    world.add("g1", std::move(g1));
    world.run(seconds{1});
  }
  AuthenticationKey raw_key() {
    raw_ = secret("raw", 0, 1);
    return key_of(raw_);
  }
  void to_g1(const char* from, const char* to, ByteVector message) {
    world.inject(ip(from), ip(to), std::move(message));
    world.run(milliseconds{10});
  }
  ChangePriority thesis(ChangePriority::Kind kind, MappingRecord record, std::uint64_t nonce) const {
    ChangePriority message;
    message.kind = kind;
    message.nonce = nonce;
    message.key = {0, 1};
    message.records = {std::move(record)};
    return message;
  }
  template <class Open>
  auto opened(const ByteVector& message, Open open) {
    const auto sealed = inspect_raw_change_priority(message);
    return open(sealed.value(), raw_key(), world.hmac);
  }
  State state_of(const EidPrefix& wanted) {
    State found = State::unknown;
    world["g1"].xtr->for_each_presence([&](const EidPrefix& eid, const EidPresence& presence) {
      if (eid == wanted) found = presence.state();
    });
    return found;
  }

 private:
  Secret raw_;
};

TEST_F(XtrPeersTest, ThesisThereAndBack) {
  build_with(RawChangePriority::thesis, g2_address, vms);
  using Kind = ChangePriority::Kind;
  to_g1(g2_address, g1_address,
        encode_thesis_change_priority(thesis(Kind::arrive, mapping("2001:db8:e1d::7/128", {}, 0), 1), raw_key(),
                                      world.hmac));
  EXPECT_EQ(state("g1"), State::here);
  // Nobody knows who had it: the other gateways hear.
  const auto told = world.sent("g1", 5);
  ASSERT_EQ(told.size(), 1u);
  const auto transfer = opened(told[0].datagram.message, open_thesis_change_priority);
  ASSERT_TRUE(transfer.has_value());
  EXPECT_EQ(transfer.value().kind, Kind::transfer);
  EXPECT_EQ(transfer.value().records[0].eid, vm);
  EXPECT_EQ(transfer.value().records[0].rlocs[0].address, ip(g1_address));
  // A client that understands it.
  world.act("g1",
            [&](Xtr& xtr, Instant at, XtrActions& actions) { xtr.on_data(at, vm_eid, ip(client_address), actions); });
  world.log.clear();
  to_g1(g2_address, g1_address,
        encode_thesis_change_priority(thesis(Kind::transfer, mapping("2001:db8:e1d::7/128", {rloc(g2_address)}), 2),
                                      raw_key(), world.hmac));
  EXPECT_EQ(state("g1"), State::moving_out);
  const auto updated = world.sent("g1", 5);
  ASSERT_EQ(updated.size(), 1u);
  EXPECT_EQ(opened(updated[0].datagram.message, open_thesis_change_priority).value().kind, Kind::update);
  EXPECT_TRUE(world.sent("g1", 15).empty()) << "nothing that it does not understand";
}

TEST_F(XtrPeersTest, OpenLispThereAndBack) {
  build_with(RawChangePriority::openlisp, "192.0.2.9", eid_prefix("10.8.0.0/16"));
  const EidPrefix node = eid_prefix("10.8.0.7/32");
  OpenLispNotice notice;
  notice.nonce = 1;
  notice.eid = node.prefix;
  to_g1("192.0.2.9", "192.0.2.1", encode_openlisp_notice(notice, raw_key(), world.hmac));
  EXPECT_NE(state_of(node), State::unknown);
  notice.kind = OpenLispNotice::Kind::clients;
  notice.nonce = 2;
  notice.addresses = {ip("198.51.100.1"), ip("198.51.100.2")};
  to_g1("192.0.2.9", "192.0.2.1", encode_openlisp_notice(notice, raw_key(), world.hmac));
  ASSERT_NE(world["g1"].xtr->clients().find(node, ip("198.51.100.2")), nullptr);
  EXPECT_EQ(world["g1"].xtr->clients().find(node, ip("198.51.100.2"))->capability, Capability::smr);
  world.log.clear();
  notice.kind = OpenLispNotice::Kind::moved;
  notice.nonce = 3;
  notice.addresses = {ip("192.0.2.9")};
  to_g1("192.0.2.9", "192.0.2.1", encode_openlisp_notice(notice, raw_key(), world.hmac));
  EXPECT_EQ(state_of(node), State::moving_out);
  const auto answers = world.sent("g1", 5);
  ASSERT_EQ(answers.size(), 1u) << "with the clients";
  const auto clients_of = opened(answers[0].datagram.message, open_openlisp_notice);
  ASSERT_TRUE(clients_of.has_value());
  EXPECT_EQ(clients_of.value().kind, OpenLispNotice::Kind::clients);
  EXPECT_EQ(clients_of.value().addresses, (std::vector{ip("198.51.100.2"), ip("198.51.100.1")}));
  world.run(seconds{1});
  EXPECT_EQ(world.sent("g1", 1).size(), 2u) << "who are solicited";
}

// RFC 9437: who subscribed at the Map-Server in the same router hears from it.
TEST_F(XtrPeersTest, SubscribersOfTheEmbeddedMapServerAreNotToldTwice) {
  XtrSettings g1 = gateway(1, g1_address);
  g1.server = server().server;
  g1.map_resolvers = {ip(g1_address)};
  g1.map_servers[0].address = ip(g1_address);
  const auto at_g1 = [&](XtrSettings settings) {
    settings.map_resolvers = {ip(g1_address)};
    settings.map_servers[0].address = ip(g1_address);
    return settings;
  };
  XtrSettings c = at_g1(router(3, client_address));
  c.site = {clients};
  c.map_servers[0].subscribes = true;
  world.add("g1", std::move(g1));
  world.add("g2", at_g1(gateway(2, g2_address)));
  world.add("c", std::move(c));
  settle();
  ASSERT_NE(world["g1"].xtr->clients().find(vm, ip(client_address)), nullptr);
  EXPECT_EQ(world["g1"].xtr->clients().find(vm, ip(client_address))->capability, Capability::pubsub);
  world.arrive("g2", vm);
  EXPECT_EQ(milliseconds_until(g2_address), 2);
  world.run(seconds{5});
  EXPECT_TRUE(world.sent("g1", 1).empty());
}

// A Map-Server that knows no subscriptions answers them as plain questions.
TEST_F(XtrPeersTest, MapServerThatDoesNotPublish) {
  build(false, true, true);
  XtrSettings settings = server();
  settings.server.subscriber_secrets.clear();
  world.add("server", std::move(settings));
  settle();
  world.run(seconds{10});
  EXPECT_EQ(way(), g1_address);
  EXPECT_EQ(world.events_of("c", XtrEvent::Kind::subscribed), 0u);
  EXPECT_EQ(world.events_of("c", XtrEvent::Kind::subscription_ended), 1u) << "refused";
}

// Open Overlay Router: key and algorithm are one number, and every Map-Register wants a Map-Notify.
TEST_F(XtrPeersTest, OpenOverlayRouterAsMapServer) {
  XtrSettings g1 = gateway(1, g1_address);
  g1.map_servers[0].profile = PeerProfile::oor;
  g1.map_servers[0].secrets = {secret("registration", 1, 1)};
  XtrSettings oor = server();
  oor.server.sites[0].secrets = {secret("registration", 0, 1)};
  world.add("server", std::move(oor));
  world.add("g1", std::move(g1));
  world.arrive("g1", vm);
  world.run(seconds{200});
  EXPECT_EQ(state("g1"), State::here);
  for (const auto& sent : world.sent("g1", 3)) {
    EXPECT_EQ(load_u32(sent.datagram.message.data() + 12), 0x0001'0014u);
    EXPECT_EQ(sent.datagram.message[2] & 1, 1);
  }
}

TEST_F(XtrPeersTest, WhoUnderstandsWhat) {
  std::vector<XtrPeer> all{peer("a", g1_address), peer("b", g2_address), peer("c", client_address)};
  all[1].raw = RawChangePriority::thesis;
  all[1].secrets = {secret("raw", 0, 1)};
  all[2].secrets = {secret("raw", 0, 1)};
  const ChangePeers peers{all, true}, mute{all, false};
  EXPECT_EQ(peers.capability_of(ip(g1_address)), Capability::change_priority);
  EXPECT_EQ(peers.capability_of(ip(g2_address)), Capability::raw_change_priority);
  EXPECT_EQ(peers.capability_of(ip(client_address)), Capability::unknown) << "SHA-1 is for type 5 only";
  EXPECT_EQ(peers.capability_of(ip(server_address)), Capability::unknown);
  EXPECT_EQ(mute.capability_of(ip(g1_address)), Capability::unknown);
}

}  // namespace
}  // namespace ilnp::lisp
