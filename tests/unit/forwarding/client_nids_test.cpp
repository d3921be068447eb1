// SPDX-License-Identifier: Apache-2.0
#include "core/forwarding/client_nids.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/support/fakes.h"
#include "tests/unit/lisp/eids.h"

using namespace ilnp;
using lisp::eid;

namespace {

struct ClientNidsTest : testing::Test {
  test::FakeHasher hasher;
  ClientNids clients{hasher, 1, 4, seconds{600}};
  TimePoint now{};

  NodeId nid_of(const lisp::Eid& client) { return clients.take(now, client).value().nid; }
};

TEST_F(ClientNidsTest, LowerHalfOfTheEid) {
  const auto first = clients.take(now, eid("2001:db8:c11:0:200:ff:fe00:5")).value();
  EXPECT_EQ(first.nid, NodeId{0x0200'00ff'fe00'0005});
  EXPECT_TRUE(first.is_new);
  const auto again = clients.take(now, eid("2001:db8:c11:0:200:ff:fe00:5")).value();
  EXPECT_EQ(again.nid, first.nid);
  EXPECT_FALSE(again.is_new);
  EXPECT_EQ(clients.client_of(now, first.nid), eid("2001:db8:c11:0:200:ff:fe00:5"));
  EXPECT_EQ(clients.find(eid("2001:db8:c11:0:200:ff:fe00:5")), first.nid);
  EXPECT_FALSE(clients.find(eid("2001:db8:c11:0:200:ff:fe00:5", 7)));
  EXPECT_FALSE(clients.client_of(now, NodeId{77}));
}

TEST_F(ClientNidsTest, HashedWhereItCannotBe) {
  clients.reserve(NodeId{0x77});
  ASSERT_EQ(nid_of(eid("2001:db8:c11::5")), NodeId{5});
  const NodeId other_half = nid_of(eid("2001:db8:c12::5")), tenant = nid_of(eid("2001:db8:c11::5", 7));
  const NodeId ipv4 = nid_of(eid("10.9.0.5"));
  ClientNids more{hasher, 2};
  more.reserve(NodeId{0x77});
  std::set<NodeId> all{NodeId{5}, other_half, tenant, ipv4};
  for (const char* no_nid : {"2001:db8:c11::", "2001:db8:c11:0:fdff:ffff:ffff:ff80",
                             "2001:db8:c11:0:200:5eff:fe00:5213", "2001:db8:c11::77"})
    all.insert(more.take(now, eid(no_nid)).value().nid);
  EXPECT_EQ(all.size(), 8u) << "all different";
  for (const NodeId nid : all) EXPECT_EQ(nid.bits & std::uint64_t{3} << 56, 0u) << "group and universal bits";

  ClientNids elsewhere{hasher, 99};
  EXPECT_NE(elsewhere.take(now, eid("2001:db8:c11::6"), NodeId{6}).value().nid, NodeId{6})
      << "that of whom it speaks to";

  // Another gateway comes to the same ones.
  EXPECT_EQ(elsewhere.take(now, eid("10.9.0.5")).value().nid, ipv4);
  const NodeId taken = more.take(now, eid("10.9.0.6")).value().nid;
  ClientNids crowded{hasher, 3};
  crowded.reserve(taken);
  EXPECT_NE(crowded.take(now, eid("10.9.0.6")).value().nid, taken) << "the counter";
}

TEST_F(ClientNidsTest, WhatIsHashed) {
  // SHA-256 is the caller's; here the octets that go into it.
  struct Listening : Hasher {
    ByteVector heard;
    Digest sha256(Bytes message) override {
      heard.assign(message.begin(), message.end());
      return Digest{0xff, 2, 3, 4, 5, 6, 7, 8, 9};
    }
  } listening;
  ClientNids nids{listening, 1};
  EXPECT_EQ(nids.take(now, eid("10.9.0.5", 0x123456)).value().nid, NodeId{0xfc02'0304'0506'0708});
  EXPECT_EQ(listening.heard,
            (ByteVector{'i', 'l', 'n', 'p', '-', 'g', 'w', 0, 0x12, 0x34, 0x56, 0, 1, 10, 9, 0, 5, 0, 0, 0, 0}));
}

TEST_F(ClientNidsTest, SilentClientsMakeRoom) {
  const NodeId first = nid_of(eid("2001:db8::1"));
  now += seconds{1};
  for (const char* more : {"2001:db8::2", "2001:db8::3", "2001:db8::4"}) nid_of(eid(more));
  now += seconds{598};
  EXPECT_FALSE(clients.take(now, eid("2001:db8::5"))) << "all of them speak";
  clients.client_of(now, first);  // is spoken to
  now += seconds{2};
  const auto fifth = clients.take(now, eid("2001:db8::5")).value();
  EXPECT_EQ(fifth.retired, NodeId{2});
  EXPECT_EQ(clients.size(), 4u);
  EXPECT_FALSE(clients.client_of(now, NodeId{2}));
  EXPECT_FALSE(clients.find(eid("2001:db8::2")));
  EXPECT_EQ(clients.find(eid("2001:db8::1")), first);
  ClientNids none{hasher, 1, 0};
  EXPECT_FALSE(none.take(now, eid("2001:db8::1")));
}

TEST_F(ClientNidsTest, StateFile) {
  const lisp::Eid first = eid("2001:db8:c11::5"), second = eid("10.9.0.5", 7), third = eid("2001:db8:c12::5");
  const std::vector<NodeId> nids{nid_of(first), nid_of(second), nid_of(third)};
  const ByteVector saved = clients.save();
  ClientNids again{hasher, 9, 4, seconds{600}};
  EXPECT_EQ(again.restore(now, saved), nids);
  EXPECT_EQ(again.find(third), nids[2]) << "whoever comes first now";
  EXPECT_EQ(again.client_of(now, nids[1]), second);
  for (std::size_t length = 0; length < saved.size(); ++length) {
    ClientNids cut{hasher, 9};
    EXPECT_EQ(cut.restore(now, Bytes{saved}.first(length)).size(), length < 30 ? 0u : length < 47 ? 1u : 2u) << length;
  }
  ClientNids small{hasher, 9, 2};
  EXPECT_EQ(small.restore(now, saved).size(), 2u);
  ClientNids taken{hasher, 9};
  taken.reserve(nids[0]);
  EXPECT_EQ(taken.restore(now, saved).size(), 2u);
  ByteVector damaged = saved;
  damaged[5] = 5;
  EXPECT_TRUE(ClientNids(hasher, 9).restore(now, damaged).empty()) << "no address has five octets";
  damaged[0] = 2;
  EXPECT_TRUE(ClientNids(hasher, 9).restore(now, damaged).empty()) << "another version";
}

}  // namespace
