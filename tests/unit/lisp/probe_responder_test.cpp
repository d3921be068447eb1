// SPDX-License-Identifier: Apache-2.0
#include "core/lisp/probe_responder.h"

#include <gtest/gtest.h>

#include "tests/unit/lisp/eids.h"

namespace ilnp::lisp {
namespace {

class ProbeResponderTest : public ::testing::Test {
 protected:
  static MapRequest probe(const char* eid) {
    MapRequest request;
    request.is_probe = true;
    request.nonce = 0x1122'3344'5566'7788;
    request.itr_rlocs = {ip("2001:db8:c1::1")};
    request.records = {{eid_prefix(eid)}};
    return request;
  }
  std::optional<MapReply> answer(const MapRequest& request, const char* peer = "2001:db8:c1::1") {
    return responder.answer(now, request, ip(peer), ip("2001:db8:a1::1"), &registered, false);
  }

  TimePoint now{seconds{100}};
  ItrDrops drops;
  ProbeResponder responder{1, drops};
  MappingRecord registered = mapping("2001:db8:e1d::/64", {rloc("192.0.2.1"), rloc("2001:db8:a1::1", 2)});
};

TEST_F(ProbeResponderTest, OwnRecordWithTheProbedLocatorMarked) {
  registered.is_authoritative = false;
  const auto reply = answer(probe("2001:db8:e1d::/64"));
  ASSERT_TRUE(reply);
  EXPECT_TRUE(reply->is_probe);
  EXPECT_EQ(reply->nonce, 0x1122'3344'5566'7788u);
  ASSERT_EQ(reply->records.size(), 1u);
  const MappingRecord& record = reply->records[0];
  EXPECT_TRUE(record.is_authoritative);
  ASSERT_EQ(record.rlocs.size(), 2u);
  EXPECT_FALSE(record.rlocs[0].is_probed);
  EXPECT_TRUE(record.rlocs[1].is_probed);
  EXPECT_EQ(record.rlocs[1].priority, 2);
}

TEST_F(ProbeResponderTest, PrefixIsTheOneThatWasAskedFor) {
  EXPECT_EQ(answer(probe("2001:db8:e1d::7/128"))->records[0].eid, eid_prefix("2001:db8:e1d::7/128"));
  EXPECT_EQ(answer(probe("2001:db8:e1d::/48"))->records[0].eid, eid_prefix("2001:db8:e1d::/48"));
}

TEST_F(ProbeResponderTest, HundredASecondForAPeer) {
  int answered = 0;
  for (int i = 0; i < 10'000; ++i) {
    now += microseconds{100};
    answered += answer(probe("2001:db8:e1d::/64")) ? 1 : 0;
  }
  EXPECT_GE(answered, 190);
  EXPECT_LE(answered, 201) << "a burst of a hundred, and a hundred in this second";
  EXPECT_EQ(drops.of(ItrDrop::probe_limit), 10'000u - static_cast<unsigned>(answered));
  EXPECT_TRUE(answer(probe("2001:db8:e1d::/64"), "2001:db8:c2::1")) << "others have their own";
}

TEST_F(ProbeResponderTest, WhatIsNotAnswered) {
  EXPECT_FALSE(answer(probe("2001:db8:e1e::/64")));
  EXPECT_FALSE(
      responder.answer(now, probe("2001:db8:e1d::/64"), ip("2001:db8:c1::1"), ip("2001:db8:a1::1"), nullptr, false));
  EXPECT_EQ(drops.of(ItrDrop::probe_unknown_eid), 2u);
  EXPECT_FALSE(
      responder.answer(now, probe("2001:db8:e1d::/64"), ip("2001:db8:c1::1"), ip("2001:db8:a1::1"), &registered, true));
  EXPECT_EQ(drops.of(ItrDrop::probe_through_resolver), 1u);
  MapRequest bad = probe("2001:db8:e1d::/64");
  bad.itr_rlocs.clear();
  EXPECT_FALSE(answer(bad));
  bad = probe("2001:db8:e1d::/64");
  bad.is_probe = false;
  EXPECT_FALSE(answer(bad));
  bad = probe("2001:db8:e1d::/64");
  bad.records.clear();
  EXPECT_FALSE(answer(bad));
  bad = probe("2001:db8:e1d::/64");
  bad.wants_no_reply = true;
  EXPECT_FALSE(answer(bad));
  EXPECT_EQ(drops.of(ItrDrop::probe_malformed), 4u);
}

}  // namespace
}  // namespace ilnp::lisp
