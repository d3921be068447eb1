// SPDX-License-Identifier: Apache-2.0
// What the gateways of a group say to each other, octet for octet (docs/protocol/lisp.md). No sockets here.
//
//   frame := length(4, of what follows)  kind(1)  content
//   kind 1, hello: version(2)  name length(1)  name  xTR-ID(16)  Site-ID(8); the first frame, and only that
//   kind 2, alive: nothing
//   kind 3, part:  which(1)  content
//
// A reader that meets a newer version skips parts that it does not know, and what a newer hello has at its end.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "io/group/group_settings.h"

namespace ilnp {

inline constexpr std::uint16_t group_version = 1;
inline constexpr std::size_t max_group_part = 64 << 20;  ///< octets

/// A gateway of the group.
struct GroupMember {
  std::string name;
  std::array<std::uint8_t, 16> xtr{};
  std::uint64_t site = 0;
  bool operator==(const GroupMember&) const = default;
};

/// What a gateway keeps with the others for the time after its end. Each part is whole: it replaces the one before.
enum class GroupPart : std::uint8_t { sessions = 1, presences = 2, clients = 3 };
inline constexpr std::size_t group_parts = 3;
constexpr std::size_t index_of(GroupPart part) { return static_cast<std::size_t>(part) - 1; }
const char* name_of(GroupPart part);

struct GroupAlive {};
struct GroupPartContent {
  GroupPart part;
  ByteVector content;
};
using GroupFrame = std::variant<GroupMember, GroupAlive, GroupPartContent>;

/// Why nothing more is read from a connection.
enum class GroupFrameError : std::uint8_t { bad_length, unknown_kind, no_hello, second_hello, bad_hello };
const char* explain(GroupFrameError problem);

/// Reads what one connection brings, in pieces of any size. Memory grows with what has come, not with what was
/// announced, and what is let go of is wiped: parts hold secrets.
class GroupFrames {
 public:
  GroupFrames() = default;
  ~GroupFrames();
  GroupFrames(const GroupFrames&) = delete;
  GroupFrames& operator=(const GroupFrames&) = delete;

  /// Takes octets from the front of `in` up to the end of a frame; nothing: `in` is used up. After an error the reader
  /// is of no more use.
  Result<std::optional<GroupFrame>, GroupFrameError> take(Bytes& in);
  /// Parts that this version does not know.
  std::uint64_t unknown_parts() const { return unknown_parts_; }
  /// Octets of memory for a frame that is not whole yet.
  std::size_t memory() const { return content_.capacity(); }

 private:
  Result<std::optional<GroupFrame>, GroupFrameError> take_one(Bytes& in);
  std::optional<GroupFrameError> read_head();
  void append(Bytes octets);
  Result<std::optional<GroupFrame>, GroupFrameError> finish();

  std::array<std::uint8_t, 6> head_{};  ///< length, kind, and of a part which one
  std::size_t head_has_ = 0;
  bool is_in_content_ = false, has_hello_ = false;
  std::size_t left_ = 0;  ///< octets of the content that are still to come
  ByteVector content_;
  std::uint64_t unknown_parts_ = 0;
};

/// `member.name` is a group name.
ByteVector group_hello(const GroupMember& member);
inline constexpr std::array<std::uint8_t, 5> group_alive{0, 0, 0, 1, 2};
/// What goes before the content, at most max_group_part octets, of a part.
std::array<std::uint8_t, 6> group_part_head(GroupPart part, std::size_t octets);

}  // namespace ilnp
