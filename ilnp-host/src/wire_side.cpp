// SPDX-License-Identifier: Apache-2.0
#include "ilnp-host/src/wire_side.h"

#include <algorithm>

#include "io/sockets/wire_filter.h"

namespace ilnp {

Result<void> WireSide::open_port(unsigned ifindex, const MacAddress& own_mac, std::span<const NodeId> nids) {
  return ports_.open(ifindex, own_mac, wire_filter(nids));
}

Result<void> WireSide::set_nids(std::span<const NodeId> nids) { return ports_.set_filter(wire_filter(nids)); }

void WireSide::set_routes(const std::vector<LocatorTracker::Usable>& usable, const LocatorTracker& tracker) {
  ways_.clear();
  for (const LocatorTracker::Usable& u : usable) {
    const LocatorTracker::Uplink* uplink = tracker.uplink(u.locator.interface);
    if (uplink == nullptr) continue;
    ports_.set_mac(u.locator.interface, uplink->mac);
    ways_.push_back({u.locator.locator, u.locator.interface, u.gateway});
  }
  // Resolved ahead of the first packet: a handoff should not wait for a neighbour as well.
  const TimePoint now = loop_.now();
  for (const Way& way : ways_) next_hops_.prepare(now, {way.ifindex, way.gateway});
}

void WireSide::send(TimePoint now, const Packet& packet) {
  const Locator source{load_u64(packet.data() + 8)};
  const auto way = std::find_if(ways_.begin(), ways_.end(), [&](const Way& w) { return w.locator == source; });
  if (way == ways_.end() || !ports_.has(way->ifindex)) {
    ++no_locator_;
    return;
  }
  const Address destination = Address::load(packet.data() + 24);
  next_hops_.send(now, {way->ifindex, destination.locator == way->locator ? destination : way->gateway}, packet);
}

}  // namespace ilnp
