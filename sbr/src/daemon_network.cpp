// SPDX-License-Identifier: Apache-2.0
// What follows from a change of the network.
#include <algorithm>

#include "io/sockets/wire_filter.h"
#include "sbr/src/daemon.h"

namespace ilnp {
namespace {

constexpr std::size_t largest_mtu = 65535;

}  // namespace

void Daemon::on_network_events(TimePoint now, const std::vector<NetworkEvent>& events) {
  for (const NetworkEvent& event : events) {
    interfaces_.on_event(event);
    if (const auto* neighbour = std::get_if<NeighbourChanged>(&event)) {
      next_hops_->on_neighbour(now, *neighbour);
      const auto side = paths_.side_of(neighbour->ifindex);
      if (neighbour->state == NeighbourState::failed && side && side->kind == Side::Kind::uplink &&
          paths_.gateway(side->number) == neighbour->address)
        uplinks_->on_neighbour_failed(now, side->number);
    } else {
      network_changed_ = true;
    }
  }
  perform(actions_);
  if (network_changed_ && !interfaces_.in_resync()) network_changed();
}

void Daemon::network_changed() {
  network_changed_ = false;
  paths_.update(interfaces_);
  next_hops_->set_anywhere(paths_.inside());
  set_up_inside();
  set_addresses();
  set_mtus();
  set_filters();
  open_ports();
  inside_->update(interfaces_);
  uplinks_changed();
  links_changed();
}

void Daemon::open_ports() {
  for (auto it = open_ports_.begin(); it != open_ports_.end();) {
    if (paths_.sides().contains(*it)) {
      ++it;
      continue;
    }
    ports_->close(*it);
    it = open_ports_.erase(it);
  }
  for (const auto& [ifindex, side] : paths_.sides()) {
    const Interface* interface = interfaces_.find(ifindex);
    ports_->set_mac(ifindex, interface->mac);
    if (open_ports_.contains(ifindex)) continue;
    if (auto opened = ports_->open(ifindex, interface->mac, router_wire_filter(own_addresses_, settings_.kernel));
        !opened) {
      log_event(LogLevel::error, "interface_not_opened",
                {{"interface", interface->name}, {"reason", opened.error().message}});
      network_changed_ = true;
      continue;
    }
    open_ports_.insert(ifindex);
    log_event(LogLevel::info, "interface_opened", {{"interface", interface->name}});
  }
}

void Daemon::set_up_inside() {
  for (const InsideSettings& inside : settings_.inside) {
    const unsigned ifindex = interfaces_.index_of(inside.interface);
    if (ifindex == 0 || !inside.advertise) continue;
    // The kernel takes addresses away when a link goes down.
    const auto& own = interfaces_.find(ifindex)->addresses;
    const bool has_it =
        std::any_of(own.begin(), own.end(), [&](const auto& a) { return a.address == inside.router_address; });
    if (has_it)
      kernel_->note_router_address(ifindex, inside.router_address);
    else if (auto added = kernel_->add_router_address(ifindex, inside.router_address); !added)
      log_event(LogLevel::error, "address_not_added", {{"reason", added.error().message}});
    if (auto set = kernel_->set_router_flag(inside.interface); !set)
      log_event(LogLevel::warning, "router_flag_not_set", {{"reason", set.error().message}});
  }
}

void Daemon::on_neighbour_message(const ReceivedNeighbourMessage& received) {
  inside_->on_message(received);
  if (const auto* message = std::get_if<RouterAdvertisement>(&received.message))
    on_router_advertisement(received.ifindex, *message);
}

/// What is held for the node leaves.
void Daemon::on_heard(NidEntry& entry, const Address& address) {
  const TimePoint now = loop_.now();
  if (entry.presence == Presence::arriving && entry.now != address.locator && entry.owns_nid)
    (void)rewriter_->nids().set_now(entry, address.locator);  // another node's: it is held until it sends
  rewriter_->heard(now, entry, actions_);
  perform();
  arm_timer();
}

/// ICMPv6 errors come from an address of the interface; one without uses another's.
void Daemon::set_addresses() {
  std::optional<Address> any;
  for (const auto& [ifindex, side] : paths_.sides())
    if (!any) any = interfaces_.find(ifindex)->global_address();
  error_addresses_.clear();
  for (const auto& [ifindex, side] : paths_.sides())
    if (const auto own = interfaces_.find(ifindex)->global_address(); own || any)
      error_addresses_[ifindex] = own.value_or(*any);
  for (const auto& [ifindex, address] : error_addresses_) {
    const Side side = paths_.sides().at(ifindex);
    if (side.kind == Side::Kind::link) rewriter_->set_address(side, address);
    if (side.kind != Side::Kind::uplink) continue;
    for (const UplinkId number : settings_.numbers_of(side.number))
      rewriter_->set_address(Side::uplink(number), address);
  }
}

void Daemon::set_mtus() {
  std::size_t inside = largest_mtu;
  for (const auto& [ifindex, side] : paths_.sides()) {
    const std::size_t mtu = interfaces_.find(ifindex)->mtu;
    if (side.kind == Side::Kind::uplink)
      for (const UplinkId number : settings_.numbers_of(side.number))
        rewriter_->uplinks()[number].mtu = settings_.uplinks[side.number].mtu.value_or(mtu);
    if (side.kind == Side::Kind::inside) inside = std::min(inside, mtu);
  }
  rewriter_->set_inside_mtu(inside);
}

/// The packet filter before the ports: the kernel must never see what they take.
void Daemon::set_filters() {
  std::vector<Address> own = interfaces_.own_addresses();
  if (own.size() > max_own_addresses) {
    log_event(LogLevel::error, "too_many_addresses", {{"count", own.size()}, {"limit", max_own_addresses}});
    own.resize(max_own_addresses);
  }
  if (own != own_addresses_) {
    if (auto set = ports_->set_filter(router_wire_filter(own, settings_.kernel)); !set) {
      note_filter(set);
      network_changed_ = true;
      return;  // both filters or none: each packet has one taker
    }
    own_addresses_ = own;
  }
  std::map<unsigned, std::string> names;
  for (const auto& [ifindex, side] : paths_.sides()) names[ifindex] = interfaces_.find(ifindex)->name;
  const auto applied = kernel_->set_filter(names, own_addresses_, settings_.kernel);
  note_filter(applied);
  network_changed_ = network_changed_ || !applied;
}

void Daemon::put_filter_back() {
  kernel_->filter_lost();
  set_filters();
}

}  // namespace ilnp
