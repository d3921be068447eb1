// SPDX-License-Identifier: Apache-2.0
// Nodes whose names somebody uses at this site while the shared truth has them at another one: a clone that was booted
// here, a liar, or one that came without a move. Bounded, because whoever lies may lie in many names.
#pragma once

#include <cstdint>
#include <map>

#include "core/base/time.h"
#include "core/site/ownership.h"

namespace ilnp {

class NodeClaims {
 public:
  static constexpr Duration told_again = seconds{60}, remembered = seconds{300};
  static constexpr std::size_t max_nodes = 256;  ///< further ones are counted only

  /// A sign of a claim. True: it should be told. Each node's once a minute.
  bool note(TimePoint now, const NodeKey& key);
  /// It is here now, or nobody's any more.
  void forget(const NodeKey& key) { claims_.erase(key); }

  std::uint64_t signs() const { return signs_; }
  /// Nodes that were claimed in the last five minutes.
  std::size_t nodes(TimePoint now) const;

 private:
  struct Claim {
    TimePoint told, seen;
  };
  std::map<NodeKey, Claim> claims_;
  std::uint64_t signs_ = 0;
};

}  // namespace ilnp
