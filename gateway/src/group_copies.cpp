// SPDX-License-Identifier: Apache-2.0
#include "gateway/src/group_copies.h"

#include "io/crypto/crypto.h"

namespace ilnp {

GroupCopies::~GroupCopies() { clear(); }

void GroupCopies::keep(TimePoint now, const GroupMember& of, GroupPart part, ByteVector content) {
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

void GroupCopies::clear() {
  for (auto& [key, copy] : copies_) wipe(copy.content);
  copies_.clear();
}

}  // namespace ilnp
