// SPDX-License-Identifier: Apache-2.0
#include "core/records/resolution.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <functional>
#include <map>

#include "tests/unit/records/message_builder.h"

namespace ilnp {
namespace {

using test::answer_to;
using test::MessageBuilder;
using test::name;
using namespace std::chrono_literals;

const DnsName bus = name("bus.example.org");
constexpr std::uint64_t nid_bits = 0x581a97d304be6f22;
constexpr std::uint64_t locator_1 = 0x20010db800a10001, locator_2 = 0x20010db800a20001;
const TimePoint start_time{1h};

/// A resolution and the answers that its questions get; questions without one wait for the test.
class World {
 public:
  World() : machine{bus, {}, counters} {}
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  World& answer(const DnsQuestion& question, const MessageBuilder& builder,
                DnsSecurity security = DnsSecurity::insecure) {
    answers_[question] = {builder.build(), security};
    return *this;
  }
  World& answer(const DnsName& owner, std::uint16_t type, const std::function<void(MessageBuilder&)>& fill = {},
                DnsSecurity security = DnsSecurity::insecure) {
    const DnsQuestion question{owner, type, dns::class_in};
    MessageBuilder builder = answer_to(question);
    if (fill) fill(builder);
    return answer(question, builder, security);
  }
  World& fails(const DnsName& owner, std::uint16_t type) {
    answers_[{owner, type, dns::class_in}] = {{}, DnsSecurity::insecure};
    return *this;
  }
  /// No data for every one of the four types that has no answer yet.
  World& rest_empty(const DnsName& owner = bus) {
    for (const std::uint16_t type : {dns::type_nid, dns::type_l64, dns::type_lp, dns::type_aaaa}) {
      if (!answers_.contains({owner, type, dns::class_in})) answer(owner, type);
    }
    return *this;
  }

  World& run() {
    auto asks = started_ ? std::exchange(open_, {}) : machine.start(now);
    started_ = true;
    while (!asks.empty()) {
      const Resolution::Ask ask = asks.front();
      asks.erase(asks.begin());
      asked.push_back(ask.question);
      const auto found = answers_.find(ask.question);
      if (found == answers_.end()) {
        open_.push_back(ask);
        continue;
      }
      const auto& [message, security] = found->second;
      const DnsAnswer reply{message.empty() ? DnsAnswer::Status::server_failed : DnsAnswer::Status::answered, message,
                            security};
      const auto more = machine.on_answer(now, ask.id, reply);
      asks.insert(asks.end(), more.begin(), more.end());
    }
    return *this;
  }
  World& pass(Duration time) {
    now += time;
    machine.on_time(now);
    return *this;
  }
  const ResolvedName& result() const { return machine.result().value(); }

  TimePoint now = start_time;
  ResolutionCounters counters;
  Resolution machine;
  std::vector<DnsQuestion> asked;

