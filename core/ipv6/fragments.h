// SPDX-License-Identifier: Apache-2.0
// Fragmentation at the source and reassembly (RFC 8200 section 4.5, RFC 5722, RFC 6946).
//
// The nonce header belongs to the fragmentable part: a datagram that the kernel has already cut is reassembled, gets
// its nonce and is cut again; on receipt it is reassembled before its nonce is looked at.
//
// The reassembler keeps, per (source, destination, identification), what has arrived, sorted by offset and never
// overlapping. An overlap or a contradiction condemns the datagram: its octets are freed at once and its remaining
// fragments are discarded until the timeout. Memory is bounded by what has really arrived; when a limit is reached the
// oldest datagram goes, so that a flood of first fragments cannot block the table for a whole timeout. No ICMPv6 Time
// Exceeded is made: the timeout is counted.
#pragma once

#include <array>
#include <cstdint>
#include <list>
#include <map>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/time.h"
#include "core/ipv6/header_walk.h"

namespace ilnp {

/// Cuts a packet so that no piece exceeds `mtu`; one that fits comes back alone and unchanged. A packet that is a
/// fragment already is cut further and keeps its identification. Empty when the headers that every fragment repeats, or
/// the header chain that the first must hold (RFC 7112), leave no room.
/// The transport checksum must be complete.
std::vector<ByteVector> fragment_packet(Bytes packet, const HeaderWalk& walk, std::size_t mtu,
                                        std::uint32_t identification);

enum class FragmentDrop : std::uint8_t {
  bad_length,          ///< not the last, and not a multiple of 8 octets, or empty
  too_long,            ///< would make a payload above 65535 octets
  overlap,             ///< RFC 5722: condemns the datagram
  conflicting_end,     ///< data beyond the end, or two ends: condemns the datagram
  conflicting_ecn,     ///< RFC 3168 section 5.3: congestion marks among not-capable fragments: condemns the datagram
  too_many_fragments,  ///< more than any path of minimum MTU makes: condemns the datagram
  condemned,           ///< a later fragment of a condemned datagram
  duplicate,           ///< the same octets again; the datagram goes on
  timed_out,           ///< one per incomplete datagram
  evicted,             ///< one per datagram that went to make room
};
inline constexpr std::size_t fragment_drop_count = 10;

struct ReassemblyLimits {
  std::size_t datagrams = 256;
  std::size_t octets = std::size_t{4} << 20;  ///< with fixed costs; at least one datagram of 64 KiB always fits
  Duration timeout = seconds{60};
};

class Reassembler {
 public:
  explicit Reassembler(ReassemblyLimits limits = {});

  struct Outcome {
    enum class Kind : std::uint8_t { complete, held, dropped } kind = Kind::held;
    FragmentDrop reason{};  ///< when dropped
    ByteVector packet;      ///< when complete: without Fragment header
    std::size_t largest{};  ///< when complete: octets of the largest fragment
  };
  /// `walk` is of `packet` and has a Fragment header. An atomic fragment completes by itself (RFC 6946).
  Outcome on_fragment(TimePoint now, Bytes packet, const HeaderWalk& walk);
  void on_time(TimePoint now);
  TimePoint next_deadline() const { return datagrams_.empty() ? never : datagrams_.front().deadline; }

  std::uint64_t drops(FragmentDrop reason) const { return drops_[static_cast<std::size_t>(reason)]; }
  std::uint64_t completed() const { return completed_; }
  std::size_t datagrams() const { return datagrams_.size(); }
  std::size_t octets() const { return octets_; }

 private:
  struct Key {
    Address source;
    Address destination;
    std::uint32_t identification;
    auto operator<=>(const Key&) const = default;
  };
  struct Piece {
    std::size_t begin;
    ByteVector data;
    std::size_t end() const { return begin + data.size(); }
  };
  struct Datagram {
    Key key;
    TimePoint deadline;
    bool is_condemned = false;
    ByteVector headers;                ///< of the first fragment, up to its Fragment header
    std::uint16_t header_pointer = 0;  ///< of the octet in them that named the Fragment header
    std::uint8_t next_header = 0;      ///< of the fragmentable part
    std::vector<Piece> pieces;         ///< sorted, disjoint
    std::size_t received = 0;          ///< octets in the pieces
    std::size_t length = 0;            ///< of the fragmentable part; 0 = the last fragment has not come
    std::uint8_t ecn_seen = 0;         ///< one bit per ECN codepoint
    std::size_t cost = 0;
  };
  using Datagrams = std::list<Datagram>;

  Outcome drop(FragmentDrop reason);
  Outcome condemn(Datagram& datagram, FragmentDrop reason);
  Datagrams::iterator find_or_create(TimePoint now, const Key& key);
  Outcome add(Datagrams::iterator datagram, Bytes packet, const HeaderWalk& walk);
  Outcome complete(Datagrams::iterator datagram);
  void charge(Datagram& datagram, std::size_t octets);
  void make_room(Datagrams::iterator keep);
  void erase(Datagrams::iterator datagram);

  ReassemblyLimits limits_;
  Datagrams datagrams_;  ///< by deadline, which is by arrival
  std::map<Key, Datagrams::iterator> by_key_;
  std::size_t octets_ = 0;
  std::uint64_t completed_ = 0;
  std::array<std::uint64_t, fragment_drop_count> drops_{};
};

}  // namespace ilnp
