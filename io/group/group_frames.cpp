// SPDX-License-Identifier: Apache-2.0
#include "io/group/group_frames.h"

#include <algorithm>

#include "io/crypto/crypto.h"

namespace ilnp {
namespace {

enum class Kind : std::uint8_t { hello = 1, alive = 2, part = 3 };

constexpr std::size_t max_name = 255;
constexpr std::size_t max_hello = 1024;  ///< octets, those of newer versions included
constexpr std::size_t first_growth = 4096;

bool is_known(std::uint8_t part) { return part >= 1 && part <= group_parts; }

Result<GroupFrame, GroupFrameError> read_hello(Bytes content) {
  ByteReader in{content};
  const std::uint16_t version = in.u16();
  const Bytes name = in.take(in.u8());
  GroupMember member{{name.begin(), name.end()}};
  const Bytes xtr = in.take(member.xtr.size());
  member.site = in.u64();
  const bool is_right_length = in.ok() && (version > group_version || in.empty());
  if (!is_right_length || version == 0 || !is_group_name(member.name)) return GroupFrameError::bad_hello;
  std::copy(xtr.begin(), xtr.end(), member.xtr.begin());
  return GroupFrame{std::move(member)};
}

}  // namespace

bool is_group_name(std::string_view name) {
  const auto is_printable = [](char c) { return c >= 0x20 && c < 0x7f; };
  return !name.empty() && name.size() <= max_name && std::all_of(name.begin(), name.end(), is_printable);
}

const char* name_of(GroupPart part) {
  constexpr const char* names[] = {"sessions", "presences", "clients"};
  return names[index_of(part)];
}

const char* explain(GroupFrameError problem) {
  constexpr const char* words[] = {"a frame of a length that it cannot have", "a frame of an unknown kind",
                                   "its first frame is no hello", "a second hello", "a hello that makes no sense"};
  return words[static_cast<int>(problem)];
}

GroupFrames::~GroupFrames() { wipe(content_); }

Result<std::optional<GroupFrame>, GroupFrameError> GroupFrames::take(Bytes& in) {
  for (;;) {
    auto taken = take_one(in);
    if (!taken || taken.value() || in.empty()) return taken;
  }
}

/// Nothing: `in` is used up, or the frame was one that is skipped.
Result<std::optional<GroupFrame>, GroupFrameError> GroupFrames::take_one(Bytes& in) {
  while (!is_in_content_) {
    const std::size_t wanted = head_has_ < 5 ? 5 : 6;
    const Bytes piece = in.first(std::min(wanted - head_has_, in.size()));
    std::copy(piece.begin(), piece.end(), head_.begin() + static_cast<std::ptrdiff_t>(head_has_));
    in = in.subspan(piece.size());
    head_has_ += piece.size();
    if (head_has_ < wanted) return std::nullopt;
    if (const auto problem = read_head()) return *problem;
  }
  const Bytes piece = in.first(std::min(left_, in.size()));
  in = in.subspan(piece.size());
  left_ -= piece.size();
  const bool is_skipped = head_has_ == 6 && !is_known(head_[5]);
  if (!is_skipped) append(piece);
  if (left_ != 0) return std::nullopt;
  return finish();
}

/// With five octets, or with all six.
std::optional<GroupFrameError> GroupFrames::read_head() {
  const std::size_t length = load_u32(head_.data());
  const auto kind = static_cast<Kind>(head_[4]);
  if (kind != Kind::hello && !has_hello_) return GroupFrameError::no_hello;
  switch (kind) {
    case Kind::hello:
      if (has_hello_) return GroupFrameError::second_hello;
      if (length < 1 || length > 1 + max_hello) return GroupFrameError::bad_length;
      break;
    case Kind::alive:
      if (length != 1) return GroupFrameError::bad_length;
      break;
    case Kind::part:
      if (length < 2 || length > 2 + max_group_part) return GroupFrameError::bad_length;
      if (head_has_ == 5) return std::nullopt;
      break;
    default:
      return GroupFrameError::unknown_kind;
  }
  left_ = length - (head_has_ - 4);
  is_in_content_ = true;
  return std::nullopt;
}

/// Grows by doubling as vectors do, but leaves no copy behind, and never takes more than the frame needs.
void GroupFrames::append(Bytes octets) {
  const std::size_t needed = content_.size() + octets.size();
  if (needed > content_.capacity()) {
    ByteVector larger;
    larger.reserve(std::min(needed + left_, std::max({needed, 2 * content_.capacity(), first_growth})));
    larger.assign(content_.begin(), content_.end());
    wipe(content_);
    content_.swap(larger);
  }
  content_.insert(content_.end(), octets.begin(), octets.end());
}

Result<std::optional<GroupFrame>, GroupFrameError> GroupFrames::finish() {
  is_in_content_ = false;
  head_has_ = 0;
  ByteVector content = std::exchange(content_, {});
  switch (static_cast<Kind>(head_[4])) {
    case Kind::hello: {
      auto hello = read_hello(content);
      if (!hello) return hello.error();
      has_hello_ = true;
      return std::optional{std::move(hello.value())};
    }
    case Kind::alive:
      return std::optional<GroupFrame>{GroupAlive{}};
    case Kind::part:
      break;
  }
  if (is_known(head_[5]))
    return std::optional<GroupFrame>{GroupPartContent{static_cast<GroupPart>(head_[5]), std::move(content)}};
  ++unknown_parts_;
  return std::optional<GroupFrame>{};
}

ByteVector group_hello(const GroupMember& member) {
  ByteVector frame;
  ByteWriter out{frame};
  const auto name = static_cast<std::uint8_t>(member.name.size());
  out.u32(1 + 2 + 1 + std::uint32_t{name} + 16 + 8);
  out.u8(static_cast<std::uint8_t>(Kind::hello));
  out.u16(group_version);
  out.u8(name);
  for (const char c : member.name) out.u8(static_cast<std::uint8_t>(c));
  out.bytes(member.xtr);
  out.u64(member.site);
  return frame;
}

std::array<std::uint8_t, 6> group_part_head(GroupPart part, std::size_t octets) {
  std::array<std::uint8_t, 6> head{};
  store_u32(head.data(), static_cast<std::uint32_t>(octets + 2));
  head[4] = static_cast<std::uint8_t>(Kind::part);
  head[5] = static_cast<std::uint8_t>(part);
  return head;
}

}  // namespace ilnp
