// SPDX-License-Identifier: Apache-2.0
#include "sbr/src/inside_links.h"

#include <algorithm>

#include "io/telemetry/log.h"

namespace ilnp {
namespace {

constexpr Duration search_interval = milliseconds{50}, patient_interval = seconds{1}, patience = seconds{10};
constexpr Duration refresh_interval = seconds{1};
constexpr std::uint8_t hop_limit = 64;
// RFC 4861 section 6.2.1: AdvValidLifetime, AdvPreferredLifetime. A guest that keeps its address hears no renewal.
constexpr std::uint32_t valid_lifetime = 30 * 24 * 3600, preferred_lifetime = 7 * 24 * 3600;

}  // namespace

InsideLinks::InsideLinks(Loop& loop, const SbrSettings& settings, NeighbourDiscoverySocket& socket,
                         SiteRewriter& rewriter, Random& random, OnHeard on_heard, OnSeen on_seen)
    : loop_{loop},
      settings_{settings},
      socket_{socket},
      rewriter_{rewriter},
      random_{random},
      on_heard_{std::move(on_heard)},
      on_seen_{std::move(on_seen)},
      proxy_{rewriter.nids()},
      timer_{loop, [this] { on_time(); }} {}

void InsideLinks::update(const Interfaces& interfaces) {
  const TimePoint now = loop_.now();
  std::erase_if(links_, [&](const auto& link) { return interfaces.find(link.first) == nullptr; });
  for (const InsideSettings& inside : settings_.inside) {
    const unsigned ifindex = interfaces.index_of(inside.interface);
    if (ifindex == 0) continue;
    const Interface& interface = *interfaces.find(ifindex);
    auto it = links_.find(ifindex);
    if (it == links_.end()) {
      it = links_.emplace(ifindex, Link{inside, {}, 0, RouterAdvertiser{{}, random_}, {}, {}}).first;
      open(ifindex, it->second);
    }
    it->second.mac = interface.mac;
    it->second.mtu = interface.mtu;
    it->second.advertiser.on_link(now, inside.advertise && interface.carrier);
  }
  arm();
}

void InsideLinks::open(unsigned ifindex, Link& link) {
  auto opened = SolicitationSocket::open(ifindex);
  const auto joined = socket_.join_routers(ifindex);
  for (const auto& problem :
       {opened ? std::string{} : opened.error().message, joined ? std::string{} : joined.error().message})
    if (!problem.empty()) log_event(LogLevel::error, "link_not_heard", {{"reason", problem}});
  if (!opened) return;
  link.solicitations = std::move(opened.value());
  link.watch = std::make_unique<Watch>(loop_, link.solicitations->fd(),
                                       [this, ifindex] { return answer_solicitations(ifindex); });
}

bool InsideLinks::has_locator(const Link& link, Locator locator) {
  return std::any_of(link.settings.locators.begin(), link.settings.locators.end(),
                     [&](const LocatorPrefix& prefix) { return prefix.contains(locator); });
}

void InsideLinks::send(unsigned ifindex, const MacAddress& destination, const ByteVector& packet) {
  if (!socket_.send(ifindex, destination, packet)) ++counters_.send_failed;
}

void InsideLinks::advertise(unsigned ifindex, const Link& link) {
  RouterAdvertisement message;
  message.router = link.settings.router_address;
  message.hop_limit = hop_limit;
  message.router_lifetime =
      static_cast<std::uint16_t>(std::chrono::duration_cast<seconds>(3 * AdvertiserTuning{}.longest).count());
  message.mtu = link.mtu;
  message.link_layer = link.mac;
  for (const LocatorPrefix& prefix : link.settings.locators)
    if (prefix.length == 64 && message.prefixes.size() < max_advertised_prefixes)
      message.prefixes.push_back({{prefix.locator, {}}, 64, true, true, valid_lifetime, preferred_lifetime});
  ++counters_.advertisements;
  send(ifindex, multicast_mac(all_nodes), build_router_advertisement(message, all_nodes));
}

void InsideLinks::on_message(const ReceivedNeighbourMessage& received) {
  const auto link = links_.find(received.ifindex);
  if (link == links_.end()) return;
  if (std::get_if<RouterSolicitation>(&received.message) != nullptr) {
    link->second.advertiser.on_solicitation(loop_.now());
    arm();
  } else if (const auto* na = std::get_if<NeighbourAdvertisement>(&received.message)) {
    consider(na->target);
  }
}

bool InsideLinks::answer_solicitations(unsigned ifindex) {
  const auto it = links_.find(ifindex);
  if (it == links_.end()) return false;
  Link& link = it->second;
  const SolicitationSocket::Batch batch = link.solicitations->receive();
  for (const ReceivedSolicitation& received : batch.solicitations) {
    const NeighbourSolicitation& ns = received.solicitation;
    // Whoever asks from an address, or wants to know whether it may have it, is there.
    const Address& own = ns.source.is_unspecified() ? ns.target : ns.source;
    consider(own);
    on_seen_(own, received.source);
    if (!proxy_.answers(ns, has_locator(link, ns.target.locator))) continue;
    ++counters_.answers;
    const NeighbourAdvertisement message = proxy_answer(ns, link.settings.router_address, link.mac);
    send(ifindex, ns.link_layer.value_or(received.source), build_neighbour_advertisement(message, ns.source));
  }
  return batch.more;
}

NidEntry* InsideLinks::entry_of(const NodeKey& key) {
  NidTable& nids = rewriter_.nids();
  return key.address_locator == Locator{} ? nids.find_owner(key.nid) : nids.find(key.nid, key.address_locator);
}

/// A sign of a node inside: is it one that is looked for?
void InsideLinks::consider(const Address& address) {
  if (searches_.empty() || address.is_link_local()) return;
  NidTable& nids = rewriter_.nids();
  NidEntry* entry = nids.find(address.nid, address.locator);
  if (entry == nullptr && rewriter_.map().is_inside(address.locator)) entry = nids.find_owner(address.nid);
  if (entry != nullptr && (entry->presence == Presence::arriving || entry->is_expected)) on_heard_(*entry, address);
}

void InsideLinks::on_event(const DirectoryEvent& event) {
  using enum DirectoryEventKind;
  const TimePoint now = loop_.now();
  if (event.kind == arriving || event.kind == expected) {
    searches_[event.record.key] = {now, now};
    announce_router();
  } else if (event.kind == arrived) {
    searches_.erase(event.record.key);
    announce_router();
  } else if (event.kind == left) {
    searches_.erase(event.record.key);
    announce_left(event.record.key);
  }
  proxy_.refresh();
  next_refresh_ = proxy_.has_guests() ? now + refresh_interval : never;
  arm();
}

void InsideLinks::announce_router() {
  for (auto& [ifindex, link] : links_) {
    if (!link.settings.advertise) continue;
    link.advertiser.announce(loop_.now());
    NeighbourAdvertisement message;
    message.source = message.target = link.settings.router_address;
    message.from_router = message.override_cached = true;
    message.link_layer = link.mac;
    send(ifindex, multicast_mac(all_nodes), build_neighbour_advertisement(message, all_nodes));
  }
  arm();
}

/// Its neighbours at home reach it through us from now on (RFC 4861 section 7.2.8).
void InsideLinks::announce_left(const NodeKey& key) {
  const NidEntry* entry = entry_of(key);
  if (entry == nullptr) return;
  for (const Locator locator : {entry->home, entry->now}) {
    for (auto& [ifindex, link] : links_) {
      if (!has_locator(link, locator)) continue;
      NeighbourAdvertisement message;
      message.source = link.settings.router_address;
      message.target = {locator, entry->nid};
      message.override_cached = true;
      message.link_layer = link.mac;
      send(ifindex, multicast_mac(all_nodes), build_neighbour_advertisement(message, all_nodes));
    }
    if (entry->home == entry->now) break;
  }
}

void InsideLinks::look_for(const Address& target) {
  const bool is_ours = std::any_of(links_.begin(), links_.end(),
                                   [&](const auto& link) { return has_locator(link.second, target.locator); });
  for (auto& [ifindex, link] : links_) {
    if (is_ours && !has_locator(link, target.locator)) continue;
    ++counters_.searches;
    send(ifindex, multicast_mac(solicited_node(target)),
         build_neighbour_solicitation(link.settings.router_address, target, link.mac));
  }
}

/// Neighbour solicitations until the node answers. It may have none of the addresses that are asked for: then it has to
/// hear which link this is, whenever it is plugged in.
void InsideLinks::search(TimePoint now) {
  bool is_due = false;
  for (auto it = searches_.begin(); it != searches_.end();) {
    NidEntry* entry = entry_of(it->first);
    if (entry == nullptr || (entry->presence != Presence::arriving && !entry->is_expected)) {
      it = searches_.erase(it);
      continue;
    }
    Search& search = it->second;
    ++it;
    if (search.next > now) continue;
    search.next = now + (now - search.since < patience ? search_interval : patient_interval);
    is_due = true;
    look_for({entry->now, entry->nid});
    // Where it will be is a guess for a node that gets its locator when it comes; until then it has that of its home.
    if (entry->home != entry->now) look_for({entry->home, entry->nid});
  }
  if (is_due) announce_router();
}

void InsideLinks::on_time() {
  const TimePoint now = loop_.now();
  search(now);
  for (auto& [ifindex, link] : links_)
    if (link.advertiser.on_time(now)) advertise(ifindex, link);
  if (next_refresh_ <= now) {
    proxy_.refresh();
    next_refresh_ = proxy_.has_guests() ? now + refresh_interval : never;
  }
  arm();
}

void InsideLinks::arm() {
  TimePoint next = next_refresh_;
  for (const auto& [ifindex, link] : links_) next = std::min(next, link.advertiser.next_deadline());
  for (const auto& [key, search] : searches_) next = std::min(next, search.next);
  timer_.set(next);
}

}  // namespace ilnp
