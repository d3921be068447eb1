// SPDX-License-Identifier: Apache-2.0
#include "io/process/reload.h"

#include <gtest/gtest.h>

#include "tests/unit/process/sample_daemon.h"

namespace ilnp {
namespace {

using test::sample_configuration;

struct Reloading {
  std::string text;
  std::vector<LogLevel> applied{};
  Reload reload{sample_configuration("").value(), [this] { return sample_configuration(text); },
                [this](const Configuration& fresh) { applied.push_back(daemon_settings(fresh).log_level); }};
};

TEST(Reload, SaysWhatTookEffectAndWhatNeedsARestart) {
  Reloading r{.text = "log.level = \"debug\"\nwork.hands = 3"};
  const auto outcome = r.reload();
  ASSERT_TRUE(outcome);
  EXPECT_EQ(r.applied, std::vector{LogLevel::debug});
  ASSERT_EQ(outcome.value().applied.size(), 1u);
  EXPECT_EQ(outcome.value().applied[0].key, "log.level");
  ASSERT_EQ(outcome.value().needs_restart.size(), 1u);
  EXPECT_EQ(outcome.value().needs_restart[0].key, "work.hands");
  const auto again = r.reload();
  ASSERT_TRUE(again);
  EXPECT_TRUE(again.value().applied.empty()) << "it is in effect";
  EXPECT_EQ(again.value().needs_restart.size(), 1u) << "it still is not";
}

TEST(Reload, MistakeChangesNothingAndEveryOneIsNamed) {
  Reloading r{.text = "log.level = \"loud\"\nwork.feet = 2"};
  const auto outcome = r.reload();
  ASSERT_FALSE(outcome);
  EXPECT_NE(outcome.error().message.find("log.level"), std::string::npos);
  EXPECT_NE(outcome.error().message.find("work.feet"), std::string::npos);
  EXPECT_TRUE(r.applied.empty());
}

}  // namespace
}  // namespace ilnp
