// SPDX-License-Identifier: Apache-2.0
// What the other gateways of the group told last, for a gateway that stands by. Secret: what is let go of is wiped.
#pragma once

#include <array>
#include <map>
#include <utility>

#include "core/base/time.h"
#include "io/group/group_frames.h"

namespace ilnp {

class GroupCopies {
 public:
  struct Copy {
    GroupMember of;
    TimePoint at{};  ///< when it came
    ByteVector content;
  };
  GroupCopies() = default;
  ~GroupCopies();
  GroupCopies(const GroupCopies&) = delete;
  GroupCopies& operator=(const GroupCopies&) = delete;

  /// In place of what this member told of the part before. Of too many members the one that told longest ago goes.
  void keep(TimePoint now, const GroupMember& of, GroupPart part, ByteVector content);
  /// Of all members of that site the one that came last: theirs was the gateway until now. nullptr: none.
  const Copy* newest(GroupPart part, std::uint64_t site) const;
  /// f(const Copy&)
  template <class F>
  void for_each(GroupPart part, F&& f) const {
    for (const auto& [key, copy] : copies_)
      if (key.second == part) f(copy);
  }
  void clear();

 private:
  void forget_oldest();

  using Key = std::pair<std::array<std::uint8_t, 16>, GroupPart>;
  std::map<Key, Copy> copies_;
};

}  // namespace ilnp
