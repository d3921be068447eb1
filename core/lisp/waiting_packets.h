// SPDX-License-Identifier: Apache-2.0
// Packets whose EID is being asked for: kept in order, so many and so many octets for each EID, for so many EIDs, and
// so many octets in all. What does not fit is dropped; the first packets of a conversation are worth more than those
// after them. A gateway that a node has just come to gets the answers to all that was held for the node at once, before
// it knows where they go: eight, as a host would keep for a neighbour, are too few.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "core/ipv6/packet.h"
#include "core/lisp/ip_address.h"
#include "core/lisp/itr_reasons.h"

namespace ilnp::lisp {

struct WaitingPacket {
  Eid source, destination;
  ByteVector octets;
  Offload offload;
};

struct WaitingTuning {
  std::size_t packets = 64, octets = 64u << 10;  ///< of one EID
  std::size_t eids = 512, octets_in_all = 16u << 20;
};

class WaitingPackets {
 public:
  WaitingPackets(const WaitingTuning& tuning, ItrDrops& drops) : tuning_{tuning}, drops_{drops} {}

  /// Copies the packet. False: dropped, and counted.
  bool keep(const Eid& source, const Eid& destination, const Packet& packet) {
    const auto found = by_eid_.find(EidPrefix::host(destination));
    const bool is_new = found == by_eid_.end();
    if (octets_ + packet.size() > tuning_.octets_in_all || (is_new && by_eid_.size() >= tuning_.eids))
      return drop(ItrDrop::too_many_waiting);
    if (!is_new && !fits(found->second, packet.size())) return drop(ItrDrop::queue_full);
    const Bytes octets = packet.bytes();
    Queue& queue = by_eid_[EidPrefix::host(destination)];
    queue.packets.push_back({source, destination, {octets.begin(), octets.end()}, packet.offload});
    queue.octets += packet.size();
    octets_ += packet.size();
    return true;
  }

  /// Those to EIDs in `prefix`, in order for each EID, without the EIDs that `still_wait(eid)`.
  template <class F>
  std::vector<WaitingPacket> take(const EidPrefix& prefix, F&& still_wait) {
    std::vector<WaitingPacket> packets;
    for (auto at = by_eid_.lower_bound(prefix); at != by_eid_.end() && prefix.contains(at->first);) {
      if (still_wait(at->second.packets.front().destination)) {
        ++at;
        continue;
      }
      for (WaitingPacket& packet : at->second.packets) packets.push_back(std::move(packet));
      octets_ -= at->second.octets;
      at = by_eid_.erase(at);
    }
    return packets;
  }
  std::vector<WaitingPacket> take(const EidPrefix& prefix) {
    return take(prefix, [](const Eid&) { return false; });
  }
  void drop_all(const EidPrefix& prefix, ItrDrop reason) { drops_.count(reason, take(prefix).size()); }

  /// EIDs with packets.
  std::size_t size() const { return by_eid_.size(); }
  std::size_t octets() const { return octets_; }

 private:
  struct Queue {
    std::vector<WaitingPacket> packets;
    std::size_t octets = 0;
  };
  /// A single packet may be a super-packet: the first one always fits.
  bool fits(const Queue& queue, std::size_t more) const {
    return queue.packets.size() < tuning_.packets && queue.octets + more <= tuning_.octets;
  }
  bool drop(ItrDrop reason) {
    drops_.count(reason);
    return false;
  }

  WaitingTuning tuning_;
  ItrDrops& drops_;
  std::size_t octets_ = 0;
  std::map<EidPrefix, Queue> by_eid_;  ///< by host prefix: those in one prefix are neighbours
};

}  // namespace ilnp::lisp
