// SPDX-License-Identifier: Apache-2.0
#include "io/group/group_frames.h"

#include <gtest/gtest.h>

namespace ilnp {
namespace {

const GroupMember dc1{"dc1 gateway", {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}, 0x1122334455667788};

ByteVector& operator+=(ByteVector& to, Bytes more) {
  to.insert(to.end(), more.begin(), more.end());
  return to;
}
ByteVector part(GroupPart which, Bytes content) {
  const auto head = group_part_head(which, content.size());
  ByteVector out{head.begin(), head.end()};
  return out += content;
}

struct Read {
  std::vector<GroupFrame> frames;
  std::optional<GroupFrameError> problem;
};
/// In pieces of `step` octets.
Read read(GroupFrames& reader, Bytes octets, std::size_t step) {
  Read out;
  while (!octets.empty() && !out.problem) {
    Bytes piece = octets.first(std::min(step, octets.size()));
    octets = octets.subspan(piece.size());
    while (!piece.empty() && !out.problem) {
      auto frame = reader.take(piece);
      if (!frame)
        out.problem = frame.error();
      else if (frame.value())
        out.frames.push_back(std::move(*frame.value()));
    }
  }
  return out;
}
std::optional<GroupFrameError> problem_of(Bytes octets) {
  GroupFrames reader;
  return read(reader, octets, octets.size()).problem;
}
ByteVector after_hello(std::initializer_list<std::uint8_t> octets) {
  ByteVector out = group_hello(dc1);
  return out += ByteVector{octets};
}

TEST(GroupFrames, WhatIsWrittenIsRead) {
  ByteVector octets = group_hello(dc1);
  octets += group_alive;
  octets += part(GroupPart::sessions, ByteVector{7, 8, 9});
  octets += part(GroupPart::clients, {});
  for (const std::size_t step : {std::size_t{1}, std::size_t{2}, std::size_t{5}, octets.size()}) {
    GroupFrames reader;
    const Read got = read(reader, octets, step);
    ASSERT_FALSE(got.problem) << step;
    ASSERT_EQ(got.frames.size(), 4u) << step;
    EXPECT_EQ(std::get<GroupMember>(got.frames[0]), dc1);
    EXPECT_TRUE(std::holds_alternative<GroupAlive>(got.frames[1]));
    EXPECT_EQ(std::get<GroupPartContent>(got.frames[2]).part, GroupPart::sessions);
    EXPECT_EQ(std::get<GroupPartContent>(got.frames[2]).content, (ByteVector{7, 8, 9}));
    EXPECT_EQ(std::get<GroupPartContent>(got.frames[3]).part, GroupPart::clients);
    EXPECT_TRUE(std::get<GroupPartContent>(got.frames[3]).content.empty());
  }
}

TEST(GroupFrames, AsTheyAreOnTheWire) {
  const ByteVector expected{0, 0, 0,  31, 1,  0,  1,  3,  'd', 'c',  '1',  1,    2,    3,    4,    5,    6,   7,
                            8, 9, 10, 11, 12, 13, 14, 15, 16,  0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88};
  EXPECT_EQ(group_hello({"dc1", dc1.xtr, dc1.site}), expected);
  EXPECT_EQ(part(GroupPart::presences, ByteVector{9}), (ByteVector{0, 0, 0, 3, 3, 2, 9}));
}

TEST(GroupFrames, UnknownPartsAreSkippedAndCounted) {
  ByteVector octets = after_hello({0, 0, 0, 2, 3, 4, 0, 0, 0, 5, 3, 0, 1, 2, 3, 0, 0, 0, 3, 3, 255, 1});
  octets += part(GroupPart::presences, ByteVector{1});
  for (const std::size_t step : {std::size_t{1}, octets.size()}) {
    GroupFrames reader;
    const Read got = read(reader, octets, step);
    ASSERT_EQ(got.frames.size(), 2u) << step;
    EXPECT_EQ(std::get<GroupPartContent>(got.frames[1]).part, GroupPart::presences);
    EXPECT_EQ(reader.unknown_parts(), 3u);
  }
}

TEST(GroupFrames, TheFirstFrameIsTheHelloAndNoOther) {
  EXPECT_EQ(problem_of(group_alive), GroupFrameError::no_hello);
  EXPECT_EQ(problem_of(part(GroupPart::sessions, {})), GroupFrameError::no_hello);
  ByteVector twice = group_hello(dc1);
  EXPECT_EQ(problem_of(twice += group_hello(dc1)), GroupFrameError::second_hello);
  EXPECT_EQ(problem_of(ByteVector{'G', 'E', 'T', ' ', '/'}), GroupFrameError::no_hello);
}

TEST(GroupFrames, LengthsHaveBounds) {
  EXPECT_EQ(problem_of(after_hello({0, 0, 0, 0, 2})), GroupFrameError::bad_length) << "without its kind";
  EXPECT_EQ(problem_of(after_hello({0, 0, 0, 2, 2})), GroupFrameError::bad_length) << "alive says nothing";
  EXPECT_EQ(problem_of(after_hello({0, 0, 0, 1, 3})), GroupFrameError::bad_length) << "a part without its number";
  EXPECT_EQ(problem_of(after_hello({4, 0, 0, 2, 3, 1})), std::nullopt) << "64 MiB";
  EXPECT_EQ(problem_of(after_hello({4, 0, 0, 3, 3, 1})), GroupFrameError::bad_length);
  EXPECT_EQ(problem_of(after_hello({4, 0, 0, 3, 3, 99})), GroupFrameError::bad_length) << "skipped ones, too";
  EXPECT_EQ(problem_of(after_hello({255, 255, 255, 255, 3})), GroupFrameError::bad_length);
  EXPECT_EQ(problem_of(ByteVector{0, 0, 4, 2, 1}), GroupFrameError::bad_length) << "a hello of more than 1 KiB";
  EXPECT_EQ(problem_of(ByteVector{0, 0, 0, 0, 1}), GroupFrameError::bad_length);
}

TEST(GroupFrames, MemoryGrowsWithWhatHasCome) {
  GroupFrames reader;
  const auto bound = [](std::size_t come) { return std::max<std::size_t>(4096, 2 * come); };
  ByteVector announced = after_hello({4, 0, 0, 2, 3, 1});  // 64 MiB
  EXPECT_EQ(read(reader, announced, announced.size()).frames.size(), 1u);
  EXPECT_EQ(reader.memory(), 0u);
  std::size_t come = 0;
  for (std::size_t size = 1; come < (1u << 20); size += 1000) {
    ASSERT_FALSE(read(reader, ByteVector(size), size).problem);
    come += size;
    ASSERT_LE(reader.memory(), bound(come)) << come;
    ASSERT_GE(reader.memory(), come);
  }
  GroupFrames skips;
  announced = after_hello({4, 0, 0, 2, 3, 9, 1, 2, 3, 4});
  EXPECT_FALSE(read(skips, announced, announced.size()).problem);
  EXPECT_EQ(skips.memory(), 0u) << "nobody needs what is skipped";
}

TEST(GroupFrames, UnknownKindsAreRefused) {
  EXPECT_EQ(problem_of(after_hello({0, 0, 0, 1, 0})), GroupFrameError::unknown_kind);
  EXPECT_EQ(problem_of(after_hello({0, 0, 0, 1, 4})), GroupFrameError::unknown_kind);
}

TEST(GroupFrames, HellosThatMakeNoSense) {
  const auto changed = [](std::size_t at, std::uint8_t octet) {
    ByteVector hello = group_hello(dc1);
    hello[at] = octet;
    return problem_of(hello);
  };
  EXPECT_EQ(changed(6, 0), GroupFrameError::bad_hello) << "version 0";
  EXPECT_EQ(changed(7, 0), GroupFrameError::bad_hello) << "no name";
  EXPECT_EQ(changed(7, 12), GroupFrameError::bad_hello) << "cut";
  EXPECT_EQ(changed(8, '\n'), GroupFrameError::bad_hello);
  EXPECT_EQ(changed(8, 0xc3), GroupFrameError::bad_hello);
  EXPECT_EQ(changed(8, 'D'), std::nullopt);
}

TEST(GroupFrames, ANewerVersionMaySayMoreInItsHello) {
  ByteVector hello = group_hello(dc1);
  hello[3] += 2;
  hello += ByteVector{1, 2};
  EXPECT_EQ(problem_of(hello), GroupFrameError::bad_hello) << "version 1 does not";
  hello[6] = 2;
  GroupFrames reader;
  const Read got = read(reader, hello, hello.size());
  ASSERT_EQ(got.frames.size(), 1u);
  EXPECT_EQ(std::get<GroupMember>(got.frames[0]), dc1);
}

TEST(GroupFrames, NamesArePrintable) {
  EXPECT_TRUE(is_group_name("a"));
  EXPECT_TRUE(is_group_name(std::string(255, 'a')));
  EXPECT_FALSE(is_group_name(""));
  EXPECT_FALSE(is_group_name(std::string(256, 'a')));
  EXPECT_FALSE(is_group_name("dc\x7f"));
}

}  // namespace
}  // namespace ilnp
