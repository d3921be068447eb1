// SPDX-License-Identifier: Apache-2.0
#include "ilnp-host/src/wire_side.h"

#include <algorithm>

namespace ilnp {

Result<void> WireSide::open_port(unsigned ifindex, std::span<const NodeId> nids) {
  auto opened = WirePort::open(ifindex, nids);
  if (!opened) return opened.error();
  auto port = std::make_unique<Port>(Port{std::move(opened.value()), nullptr});
  port->watch = std::make_unique<Watch>(loop_, port->port.fd(), [this, p = port.get(), ifindex] {
    const WirePort::Batch batch = p->port.receive();
    on_frames_(ifindex, batch.frames);
    return batch.more;
  });
  ports_[ifindex] = std::move(port);
  return ok();
}

Result<void> WireSide::set_nids(std::span<const NodeId> nids) {
  for (auto& [ifindex, port] : ports_)
    if (auto set = port->port.set_nids(nids); !set) return set.error();
  return ok();
}

void WireSide::set_routes(const std::vector<LocatorTracker::Usable>& usable, const LocatorTracker& tracker) {
  ways_.clear();
  for (const LocatorTracker::Usable& u : usable) {
    const LocatorTracker::Uplink* uplink = tracker.uplink(u.locator.interface);
    if (uplink != nullptr) ways_.push_back({u.locator.locator, u.locator.interface, uplink->mac, u.gateway});
  }
  // Resolved ahead of the first packet: a handoff should not wait for a neighbour as well.
  const TimePoint now = loop_.now();
  for (const Way& way : ways_) {
    const Place place{way.ifindex, way.gateway};
    NextHop& hop = next_hop(place);
    if (!hop.resolved) ask(now, place, hop);
  }
}

WireSide::NextHop& WireSide::next_hop(const Place& place) {
  if (next_hops_.size() >= max_next_hops && next_hops_.count(place) == 0) {
    const auto idle = std::find_if(next_hops_.begin(), next_hops_.end(),
                                   [](const auto& entry) { return entry.second.waiting.empty(); });
    next_hops_.erase(idle == next_hops_.end() ? next_hops_.begin() : idle);
  }
  return next_hops_[place];
}

void WireSide::ask(TimePoint now, const Place& place, NextHop& hop) {
  hop.confirmed_at = now;
  ++counters_.resolutions;
  // A failure shows as packets that wait in vain, which are counted.
  if (auto asked = commands_.resolve_neighbour(place.first, place.second); !asked) ++counters_.unresolved;
}

void WireSide::on_neighbour(TimePoint now, const NeighbourChanged& neighbour) {
  const Place place{neighbour.ifindex, neighbour.address};
  const auto known = next_hops_.find(place);
  // Every resolved neighbour is remembered: the kernel does not repeat what we ask for when it knows it already.
  if (known == next_hops_.end() && !neighbour.has_mac()) return;
  NextHop& hop = known == next_hops_.end() ? next_hop(place) : known->second;
  hop.resolved = neighbour.has_mac();
  if (!hop.resolved) {
    if (neighbour.state == NeighbourState::failed || neighbour.removed) {
      counters_.unresolved += hop.waiting.size();
      next_hops_.erase(place);
    }
    return;
  }
  hop.mac = neighbour.mac;
  const auto port = ports_.find(place.first);
  std::vector<Waiting> waiting = std::move(hop.waiting);
  hop.waiting.clear();
  if (port == ports_.end()) return;
  for (Waiting& w : waiting) {
    const Address source = Address::load(w.bytes.data() + 8);
    const auto way = std::find_if(ways_.begin(), ways_.end(), [&](const Way& candidate) {
      return candidate.locator == source.locator && candidate.ifindex == place.first;
    });
    if (way == ways_.end() || w.until <= now) {
      ++counters_.unresolved;
      continue;
    }
    const Packet packet{w.bytes, 0, w.bytes.size(), w.offload};
    port->second->port.send(packet, hop.mac, way->own_mac);
  }
}

void WireSide::send(TimePoint now, const Packet& packet) {
  const Locator source{load_u64(packet.data() + 8)};
  const auto way = std::find_if(ways_.begin(), ways_.end(), [&](const Way& w) { return w.locator == source; });
  const auto port = way == ways_.end() ? ports_.end() : ports_.find(way->ifindex);
  if (port == ports_.end()) {
    ++counters_.no_locator;
    return;
  }
  const Address destination = Address::load(packet.data() + 24);
  const Place place{way->ifindex, destination.locator == way->locator ? destination : way->gateway};
  NextHop& hop = next_hop(place);
  if (now - hop.confirmed_at > confirm_interval) ask(now, place, hop);
  if (hop.resolved) {
    port->second->port.send(packet, hop.mac, way->own_mac);
    return;
  }
  if (hop.waiting.size() >= max_waiting) {
    ++counters_.unresolved;
    return;
  }
  const Bytes bytes = packet.bytes();
  hop.waiting.push_back({ByteVector(bytes.begin(), bytes.end()), packet.offload, now + wait});
}

void WireSide::on_time(TimePoint now) {
  for (auto& [place, hop] : next_hops_) {
    const auto before = hop.waiting.size();
    std::erase_if(hop.waiting, [&](const Waiting& w) { return w.until <= now; });
    counters_.unresolved += before - hop.waiting.size();
  }
}

WirePort::Counters WireSide::port_counters() const {
  WirePort::Counters total;
  for (const auto& [ifindex, port] : ports_) {
    const WirePort::Counters& c = port->port.counters();
    total.received += c.received;
    total.sent += c.sent;
    total.received_octets += c.received_octets;
    total.sent_octets += c.sent_octets;
    total.malformed += c.malformed;
    total.overrun += c.overrun;
    total.send_full += c.send_full;
    total.send_too_big += c.send_too_big;
    total.send_down += c.send_down;
    total.send_failed += c.send_failed;
    total.receive_failed += c.receive_failed;
  }
  return total;
}

}  // namespace ilnp
