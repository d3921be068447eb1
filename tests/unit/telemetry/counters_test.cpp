// SPDX-License-Identifier: Apache-2.0
#include "io/telemetry/counters.h"

#include <gtest/gtest.h>

namespace ilnp {
namespace {

enum class Drop : std::uint8_t { bad_nonce, truncated };

TEST(Counters, AreReadWhereTheyAreKept) {
  CounterArray<Drop, 2> drops;
  CounterRegistry registry;
  registry.add("drop", {{"bad_nonce", "Nonce did not match."}, {"truncated", "Cut short."}}, drops.values());
  std::int64_t sessions = 3;
  registry.add_gauge("session", {"established", "Sessions now."}, [&] { return sessions; });
  registry.add("control", {"requests", "Requests."}, [] { return 18446744073709551615u; });

  drops.add(Drop::truncated);
  drops.add(Drop::truncated, 4);
  sessions = -1;
  EXPECT_EQ(drops[Drop::truncated], 5u);
  EXPECT_EQ(
      registry.to_json().dump(),
      R"({"control.requests":18446744073709551615,"drop.bad_nonce":0,"drop.truncated":5,"session.established":-1})");
}

TEST(Counters, PrometheusTextHasHelpTypeAndValue) {
  const std::array<std::uint64_t, 1> values{18446744073709551615u};
  CounterRegistry registry;
  registry.add("drop", {{"bad_nonce", "Back\\slash\nline."}}, values);
  registry.add_gauge("session", {"established", "Sessions now."}, [] { return 2; });
  EXPECT_EQ(registry.to_prometheus(),
            "# HELP ilnp_drop_bad_nonce_total Back\\\\slash\\nline.\n"
            "# TYPE ilnp_drop_bad_nonce_total counter\n"
            "ilnp_drop_bad_nonce_total 18446744073709551615\n"
            "# HELP ilnp_session_established Sessions now.\n"
            "# TYPE ilnp_session_established gauge\n"
            "ilnp_session_established 2\n");
}

TEST(Counters, ComponentsStayTogetherAndCanLeave) {
  const std::array<std::uint64_t, 1> values{};
  CounterRegistry registry;
  registry.add("wire", {{"in", "In."}}, values);
  registry.add("drop", {{"x", "X."}}, values);
  registry.add("wire", {"out", "Out."}, [] { return 1u; });
  EXPECT_EQ(registry.markdown_reference(),
            "| Name | Kind | Meaning |\n|---|---|---|\n"
            "| `drop.x` | counter | X. |\n| `wire.in` | counter | In. |\n| `wire.out` | counter | Out. |\n");
  registry.remove("wire");
  EXPECT_EQ(registry.to_json().dump(), R"({"drop.x":0})");
}

TEST(Counters, MistakesInTheRegistrationAreCaught) {
  const std::array<std::uint64_t, 1> values{};
  CounterRegistry registry;
  registry.add("drop", {{"x", "X."}}, values);
  EXPECT_DEATH(registry.add("drop", {{"x", "X."}}, values), "twice");
  EXPECT_DEATH(registry.add("drop", {{"Bad-Name", "X."}}, values), "snake_case");
  EXPECT_DEATH(registry.add("drop", {{"y", "Y."}, {"z", "Z."}}, values), "one name per counter");
}

}  // namespace
}  // namespace ilnp
