// SPDX-License-Identifier: Apache-2.0
#include "sbr/src/kernel_setup.h"

#include <fstream>

namespace ilnp {
namespace {

std::string forwarding_of(const std::string& interface) {
  return "/proc/sys/net/ipv6/conf/" + interface + "/forwarding";
}

bool write_forwarding(const std::string& interface, int value) {
  std::ofstream file{forwarding_of(interface)};
  file << value << std::flush;
  return file.good();
}

}  // namespace

Result<void> KernelSetup::set_filter(const std::map<unsigned, std::string>& interfaces, const std::vector<Address>& own,
                                     const std::vector<Prefix>& kernels) {
  RouterFilter::Plan plan;
  for (const auto& [ifindex, name] : interfaces) plan.interfaces.push_back(name);
  plan.own = own;
  plan.kernels = kernels;
  // The nft program takes tens of milliseconds, in which packets wait.
  if (plan_ == plan && interfaces_ == interfaces) return ok();
  if (auto applied = RouterFilter::apply(plan); !applied) return applied;
  plan_ = std::move(plan);
  interfaces_ = interfaces;
  return ok();
}

Result<void> KernelSetup::add_router_address(unsigned ifindex, const Address& address) {
  AddressSpec spec;
  spec.ifindex = ifindex;
  spec.address = address;
  spec.prefix_length = 64;
  spec.no_dad = true;  // other border routers of this link have it as well
  spec.no_prefix_route = true;
  spec.deprecated = true;
  if (auto added = commands_.add_address(spec); !added) return added;
  router_addresses_.insert({ifindex, address});
  return ok();
}

Result<void> KernelSetup::set_router_flag(const std::string& interface) {
  int value = 0;
  std::ifstream{forwarding_of(interface)} >> value;
  if (value != 0) return ok();
  if (!write_forwarding(interface, 1))
    return error("cannot write " + forwarding_of(interface) + ": set net.ipv6.conf." + interface + ".forwarding to 1");
  flagged_.insert(interface);
  return ok();
}

void KernelSetup::take_down() {
  for (const auto& [ifindex, address] : router_addresses_) (void)commands_.delete_address(ifindex, address, 64);
  router_addresses_.clear();
  for (const std::string& interface : flagged_) (void)write_forwarding(interface, 0);
  flagged_.clear();
  (void)RouterFilter::remove();
  plan_.reset();
}

Result<void> KernelSetup::clean_up(const SbrSettings& settings) {
  auto commands = NetworkCommands::open();
  if (!commands) return commands.error();
  for (const InsideSettings& inside : settings.inside) {
    const auto ifindex = interface_index(inside.interface);
    if (ifindex) (void)commands.value().delete_address(ifindex.value(), inside.router_address, 64);
  }
  return RouterFilter::remove();
}

}  // namespace ilnp
