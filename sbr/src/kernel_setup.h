// SPDX-License-Identifier: Apache-2.0
// Everything that the daemon changes in the kernel, so that all of it can be taken back: the packet filter, our
// link-local address inside, and that the kernel's neighbour advertisements there say "router".
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "io/netlink/network_commands.h"
#include "io/sockets/router_filter.h"
#include "sbr/src/settings.h"

namespace ilnp {

class KernelSetup {
 public:
  explicit KernelSetup(NetworkCommands& commands) : commands_{commands} {}

  /// Interfaces by number: the kernel drops a chain with its device.
  Result<void> set_filter(const std::map<unsigned, std::string>& interfaces, const std::vector<Address>& own,
                          const std::vector<Prefix>& kernels);
  /// Somebody took it away: set_filter() does not trust its memory.
  void filter_lost() { plan_.reset(); }

  Result<void> add_router_address(unsigned ifindex, const Address& address);
  /// It is there, from a run before: taken back with the others.
  void note_router_address(unsigned ifindex, const Address& address) { router_addresses_.insert({ifindex, address}); }
  /// A host that hears a neighbour advertisement of its router without the R flag forgets the router (RFC 4861 section
  /// 7.2.5), and the kernel sets the flag where the interface's `forwarding` is on. It forwards nothing by that: what
  /// would be forwarded never reaches it.
  Result<void> set_router_flag(const std::string& interface);

  void take_down();
  /// Takes back what another run left. The `forwarding` of interfaces stays: nobody knows what it was.
  static Result<void> clean_up(const SbrSettings& settings);

 private:
  NetworkCommands& commands_;
  std::optional<RouterFilter::Plan> plan_;
  std::map<unsigned, std::string> interfaces_;
  std::set<std::pair<unsigned, Address>> router_addresses_;
  std::set<std::string> flagged_;
};

}  // namespace ilnp
