// SPDX-License-Identifier: Apache-2.0
// Which Locator Updates are obeyed, and what is left of them (RFC 6743 section 3).
#include "core/ilnp/lu_receiver.h"

#include <gtest/gtest.h>

#include "tests/support/fakes.h"
#include "tests/support/matchers.h"

namespace ilnp {
namespace {

constexpr Locator a{0x20010db8000a0001}, b{0x20010db8000b0001};

AdvertisedLocator entry(Locator l, std::uint16_t preference = 10, std::uint16_t lifetime = 600) {
  return {l, preference, std::chrono::duration<std::uint16_t>{lifetime}};
}
LocatorUpdate update(std::vector<AdvertisedLocator> list) {
  return {LocatorUpdateOperation::advertisement, std::move(list)};
}

class LuMemoryTest : public ::testing::Test {
 protected:
  Tuning tuning;
  test::FakeHasher hasher;
  TimePoint now{seconds{100}};
  LuMemory memory{tuning};

  LuMemory::Verdict judge(const LocatorUpdate& u) { return memory.judge(now, LuMemory::digest(u, hasher), tuning); }
  void obey(const LocatorUpdate& u) { memory.remember(now, LuMemory::digest(u, hasher)); }
};

TEST_F(LuMemoryTest, FirstOneIsFreshAndItsRepetitionARetransmission) {
  EXPECT_EQ(judge(update({entry(a)})), LuMemory::Verdict::fresh);
  EXPECT_EQ(judge(update({entry(a)})), LuMemory::Verdict::fresh) << "judging is not obeying";
  obey(update({entry(a)}));
  EXPECT_EQ(judge(update({entry(a)})), LuMemory::Verdict::retransmission);
  LocatorUpdate acknowledgement = update({entry(a)});
  acknowledgement.operation = LocatorUpdateOperation::acknowledgement;
  EXPECT_EQ(judge(acknowledgement), LuMemory::Verdict::retransmission) << "the body counts, not the operation";
}

TEST_F(LuMemoryTest, OlderOneIsAReplayForAMinute) {
  obey(update({entry(a)}));
  obey(update({entry(b)}));
  EXPECT_EQ(judge(update({entry(a)})), LuMemory::Verdict::replay);
  now += tuning.lu_digest_memory;
  EXPECT_EQ(judge(update({entry(a)})), LuMemory::Verdict::replay);
  now += seconds{1};
  EXPECT_EQ(judge(update({entry(a)})), LuMemory::Verdict::fresh);
}

TEST_F(LuMemoryTest, LatestIsRememberedHoweverOld) {
  obey(update({entry(a)}));
  now += seconds{100'000};
  EXPECT_EQ(judge(update({entry(a)})), LuMemory::Verdict::retransmission);
}

TEST_F(LuMemoryTest, LifetimePreferenceAndOrderMakeADifference) {
  obey(update({entry(a), entry(b)}));
  EXPECT_EQ(judge(update({entry(b), entry(a)})), LuMemory::Verdict::fresh);
  EXPECT_EQ(judge(update({entry(a, 11), entry(b)})), LuMemory::Verdict::fresh);
  EXPECT_EQ(judge(update({entry(a), entry(b, 10, 599)})), LuMemory::Verdict::fresh);
}

TEST_F(LuMemoryTest, MemoryIsBounded) {
  for (std::uint16_t i = 0; i < 1000; ++i) obey(update({entry(a, 10, i)}));
  EXPECT_EQ(memory.seen().size(), LuMemory::max_seen);
  EXPECT_EQ(judge(update({entry(a, 10, 999)})), LuMemory::Verdict::retransmission);
  EXPECT_EQ(judge(update({entry(a, 10, 950)})), LuMemory::Verdict::replay);
}

TEST_F(LuMemoryTest, RestoredMemoryTellsOldFromNew) {
  obey(update({entry(a)}));
  obey(update({entry(b)}));
  LuMemory again{tuning};
  for (const LuMemory::Seen& seen : memory.seen()) again.restore(seen);
  EXPECT_EQ(again.judge(now, LuMemory::digest(update({entry(a)}), hasher), tuning), LuMemory::Verdict::replay);
  EXPECT_EQ(again.judge(now, LuMemory::digest(update({entry(b)}), hasher), tuning), LuMemory::Verdict::retransmission);
}

TEST_F(LuMemoryTest, PeerHasABurstAndARate) {
  int allowed = 0;
  for (int i = 0; i < 100; ++i) allowed += memory.allow(now) ? 1 : 0;
  EXPECT_EQ(allowed, static_cast<int>(tuning.lu_burst));
  allowed = 0;
  for (int i = 0; i < 1000; ++i) {
    now += milliseconds{10};
    allowed += memory.allow(now) ? 1 : 0;
  }
  EXPECT_NEAR(allowed, 10 * tuning.lu_rate, 1);
}

class Sanitise : public ::testing::Test {
 protected:
  Tuning tuning;
  std::vector<Locator> own{Locator{0x20010db800110001}, Locator{0x20010db800220001}};
  Locator on_link{};

  std::vector<Locator> kept(std::vector<AdvertisedLocator> list) {
    std::vector<Locator> out;
    for (const AdvertisedLocator& l : sanitise(update(std::move(list)), {own, on_link}, tuning))
      out.push_back(l.locator);
    return out;
  }
};

TEST_F(Sanitise, KeepsGlobalUnicastOnly) {
  for (const std::uint64_t bad :
       std::initializer_list<std::uint64_t>{0xff0e000000000000u, 0xfe80000000000000u, 0xfd00000000000001u, 0x0u,
                                            0x0064ff9b00000000u, 0x4000000000000000u})
    EXPECT_TRUE(kept({entry(Locator{bad})}).empty()) << std::hex << bad;
  EXPECT_EQ(kept({entry(Locator{0xfd00000000000001}), entry(a)}), std::vector<Locator>{a});
}

TEST_F(Sanitise, UniqueLocalIsAllowedInsideASiteOnly) {
  const Locator ula{0xfd00000000000001};
  tuning.accept_unique_local = true;
  EXPECT_EQ(kept({entry(ula)}), std::vector<Locator>{ula});
  EXPECT_TRUE(kept({entry(Locator{0xfe80000000000000})}).empty());
}

TEST_F(Sanitise, OurOwnLocatorsAreNotThePeersUnlessItIsOnOurLink) {
  EXPECT_TRUE(kept({entry(own[0]), entry(own[1])}).empty());
  on_link = own[1];
  EXPECT_EQ(kept({entry(own[0]), entry(own[1])}), std::vector<Locator>{own[1]});
}

TEST_F(Sanitise, LifetimeZeroIsWithdrawal) { EXPECT_EQ(kept({entry(a, 1, 0), entry(b)}), std::vector<Locator>{b}); }

TEST_F(Sanitise, FirstOfRepeatedOnesCounts) {
  const auto list = sanitise(update({entry(a, 5), entry(a, 1)}), {own, {}}, tuning);
  ASSERT_EQ(list.size(), 1u);
  EXPECT_EQ(list[0].preference, 5);
}

TEST_F(Sanitise, PreferredOnesOfTooManyAreKept) {
  std::vector<AdvertisedLocator> many;
  for (std::uint64_t i = 0; i < 255; ++i)
    many.push_back(entry(Locator{0x2a00000000000000 + (i << 16)}, static_cast<std::uint16_t>(255 - i)));
  const auto list = sanitise(update(many), {own, {}}, tuning);
  ASSERT_EQ(list.size(), tuning.lu_max_accepted_locators);
  EXPECT_EQ(list.front().preference, 1);
  EXPECT_EQ(list.back().preference, 100);
}

}  // namespace
}  // namespace ilnp
