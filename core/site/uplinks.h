// SPDX-License-Identifier: Apache-2.0
// Which uplink a flow leaves by (RFC 6748 section 4: site multihoming and traffic engineering without provider
// support).
//
// Among the uplinks that are usable, those of the best (lowest) preference share the flows by weight; a policy rule may
// name others first. The choice is a weighted rendezvous hash of the flow: when an uplink goes, only its own flows
// move, and all border routers of a site choose alike. That a flow stays where it is when an uplink comes back is the
// flow table's doing.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/site/subnet_map.h"

namespace ilnp {

enum class UplinkState : std::uint8_t {
  up,       ///< carries traffic. Evidence of trouble -> suspect; link gone -> down
  suspect,  ///< carries the flows that it has, gets no new ones while another is up. Proof -> up; too many misses ->
            ///< down
  down,     ///< carries nothing. Proofs enough in a row -> up
};

struct Uplink {
  bool configured = false;
  UplinkState state = UplinkState::down;
  std::uint16_t preference = 10;  ///< lower is better
  std::uint16_t weight = 1;       ///< share of the flows among equals, 1..65535
  std::size_t mtu = 1500;         ///< octets
};

/// What a policy may look at. Zero ports: the protocol has none, or the packet is a later fragment.
struct FlowProperties {
  Address inside;  ///< in inside form
  Address outside;
  std::uint8_t protocol = 0;
  std::uint16_t inside_port = 0, outside_port = 0;
  std::uint8_t dscp = 0;
};

/// Unset fields match everything.
struct PolicyRule {
  std::optional<LocatorPrefix> inside, outside;
  std::optional<NodeId> inside_nid, outside_nid;
  std::optional<std::uint8_t> protocol, dscp;
  std::optional<std::uint16_t> outside_port;
  std::vector<UplinkId> uplinks;  ///< in the order of preference
  bool strict = false;            ///< no other uplink will do

  bool matches(const FlowProperties& flow) const;
};

class Uplinks {
 public:
  static constexpr std::size_t max_rules = 256;

  Uplink& operator[](UplinkId id) { return uplinks_[id]; }
  const Uplink& operator[](UplinkId id) const { return uplinks_[id]; }
  std::vector<PolicyRule>& policy() { return policy_; }

  bool is_usable(UplinkId id) const {
    return id < max_uplinks && uplinks_[id].configured && uplinks_[id].state != UplinkState::down;
  }
  /// Nothing: no uplink is usable, or the policy allows none of those that are.
  std::optional<UplinkId> choose(const FlowProperties& flow, std::uint64_t flow_hash) const;
  /// Another one works and has a better preference.
  bool has_better(UplinkId id) const;
  /// May the flow stay with this uplink?
  bool allows(const FlowProperties& flow, UplinkId id) const;

 private:
  const PolicyRule* rule_for(const FlowProperties& flow) const;
  std::optional<UplinkId> best(std::uint64_t flow_hash, UplinkState worst) const;

  std::array<Uplink, max_uplinks> uplinks_{};
  std::vector<PolicyRule> policy_;
};

}  // namespace ilnp
