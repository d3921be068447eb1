// SPDX-License-Identifier: Apache-2.0
#include "sbr/src/link_watch.h"

#include <gtest/gtest.h>

#include "core/ipv6/address.h"

namespace ilnp {
namespace {

class LinkWatchTest : public ::testing::Test {
 protected:
  static constexpr std::uint16_t identifier = 77;
  static SiteLinkSettings link(SiteId number, const char* router) {
    SiteLinkSettings settings;
    settings.number = number;
    settings.router = *parse_address(router);
    return settings;
  }
  /// Three rounds in which link 2 answers what `answers` says.
  void rounds(const std::function<void(const LinkMtu::Probe&)>& answers) {
    for (int i = 0; i < 4; ++i, now += milliseconds{100}) {
      asked.clear();
      watch.on_time(now);
      for (const auto& [number, probe] : asked)
        if (number == 2) answers(probe);
    }
  }

  std::vector<std::pair<SiteId, LinkMtu::Probe>> asked;
  std::vector<std::pair<SiteId, std::size_t>> changed;
  LinkWatch watch{{link(2, "fe80::2"), link(3, "fe80::3")},
                  identifier,
                  [this](const SiteLinkSettings& to, std::uint16_t, const LinkMtu::Probe& probe) {
                    asked.emplace_back(to.number, probe);
                  },
                  [this](const SiteLinkSettings& to, std::size_t octets) { changed.emplace_back(to.number, octets); }};
  TimePoint now{seconds{1000}};
};

TEST_F(LinkWatchTest, EachLinkThatWorksIsProbedAndHasItsSize) {
  watch.on_up(now, 2, 1500);
  EXPECT_EQ(changed, (std::vector<std::pair<SiteId, std::size_t>>{{2, 1500}}));
  watch.on_time(now);
  ASSERT_EQ(asked.size(), 2u) << "the other does not work";
  EXPECT_EQ(asked[1].second.octets, 1500u);
  EXPECT_EQ(watch.next_deadline(), now + milliseconds{100});
  watch.on_down(2);
  EXPECT_EQ(watch.next_deadline(), never);
}

TEST_F(LinkWatchTest, OnlyTheRouterThatWasAskedAnswers) {
  watch.on_up(now, 2, 1500);
  changed.clear();
  rounds([&](const LinkMtu::Probe& probe) {
    watch.on_answer(now, 2, *parse_address("fe80::3"), identifier, probe.sequence);
    watch.on_answer(now, 2, *parse_address("fe80::2"), identifier + 1, probe.sequence);
  });
  EXPECT_TRUE(changed.empty()) << "nobody has answered: nothing is known";
  rounds([&](const LinkMtu::Probe& probe) {
    if (probe.octets <= 1400) watch.on_answer(now, 2, *parse_address("fe80::2"), identifier, probe.sequence);
  });
  ASSERT_FALSE(changed.empty());
  EXPECT_LE(watch[2].mtu(), 1400u);
}

}  // namespace
}  // namespace ilnp
