// SPDX-License-Identifier: Apache-2.0
#include "gateway/src/group_copies.h"

#include <algorithm>

#include "io/crypto/crypto.h"

namespace ilnp {
namespace {

constexpr std::size_t most = 16 * group_parts;  ///< a gateway that starts anew may be another one each time

}  // namespace

GroupCopies::~GroupCopies() { clear(); }

void GroupCopies::keep(TimePoint now, const GroupMember& of, GroupPart part, ByteVector content) {
  if (!copies_.contains({of.xtr, part}) && copies_.size() >= most) forget_oldest();
  Copy& copy = copies_[{of.xtr, part}];
  wipe(copy.content);
  copy = {of, now, std::move(content)};
}

const GroupCopies::Copy* GroupCopies::newest(GroupPart part, std::uint64_t site) const {
  const Copy* last = nullptr;
  for_each(part, [&](const Copy& copy) {
    if (copy.of.site == site && (last == nullptr || last->at < copy.at)) last = &copy;
  });
  return last;
}

void GroupCopies::forget_oldest() {
  const auto oldest = std::ranges::min_element(copies_, {}, [](const auto& one) { return one.second.at; });
  wipe(oldest->second.content);
  copies_.erase(oldest);
}

void GroupCopies::clear() {
  for (auto& [key, copy] : copies_) wipe(copy.content);
  copies_.clear();
}

}  // namespace ilnp
