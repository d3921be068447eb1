// SPDX-License-Identifier: Apache-2.0
#include "ilnp-host/src/kernel_state.h"

#include <algorithm>
#include <filesystem>

#include "core/ilnp/ilcc.h"
#include "core/ilnp/nonce.h"
#include "core/ilnp/own_nids.h"
#include "io/settings/secret_file.h"

namespace ilnp {

namespace {

/// Routing tables of our I-LVs: one per interface, far from what people use. No interface has number 0.
constexpr std::uint32_t first_table = IpOnlyRouting::table;
constexpr std::uint32_t rule_priority = 10600;
/// Nobody's: a route by a gateway needs one neighbour entry in the kernel, one without needs one for every peer, and
/// more than a thousand of them push out those of the real links.
constexpr Address identity_gateway{{0xfe80'0000'0000'0000}, {1}};
constexpr std::size_t max_ilv_file = 64 * 1024;

std::set<Address> read_ilvs(const std::string& path) {
  std::set<Address> noted;
  if (const auto content = read_secret_file(path, max_ilv_file)) {
    ByteReader in{content.value()};
    while (in.remaining() >= 16) noted.insert(Address::load(in.take(16).data()));
  }
  return noted;
}

}  // namespace

Result<void> KernelState::bring_up(std::uint32_t mtu, const std::vector<NodeId>& nids, ClientAddress client) {
  auto opened = TunDevice::open(tun_name_, mtu);
  if (!opened) return error(opened.error().message);
  tun_ = std::make_unique<TunDevice>(std::move(opened.value()));
  if (auto r = tun_->set_persistent(true); !r) return r;
  if (auto r = commands_.disable_link_local(tun_->ifindex()); !r) return r;
  if (auto r = commands_.set_link_up(tun_->ifindex()); !r) return r;
  identity_ = {prefix_, nids.front()};
  for (const NodeId nid : nids) {
    AddressSpec address;
    address.ifindex = tun_->ifindex();
    address.address = Address{prefix_, nid};
    address.no_dad = true;
    if (auto r = commands_.add_address(address); !r) return r;
  }
  AddressSpec unbound;
  unbound.ifindex = tun_->ifindex();
  unbound.address = Address{prefix_, OwnNids::client};
  unbound.no_dad = true;
  unbound.deprecated = true;  // the routes name it, nothing else does
  client_is_preferred_ = client == ClientAddress::preferred;
  if (client != ClientAddress::none)
    if (auto r = commands_.add_address(unbound); !r) return r;
  if (auto r = IpOnlyRouting::remove_rules(commands_); !r) return r;
  if (auto r = set_link_mtu(mtu); !r) return r;
  return client == ClientAddress::none ? commands_.delete_address(unbound.ifindex, unbound.address, 128) : ok();
}

Result<void> KernelState::bind_ip_only(std::vector<std::uint16_t> except) {
  ip_only_ = std::make_unique<IpOnlyRouting>(commands_, tun_->ifindex(), identity_, std::move(except));
  if (auto r = replace_identity_routes(IpOnlyRouting::table, route_mtu_); !r) return r;
  if (auto r = ip_only_->set_mtu(route_mtu_); !r) return r;  // until the links are known
  return ip_only_->add_rules();
}

Result<void> KernelState::set_link_mtu(std::uint32_t smallest_link_mtu) {
  const auto room = static_cast<std::uint32_t>(max_nonce_header_length);
  const std::uint32_t mtu = std::max<std::uint32_t>(smallest_link_mtu - room, minimum_mtu);
  if (mtu == route_mtu_) return ok();
  if (auto r = replace_identity_routes(main_table, mtu); !r) return r;
  if (ip_only_ != nullptr) {
    if (auto r = replace_identity_routes(IpOnlyRouting::table, mtu); !r) return r;
    if (auto r = ip_only_->set_mtu(std::max<std::uint32_t>(smallest_link_mtu, minimum_mtu)); !r) return r;
  }
  route_mtu_ = mtu;
  return ok();
}

Result<void> KernelState::replace_identity_routes(std::uint32_t table, std::uint32_t mtu) {
  for (std::size_t k = 0; k < aliases_; ++k) {
    RouteSpec route;
    route.table = table;
    route.prefix = Address{alias_prefix(prefix_, static_cast<std::uint16_t>(k)), {}};
    route.prefix_length = 64;
    route.ifindex = tun_->ifindex();
    route.gateway = identity_gateway;
    route.mtu = mtu;
    if (client_is_preferred_) route.source = Address{prefix_, OwnNids::client};
    if (auto r = commands_.replace_route(route); !r) return r;
  }
  return ok();
}

Result<void> KernelState::set_address(const Ilv& ilv, bool preferred) {
  AddressSpec address;
  address.ifindex = ilv.ifindex;
  address.address = ilv.address;
  address.deprecated = !preferred;
  address.no_dad = true;  // the daemon probes by itself, optimistically (RFC 4429): plain DAD would cost a second
  address.no_prefix_route = true;
  return commands_.add_address(address);
}

Result<void> KernelState::add(const Ilv& ilv, bool preferred) {
  if (auto r = set_address(ilv, preferred); !r) return r;
  if (ilv.table == 0) return ok();
  // Plain IPv6 from an I-LV must leave by the link of its locator: providers drop foreign sources (BCP 38).
  RouteSpec route;
  route.ifindex = ilv.ifindex;
  route.gateway = ilv.gateway;
  route.table = ilv.table;
  if (auto r = commands_.replace_route(route); !r) return r;
  return commands_.add_rule({ilv.address, 128, ilv.table, rule_priority});
}

void KernelState::remove(const Ilv& ilv) {
  // The link may be gone, and everything with it: nothing to report then.
  if (ilv.table != 0) (void)commands_.delete_rule({ilv.address, 128, ilv.table, rule_priority});
  (void)commands_.delete_address(ilv.ifindex, ilv.address, 128);
  if (ilv.table == 0) return;
  const bool last = std::none_of(ilvs_.begin(), ilvs_.end(), [&](const Ilv& other) {
    return other.table == ilv.table && other.address != ilv.address;
  });
  if (!last) return;
  RouteSpec route;
  route.ifindex = ilv.ifindex;
  route.gateway = ilv.gateway;
  route.table = ilv.table;
  (void)commands_.delete_route(route);
}

template <class Predicate>
void KernelState::remove_ilvs_if(Predicate goes) {
  for (auto it = ilvs_.begin(); it != ilvs_.end();) {
    if (!goes(*it)) {
      ++it;
      continue;
    }
    const Ilv gone = *it;
    it = ilvs_.erase(it);
    preferred_.erase(gone);
    remove(gone);
  }
}

Result<KernelState::Added> KernelState::add_ilvs(const std::vector<LocatorTracker::Usable>& usable,
                                                 const std::vector<NodeId>& nids,
                                                 const std::vector<NodeId>& ephemeral) {
  std::set<Ilv> preferred;
  std::set<Ilv>& wanted = wanted_ilvs_;
  wanted.clear();
  for (const LocatorTracker::Usable& u : usable) {
    for (const NodeId nid : nids) {
      const Ilv ilv{u.locator.interface, {u.locator.locator, nid}, u.gateway, first_table + u.locator.interface};
      wanted.insert(ilv);
      if (!u.kernel_has_address && nid == nids.front()) preferred.insert(ilv);
    }
    for (const NodeId nid : ephemeral) wanted.insert({u.locator.interface, {u.locator.locator, nid}, {}, 0});
  }
  // Another gateway: its address must not go after it has come.
  const auto comes_again = [&](const Ilv& ilv) {
    return wanted.count(ilv) == 0 && std::any_of(wanted.begin(), wanted.end(), [&](const Ilv& w) {
             return w.ifindex == ilv.ifindex && w.address == ilv.address;
           });
  };
  remove_ilvs_if(comes_again);
  Added added;
  Result<void> outcome = ok();
  for (const Ilv& ilv : wanted) {
    const bool prefer = preferred.count(ilv) != 0;
    const bool known = ilvs_.count(ilv) != 0;
    if (known && prefer == (preferred_.count(ilv) != 0)) continue;
    if (auto r = known ? set_address(ilv, prefer) : add(ilv, prefer); !r) {
      if (!known) remove(ilv);  // whatever of it was made
      outcome = r.error();
      continue;
    }
    if (prefer)
      preferred_.insert(ilv);
    else
      preferred_.erase(ilv);
    if (known) continue;
    ilvs_.insert(ilv);
    added.emplace_back(ilv.ifindex, ilv.address);
  }
  if (!outcome) return outcome.error();
  return added;
}

void KernelState::finish_ilvs(const std::vector<LocatorTracker::Usable>& usable) {
  remove_ilvs_if([&](const Ilv& ilv) { return wanted_ilvs_.count(ilv) == 0; });
  if (ip_only_ != nullptr) ip_only_->set_links(usable);
  note_ilvs();
}

bool KernelState::has_ilv(unsigned ifindex, const Address& ilv) const {
  return std::any_of(ilvs_.begin(), ilvs_.end(),
                     [&](const Ilv& i) { return i.ifindex == ifindex && i.address == ilv; });
}

void KernelState::set_ilv_file(std::string path) {
  ilv_file_ = std::move(path);
  noted_ = read_ilvs(ilv_file_);
}

void KernelState::forget_ilv(unsigned ifindex, const Address& ilv) {
  const auto it =
      std::find_if(ilvs_.begin(), ilvs_.end(), [&](const Ilv& i) { return i.ifindex == ifindex && i.address == ilv; });
  if (it == ilvs_.end()) return;
  const Ilv gone = *it;
  ilvs_.erase(it);
  preferred_.erase(gone);
  remove(gone);
}

void KernelState::note_ilvs() const {
  if (ilv_file_.empty()) return;
  ByteVector content;
  for (const Ilv& ilv : ilvs_) {
    const auto octets = ilv.address.octets();
    content.insert(content.end(), octets.begin(), octets.end());
  }
  // Only older kernels need it; failing to write it changes nothing now.
  (void)write_secret_file(ilv_file_, content, Outlives::process);
}

Result<void> KernelState::set_filter(const std::map<unsigned, std::string>& interfaces,
                                     const std::vector<NodeId>& nids) {
  IngressFilter::Plan plan;
  for (const auto& [ifindex, name] : interfaces) plan.wire_interfaces.push_back(name);
  plan.nids = nids;
  for (std::size_t k = 0; k < aliases_; ++k)
    plan.identity_prefixes.push_back({{alias_prefix(prefix_, static_cast<std::uint16_t>(k)), {}}, 64});
  plan.tun = tun_name_;
  // The nft program takes tens of milliseconds, and a handoff waits for us: only when something is different.
  if (filtered_interfaces_ == interfaces && filter_plan_ == plan) return ok();
  if (auto applied = filter_.apply(plan); !applied) return applied;
  filtered_interfaces_ = interfaces;
  filter_plan_ = std::move(plan);
  return ok();
}

void KernelState::take_down() {
  for (const Ilv& ilv : std::set<Ilv>{ilvs_}) forget_ilv(ilv.ifindex, ilv.address);
  (void)commands_.remove_everything_ours();
  (void)IngressFilter::remove();
  filter_plan_.reset();
  if (tun_ != nullptr) (void)tun_->set_persistent(false);
  tun_.reset();
  std::error_code failure;
  std::filesystem::remove(ilv_file_, failure);
}

Result<std::string> KernelState::clean_up(const std::string& tun, const std::string& ilv_file) {
  auto commands = NetworkCommands::open();
  if (!commands) return commands.error();
  const std::set<Address> noted = read_ilvs(ilv_file);
  const auto leftovers = commands.value().remove_everything_ours(std::vector<Address>{noted.begin(), noted.end()});
  if (!leftovers) return leftovers.error();
  if (auto removed = TunDevice::remove(tun); !removed) return error(removed.error().message);
  if (auto removed = IngressFilter::remove(); !removed) return removed.error();
  std::error_code failure;
  std::filesystem::remove(ilv_file, failure);
  const auto& l = leftovers.value();
  return std::to_string(l.addresses) + " addresses, " + std::to_string(l.routes) + " routes, " +
         std::to_string(l.rules) + " rules";
}

}  // namespace ilnp
