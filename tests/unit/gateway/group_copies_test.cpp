// SPDX-License-Identifier: Apache-2.0
#include "gateway/src/group_copies.h"

#include <gtest/gtest.h>

#include <vector>

namespace ilnp {
namespace {

GroupMember member(std::uint8_t number, std::uint64_t site) {
  GroupMember out{"g" + std::to_string(number), {}, site};
  out.xtr.fill(number);
  return out;
}
TimePoint at(int second) { return TimePoint{seconds{second}}; }

TEST(GroupCopies, NewestOfTheSiteIsWhoseGatewayItWas) {
  GroupCopies copies;
  EXPECT_EQ(copies.newest(GroupPart::sessions, 1), nullptr);
  copies.keep(at(1), member(1, 1), GroupPart::sessions, {1});
  copies.keep(at(5), member(2, 1), GroupPart::sessions, {2});
  copies.keep(at(9), member(3, 2), GroupPart::sessions, {3});
  copies.keep(at(9), member(1, 1), GroupPart::clients, {4});
  ASSERT_NE(copies.newest(GroupPart::sessions, 1), nullptr);
  EXPECT_EQ(copies.newest(GroupPart::sessions, 1)->content, ByteVector{2});
  EXPECT_EQ(copies.newest(GroupPart::sessions, 1)->of.name, "g2");
  EXPECT_EQ(copies.newest(GroupPart::sessions, 2)->content, ByteVector{3});
  copies.keep(at(10), member(1, 1), GroupPart::sessions, {5});
  EXPECT_EQ(copies.newest(GroupPart::sessions, 1)->content, ByteVector{5});
  EXPECT_EQ(copies.newest(GroupPart::sessions, 1)->at, at(10));
  EXPECT_EQ(copies.newest(GroupPart::presences, 1), nullptr);
}

TEST(GroupCopies, OneOfEachMemberAndPart) {
  GroupCopies copies;
  for (int i = 0; i < 3; ++i) copies.keep(at(i), member(1, 1), GroupPart::clients, {static_cast<std::uint8_t>(i)});
  copies.keep(at(4), member(2, 1), GroupPart::clients, {9});
  std::vector<ByteVector> found;
  copies.for_each(GroupPart::clients, [&](const GroupCopies::Copy& copy) { found.push_back(copy.content); });
  EXPECT_EQ(found, (std::vector<ByteVector>{{2}, {9}}));
  copies.clear();
  EXPECT_EQ(copies.newest(GroupPart::clients, 1), nullptr);
}

TEST(GroupCopies, Bounded) {
  GroupCopies copies;
  for (std::uint8_t i = 0; i < 200; ++i) copies.keep(at(i), member(i, 1), GroupPart::sessions, {i});
  std::size_t kept = 0;
  copies.for_each(GroupPart::sessions, [&](const GroupCopies::Copy& copy) {
    ++kept;
    EXPECT_GE(copy.at, at(200 - 48)) << "the oldest went";
  });
  EXPECT_EQ(kept, 48u);
}

}  // namespace
}  // namespace ilnp
