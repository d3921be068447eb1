// SPDX-License-Identifier: Apache-2.0
// Which Change-Priority messages are news. Messages about different EIDs may overtake each other, so the last nonce is
// kept for each (sender, key, EID); a floor for each (sender, key), 60 s below the highest nonce, which is a time,
// stands for EIDs that nothing is kept of. All of them are authenticated before they come here.
#pragma once

#include <cstdint>
#include <map>

#include "core/base/bounded_map.h"
#include "core/lisp/messages.h"

namespace ilnp::lisp {

class ChangeReceiver {
 public:
  enum class Verdict : std::uint8_t {
    fresh,      ///< to be obeyed and acknowledged
    duplicate,  ///< its acknowledgement was lost: acknowledged again, not obeyed
    replay,     ///< neither
    stranger,   ///< one sender more than are kept
  };
  using Sender = std::pair<XtrIdentity, std::uint8_t>;  ///< and the key that it used

  explicit ChangeReceiver(std::size_t most_eids = 100'000, std::size_t most_senders = 1000)
      : last_{most_eids}, most_senders_{most_senders} {}

  /// `message` is no acknowledgement.
  Verdict check(const ChangePriority& message) const;
  /// A fresh message was obeyed: from now on it is a duplicate. Precondition: check() says fresh.
  void accept(const ChangePriority& message);
  /// Both, for what is obeyed whatever it says.
  Verdict on_message(const ChangePriority& message) {
    const Verdict verdict = check(message);
    if (verdict == Verdict::fresh) accept(message);
    return verdict;
  }

  /// The highest nonce of each sender, to survive a restart.
  const std::map<Sender, std::uint64_t>& highest() const { return highest_; }
  void restore(std::map<Sender, std::uint64_t> highest) { highest_ = std::move(highest); }

 private:
  static constexpr std::uint64_t floor_below = 60'000'000;  ///< microseconds

  BoundedMap<std::pair<Sender, EidPrefix>, std::uint64_t> last_;
  std::map<Sender, std::uint64_t> highest_;
  std::size_t most_senders_;
};

}  // namespace ilnp::lisp
