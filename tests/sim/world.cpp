// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/world.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "core/ipv6/checksum.h"
#include "core/ipv6/header_walk.h"
#include "core/ipv6/icmpv6.h"
#include "tests/support/packet_builder.h"

namespace ilnp::sim {

namespace {

constexpr Duration on_link_delay = microseconds{50};

bool is_identity_like(const Address& a) { return a.locator.bits >> 32 == identity_prefix.bits >> 32; }

bool has_extension_header(Bytes packet) { return packet.size() > 6 && packet[6] == next_header::destination_options; }

}  // namespace

std::uint64_t seed_or(std::uint64_t usual) {
  const char* given = std::getenv("ILNP_SIM_SEED");
  return given == nullptr ? usual : std::strtoull(given, nullptr, 0);
}

bool Node::attached(const Site& site) const { return std::find(sites_.begin(), sites_.end(), &site) != sites_.end(); }

void Node::join(Site& site) {
  if (!attached(site)) sites_.push_back(&site);
}

void Node::leave(Site& site) { std::erase(sites_, &site); }

World::World(std::uint64_t seed) : seed_{seed_or(seed)}, random_{seed_} {
  if (const char* more = std::getenv("ILNP_SIM_TRACE")) traced_events_ = std::strtoull(more, nullptr, 0);
}

World::~World() {
  if (::testing::Test::HasFailure()) write_failure();
}

Site& World::site(const std::string& name, Link both) {
  auto site = std::make_unique<Site>();
  site->name = name;
  site->locator = Locator{0x2001'0db8'0000'0001 | std::uint64_t{0xa0 + sites_.size()} << 16};
  site->links(both);
  sites_.push_back(std::move(site));
  return *sites_.back();
}

Site* World::site_of(Locator locator) {
  for (auto& site : sites_)
    if (site->locator == locator) return site.get();
  return nullptr;
}

// --- Time

void World::push(TimePoint when, Event event) { queue_.emplace(std::pair{when, order_++}, std::move(event)); }

void World::at(TimePoint when, std::function<void()> action) {
  Event event;
  event.action = std::move(action);
  push(std::max(when, now_), std::move(event));
}

TimePoint World::next_deadline() const {
  TimePoint next = queue_.empty() ? never : queue_.begin()->first.first;
  for (const auto& node : nodes_) next = std::min(next, node->next_deadline());
  return next;
}

void World::advance(Duration d) {
  const TimePoint until = now_ + d;
  TimePoint at_once = now_;
  int turns = 0;
  for (TimePoint next = next_deadline(); next <= until; next = next_deadline()) {
    now_ = std::max(now_, next);
    // A machine whose deadline does not move when it is served would spin a daemon.
    turns = now_ == at_once ? turns + 1 : 0;
    at_once = now_;
    if (turns > 20'000) {
      violation("time stands still: a deadline is never consumed");
      return;
    }
    while (!queue_.empty() && queue_.begin()->first.first <= now_) {
      auto first = queue_.extract(queue_.begin());
      run_event(std::move(first.mapped()));
    }
    for (std::size_t i = 0; i < nodes_.size(); ++i)
      if (nodes_[i]->next_deadline() <= now_) nodes_[i]->on_time();
  }
  now_ = until;
}

bool World::advance_until(const std::function<bool()>& done, Duration limit) {
  const TimePoint until = now_ + limit;
  while (!done() && now_ < until) advance(std::min<Duration>(milliseconds{10}, until - now_));
  return done();
}

void World::run_event(Event event) {
  if (event.action) {
    event.action();
  } else if (event.to != nullptr) {
    if (event.to->attached(*event.via)) event.to->receive(std::move(event.bytes), *event.via);
  } else {
    arrive(*event.via, std::move(event.bytes));
  }
}

// --- Packets

void World::transmit(Node& from, ByteVector packet) {
  const Locator source = packet.size() < ipv6_header_length ? Locator{} : Address::load(packet.data() + 8).locator;
  for (Site* site : from.sites()) {
    if (site->locator != source) continue;
    transmit_by(from, *site, std::move(packet));
    return;
  }
  violation(from.name() + " sends from a locator that it does not have", packet);
}

void World::transmit_by(Node& from, Site& via, ByteVector packet) {
  ++transmitted_;
  if (!from.is_attacker()) check(from, via, packet);
  if (on_transmit) on_transmit(from, packet);
  carry(from, via, std::move(packet));
}

void World::check(const Node& from, const Site& via, Bytes packet) {
  const WalkOutcome outcome = walk_headers(packet);
  if (!outcome.ok) {
    violation(from.name() + " sends a malformed packet", packet);
    return;
  }
  const HeaderWalk& walk = outcome.walk;
  if (is_identity_like(walk.source) || is_identity_like(walk.destination))
    violation(from.name() + " lets an identity address out", packet);
  if (packet.size() > via.link_mtu) violation(from.name() + " sends more than the link's MTU", packet);
  if (walk.hop_limit < 32) violation(from.name() + " sends with a low hop limit", packet);
  if (walk.source.locator != via.locator && via.border != &from)
    violation(from.name() + " sends from a foreign locator", packet);
  if (walk.is_fragment) return;
  const bool good = (from.may_use(ChecksumMode::ipv6) && test::checksum_is_good(packet, ChecksumMode::ipv6)) ||
                    (from.may_use(ChecksumMode::rfc6741) && test::checksum_is_good(packet, ChecksumMode::rfc6741));
  if (!good) violation(from.name() + " sends a wrong checksum", packet);
  const bool is_error = walk.upper_protocol == next_header::icmpv6 && walk.upper_length >= 8 + ipv6_header_length &&
                        icmpv6::is_error(packet[walk.upper_offset]);
  if (!is_error) return;
  const std::uint8_t* quoted = packet.data() + walk.upper_offset + 8;
  if (is_identity_like(Address::load(quoted + 8)) || is_identity_like(Address::load(quoted + 24)))
    violation(from.name() + " lets an identity address out in a quote", packet);
}

void World::carry(Node& from, Site& via, ByteVector packet) {
  const Address destination = Address::load(packet.data() + 24);
  Site* target = site_of(destination.locator);
  if (target == &via) {  // on the link: no router, no loss
    for (auto& node : nodes_) {
      if (!node->attached(via) || !node->takes(via, destination.nid) || node.get() == &from) continue;
      trace(&from, node.get(), packet, {});
      push(now_ + on_link_delay, Event{node.get(), &via, std::move(packet), {}});
      return;
    }
    trace(&from, nullptr, packet, "nobody on the link");
    return;
  }
  if (via.border != nullptr) {
    if (via.border == &from) return trace(&from, nullptr, packet, "no way from inside");
    trace(&from, via.border, packet, {});
    return push(now_ + on_link_delay, Event{via.border, &via, std::move(packet), {}});
  }
  if (destination == via.router()) return;
  if (via.dead_up || (lose && lose(from, packet)) || chance(via.up.loss)) {
    trace(&from, nullptr, packet, "lost on the uplink of " + via.name);
    return;
  }
  if (via.drops_extension_headers && has_extension_header(packet)) {
    trace(&from, nullptr, packet, "dropped by a middlebox of " + via.name);
    return;
  }
  if (target == nullptr) {
    trace(&from, nullptr, packet, "no such locator");
    return;
  }
  const std::size_t mtu = std::min(via.path_mtu, target->path_mtu);
  if (packet.size() > mtu) {
    trace(&from, nullptr, packet, "too big");
    router_error(packet.size() > via.path_mtu ? via : *target, icmpv6::packet_too_big, 0,
                 static_cast<std::uint32_t>(mtu), packet);
    return;
  }
  Duration delay = via.up.delay + target->down.delay;
  if (hold_up) delay += hold_up(from, packet);
  for (const Link* link : {&via.up, &target->down})
    if (chance(link->reorder))
      delay +=
          Duration{static_cast<Duration::rep>(random_.below(static_cast<std::uint64_t>(link->reorder_delay.count())))};
  if (target->dead_down || chance(target->down.loss)) {
    trace(&from, nullptr, packet, "lost on the downlink of " + target->name);
    return;
  }
  if (chance(via.up.corrupt) || chance(target->down.corrupt)) {
    const std::size_t at = ipv6_header_length + random_.below(packet.size() - ipv6_header_length);
    packet[at] = static_cast<std::uint8_t>(packet[at] ^ (1 + random_.below(255)));
  }
  if (chance(via.up.duplicate) || chance(target->down.duplicate)) {
    const auto later =
        static_cast<Duration::rep>(random_.below(static_cast<std::uint64_t>(target->down.reorder_delay.count()) + 1));
    push(now_ + delay + Duration{later}, Event{nullptr, target, packet, {}});
  }
  trace(&from, nullptr, packet, {});
  push(now_ + delay, Event{nullptr, target, std::move(packet), {}});
}

/// At the router of the destination's site.
void World::arrive(Site& site, ByteVector packet) {
  const Address destination = Address::load(packet.data() + 24);
  if (site.drops_extension_headers && has_extension_header(packet)) {
    trace(nullptr, nullptr, packet, "dropped by a middlebox of " + site.name);
    return;
  }
  for (auto& node : nodes_) {
    if (!node->attached(site) || !node->takes(site, destination.nid)) continue;
    trace(nullptr, node.get(), packet, {});
    node->receive(std::move(packet), site);
    return;
  }
  if (site.late == LatePackets::forward) {
    for (auto& node : nodes_) {
      if (!node->has_nid(destination.nid) || node->sites().empty()) continue;
      Site& there = *node->sites().front();
      trace(nullptr, node.get(), packet, "forwarded by " + site.name);
      push(now_ + site.up.delay + there.down.delay, Event{node.get(), &there, std::move(packet), {}});
      return;
    }
  }
  trace(nullptr, nullptr, packet, "nobody at " + site.name);
  constexpr std::uint8_t address_unreachable = 3;
  if (site.late == LatePackets::unreachable)
    router_error(site, icmpv6::destination_unreachable, address_unreachable, 0, packet);
}

void World::router_error(Site& router, std::uint8_t type, std::uint8_t code, std::uint32_t parameter, Bytes about) {
  const WalkOutcome outcome = walk_headers(about);
  if (outcome.ok && outcome.walk.upper_protocol == next_header::icmpv6 && outcome.walk.upper_length > 0 &&
      !outcome.walk.is_fragment && icmpv6::is_error(about[outcome.walk.upper_offset]))
    return;  // RFC 4443 section 2.4: no error about an error
  const Address source = Address::load(about.data() + 8);
  Site* back = site_of(source.locator);
  if (back == nullptr) return;
  const ByteVector error = build_error(type, code, parameter, about);
  const Duration delay = back == &router ? on_link_delay : router.up.delay + back->down.delay;
  push(now_ + delay, Event{nullptr, back, build_packet(router.router(), source, next_header::icmpv6, error), {}});
}

// --- What is kept for a failure

void World::trace(const Node* from, const Node* to, Bytes bytes, std::string text) {
  if (trace_.size() >= traced_events_) trace_.pop_front();
  trace_.push_back({now_, from, to, ByteVector(bytes.begin(), bytes.end()), std::move(text)});
}

void World::note(const Node& node, std::string text) { trace(&node, &node, {}, std::move(text)); }

void World::violation(const std::string& what, Bytes packet) {
  if (++violations_ > 5) return;
  trace(nullptr, nullptr, packet, "VIOLATION: " + what);
  ADD_FAILURE() << what << " (seed " << seed_ << ", at "
                << std::chrono::duration<double>(now_.time_since_epoch()).count() << " s)\n"
                << (packet.empty() ? std::string{} : describe(packet));
}

}  // namespace ilnp::sim
