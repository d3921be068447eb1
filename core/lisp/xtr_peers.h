// SPDX-License-Identifier: Apache-2.0
// With whom Change-Priority is spoken: whose key a message may be under, what he may say, and what he tells_clients.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/lisp/xtr_keys.h"

namespace ilnp::lisp {

class ChangePeers {
 public:
  /// Both outlive it. `tells_clients`: Change-Priority is told to clients at all.
  ChangePeers(const std::vector<XtrPeer>& peers, bool tells_clients);

  /// Who has that RLOC; nullptr: nobody that we know.
  const XtrPeer* find(const IpAddress& address) const;
  /// Whose message this can be, the likeliest first: who sends from there, who says to be that, anybody with such a
  /// key.
  std::vector<const XtrPeer*> candidates(const IpAddress& from, const SealedMessage& sealed) const;
  /// "?" when nobody is.
  std::string name_of(const XtrIdentity& identity) const;
  Capability capability_of(const IpAddress& rloc) const;

  /// Those who have an RLOC of the record; where there is none, all gateways.
  std::vector<const XtrPeer*> owners_of(const MappingRecord& record) const;
  /// The same, and all gateways: what is known of a former owner may be out of date.
  std::vector<const XtrPeer*> former_owners(const MappingRecord& record) const;
  std::vector<const XtrPeer*> gateways() const;

 private:
  static constexpr std::size_t most_candidates = 16;
  const std::vector<XtrPeer>& peers_;
  bool tells_clients_;
  // Configured: nobody chooses them.
  std::unordered_map<IpAddress, const XtrPeer*> by_address_;
  std::multimap<XtrIdentity, const XtrPeer*> by_identity_;  ///< zero: those of any
};

/// EIDs that the peer may speak about.
bool is_in_scope(const XtrPeer& peer, const EidPrefix& eid);
bool is_in_scope(const XtrPeer& peer, const std::vector<MappingRecord>& records);
bool owns(const XtrPeer& peer, const IpAddress& rloc);
/// What its messages are authenticated with; nullptr: it has no key that Change-Priority may use.
const Secret* change_secret(const XtrPeer& peer);
/// The same for type 5.
const Secret* raw_change_secret(const XtrPeer& peer);

}  // namespace ilnp::lisp
