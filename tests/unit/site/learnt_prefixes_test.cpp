// SPDX-License-Identifier: Apache-2.0
#include "core/site/learnt_prefixes.h"

#include <gtest/gtest.h>

namespace ilnp {
namespace {

constexpr Locator p1{0x2001'0db8'0001'0000}, p2{0x2001'0db8'0002'0000}, p3{0x2001'0db8'0003'0000};
constexpr MacAddress mac_1{{2, 0, 0, 0, 0, 1}}, mac_2{{2, 0, 0, 0, 0, 2}};

PrefixInformation prefix(Locator locator, std::uint32_t preferred = 600, std::uint32_t valid = 1200) {
  return {{locator, {}}, 48, false, false, valid, preferred};
}

class LearntPrefixesTest : public ::testing::Test {
 protected:
  bool hear(std::vector<PrefixInformation> prefixes, MacAddress mac = mac_1) {
    RouterAdvertisement message;
    message.router = {{0xfe80'0000'0000'0000}, {1}};
    message.link_layer = mac;
    message.prefixes = std::move(prefixes);
    return learnt.on_advertisement(now, message);
  }
  std::optional<Locator> better() const {
    return learnt.current() ? std::optional{learnt.at(*learnt.current())->locator} : std::nullopt;
  }
  std::optional<Locator> worse() const {
    const auto found = learnt.current() ? learnt.at(1 - *learnt.current()) : std::nullopt;
    return found ? std::optional{found->locator} : std::nullopt;
  }

  TimePoint now{seconds{1000}};
  LearntPrefixes learnt{Mapping::neutral};
};

TEST_F(LearntPrefixesTest, OnlyWhatIsRoutedToUsAndCanBeMapped) {
  EXPECT_TRUE(learnt.wants_news(now));
  PrefixInformation on_link = prefix(p1), too_long = prefix(p1), unique_local = prefix({0xfd00'0000'0001'0000});
  on_link.on_link = true;
  too_long.length = 56;
  EXPECT_FALSE(hear({on_link, too_long, unique_local, prefix(p1, 0, 0)}));
  EXPECT_EQ(better(), std::nullopt);
  EXPECT_TRUE(hear({prefix(p1)}));
  EXPECT_FALSE(hear({prefix(p1)})) << "nothing new";
  EXPECT_EQ(better(), p1);
  EXPECT_FALSE(learnt.wants_news(now));
  LearntPrefixes hidden{Mapping::hide};
  RouterAdvertisement message;
  message.prefixes = {prefix(p1)};
  EXPECT_FALSE(hidden.on_advertisement(now, message)) << "mode hide needs a /64";
}

TEST_F(LearntPrefixesTest, SoftChangeHasBothUntilTheOldOneEnds) {
  hear({prefix(p1)});
  const std::size_t first = *learnt.current();
  now += seconds{10};
  EXPECT_TRUE(hear({prefix(p1, 0, 30), prefix(p2)}));
  EXPECT_EQ(better(), p2);
  EXPECT_EQ(worse(), p1);
  EXPECT_EQ(learnt.at(first)->locator, p1) << "its flows know it by the place";
  EXPECT_EQ(learnt.next_deadline(), now + seconds{30});
  now += seconds{30};
  EXPECT_TRUE(learnt.on_time(now));
  EXPECT_EQ(better(), p2);
  EXPECT_EQ(worse(), std::nullopt);
}

TEST_F(LearntPrefixesTest, OfTwoThatArePreferredTheLaterOneIsBetter) {
  hear({prefix(p1)});
  now += seconds{1};
  EXPECT_TRUE(hear({prefix(p2)}));
  EXPECT_EQ(better(), p2);
  now += seconds{1};
  EXPECT_FALSE(hear({prefix(p1), prefix(p2)})) << "it stays so";
  EXPECT_FALSE(hear({prefix(p3)})) << "two are good already";
  now += seconds{600};
  EXPECT_FALSE(learnt.on_time(now)) << "both are deprecated";
  EXPECT_TRUE(learnt.wants_news(now));
  EXPECT_TRUE(hear({prefix(p3)}));
  EXPECT_EQ(better(), p3);
  EXPECT_EQ(worse(), p2) << "the later one of them stays";
}

TEST_F(LearntPrefixesTest, ThirdOneTakesThePlaceOfOneThatIsSilent) {
  hear({prefix(p1)});
  now += seconds{5};
  hear({prefix(p2)});
  now += seconds{5};
  EXPECT_TRUE(hear({prefix(p3)}));
  EXPECT_EQ(better(), p3);
  EXPECT_EQ(worse(), p2);
}

TEST_F(LearntPrefixesTest, HardChanges) {
  hear({prefix(p1)});
  EXPECT_TRUE(hear({prefix(p1, 0, 0), prefix(p2)})) << "taken back";
  EXPECT_EQ(better(), p2);
  EXPECT_EQ(worse(), std::nullopt);

  EXPECT_TRUE(hear({prefix(p3)}, mac_2)) << "another router with the same address";
  EXPECT_EQ(better(), p3);
  EXPECT_EQ(worse(), std::nullopt);

  learnt.on_link_lost();
  EXPECT_TRUE(learnt.wants_news(now));
  EXPECT_FALSE(hear({}, mac_2)) << "says nothing";
  EXPECT_FALSE(hear({prefix(p3)}, mac_2)) << "the same network";
  learnt.on_link_lost();
  EXPECT_TRUE(hear({prefix(p1)}, mac_2)) << "another one";
  EXPECT_EQ(better(), p1);
  EXPECT_EQ(worse(), std::nullopt);
}

TEST_F(LearntPrefixesTest, LifetimesEnd) {
  hear({prefix(p1, 10, 20), prefix(p2, infinite_lifetime, infinite_lifetime)});
  EXPECT_EQ(better(), p1);
  now += seconds{10};
  EXPECT_EQ(learnt.next_deadline(), now);
  EXPECT_TRUE(learnt.on_time(now));
  EXPECT_EQ(better(), p2);
  now += seconds{10};
  EXPECT_TRUE(learnt.on_time(now));
  EXPECT_EQ(worse(), std::nullopt);
  EXPECT_EQ(learnt.next_deadline(), never);
}

}  // namespace
}  // namespace ilnp
