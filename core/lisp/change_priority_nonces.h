// SPDX-License-Identifier: Apache-2.0
// Which authenticated Change-Priority messages are new. Messages about different EIDs may overtake each other, so each
// EID has its own last nonce; for EIDs without one a floor holds, a minute below the highest nonce of the sender
// (nonces are microseconds). It is kept on disk, so that a restart does not open the door to old messages.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>

#include "core/base/bounded_map.h"
#include "core/lisp/messages.h"

namespace ilnp::lisp {

class ChangePriorityNonces {
 public:
  enum class Freshness : std::uint8_t {
    fresh,
    duplicate,  ///< the last one, once more: to be acknowledged again
    replay,
  };
  struct Sender {
    XtrIdentity xtr;
    std::uint8_t key = 0;
    auto operator<=>(const Sender&) const = default;
  };
  static constexpr std::uint64_t floor_distance = 60'000'000;
  static constexpr std::size_t most_eids = 100'000, most_senders = 10'000;

  Freshness check(const Sender& sender, const EidPrefix& eid, std::uint64_t nonce) const {
    if (const std::uint64_t* last = last_.find({sender, eid}))
      return nonce > *last ? Freshness::fresh : nonce == *last ? Freshness::duplicate : Freshness::replay;
    const std::uint64_t* highest = highest_.find(sender);
    return highest == nullptr || nonce + floor_distance > *highest ? Freshness::fresh : Freshness::replay;
  }
  /// The message was obeyed.
  void accept(const Sender& sender, const EidPrefix& eid, std::uint64_t nonce) {
    last_.put({sender, eid}, nonce);
    restore(sender, nonce);
  }

  /// The highest nonce of a sender: for the disk, and back from it. 0: never heard.
  std::uint64_t highest(const Sender& sender) const {
    const std::uint64_t* highest = highest_.find(sender);
    return highest == nullptr ? 0 : *highest;
  }
  void restore(const Sender& sender, std::uint64_t nonce) { highest_.put(sender, std::max(nonce, highest(sender))); }

 private:
  BoundedMap<std::pair<Sender, EidPrefix>, std::uint64_t> last_{most_eids};
  BoundedMap<Sender, std::uint64_t> highest_{most_senders};
};

}  // namespace ilnp::lisp
