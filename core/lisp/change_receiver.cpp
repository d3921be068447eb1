// SPDX-License-Identifier: Apache-2.0
#include "core/lisp/change_receiver.h"

#include <algorithm>

namespace ilnp::lisp {

ChangeReceiver::Verdict ChangeReceiver::check(const ChangePriority& message) const {
  const Sender sender{message.sender, message.key.key};
  const auto known = highest_.find(sender);
  if (known == highest_.end() && highest_.size() >= most_senders_) return Verdict::stranger;
  const std::uint64_t highest = known == highest_.end() ? 0 : known->second;
  bool is_duplicate = true;
  for (const MappingRecord& record : message.records) {
    const std::uint64_t* last = last_.find({sender, record.eid});
    is_duplicate &= last != nullptr && message.nonce == *last;
    if (last != nullptr ? message.nonce < *last : message.nonce + floor_below <= highest) return Verdict::replay;
  }
  return is_duplicate ? Verdict::duplicate : Verdict::fresh;
}

void ChangeReceiver::accept(const ChangePriority& message) {
  const Sender sender{message.sender, message.key.key};
  for (const MappingRecord& record : message.records) last_.put({sender, record.eid}, message.nonce);
  std::uint64_t& highest = highest_[sender];
  highest = std::max(highest, message.nonce);
}

}  // namespace ilnp::lisp
