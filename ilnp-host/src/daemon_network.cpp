// SPDX-License-Identifier: Apache-2.0
// What follows from a change of the network, in the order that keeps a move short: packet sockets and ways out, the
// forwarder (Locator Updates leave at once), our I-LV addresses, then names and the rest.
#include <algorithm>
#include <fstream>

#include "core/ilnp/text.h"
#include "ilnp-host/src/daemon.h"

namespace ilnp {

namespace {
constexpr Duration housekeeping_interval = std::chrono::seconds{1};

/// Whether the kernel makes addresses of advertised prefixes there: who switched that off does not want ours either.
bool autoconfigures(const std::string& interface) {
  std::ifstream setting{"/proc/sys/net/ipv6/conf/" + interface + "/autoconf"};
  int value = 1;
  setting >> value;
  return value != 0;
}
}  // namespace

void Daemon::on_network_events(TimePoint now, const std::vector<NetworkEvent>& events) {
  for (const NetworkEvent& event : events) {
    if (const auto* advertised = std::get_if<PrefixAdvertised>(&event)) {
      const LocatorTracker::Uplink* uplink = tracker_.uplink(advertised->ifindex);
      if (uplink == nullptr || !autoconfigures(uplink->name)) continue;
    }
    tracker_.on_event(now, event);
    if (const auto* neighbour = std::get_if<NeighbourChanged>(&event)) wire_->on_neighbour(now, *neighbour);
    const auto* address = std::get_if<AddressChanged>(&event);
    if (!ilvs_adopted_ && address != nullptr && !address->removed && address->ifindex != kernel_->tun().ifindex() &&
        (address->ours || kernel_->was_noted(address->address)))
      found_ilvs_.emplace_back(address->ifindex, address->address);
  }
  if (!tracker_.in_resync()) locators_changed();
}

void Daemon::locators_changed() {
  const LocatorTracker::Changes changes = tracker_.take_changes();
  const TimePoint now = loop_.now();
  for (const auto& [ifindex, gateway] : changes.dead_gateways) {
    log_event(LogLevel::warning, "gateway_dead", {{"interface", ifindex}, {"gateway", to_string(gateway)}});
    // The kernel would keep the dead router for seconds; the advertisement that we ask for replaces it at once.
    (void)commands_->delete_default_route(ifindex, gateway);
  }
  for (const auto& [ifindex, gateway] : changes.cut_gateways) (void)commands_->delete_default_route(ifindex, gateway);
  update_ports(changes);
  if (!changes.up.empty() || !changes.down.empty()) {
    wire_->set_routes(tracker_.usable(), tracker_);
    for (const auto& [locator, ifindex] : changes.down) {
      // A locator that moved to another interface is down here and up there: up first keeps it in the set.
      const bool elsewhere = std::any_of(changes.up.begin(), changes.up.end(),
                                         [&, l = locator](const auto& u) { return u.locator.locator == l; });
      if (!elsewhere) forwarder_->locator_down(now, locator, ifindex, actions_);
    }
    for (const LocatorTracker::Usable& u : changes.up) forwarder_->locator_up(now, u.locator, actions_);
    for (const auto& [locator, ifindex] : changes.down) forwarder_->locator_down(now, locator, ifindex, actions_);
    apply(actions_);
    // A router that asks for an address before it is there is told of it then.
    update_ilvs();
    if (changes.smallest_mtu != 0)
      if (auto set = kernel_->set_link_mtu(changes.smallest_mtu); !set)
        log_event(LogLevel::error, "route_mtu_not_set", {{"reason", set.error().message}});
    names_->network_changed();
    publish();
  }
  ask_neighbours(changes);
  if (changes.moved) {
    log_event(LogLevel::info, "host_moved", {});
    if (publisher_ != nullptr) publisher_->network_changed();
  }
  if (!ilvs_adopted_) remove_stale_ilvs();
  if (timer_ != nullptr) arm_timer();
}

void Daemon::ask_neighbours(const LocatorTracker::Changes& changes) {
  for (unsigned ifindex : changes.solicit) solicit(ifindex);
  if (!changes.solicit.empty()) next_solicit_ = loop_.now() + settings_.solicit_interval;
  for (const auto& [ifindex, router] : changes.probe) {
    const LocatorTracker::Uplink* uplink = tracker_.uplink(ifindex);
    // One that cannot be asked does not answer either.
    if (uplink != nullptr) (void)neighbour_discovery_->solicit_neighbour(ifindex, router, uplink->mac);
  }
}

void Daemon::update_ports(const LocatorTracker::Changes& changes) {
  for (unsigned ifindex : changes.interfaces_down) wire_->close_port(ifindex);
  for (unsigned ifindex : changes.interfaces_up) {
    const LocatorTracker::Uplink* uplink = tracker_.uplink(ifindex);
    if (uplink == nullptr) continue;
    if (auto opened = wire_->open_port(ifindex, uplink->mac, all_nids()); !opened)
      log_event(LogLevel::error, "interface_not_opened", {{"interface", ifindex}, {"reason", opened.error().message}});
  }
  // The filter before any I-LV exists: the kernel must never answer an ILNP packet.
  set_filter();
}

void Daemon::set_filter() {
  std::map<unsigned, std::string> interfaces;
  for (const auto& [ifindex, uplink] : tracker_.uplinks()) interfaces[ifindex] = uplink.name;
  note_filter(kernel_->set_filter(interfaces, filtered_nids_));
}

void Daemon::update_ilvs() {
  const auto added = kernel_->add_ilvs(tracker_.usable(), forwarder_->own_nids(), addressed_nids());
  ilvs_incomplete_ = !added;
  if (!added) log_event(LogLevel::error, "address_not_added", {{"reason", added.error().message}});
  for (const auto& [ifindex, ilv] : added ? added.value() : KernelState::Added{}) {
    const LocatorTracker::Uplink* uplink = tracker_.uplink(ifindex);
    if (uplink == nullptr) continue;
    // The router may have asked for this address in vain while we were away, and would ask again in a second only.
    announce(ifindex, ilv, false);
    run_dad(dad_.start(loop_.now(), ifindex, ilv, uplink->mac));
  }
  kernel_->finish_ilvs(tracker_.usable());
}

/// After a crash the kernel may still have I-LVs of locators that are gone by now, or of NIDs that no peer knows.
void Daemon::remove_stale_ilvs() {
  ilvs_adopted_ = true;
  for (const auto& [ifindex, ilv] : found_ilvs_)
    if (!kernel_->has_ilv(ifindex, ilv)) (void)commands_->delete_address(ifindex, ilv, 128);
  found_ilvs_.clear();
}

// --- Duplicate addresses, routers
// -------------------------------------------------------------------------------------

void Daemon::on_neighbour_message(const ReceivedNeighbourMessage& received) {
  const TimePoint now = loop_.now();
  run_dad(dad_.on_message(now, received.ifindex, received.message));
  if (tracker_.on_neighbour_message(now, received.ifindex, received.message) && !tracker_.in_resync())
    locators_changed();
}

void Daemon::run_dad(const DuplicateAddressDetector::Actions& actions) {
  bool changed = false;
  for (const auto& action : actions) {
    if (const auto* probe = std::get_if<DuplicateAddressDetector::SendProbe>(&action)) {
      // A probe that cannot be sent (the link went away again) will be sent when it is back.
      (void)neighbour_discovery_->send_probe(probe->ifindex, probe->destination, probe->packet);
    } else if (const auto* duplicate = std::get_if<DuplicateAddressDetector::Duplicate>(&action)) {
      if (!forwarder_->nids().contains(duplicate->address.nid)) continue;       // retired since
      if (!kernel_->has_ilv(duplicate->ifindex, duplicate->address)) continue;  // left since, with its place
      log_event(LogLevel::error, "duplicate_address",
                {{"address", to_string(duplicate->address)},
                 {"interface", duplicate->ifindex},
                 {"other", duplicate->other ? to_string(*duplicate->other) : std::string{"unknown"}}});
      if (withdraw_nid(duplicate->address.nid)) continue;
      tracker_.on_duplicate(duplicate->ifindex, duplicate->address.locator);
      kernel_->forget_ilv(duplicate->ifindex, duplicate->address);
      changed = true;
    } else if (const auto* unique = std::get_if<DuplicateAddressDetector::Unique>(&action)) {
      announce(unique->ifindex, unique->address, true);
    } else if (const auto* again = std::get_if<DuplicateAddressDetector::Announce>(&action)) {
      announce(again->ifindex, again->address, false);
    }
  }
  if (changed) loop_.post([this] { locators_changed(); });
  if (timer_ != nullptr) arm_timer();
}

/// RFC 4861 section 7.2.6. What cannot be sent (the link went away again) is not needed either.
void Daemon::announce(unsigned ifindex, const Address& ilv, bool override_cached) {
  const LocatorTracker::Uplink* uplink = tracker_.uplink(ifindex);
  if (uplink == nullptr) return;
  (void)neighbour_discovery_->send_probe(ifindex, multicast_mac(all_nodes),
                                         build_unsolicited_advertisement(ilv, uplink->mac, override_cached));
}

void Daemon::solicit(unsigned ifindex) {
  const LocatorTracker::Uplink* uplink = tracker_.uplink(ifindex);
  if (uplink == nullptr || !uplink->usable) return;
  if (auto sent = neighbour_discovery_->solicit_routers(ifindex, uplink->mac); !sent)
    log_event(LogLevel::debug, "router_not_solicited", {{"interface", uplink->name}, {"reason", sent.error().message}});
}

void Daemon::housekeeping() {
  const TimePoint now = loop_.now();
  wire_->on_time(now);
  if (now >= next_solicit_) {
    for (unsigned ifindex : tracker_.without_router()) solicit(ifindex);
    next_solicit_ = now + settings_.solicit_interval;
  }
  if (ilvs_incomplete_) update_ilvs();  // the kernel refused while a link was changing
  restore_filter();
  if (!filter_problem().empty()) set_filter();
  if (host_channel_ != nullptr) host_channel_->look();
  if (wants_nids()) own_nids_changed();
  process_log().flush();
  housekeeping_->set(now + std::min(housekeeping_interval, settings_.solicit_interval));
}

void Daemon::put_filter_back() {
  kernel_->filter_lost();
  update_ports({});
}

void Daemon::publish() {
  if (publisher_ == nullptr) return;
  std::vector<NidData> nids;
  for (const NodeId nid : forwarder_->own_nids())
    nids.push_back({static_cast<std::uint16_t>(10 * (nids.size() + 1)), nid});
  std::vector<Locator> locators;
  for (const Locator l : forwarder_->own_locators().locators())
    if (std::find(locators.begin(), locators.end(), l) == locators.end()) locators.push_back(l);
  // Detached: what is published stays until there is something better to say.
  if (locators.empty()) return;
  std::optional<DnsName> site;
  if (!settings_.publish.lp.empty()) site = DnsName::from_text(settings_.publish.lp);
  auto wanted = PublishedState::behind_border(std::move(nids), locators, site);
  if (!wanted) {
    log_event(LogLevel::warning, "not_published",
              {{"reason", "unique-local locators only, and publish.lp is not set"}});
    return;
  }
  publisher_->set_desired(std::move(*wanted));
  publisher_->network_changed();
}

}  // namespace ilnp
