// SPDX-License-Identifier: Apache-2.0
// Flows with correspondents that know plain IPv6 only: by which of our locators each goes, because such a correspondent
// would not recognise packets from another one. When that locator is gone another one is as good: only a border router
// can make the correspondent not notice, and it does for any.
#pragma once

#include <cstdint>
#include <vector>

#include "core/ilnp/correspondent.h"
#include "core/ilnp/error_translation.h"
#include "core/ipv6/header_walk.h"
#include "core/ipv6/packet.h"
#include "core/site/answered_table.h"

namespace ilnp {

struct IpOnlyKey {
  Address remote;
  NodeId local;
  std::uint16_t local_port = 0, remote_port = 0;  ///< ICMPv6 Echo: the identifier, local
  std::uint8_t protocol = 0;
  bool operator==(const IpOnlyKey&) const = default;
};

struct IpOnlyFlow {
  IpOnlyKey key;
  Locator locator;        ///< ours
  bool answered = false;  ///< our kernel has sent
  TimePoint last_seen{};
  bool used = false;
};

/// Of a packet of our kernel in identity form, or of one from the wire.
IpOnlyKey outbound_ip_only_key(const Packet& packet, const HeaderWalk& walk);
IpOnlyKey inbound_ip_only_key(const Packet& packet, const HeaderWalk& walk);
/// Of the flow that an ICMPv6 error is about: we sent the quoted packet, or our kernel received it.
IpOnlyKey quoted_ip_only_key(const QuotedPacket& quoted, bool we_sent_it);

class IpOnlyFlows {
 public:
  static constexpr std::size_t capacity = 16'384, max_held = 256;

  /// `kernels_ports`: of services that our kernel reaches by addresses of its own (DNS).
  IpOnlyFlows(std::uint64_t hash_seed, std::vector<std::uint16_t> kernels_ports)
      : seed_{hash_seed}, kernels_ports_{std::move(kernels_ports)} {}

  IpOnlyFlow* find(const IpOnlyKey& key) { return table_.find(key, hash(key)); }
  /// Nothing when strangers' flows fill its place.
  IpOnlyFlow* add(const IpOnlyFlow& flow) { return table_.add(flow, hash(flow.key)); }
  std::size_t size() const { return table_.size(); }
  template <class F>
  void for_each(F&& f) {
    table_.for_each(f);
  }

  /// A flow that is not in the table: with such a port at the other end it is not ours to translate.
  bool is_kernels(const IpOnlyKey& key) const;

  std::vector<HeldPacket> held;  ///< wait for a locator, in order

 private:
  std::uint64_t hash(const IpOnlyKey& key) const;

  AnsweredTable<IpOnlyFlow> table_{capacity};
  std::uint64_t seed_;
  std::vector<std::uint16_t> kernels_ports_;
};

}  // namespace ilnp
