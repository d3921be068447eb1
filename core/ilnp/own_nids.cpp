// SPDX-License-Identifier: Apache-2.0
#include "core/ilnp/own_nids.h"

#include <algorithm>

namespace ilnp {

void OwnNids::add(NodeId nid) {
  node_.push_back(nid);
  many_.insert(nid);
}

void OwnNids::remove(NodeId nid) {
  std::erase(node_, nid);
  many_.erase(nid);
}

bool OwnNids::provision(NodeId nid) {
  if (nid == NodeId{} || nid == client || contains(nid) || peers_.contains(nid)) return false;
  if (users_.size() >= max_ephemeral) return false;
  const bool spare_is_wanted = spare_ == NodeId{} || (spare_is_known_ && users_[spare_] == 0);
  users_[nid] = 0;
  if (spare_is_wanted)
    replace_spare(nid);
  else
    ready_.push_back(nid);
  return true;
}

void OwnNids::replace_spare(NodeId nid) {
  if (spare_ != NodeId{}) users_.erase(spare_);
  spare_ = nid;
  spare_is_known_ = false;
}

std::vector<NodeId> OwnNids::in_use() const {
  std::vector<NodeId> out;
  for (const auto& [nid, users] : users_)
    if (users != 0 || nid == spare_) out.push_back(nid);
  return out;
}

std::optional<NodeId> OwnNids::of_peer(NodeId remote) const {
  const auto known = peers_.find(remote);
  if (known == peers_.end()) return std::nullopt;
  return known->second;
}

std::optional<NodeId> OwnNids::take(NodeId remote) {
  if (const auto known = of_peer(remote)) return known;
  NodeId nid = spare_;
  if (!ready_.empty()) {
    nid = ready_.front();
    ready_.erase(ready_.begin());
  } else if (nid == NodeId{}) {
    return std::nullopt;
  } else {
    spare_is_known_ = true;
    ++shared_;
  }
  peers_[remote] = nid;
  ++users_[nid];
  return nid;
}

bool OwnNids::adopt(NodeId nid, NodeId remote) {
  if (const auto known = of_peer(remote)) return *known == nid;
  if (nid == NodeId{} || nid == client || nid == remote || is_node(nid) || contains(remote) || peers_.contains(nid))
    return false;
  const auto used = users_.find(nid);
  const bool is_unknown = used != users_.end() && used->second == 0;
  if (is_unknown || (used == users_.end() && users_.size() >= max_ephemeral)) return false;
  peers_[remote] = nid;
  ++users_[nid];
  return true;
}

void OwnNids::release(NodeId remote) {
  const auto known = peers_.find(remote);
  if (known == peers_.end()) return;
  const NodeId nid = known->second;
  peers_.erase(known);
  if (--users_[nid] != 0) return;
  if (nid != spare_) {
    users_.erase(nid);
  } else if (!ready_.empty()) {
    const NodeId fresh = ready_.front();
    ready_.erase(ready_.begin());
    replace_spare(fresh);
  }
}

bool OwnNids::withdraw(NodeId nid) {
  const auto known = users_.find(nid);
  if (known == users_.end() || known->second != 0) return false;
  users_.erase(known);
  std::erase(ready_, nid);
  if (nid == spare_) {
    spare_ = ready_.empty() ? NodeId{} : ready_.front();
    spare_is_known_ = false;
    std::erase(ready_, spare_);
  }
  return true;
}

}  // namespace ilnp
