// SPDX-License-Identifier: Apache-2.0
// Packets whose EID is being asked for: kept in order, eight or 64 KiB for each EID and for 512 EIDs at most. What does
// not fit is dropped; the first packets of a conversation are worth more than those after them.
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

class WaitingPackets {
 public:
  static constexpr std::size_t most_packets = 8, most_octets = 64u << 10, most_eids = 512;

  explicit WaitingPackets(ItrDrops& drops) : drops_{drops} {}

  /// Copies the packet. False: dropped, and counted.
  bool keep(const Eid& source, const Eid& destination, const Packet& packet) {
    const auto found = by_eid_.find(EidPrefix::host(destination));
    if (found == by_eid_.end() && by_eid_.size() >= most_eids) return drop(ItrDrop::too_many_waiting);
    if (found != by_eid_.end() && !fits(found->second, packet.size())) return drop(ItrDrop::queue_full);
    const Bytes octets = packet.bytes();
    by_eid_[EidPrefix::host(destination)].push_back(
        {source, destination, {octets.begin(), octets.end()}, packet.offload});
    return true;
  }

  /// Those to EIDs in `prefix`, in order for each EID, without the EIDs that `still_wait(eid)`.
  template <class F>
  std::vector<WaitingPacket> take(const EidPrefix& prefix, F&& still_wait) {
    std::vector<WaitingPacket> packets;
    for (auto at = by_eid_.lower_bound(prefix); at != by_eid_.end() && prefix.contains(at->first);) {
      if (still_wait(at->second.front().destination)) {
        ++at;
        continue;
      }
      for (WaitingPacket& packet : at->second) packets.push_back(std::move(packet));
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

 private:
  /// A single packet may be a super-packet: it always fits.
  static bool fits(const std::vector<WaitingPacket>& queue, std::size_t more) {
    for (const WaitingPacket& packet : queue) more += packet.octets.size();
    return queue.size() < most_packets && more <= most_octets;
  }
  bool drop(ItrDrop reason) {
    drops_.count(reason);
    return false;
  }

  ItrDrops& drops_;
  std::map<EidPrefix, std::vector<WaitingPacket>> by_eid_;  ///< by host prefix: those in one prefix are neighbours
};

}  // namespace ilnp::lisp
