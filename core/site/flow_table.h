// SPDX-License-Identifier: Apache-2.0
// Which uplink each flow uses, so that it stays there: a correspondent that knows plain IPv6 only would not recognise
// packets from another locator, and its first packet says by which locator it wants its answers.
//
// Of a fixed size, in sets of eight; a flow that finds its set full takes the place of the one in it that is idle for
// longest. What strangers begin and nobody inside answers never takes the place of an answered flow, so that a million
// of them change nothing for the others. The hash is keyed: nobody can aim at one set.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/base/time.h"
#include "core/ilnp/checksum_mode.h"
#include "core/site/uplinks.h"

namespace ilnp {

struct FlowKey {
  NodeId inside;
  Address outside;
  std::uint16_t inside_port = 0, outside_port = 0;  ///< ICMPv6 Echo: the identifier, inside
  std::uint8_t protocol = 0;  ///< next_header::fragment: fragments of the pair, which have no ports
  bool operator==(const FlowKey&) const = default;
};

struct Flow {
  FlowKey key;
  UplinkId uplink = 0;
  bool answered = false;                 ///< a node inside has sent
  std::optional<ChecksumMode> checksum;  ///< once a packet with a nonce has shown it
  TimePoint last_seen{};
};

class FlowTable {
 public:
  /// `flows` is rounded up to a power of two, at least 64.
  FlowTable(std::uint64_t hash_seed, std::size_t flows);

  std::uint64_t hash(const FlowKey& key) const;
  Flow* find(const FlowKey& key, std::uint64_t hash);
  /// Precondition: it is not there. Nothing when a stranger's flow finds no place.
  Flow* add(const Flow& flow, std::uint64_t hash);

  std::size_t size() const { return size_; }
  std::size_t capacity() const { return sets_.size() * ways; }
  std::uint64_t displaced() const { return displaced_; }
  std::uint64_t refused() const { return refused_; }

 private:
  static constexpr std::size_t ways = 8;
  using Set = std::array<std::optional<Flow>, ways>;

  std::uint64_t seed_;
  std::vector<Set> sets_;
  std::size_t size_ = 0;
  std::uint64_t displaced_ = 0, refused_ = 0;
};

}  // namespace ilnp
