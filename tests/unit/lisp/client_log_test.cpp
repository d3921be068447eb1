// SPDX-License-Identifier: Apache-2.0
#include "core/lisp/client_log.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "tests/support/fakes.h"

using namespace ilnp;
using namespace ilnp::lisp;

namespace {

const EidPrefix vm{0, *parse_ip_prefix("2001:db8:e1d::7/128")}, other{0, *parse_ip_prefix("2001:db8:e1d::8/128")};
const EidPrefix branch{0, *parse_ip_prefix("2001:db8:c1e::/48")};
IpAddress rloc(std::uint32_t n) { return IpAddress::v4(0xc633'6400 + n); }
TimePoint at(int s) { return TimePoint{seconds{s}}; }

std::vector<IpAddress> rlocs(const std::vector<Client>& clients) {
  std::vector<IpAddress> out;
  for (const Client& client : clients) out.push_back(client.rloc);
  return out;
}

class ClientLogTest : public ::testing::Test {
 protected:
  ClientLog log{ClientLogTuning{}, 1};
};

TEST_F(ClientLogTest, MostRecentFirstAndEachOnce) {
  for (int i = 1; i <= 3; ++i) log.on_data(at(i), vm, rloc(static_cast<std::uint32_t>(i)));
  log.on_request(at(5), vm, rloc(1), branch, Capability::smr);
  log.on_data(at(6), other, rloc(9));
  EXPECT_EQ(rlocs(log.clients(at(6), vm)), (std::vector{rloc(1), rloc(3), rloc(2)}));
  EXPECT_EQ(log.clients(at(6), vm)[0].prefix, branch);
  EXPECT_EQ(log.clients(at(6), vm)[0].capability, Capability::smr);
  EXPECT_EQ(rlocs(log.clients(at(6), other)), std::vector{rloc(9)});
}

TEST_F(ClientLogTest, DataKeepsAClientThreeMinutesARequestADay) {
  log.on_data(at(0), vm, rloc(1));
  log.on_request(at(0), vm, rloc(2), std::nullopt, Capability::unknown);
  EXPECT_EQ(log.clients(at(179), vm).size(), 2u);
  EXPECT_EQ(rlocs(log.clients(at(180), vm)), std::vector{rloc(2)});
  EXPECT_TRUE(log.clients(at(86'400), vm).empty());
  log.on_data(at(86'300), vm, rloc(2));
  EXPECT_EQ(log.clients(at(86'479), vm).size(), 1u);
}

TEST_F(ClientLogTest, DataDoesNotForgetWhatARequestSaid) {
  log.on_request(at(0), vm, rloc(1), branch, Capability::change_priority);
  log.on_data(at(20), vm, rloc(1));
  log.on_request(at(30), vm, rloc(1), std::nullopt, Capability::unknown);
  EXPECT_EQ(log.clients(at(30), vm)[0].capability, Capability::change_priority);
  EXPECT_EQ(log.clients(at(30), vm)[0].prefix, branch);
  EXPECT_EQ(log.clients(at(86'000), vm).size(), 1u) << "data does not shorten the day";
}

TEST_F(ClientLogTest, OneEidHasItsLimitAndLosesItsOldest) {
  ClientLogTuning tuning;
  tuning.most_of_one_eid = 3;
  ClientLog small{tuning, 1};
  small.on_data(at(0), other, rloc(0));
  for (std::uint32_t i = 1; i <= 5; ++i) small.on_data(at(static_cast<int>(i)), vm, rloc(i));
  EXPECT_EQ(rlocs(small.clients(at(5), vm)), (std::vector{rloc(5), rloc(4), rloc(3)}));
  EXPECT_EQ(small.clients(at(5), other).size(), 1u);
  EXPECT_EQ(small.size(), 4u);
}

TEST_F(ClientLogTest, AllHaveALimitAndTheOldestOfAllLeaves) {
  ClientLogTuning tuning;
  tuning.most = 3;
  ClientLog small{tuning, 1};
  small.on_data(at(0), other, rloc(0));
  for (std::uint32_t i = 1; i <= 3; ++i) small.on_data(at(static_cast<int>(i)), vm, rloc(i));
  EXPECT_TRUE(small.clients(at(3), other).empty());
  EXPECT_EQ(small.clients(at(3), vm).size(), 3u);
  small.on_data(at(4), other, rloc(0));
  EXPECT_EQ(rlocs(small.clients(at(4), vm)), (std::vector{rloc(3), rloc(2)}));
  EXPECT_EQ(small.size(), 3u);
}

TEST_F(ClientLogTest, OneRowAtALimitOfOneIsReplaced) {
  ClientLogTuning tuning;
  tuning.most = tuning.most_of_one_eid = 1;
  ClientLog small{tuning, 1};
  for (std::uint32_t i = 0; i < 5; ++i) {
    small.on_data(at(static_cast<int>(i)), i % 2 == 0 ? vm : other, rloc(i));
    EXPECT_EQ(small.size(), 1u);
  }
  EXPECT_EQ(rlocs(small.clients(at(5), vm)), std::vector{rloc(4)});
  EXPECT_TRUE(small.clients(at(5), other).empty());
}

TEST_F(ClientLogTest, ForgettingAnEidLeavesTheOthers) {
  for (std::uint32_t i = 0; i < 10; ++i) log.on_data(at(1), i % 2 == 0 ? vm : other, rloc(i));
  log.forget(vm);
  EXPECT_TRUE(log.clients(at(1), vm).empty());
  EXPECT_EQ(log.clients(at(1), other).size(), 5u);
  EXPECT_EQ(log.size(), 5u);
  log.forget(vm);
}

TEST_F(ClientLogTest, WhatTheFormerOwnerKnewIsTaken) {
  log.merge(at(90'000), vm, {rloc(1), branch, Capability::smr, at(89'000)});
  log.merge(at(90'000), vm, {rloc(2), std::nullopt, Capability::smr, at(0)});
  EXPECT_EQ(rlocs(log.clients(at(90'000), vm)), std::vector{rloc(1)}) << "the other one is too old";
}

/// Against a model that keeps everything in the simplest way.
TEST_F(ClientLogTest, AgreesWithASimpleModel) {
  ClientLogTuning tuning;
  tuning.most = 40;
  tuning.most_of_one_eid = 15;
  ClientLog small{tuning, 1};
  std::vector<std::pair<std::uint32_t, std::uint32_t>> order;
  test::FakeRandom random{5};
  for (int step = 0; step < 20'000; ++step) {
    const auto e = static_cast<std::uint32_t>(random.below(6)), r = static_cast<std::uint32_t>(random.below(30));
    const EidPrefix eid = EidPrefix::host({0, rloc(1000 + e)});
    if (random.one_in(50)) {
      small.forget(eid);
      std::erase_if(order, [&](const auto& one) { return one.first == e; });
    } else {
      small.on_request(at(1), eid, rloc(r), std::nullopt, Capability::unknown);
      const auto known = std::find(order.begin(), order.end(), std::pair{e, r});
      if (known != order.end()) {
        order.erase(known);
      } else {
        const auto of_eid = [&](const auto& one) { return one.first == e; };
        if (std::count_if(order.begin(), order.end(), of_eid) == 15)
          order.erase(std::find_if(order.begin(), order.end(), of_eid));
        else if (order.size() == 40)
          order.erase(order.begin());
      }
      order.push_back({e, r});
    }
    ASSERT_EQ(small.size(), order.size());
    std::vector<IpAddress> expected;
    for (auto one = order.rbegin(); one != order.rend(); ++one)
      if (one->first == e) expected.push_back(rloc(one->second));
    ASSERT_EQ(rlocs(small.clients(at(1), eid)), expected) << step;
  }
}

TEST_F(ClientLogTest, AnotherGatewayGoesOnWithIt) {
  const EidPrefix tenants{4242, *parse_ip_prefix("10.8.0.7/32")};
  log.on_data(at(1), vm, rloc(1));
  log.on_request(at(2), vm, rloc(2), branch, Capability::change_priority);
  log.on_request(at(3), tenants, *parse_ip_address("2001:db8:a1::1"), std::nullopt, Capability::smr);
  log.on_data(at(4), vm, rloc(3));
  ClientLog heir{ClientLogTuning{}, 2};
  heir.on_data(at(1000), vm, rloc(3), Capability::pubsub);
  ASSERT_TRUE(heir.restore(at(1000), log.save(at(150), 100)));  // by another clock
  EXPECT_EQ(rlocs(heir.clients(at(1000), vm)), (std::vector{rloc(2), rloc(1), rloc(3)}));
  EXPECT_EQ(heir.find(vm, rloc(2))->prefix, branch);
  EXPECT_EQ(heir.find(vm, rloc(2))->capability, Capability::change_priority);
  EXPECT_EQ(heir.find(vm, rloc(3))->capability, Capability::pubsub) << "known better";
  EXPECT_NE(heir.find(tenants, *parse_ip_address("2001:db8:a1::1")), nullptr);
  EXPECT_EQ(rlocs(heir.clients(at(1030), vm)).size(), 3u);
  EXPECT_EQ(rlocs(heir.clients(at(1031), vm)), (std::vector{rloc(2), rloc(3)})) << "31 s were left of the data";
}

TEST_F(ClientLogTest, TheLastOnesAreSavedAndWhatIsOverIsNot) {
  for (std::uint32_t i = 1; i <= 9; ++i) log.on_data(at(static_cast<int>(i)), vm, rloc(i));
  const std::uint64_t before = log.revision();
  log.on_data(at(50), vm, rloc(4));
  EXPECT_EQ(log.revision(), before) << "no new client";
  log.on_data(at(60), vm, rloc(10));
  EXPECT_NE(log.revision(), before);
  ClientLog few{ClientLogTuning{}, 2}, late{ClientLogTuning{}, 2};
  ASSERT_TRUE(few.restore(at(70), log.save(at(70), 3)));
  EXPECT_EQ(rlocs(few.clients(at(70), vm)), (std::vector{rloc(10), rloc(4), rloc(9)}));
  ASSERT_TRUE(late.restore(at(200), log.save(at(200), 100)));
  EXPECT_EQ(rlocs(late.clients(at(200), vm)), (std::vector{rloc(10), rloc(4)}));
}

TEST_F(ClientLogTest, DamagedOctetsAreReadAsFarAsTheyGo) {
  log.on_data(at(1), vm, rloc(1));
  log.on_request(at(2), vm, rloc(2), branch, Capability::smr);
  const ByteVector whole = log.save(at(2), 100);
  for (std::size_t length = 0; length < whole.size(); ++length) {
    ClientLog heir{ClientLogTuning{}, 2};
    const bool good = heir.restore(at(2), Bytes{whole}.first(length));
    EXPECT_LE(heir.size(), 1u);
    EXPECT_EQ(good, length == 1 || heir.size() == 1) << length;
    if (good && length > 1) break;  // a whole row
  }
  for (std::size_t i = 0; i < whole.size(); ++i)
    for (const unsigned flip : {0x01u, 0x80u, 0xffu}) {
      ByteVector damaged = whole;
      damaged[i] = static_cast<std::uint8_t>(damaged[i] ^ flip);
      ClientLog heir{{.most = 1}, 2};
      (void)heir.restore(at(2), damaged);
      EXPECT_LE(heir.size(), 1u) << "bounded as ever";
    }
  EXPECT_FALSE(log.restore(at(2), {}));
}

}  // namespace
