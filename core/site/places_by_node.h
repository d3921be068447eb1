// SPDX-License-Identifier: Apache-2.0
// Which places of a table are a node's: chains through the places, so that a change of one node need not look at the
// whole table.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "core/ipv6/address.h"

namespace ilnp {

class PlacesByNode {
 public:
  explicit PlacesByNode(std::size_t places) : links_(places) {}

  /// Precondition: the place is nobody's.
  void add(NodeId node, std::uint32_t place) {
    const auto [first, is_only] = first_.try_emplace(node, place);
    links_[place] = {none, is_only ? none : first->second};
    if (is_only) return;
    links_[first->second].before = place;
    first->second = place;
  }

  /// Precondition: the place is that node's.
  void remove(NodeId node, std::uint32_t place) {
    const Link link = links_[place];
    if (link.after != none) links_[link.after].before = link.before;
    if (link.before != none)
      links_[link.before].after = link.after;
    else if (link.after != none)
      first_[node] = link.after;
    else
      first_.erase(node);
  }

  /// `f` changes nothing here.
  template <class F>
  void for_each(NodeId node, F&& f) const {
    const auto first = first_.find(node);
    if (first == first_.end()) return;
    for (std::uint32_t place = first->second; place != none; place = links_[place].after) f(place);
  }

 private:
  static constexpr std::uint32_t none = ~std::uint32_t{0};
  struct Link {
    std::uint32_t before = none, after = none;
  };

  std::vector<Link> links_;                ///< by place
  std::map<NodeId, std::uint32_t> first_;  ///< no hash table: strangers choose NIDs
};

}  // namespace ilnp
