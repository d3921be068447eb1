// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "examples/roam/wire/settings.h"

namespace ilnp::wire {
namespace {

TEST(WireSettings, PairWithPropertiesForBothAndForOneDirection) {
  const Result<PairSettings> pair =
      parse_pair("a0,b0,name=dc1,delay=10ms,delay-back=1.5ms,loss=2%,rate=100mbit,queue=512K");
  ASSERT_TRUE(pair) << pair.error().message;
  EXPECT_EQ(pair.value().name, "dc1");
  EXPECT_EQ(pair.value().first, "a0");
  EXPECT_EQ(pair.value().second, "b0");
  EXPECT_EQ(pair.value().forth.delay, milliseconds{10});
  EXPECT_EQ(pair.value().back.delay, microseconds{1500});
  EXPECT_DOUBLE_EQ(pair.value().forth.loss, 0.02);
  EXPECT_EQ(pair.value().back.rate, 100'000'000u);
  EXPECT_EQ(pair.value().back.queue_octets, 512u * 1024u);
}

TEST(WireSettings, PairIsNamedAfterItsFirstInterface) { EXPECT_EQ(parse_pair("a0,b0").value().name, "a0"); }

TEST(WireSettings, MistakesAreErrors) {
  for (const char* text : {"", "a0", "a0,", "a0,b0,delay=10", "a0,b0,delay=-1ms", "a0,b0,loss=101%", "a0,b0,loss=nan",
                           "a0,b0,rate=fast", "a0,b0,colour=red", "a0,b0,up=1", "a0,b0,delay", "a0,b0,delay=1e300s"})
    EXPECT_FALSE(parse_pair(text)) << text;
}

TEST(WireSettings, RefusedChangeLeavesThePairAsItWas) {
  PairSettings pair = parse_pair("a0,b0,delay=10ms").value();
  EXPECT_FALSE(apply(pair, "delay", "soon"));
  EXPECT_EQ(pair.forth.delay, milliseconds{10});
  EXPECT_TRUE(apply(pair, "down-forth", ""));
  EXPECT_FALSE(pair.forth.up);
  EXPECT_TRUE(pair.back.up);
}

}  // namespace
}  // namespace ilnp::wire
