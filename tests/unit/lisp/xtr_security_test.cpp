// SPDX-License-Identifier: Apache-2.0
// Who must not change anything: wrong keys, forged, replayed and overclaiming messages, and floods.
#include "core/lisp/encapsulated_control.h"
#include "core/lisp/map_reply.h"
#include "tests/unit/lisp/xtr_attacker.h"

namespace ilnp::lisp {
namespace {

using State = EidPresence::State;

// --- Map-Registers

TEST_F(XtrSecurityTest, RegistrationUnderAnotherKeyIsRefused) {
  build(false);
  world.run(seconds{1});
  world.log.clear();
  to_server(sealed(registration("2001:db8:e1d::9/128", g1_address, 1), secret("wrong")));
  EXPECT_EQ(world["server"].xtr->refused(ReadError::authentication_failed), 1u);
  EXPECT_FALSE(world["server"].xtr->server()->mapping(eid_prefix("2001:db8:e1d::9/128")).has_value());
  EXPECT_TRUE(world.sent("server", 4).empty()) << "silence";
}

TEST_F(XtrSecurityTest, ChangedRegistrationIsRefused) {
  build(false);
  const ByteVector good = sealed(registration("2001:db8:e1d::9/128", g1_address, 1), secret("registration"));
  for (std::size_t bit = 0; bit < good.size() * 8; bit += 7) {
    ByteVector forged = good;
    forged[bit / 8] = static_cast<std::uint8_t>(forged[bit / 8] ^ 1 << bit % 8);
    to_server(forged);
  }
  EXPECT_EQ(world["server"].xtr->server()->registrations(), 0u + 1) << "that of the client's site";
}

TEST_F(XtrSecurityTest, ReplayedRegistrationIsRefusedAlsoAfterARestart) {
  build(false);
  const ByteVector first = sealed(registration("2001:db8:e1d::9/128", g1_address, 5), secret("registration"));
  const ByteVector second = sealed(registration("2001:db8:e1d::9/128", g2_address, 6), secret("registration"));
  to_server(first);
  to_server(second);
  to_server(first);
  const auto where = [&] { return world["server"].xtr->server()->mapping(eid_prefix("2001:db8:e1d::9/128")); };
  EXPECT_EQ(where()->rlocs[0].address, ip(g2_address));
  world.run(seconds{2});
  world.restart("server", true);
  to_server(first);
  to_server(second);
  EXPECT_FALSE(where().has_value());
  EXPECT_EQ(world["server"].xtr->server()->counter(MapServerReason::replayed), 2u);
}

TEST_F(XtrSecurityTest, RegistrationOfMoreThanTheSiteHasIsRefused) {
  build(false);
  to_server(sealed(registration("2001:db8::/32", g1_address, 1), secret("registration")));
  EXPECT_EQ(dropped(XtrDrop::not_configured, "server"), 1u) << "of no site";
  MapRegister both = registration("2001:db8:e1d::9/128", g1_address, 2);
  both.records.push_back(mapping("2001:db8:bad::/48", {rloc(g1_address)}));
  to_server(sealed(both, secret("registration")));
  EXPECT_EQ(world["server"].xtr->server()->counter(MapServerReason::not_configured), 1u);
  EXPECT_FALSE(world["server"].xtr->server()->mapping(eid_prefix("2001:db8:e1d::9/128")).has_value());
}

TEST_F(XtrSecurityTest, SiteDoesNotSpeakForAnother) {
  XtrSettings settings = server();
  XtrSettings::Server::Site other;
  other.site.name = "other";
  other.site.prefixes = {{eid_prefix("2001:db8:f00::/48"), true}};
  other.secrets = {secret("others")};
  settings.server.sites.push_back(other);
  world.add("server", std::move(settings));
  to_server(sealed(registration("2001:db8:e1d::9/128", g1_address, 1), secret("others")));
  EXPECT_EQ(dropped(XtrDrop::not_configured, "server"), 1u);
  to_server(sealed(registration("2001:db8:f00::/56", g1_address, 1), secret("others")));
  EXPECT_TRUE(world["server"].xtr->server()->mapping(eid_prefix("2001:db8:f00::/56")).has_value());
}

TEST_F(XtrSecurityTest, FloodOfRegistrationsIsCutBeforeTheMacIsLookedAt) {
  build(false);
  for (std::uint64_t n = 0; n < 3000; ++n)
    world.inject(ip(g1_address), ip(server_address),
                 sealed(registration("2001:db8:e1d::9/128", g1_address, n), secret("wrong")));
  world.run(seconds{1});
  EXPECT_LE(world["server"].xtr->refused(ReadError::authentication_failed), 100u);
  EXPECT_GE(dropped(XtrDrop::register_limit, "server"), 2900u);
  to_server(sealed(registration("2001:db8:e1d::9/128", g2_address, 1), secret("registration")), g2_address);
  EXPECT_TRUE(world["server"].xtr->server()->mapping(eid_prefix("2001:db8:e1d::9/128")).has_value())
      << "others are heard all the same";
}

TEST_F(XtrSecurityTest, FloodOfReplaysIsCutToo) {
  build(false);
  const ByteVector good = sealed(registration("2001:db8:e1d::9/128", g1_address, 1), secret("registration"));
  to_server(good, g2_address);
  for (int i = 0; i < 3000; ++i) world.inject(ip("2001:db8:bad::1"), ip(server_address), good);
  world.run(seconds{1});
  EXPECT_LE(world["server"].xtr->server()->counter(MapServerReason::replayed), 100u);
  EXPECT_GE(dropped(XtrDrop::register_limit, "server"), 2900u);
}

TEST_F(XtrSecurityTest, ForgedRegistrationsWriteNothingToTheDisk) {
  build(false);
  world.run(seconds{5});
  world["server"].disk.reset();
  for (std::uint64_t n = 0; n < 40; ++n) {
    to_server(sealed(registration("2001:db8:e1d::9/128", g1_address, n), secret("wrong")));
    world.run(milliseconds{100});
  }
  EXPECT_FALSE(world["server"].disk.has_value());
  to_server(sealed(registration("2001:db8:e1d::9/128", g1_address, 1), secret("registration")));
  world.run(seconds{2});
  EXPECT_TRUE(world["server"].disk.has_value());
}

TEST_F(XtrSecurityTest, RoutersWithoutAMapServerSayNothing) {
  build(false);
  world.inject(ip(g2_address), ip(g1_address),
               sealed(registration("2001:db8:e1d::9/128", g1_address, 1), secret("registration")));
  world.run(milliseconds{10});
  EXPECT_EQ(dropped(XtrDrop::no_map_server), 1u);
}

// --- Map-Notifies

TEST_F(XtrSecurityTest, ForgedNoticeTakesNothingAway) {
  build(false);
  settle();
  MapNotify notice{false, 99, {1, 2}, {mapping("2001:db8:e1d::7/128", {rloc(g2_address)})}, {}};
  world.inject(ip(server_address), ip(g1_address), encode_map_notify(notice, key_of(secret("wrong")), world.hmac));
  world.inject(ip(g2_address), ip(g1_address), encode_map_notify(notice, key_of(secret("registration")), world.hmac));
  world.run(seconds{5});
  EXPECT_EQ(state("g1"), State::here);
  EXPECT_EQ(world["g1"].xtr->refused(ReadError::authentication_failed), 1u);
  EXPECT_EQ(dropped(XtrDrop::stranger), 1u) << "not from a Map-Server";
}

// An authentic one that somebody kept: the mapping system is asked whether it is true.
TEST_F(XtrSecurityTest, ReplayedNoticeTakesNothingAway) {
  build(false);
  settle();
  world.arrive("g2", vm);
  world.run(seconds{2});
  ASSERT_EQ(state("g2"), State::here);
  ByteVector notice;
  for (const auto& sent : world.sent("server", 4))
    if (sent.datagram.to == ip(g1_address)) notice = sent.datagram.message;
  ASSERT_FALSE(notice.empty());
  world.arrive("g1", vm);
  world.run(seconds{20});
  ASSERT_EQ(state("g1"), State::here);
  for (int i = 0; i < 5; ++i) {
    world.inject(ip(server_address), ip(g1_address), notice);
    world.run(seconds{4});
  }
  EXPECT_EQ(state("g1"), State::here);
  world.restart("g1", true);
  world.arrive("g1", vm);
  world.run(seconds{20});
  world.inject(ip(server_address), ip(g1_address), notice);
  world.run(seconds{5});
  EXPECT_EQ(state("g1"), State::here);
}

// Whoever may register an EID may write what he likes into his record; nothing is sent there.
TEST_F(XtrSecurityTest, NoticeThatItIsAtAMulticastAddressTakesNothingAway) {
  build(false);
  settle();
  for (const char* odd : {"ff02::1", "::1", "fe80::1"}) {
    const MappingRecord there = mapping("2001:db8:e1d::7/128", {rloc(odd)});
    MapNotify notice{false, world.instant(test::LispWorld::Node{}).unix_microseconds << 2, {1, 2}, {there}, {}};
    world.inject(ip(server_address), ip(g1_address),
                 encode_map_notify(notice, key_of(secret("registration")), world.hmac));
    world.run(seconds{5});
    EXPECT_EQ(state("g1"), State::here) << odd;
  }
  EXPECT_EQ(world["g1"].xtr->drops(ItrDrop::rloc_not_unicast), 3u);
}

TEST_F(XtrSecurityTest, MapServerWithTheWrongKeyConfirmsNothing) {
  build(false);
  XtrSettings settings = server();
  settings.server.sites[0].secrets = {secret("another")};
  world.add("server", std::move(settings));
  world.arrive("g1", vm);
  world.run(seconds{200});
  EXPECT_EQ(state("g1"), State::here) << "it goes on, unregistered";
  EXPECT_EQ(world.events_of("g1", XtrEvent::Kind::registered), 0u);
  EXPECT_EQ(world.events_of("g1", XtrEvent::Kind::arrival_unregistered), 1u);
  EXPECT_GE(world.events_of("g1", XtrEvent::Kind::registration_lost), 1u);
  EXPECT_TRUE(world["g1"].delivers[vm_eid]);
}

// With the right key, and about something else: another nonce, another EID, an answer that covers nothing that was
// asked.
TEST_F(XtrSecurityTest, MapServerThatAnswersWrongly) {
  build(false);
  world.remove("server");
  world.arrive("g1", vm);
  world.run(milliseconds{10});
  const auto registers = world.sent("g1", 3);
  ASSERT_FALSE(registers.empty());
  const std::uint64_t nonce = load_u64(registers.back().datagram.message.data() + 4);
  for (const std::uint64_t wrong : {nonce - 1, nonce + 1, std::uint64_t{0}}) {
    const MapNotify notify{false, wrong, {1, 2}, {mapping("2001:db8:e1d::7/128", {rloc(g1_address)})}, {}};
    world.inject(ip(server_address), ip(g1_address),
                 encode_map_notify(notify, key_of(secret("registration")), world.hmac));
  }
  world.send("g1", vm_eid, client);
  world.run(milliseconds{10});
  const auto asked = world.sent("g1", 8);
  ASSERT_FALSE(asked.empty());
  const auto envelope = parse_encapsulated_control(asked.back().datagram.message);
  const MapRequest request = parse_map_request(envelope.value().message).value();
  MapReply reply;
  reply.nonce = request.nonce;
  reply.records = {mapping("2001:db8:f00::/48", {rloc(g2_address)})};
  world.inject(ip(server_address), ip(g1_address), encode_map_reply(reply));
  world.run(milliseconds{10});
  EXPECT_EQ(world["g1"].xtr->drops(ItrDrop::reply_other_eid), 1u);
  EXPECT_TRUE(world.delivered.empty());
  world.run(seconds{20});
  EXPECT_EQ(world.events_of("g1", XtrEvent::Kind::registered), 0u);
  EXPECT_EQ(world.events_of("g1", XtrEvent::Kind::arrival_unregistered), 1u);
  EXPECT_TRUE(world["g1"].delivers[vm_eid]) << "it goes on";
}

TEST_F(XtrSecurityTest, SecondKeyIsTriedWhenTheFirstStaysUnanswered) {
  build(false);
  XtrSettings g1 = gateway(1, g1_address);
  g1.map_servers[0].secrets = {secret("old", 2), secret("registration")};
  world.add("g1", std::move(g1));
  world.arrive("g1", vm);
  world.run(seconds{30});
  EXPECT_EQ(world.events_of("g1", XtrEvent::Kind::registration_key), 1u);
  EXPECT_EQ(world.events_of("g1", XtrEvent::Kind::registered), 1u);
}

// --- Hints

TEST_F(XtrSecurityTest, StormOfSolicitationsIsOneMapRequestASecond) {
  build(false);
  settle();
  MapRequest smr;
  smr.is_smr = smr.wants_no_reply = true;
  smr.source = vm_eid;
  smr.itr_rlocs = {ip(g1_address)};
  smr.records = {{clients}};
  // A hundred thousand a second, for three seconds.
  for (std::uint64_t i = 0; i < 300'000; ++i) {
    smr.nonce = i;
    world.inject(ip(g1_address), ip(client_address), encode_map_request(smr));
    if (i % 1000 == 999) world.run(milliseconds{10});
  }
  std::map<long, int> by_second;
  for (const auto& sent : world.sent("c", 8)) ++by_second[(sent.at.time_since_epoch()) / seconds{1}];
  EXPECT_FALSE(by_second.empty());
  for (const auto& [second, count] : by_second) EXPECT_LE(count, 1) << second;
  EXPECT_LE(world.sent("c", 8).size(), 3u);
}

TEST_F(XtrSecurityTest, StormOfSolicitationsAboutAnEidThatIsHere) {
  build(false);
  settle();
  MapRequest smr;
  smr.is_smr = smr.wants_no_reply = true;
  smr.source = vm_eid;
  smr.itr_rlocs = {ip(g2_address)};
  smr.records = {{vm}};
  for (int i = 0; i < 1000; ++i) {
    world.inject(ip(g2_address), ip(g1_address), encode_map_request(smr));
    world.run(milliseconds{10});
  }
  EXPECT_LE(world.sent("g1", 8).size(), 4u);
  EXPECT_EQ(state("g1"), State::here) << "the mapping system says that it is here";
}

TEST_F(XtrSecurityTest, HintsAndProbesThroughTheMappingSystemAreDropped) {
  build(false);
  settle();
  MapRequest probe;
  probe.is_probe = true;
  probe.itr_rlocs = {ip(client_address)};
  probe.records = {{vm}};
  const ByteVector bare = encode_map_request(probe);
  const EncapsulatedControl envelope{ip(client_address), vm_eid.address, control_port, bare};
  for (const char* to : {server_address, g1_address})
    world.inject(ip(client_address), ip(to), encode_encapsulated_control(envelope));
  world.run(milliseconds{10});
  EXPECT_TRUE(world.sent("g1", 2).empty());
  EXPECT_TRUE(world.sent("server", 2).empty());
  EXPECT_EQ(dropped(XtrDrop::hint_through_resolver), 1u);
  EXPECT_EQ(dropped(XtrDrop::hint_through_resolver, "server"), 1u);
  world.inject(ip(client_address), ip(g1_address), bare);
  world.run(milliseconds{10});
  EXPECT_EQ(world.sent("g1", 2).size(), 1u) << "directly it is answered";
}

// --- Peers' habits

TEST(XtrHabits, Table) {
  const auto habits = [](PeerProfile profile) { return habits_of(profile); };
  EXPECT_TRUE(habits(PeerProfile::oor).always_notify);
  EXPECT_TRUE(habits(PeerProfile::oor).key_is_algorithm);
  EXPECT_TRUE(habits(PeerProfile::opendaylight).key_is_algorithm);
  EXPECT_TRUE(habits(PeerProfile::lispers).bit_31_means_seconds);
  EXPECT_TRUE(habits(PeerProfile::lispers).nonces_may_stand);
  EXPECT_TRUE(habits(PeerProfile::openlisp).swaps_drop_and_ask);
  for (const PeerProfile profile : {PeerProfile::generic, PeerProfile::lispers, PeerProfile::opendaylight})
    EXPECT_FALSE(habits(profile).allows_sha1);
  for (const PeerProfile profile : {PeerProfile::oor, PeerProfile::frr, PeerProfile::openlisp})
    EXPECT_TRUE(habits(profile).allows_sha1);
}

TEST(XtrHabits, WeakKeysAreUsedOnlyWithWhoHasNothingBetter) {
  const std::vector<Secret> both{{{4, 1}, {1, 2, 3}}, {{5, 2}, {1, 2, 3}}};
  ASSERT_EQ(secrets_for(PeerProfile::generic, both).size(), 1u);
  EXPECT_EQ(secrets_for(PeerProfile::generic, both)[0].name, (KeyName{5, 2}));
  ASSERT_EQ(secrets_for(PeerProfile::oor, both).size(), 2u);
  EXPECT_EQ(secrets_for(PeerProfile::oor, both)[0].name, (KeyName{0, 1}));
  EXPECT_EQ(secrets_for(PeerProfile::oor, both)[1].name, (KeyName{0, 2}));
}

TEST(XtrHabits, ReachTheMachines) {
  XtrSettings settings;
  settings.map_servers.resize(3);
  settings.map_servers[0].profile = PeerProfile::lispers;
  settings.map_servers[1].profile = PeerProfile::openlisp;
  settings.map_servers[0].secrets = settings.map_servers[1].secrets = {{{1, 2}, {1}}};
  const XtrSettings after = tuned(settings);
  EXPECT_TRUE(after.cache.bit_31_means_seconds);
  EXPECT_TRUE(after.resolution.swaps_drop_and_ask);
  EXPECT_EQ(after.map_servers.size(), 2u) << "one has no key";
}

}  // namespace
}  // namespace ilnp::lisp
