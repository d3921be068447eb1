// SPDX-License-Identifier: Apache-2.0
// The names: what each node has published. Publication and look-up take time, so an answer can be out of date.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/forwarding/host_forwarder.h"

namespace ilnp::sim {

struct Directory {
  struct Entry {
    NodeId nid;
    std::vector<ResolvedLocator> locators;
  };
  Duration lookup_delay = milliseconds{20};        ///< one way to the server is half of it
  Duration publication_delay = milliseconds{300};  ///< from a change of the locators to its being visible
  bool reachable = true;

  void publish(const std::string& name, Entry entry) { entries_[name] = std::move(entry); }
  std::optional<Entry> find(const std::string& name) const {
    const auto it = entries_.find(name);
    return it == entries_.end() ? std::nullopt : std::optional{it->second};
  }
  /// The reverse name of an identity address.
  std::string name_of(NodeId nid) const {
    for (const auto& [name, entry] : entries_)
      if (entry.nid == nid) return name;
    return {};
  }

 private:
  std::map<std::string, Entry> entries_;
};

}  // namespace ilnp::sim
