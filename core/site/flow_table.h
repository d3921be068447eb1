// SPDX-License-Identifier: Apache-2.0
// By which names each flow goes, so that it stays there: a correspondent that knows plain IPv6 only would not recognise
// packets from another locator, and its first packet says by which locator it wants its answers.
#pragma once

#include <optional>

#include "core/ilnp/checksum_mode.h"
#include "core/site/answered_table.h"
#include "core/site/uplinks.h"

namespace ilnp {

struct FlowKey {
  NodeId inside;
  Address outside;
  std::uint16_t inside_port = 0, outside_port = 0;  ///< ICMPv6 Echo: the identifier, inside
  std::uint8_t protocol = 0;  ///< next_header::fragment: fragments of the pair, which have no ports
  bool operator==(const FlowKey&) const = default;
};

/// Of a flow that has not left by any yet.
inline constexpr UplinkId no_uplink = 0xff;

/// One line of the processor's caches.
struct alignas(64) Flow {
  FlowKey key;
  UplinkId uplink = no_uplink;
  bool answered = false;                 ///< a node inside has sent
  std::optional<ChecksumMode> checksum;  ///< once a packet with a nonce has shown it
  TimePoint last_seen{};
  bool is_foreign = false;  ///< by the names of another site, which was the node's home; `uplink` means nothing
  bool is_ilnp = false;     ///< its ends are watched (watched_sessions.h)
  bool used = false;
};
static_assert(sizeof(Flow) == 64);

class FlowTable : public AnsweredTable<Flow> {
 public:
  FlowTable(std::uint64_t hash_seed, std::size_t flows) : AnsweredTable{flows}, seed_{hash_seed} {}
  /// The seed must be the one that the memory was filled with.
  FlowTable(std::uint64_t hash_seed, std::span<Flow> memory) : AnsweredTable{memory}, seed_{hash_seed} {}

  std::uint64_t hash(const FlowKey& key) const;

 private:
  std::uint64_t seed_;
};

}  // namespace ilnp
