// SPDX-License-Identifier: Apache-2.0
#include "core/lisp/xtr_peers.h"

#include <algorithm>

namespace ilnp::lisp {

ChangePeers::ChangePeers(const std::vector<XtrPeer>& peers, bool tells_clients)
    : peers_{peers}, tells_clients_{tells_clients} {
  for (const XtrPeer& peer : peers_) {
    for (const IpAddress& address : peer.addresses) by_address_.try_emplace(address, &peer);
    by_identity_.emplace(peer.identity, &peer);
  }
}

const XtrPeer* ChangePeers::find(const IpAddress& address) const {
  const auto found = by_address_.find(address);
  return found == by_address_.end() ? nullptr : found->second;
}

std::vector<const XtrPeer*> ChangePeers::candidates(const IpAddress& from, const SealedMessage& sealed) const {
  std::vector<const XtrPeer*> found;
  const auto consider = [&](const XtrPeer& peer) {
    const bool is_new = std::ranges::find(found, &peer) == found.end();
    if (is_new && find_secret(peer.secrets, sealed.key()) != nullptr) found.push_back(&peer);
  };
  const XtrIdentity said = sealed.sender().value_or(XtrIdentity{});
  const XtrPeer* neighbour = find(from);
  if (neighbour != nullptr && (neighbour->identity == XtrIdentity{} || neighbour->identity == said))
    consider(*neighbour);
  for (const XtrIdentity& identity : {said, XtrIdentity{}}) {
    const auto [begin, end] = by_identity_.equal_range(identity);
    for (auto at = begin; at != end && found.size() < most_candidates; ++at) consider(*at->second);
  }
  return found;
}

std::string ChangePeers::name_of(const XtrIdentity& identity) const {
  const auto found = std::ranges::find(peers_, identity, &XtrPeer::identity);
  return found == peers_.end() ? "?" : found->name;
}

Capability ChangePeers::capability_of(const IpAddress& rloc) const {
  const XtrPeer* peer = tells_clients_ ? find(rloc) : nullptr;
  if (peer == nullptr) return Capability::unknown;
  if (peer->raw == RawChangePriority::thesis && raw_change_secret(*peer) != nullptr)
    return Capability::raw_change_priority;
  if (peer->raw == RawChangePriority::off && change_secret(*peer) != nullptr) return Capability::change_priority;
  return Capability::unknown;  // clients of OpenLISP know Solicit-Map-Requests only
}

std::vector<const XtrPeer*> ChangePeers::owners_of(const MappingRecord& record) const {
  std::vector<const XtrPeer*> owners;
  for (const RlocRecord& rloc : record.rlocs) {
    const XtrPeer* peer = find(rloc.address);
    if (peer != nullptr && std::ranges::find(owners, peer) == owners.end()) owners.push_back(peer);
  }
  return owners.empty() ? gateways() : owners;
}

std::vector<const XtrPeer*> ChangePeers::former_owners(const MappingRecord& record) const {
  std::vector<const XtrPeer*> found = owners_of(record);
  for (const XtrPeer* gateway : gateways())
    if (std::ranges::find(found, gateway) == found.end()) found.push_back(gateway);
  return found;
}

std::vector<const XtrPeer*> ChangePeers::gateways() const {
  std::vector<const XtrPeer*> found;
  for (const XtrPeer& peer : peers_)
    if (peer.is_gateway) found.push_back(&peer);
  return found;
}

bool is_in_scope(const XtrPeer& peer, const EidPrefix& eid) {
  return std::ranges::any_of(peer.scope, [&](const EidPrefix& scope) { return scope.contains(eid); });
}

bool is_in_scope(const XtrPeer& peer, const std::vector<MappingRecord>& records) {
  return std::ranges::all_of(records, [&](const MappingRecord& record) { return is_in_scope(peer, record.eid); });
}

bool owns(const XtrPeer& peer, const IpAddress& rloc) {
  return std::ranges::find(peer.addresses, rloc) != peer.addresses.end();
}

const Secret* change_secret(const XtrPeer& peer) {
  const auto found =
      std::ranges::find_if(peer.secrets, [](const Secret& s) { return s.name.algorithm != algorithm::hmac_sha1; });
  return found == peer.secrets.end() ? nullptr : &*found;
}

const Secret* raw_change_secret(const XtrPeer& peer) {
  return find_secret(peer.secrets, KeyName{0, algorithm::hmac_sha1});
}

}  // namespace ilnp::lisp