 private:
  std::map<DnsQuestion, std::pair<ByteVector, DnsSecurity>> answers_;
  Resolution::Asks open_;
  bool started_ = false;
};

struct WorldWithNid : World {
  WorldWithNid() {
    answer(bus, dns::type_nid, [](auto& m) { m.nid(bus, 10, nid_bits, 300); });
  }
};

TEST(Resolution, AsksAllFourTypesAtOnce) {
  World world;
  const auto asks = world.machine.start(world.now);
  ASSERT_EQ(asks.size(), 4u);
  EXPECT_EQ(asks[0].question, (DnsQuestion{bus, dns::type_nid, dns::class_in}));
  EXPECT_EQ(asks[1].question.type, dns::type_l64);
  EXPECT_EQ(asks[2].question.type, dns::type_lp);
  EXPECT_EQ(asks[3].question.type, dns::type_aaaa);
}

TEST(Resolution, NidWithItsOwnLocatorsIsIlnp) {
  WorldWithNid world;
  world.answer(bus, dns::type_l64, [](auto& m) { m.l64(bus, 20, locator_2, 60).l64(bus, 10, locator_1, 60); });
  world.answer(bus, dns::type_aaaa,
               [](auto& m) { m.aaaa(bus, "2001:db8:a1:1:581a:97d3:4be:6f22").aaaa(bus, "2001:db8::99"); });
  const ResolvedName& found = world.rest_empty().run().result();
  EXPECT_EQ(found.kind, NameKind::ilnp);
  EXPECT_EQ(found.nids, (std::vector<NidRecord>{{{nid_bits}, 10, 300s}}));
  ASSERT_EQ(found.locators.size(), 2u);
  EXPECT_EQ(found.locators[0], (LocatorRecord{{locator_1}, {0, 10}, 60s, {}}));
  EXPECT_EQ(found.locators[1].locator.bits, locator_2);
  EXPECT_EQ(found.ttl, 60s);
  EXPECT_EQ(found.aaaa, std::vector<Address>{*parse_address("2001:db8::99")});  // the other is an I-LV
  EXPECT_EQ(found.ilvs().front(), (Address{{locator_1}, {nid_bits}}));
}

TEST(Resolution, LocatorsBehindLpsComeAfterTheNamesOwnAndInLpOrder) {
  WorldWithNid world;
  const DnsName far = name("far.example.org"), near = name("near.example.org");
  world.answer(bus, dns::type_l64, [](auto& m) { m.l64(bus, 90, 0x20010db800000001); });
  world.answer(bus, dns::type_lp,
               [](auto& m) { m.lp(bus, 20, "far.example.org", 15).lp(bus, 10, "near.example.org", 15); });
  world.answer(far, dns::type_l64, [&](auto& m) { m.l64(far, 1, 0x20010db800000002, 20); });
  world.answer(near, dns::type_l64, [&](auto& m) { m.l64(near, 5, 0x20010db800000003, 10); });
  const ResolvedName& found = world.rest_empty().run().result();
  ASSERT_EQ(found.locators.size(), 3u);
  EXPECT_EQ(found.locators[0].preference, (LocatorPreference{0, 90}));
  EXPECT_EQ(found.locators[1], (LocatorRecord{{0x20010db800000003}, {10, 5}, 10s, near}));
  EXPECT_EQ(found.locators[2], (LocatorRecord{{0x20010db800000002}, {20, 1}, 15s, far}));  // the LP's TTL is shorter
  EXPECT_EQ(found.ttl, 10s);
}

TEST(Resolution, NidWithoutLocatorIsIpv6Only) {
  WorldWithNid world;
  world.answer(bus, dns::type_aaaa, [](auto& m) { m.aaaa(bus, "2001:db8::1"); });
  const ResolvedName& found = world.rest_empty().run().result();
  EXPECT_EQ(found.kind, NameKind::ipv6_only);
  EXPECT_EQ(found.why, WhyNotIlnp::no_locator);
  EXPECT_EQ(found.aaaa.size(), 1u);
}

TEST(Resolution, LocatorWithoutNidIsIpv6Only) {
  World world;
  world.answer(bus, dns::type_l64, [](auto& m) { m.l64(bus, 10, locator_1); });
  world.answer(bus, dns::type_aaaa, [](auto& m) { m.aaaa(bus, "2001:db8::1"); });
  const ResolvedName& found = world.rest_empty().run().result();
  EXPECT_EQ(found.kind, NameKind::ipv6_only);
  EXPECT_EQ(found.why, WhyNotIlnp::no_nid);
  EXPECT_TRUE(found.locators.empty());
}

TEST(Resolution, ZeroTtlMeansThisTransactionOnly) {
  WorldWithNid world;
  world.answer(bus, dns::type_l64, [](auto& m) { m.l64(bus, 10, locator_1, 0); });
  EXPECT_EQ(world.rest_empty().run().result().ttl, 0s);
}

TEST(Resolution, NegativeAnswersHoldAsLongAsTheSoaSays) {
  World world;
  for (const std::uint16_t type : {dns::type_nid, dns::type_l64, dns::type_lp, dns::type_aaaa}) {
    world.answer(bus, type, [](auto& m) { m.rcode(dns::nxdomain).soa(name("example.org"), 3600, 30); });
  }
  const ResolvedName& found = world.run().result();
  EXPECT_EQ(found.kind, NameKind::no_such_name);
  EXPECT_EQ(found.ttl, 30s);
}

TEST(Resolution, CnamesAreFollowedAndTheirTtlCounts) {
  World world;
  const DnsName target = name("srv.example.org");
  world.answer(bus, dns::type_nid, [&](auto& m) { m.cname(bus, "srv.example.org", 5).nid(target, 10, nid_bits, 300); });
  world.answer(bus, dns::type_l64, [&](auto& m) { m.cname(bus, "srv.example.org", 5).l64(target, 10, locator_1, 60); });
  world.answer(bus, dns::type_lp, [&](auto& m) { m.cname(bus, "srv.example.org", 5); });
  world.answer(bus, dns::type_aaaa, [&](auto& m) { m.cname(bus, "srv.example.org", 5); });
  const ResolvedName& found = world.run().result();
  EXPECT_TRUE(found.is_ilnp());
  EXPECT_EQ(found.canonical, target);
  EXPECT_EQ(found.ttl, 5s);
}

TEST(Resolution, CnameLoopsAndLongChainsAreCountedAndNotFollowed) {
  World world;
  world.answer(bus, dns::type_nid,
               [](auto& m) { m.cname(bus, "a.example").cname(name("a.example"), "bus.example.org"); });
  world.answer(bus, dns::type_aaaa, [](auto& m) { m.aaaa(bus, "2001:db8::1"); });
  EXPECT_EQ(world.rest_empty().run().result().why, WhyNotIlnp::lying);
  EXPECT_EQ(world.counters.loops, 1u);

  World chain;
  chain.answer(bus, dns::type_nid, [](auto& m) {
    m.cname(bus, "n0.example");
    for (int i = 0; i < 9; ++i)
      m.cname(name("n" + std::to_string(i) + ".example"), "n" + std::to_string(i + 1) + ".example");
  });
  chain.rest_empty().run();
  EXPECT_EQ(chain.counters.loops, 1u);
}

TEST(Resolution, AnLpToItsOwnNameIsRefused) {
  WorldWithNid world;
  world.answer(bus, dns::type_lp, [](auto& m) { m.lp(bus, 10, "BUS.example.org"); });
  EXPECT_EQ(world.rest_empty().run().result().why, WhyNotIlnp::no_locator);
  EXPECT_EQ(world.counters.lp_to_self, 1u);
  EXPECT_EQ(world.asked.size(), 4u);
}

TEST(Resolution, OnlyTheEightBestLpsAreFollowed) {
  WorldWithNid world;
  world.answer(bus, dns::type_lp, [](auto& m) {
    for (int i = 19; i >= 0; --i) m.lp(bus, static_cast<std::uint16_t>(i), "t" + std::to_string(i) + ".example");
  });
  for (int i = 0; i < 20; ++i) {
    const DnsName target = name("t" + std::to_string(i) + ".example");
    world.answer(target, dns::type_l64, [&](auto& m) { m.l64(target, 1, locator_1 + static_cast<unsigned>(i)); });
  }
  const ResolvedName& found = world.rest_empty().run().result();
  EXPECT_EQ(world.asked.size(), 4u + 8u);
  EXPECT_EQ(found.locators.size(), 8u);
  EXPECT_EQ(found.locators.back().preference.lp, 7);
  EXPECT_EQ(world.counters.lps_ignored, 12u);
}

TEST(Resolution, AnLpTargetsOwnLpsAreNotFollowed) {
  WorldWithNid world;
  const DnsName target = name("t.example");
  world.answer(bus, dns::type_lp, [](auto& m) { m.lp(bus, 1, "t.example"); });
  world.answer(target, dns::type_l64, [&](auto& m) { m.lp(target, 1, "u.example"); });
  EXPECT_EQ(world.rest_empty().run().result().why, WhyNotIlnp::no_locator);
}

TEST(Resolution, AnswersAboutDifferentEndsOfTheChainContradict) {
  WorldWithNid world;
  world.answer(bus, dns::type_l64,
               [](auto& m) { m.cname(bus, "other.example").l64(name("other.example"), 1, locator_1); });
  world.answer(bus, dns::type_aaaa, [](auto& m) { m.aaaa(bus, "2001:db8::1"); });
  const ResolvedName& found = world.rest_empty().run().result();
  EXPECT_EQ(found.kind, NameKind::ipv6_only);
  EXPECT_EQ(found.why, WhyNotIlnp::contradicting);
  EXPECT_EQ(world.counters.contradicting, 1u);
}

TEST(Resolution, ANameThatExistsAndDoesNotContradictsItself) {
  WorldWithNid world;
  world.answer(bus, dns::type_l64, [](auto& m) { m.l64(bus, 10, locator_1); });
  world.answer(bus, dns::type_lp, [](auto& m) { m.rcode(dns::nxdomain); });
  EXPECT_EQ(world.rest_empty().run().result().why, WhyNotIlnp::contradicting);
}

TEST(Resolution, RecordDataOfTheWrongLengthMakesNoIlnpName) {
  for (const std::size_t octets : {0u, 9u, 11u}) {
    WorldWithNid world;
    world.answer(bus, dns::type_l64,
                 [&](auto& m) { m.l64(bus, 10, locator_1).answer(bus, dns::type_l64, 60, ByteVector(octets, 0x20)); });
    EXPECT_EQ(world.rest_empty().run().result().why, WhyNotIlnp::lying);
    EXPECT_EQ(world.counters.malformed, 1u);
  }
}

TEST(Resolution, RecordsOfOtherNamesAreNotUsed) {
  WorldWithNid world;
  world.answer(bus, dns::type_l64, [](auto& m) { m.l64(name("elsewhere.example"), 1, locator_1); });
  EXPECT_EQ(world.rest_empty().run().result().why, WhyNotIlnp::no_locator);
}

TEST(Resolution, AdditionalRecordsAreNotUsed) {
  WorldWithNid world;
  world.answer(bus, dns::type_lp, [](auto& m) {
    m.lp(bus, 1, "t.example");
    m.record(DnsSection::additional, name("t.example"), dns::type_l64, 60, encode(L64Data{1, {locator_1}}));
  });
  world.answer(name("t.example"), dns::type_l64);
  EXPECT_EQ(world.rest_empty().run().result().why, WhyNotIlnp::no_locator);
}

TEST(Resolution, AnAnswerToAnotherQuestionIsMalformed) {
  World world;
  world.answer({bus, dns::type_nid, dns::class_in},
               answer_to({bus, dns::type_l64, dns::class_in}).nid(bus, 1, nid_bits));
  EXPECT_EQ(world.rest_empty().run().result().why, WhyNotIlnp::lying);
  EXPECT_EQ(world.counters.malformed, 1u);
}

TEST(Resolution, UnroutableLocatorsAndReservedNidsAreLeftOut) {
  World world;
  world.answer(bus, dns::type_nid, [](auto& m) { m.nid(bus, 1, 0).nid(bus, 2, nid_bits); });
  world.answer(bus, dns::type_l64, [](auto& m) {
    m.l64(bus, 1, 0xff02000000000000)
        .l64(bus, 2, 0xfe80000000000000)
        .l64(bus, 3, 0xfd00000000000001)
        .l64(bus, 4, locator_1);
  });
  const ResolvedName& found = world.rest_empty().run().result();
  ASSERT_EQ(found.locators.size(), 1u);
  EXPECT_EQ(found.locators[0].locator.bits, locator_1);
  ASSERT_EQ(found.nids.size(), 1u);
  EXPECT_EQ(world.counters.locators_refused, 3u);
  EXPECT_EQ(world.counters.nids_refused, 1u);
}

TEST(Resolution, BogusLocatorsAreNoLocators) {
  WorldWithNid world;
  world.answer(
      bus, dns::type_l64, [](auto& m) { m.l64(bus, 10, locator_1); }, DnsSecurity::bogus);
  world.answer(bus, dns::type_aaaa, [](auto& m) { m.aaaa(bus, "2001:db8::1"); });
  const ResolvedName& found = world.rest_empty().run().result();
  EXPECT_EQ(found.kind, NameKind::ipv6_only);
  EXPECT_EQ(found.why, WhyNotIlnp::bogus);
  EXPECT_EQ(found.security, DnsSecurity::bogus);
}

TEST(Resolution, SecureOnlyWhenEverythingUsedIsSecure) {
  for (const DnsSecurity l64 : {DnsSecurity::secure, DnsSecurity::insecure}) {
    World world;
    world.answer(
        bus, dns::type_nid, [](auto& m) { m.nid(bus, 10, nid_bits); }, DnsSecurity::secure);
    world.answer(
        bus, dns::type_l64, [](auto& m) { m.l64(bus, 10, locator_1); }, l64);
    EXPECT_EQ(world.rest_empty().run().result().security, l64);
  }
}

TEST(Resolution, ServersThatFailLeaveTheAddressesThatCame) {
  World world;
  world.fails(bus, dns::type_nid).answer(bus, dns::type_aaaa, [](auto& m) { m.aaaa(bus, "2001:db8::1"); });
  const ResolvedName& found = world.rest_empty().run().result();
  EXPECT_EQ(found.kind, NameKind::ipv6_only);
  EXPECT_EQ(found.why, WhyNotIlnp::server_failed);
  World nothing;
  nothing.fails(bus, dns::type_nid).fails(bus, dns::type_aaaa);
  EXPECT_EQ(nothing.rest_empty().run().result().kind, NameKind::failed);
}

TEST(Resolution, OneLpTargetThatFailsDoesNotSpoilTheOthers) {
  WorldWithNid world;
  world.answer(bus, dns::type_lp, [](auto& m) { m.lp(bus, 1, "dead.example").lp(bus, 2, "t.example"); });
  world.fails(name("dead.example"), dns::type_l64);
  world.answer(name("t.example"), dns::type_l64, [](auto& m) { m.l64(name("t.example"), 1, locator_1); });
  EXPECT_TRUE(world.rest_empty().run().result().is_ilnp());
}

TEST(Resolution, PhasesTellHowFarItIs) {
  World world;
  EXPECT_EQ(world.run().machine.phase(), Resolution::Phase::undecided);
  world.answer(bus, dns::type_nid, [](auto& m) { m.nid(bus, 10, nid_bits); }).run();
  EXPECT_EQ(world.machine.phase(), Resolution::Phase::locators_wanted);
  world.answer(bus, dns::type_lp, [](auto& m) { m.lp(bus, 1, "t.example"); }).answer(bus, dns::type_l64).run();
  EXPECT_EQ(world.machine.phase(), Resolution::Phase::chain_wanted);
  world.answer(name("t.example"), dns::type_l64, [](auto& m) { m.l64(name("t.example"), 1, locator_1); }).run();
  EXPECT_EQ(world.machine.phase(), Resolution::Phase::ilnp);
  EXPECT_FALSE(world.machine.result());  // AAAA is still out
}

TEST(Resolution, AnIlnpDecisionWaitsOnlyBrieflyForAddresses) {
  WorldWithNid world;
  world.answer(bus, dns::type_l64, [](auto& m) { m.l64(bus, 10, locator_1); }).answer(bus, dns::type_lp).run();
  ASSERT_EQ(world.machine.next_deadline(), world.now + 50ms);
  world.pass(49ms);
  EXPECT_FALSE(world.machine.result());
  world.pass(1ms);
  EXPECT_TRUE(world.result().is_ilnp());
  EXPECT_FALSE(world.machine.next_deadline());
}

TEST(Resolution, SilenceEndsAfterFiveSeconds) {
  World world;
  world.run();
  EXPECT_EQ(world.machine.next_deadline(), start_time + 5s);
  world.pass(5s);
  EXPECT_EQ(world.result().kind, NameKind::failed);
  EXPECT_EQ(world.result().why, WhyNotIlnp::timed_out);
  EXPECT_EQ(world.result().canonical, bus);
}

TEST(Resolution, SilenceAboutAnLpTargetKeepsTheLocatorsThatCame) {
  WorldWithNid world;
  world.answer(bus, dns::type_l64, [](auto& m) { m.l64(bus, 10, locator_1); });
  world.answer(bus, dns::type_lp, [](auto& m) { m.lp(bus, 1, "silent.example"); });
  world.rest_empty().run().pass(5s);
  EXPECT_TRUE(world.result().is_ilnp());
}

TEST(Resolution, AnswersTwiceOrToNothingChangeNothing) {
  WorldWithNid world;
  world.answer(bus, dns::type_l64, [](auto& m) { m.l64(bus, 10, locator_1); }).rest_empty().run();
  const ResolvedName before = world.result();
  const ByteVector other = answer_to({bus, dns::type_nid, dns::class_in}).nid(bus, 1, 99).build();
  EXPECT_TRUE(world.machine.on_answer(world.now, 0, {DnsAnswer::Status::answered, other, {}}).empty());
  EXPECT_TRUE(world.machine.on_answer(world.now, 77, {DnsAnswer::Status::answered, other, {}}).empty());
  EXPECT_EQ(world.result().nids, before.nids);
}

/// Whatever comes back, in whatever order, the machine ends by its deadline and never calls a name ILNP without both
/// parts.
RC_GTEST_PROP(Resolution, EndsInTimeWhateverComesBack,
              (const std::vector<std::pair<std::uint8_t, ByteVector>>& replies)) {
  ResolutionCounters counters;
  Resolution machine{bus, {}, counters};
  machine.start(start_time);
  for (const auto& [id, octets] : replies) {
    machine.on_answer(start_time, id % 6, {DnsAnswer::Status::answered, octets, DnsSecurity::insecure});
  }
  machine.on_time(start_time + 5s);
  RC_ASSERT(machine.result().has_value());
  RC_ASSERT(machine.result()->is_ilnp() == (!machine.result()->nids.empty() && !machine.result()->locators.empty()));
}

}  // namespace
}  // namespace ilnp
