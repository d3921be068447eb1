// SPDX-License-Identifier: Apache-2.0
// Everything that the daemon makes in the kernel, in one place, so that all of it can be taken back: the TUN device
// with the identity addresses and routes, the I-LV addresses with their rules and tables, the packet filter. What a
// crashed daemon left is found by our protocol number, the device's name and the filter table's name.
//
// While the daemon is away after a crash everything stays: the packet filter keeps the kernel from answering the peers
// (a TCP reset would end their sessions), and the device keeps the addresses that local sockets are bound to.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/ipv6/address.h"
#include "ilnp-host/src/ip_only_routing.h"
#include "ilnp-host/src/locator_tracker.h"
#include "io/netlink/network_commands.h"
#include "io/sockets/ingress_filter.h"
#include "io/tun/tun_device.h"

namespace ilnp {

class KernelState {
 public:
  KernelState(NetworkCommands& commands, std::string tun, Locator prefix, std::size_t aliases)
      : commands_{commands}, tun_name_{std::move(tun)}, prefix_{prefix}, aliases_{aliases} {}

  /// The address of sockets that nobody bound, when their NIDs are ephemeral (OwnNids::client).
  enum class ClientAddress : std::uint8_t {
    none,
    kept,      ///< for the sockets that have it; new ones get the node's
    preferred  ///< the source towards identity addresses
  };
  /// The device, up, with the identity addresses of `nids`; adopted when a crashed daemon left it.
  Result<void> bring_up(std::uint32_t mtu, const std::vector<NodeId>& nids, ClientAddress client);
  TunDevice& tun() { return *tun_; }
  /// Sockets get the identity address towards correspondents without ILNP too: see IpOnlyRouting. Not called: what an
  /// earlier run made for that goes. After bring_up().
  Result<void> bind_ip_only(std::vector<std::uint16_t> except);

  /// Route MTU of the identity prefixes: leaves room for the nonce header on the smallest link.
  Result<void> set_link_mtu(std::uint32_t smallest_link_mtu);
  /// The I-LV addresses that belong to these locators; the kernel owns them (neighbour discovery, plain IPv6), but
  /// never picks one as a source by itself - except while it has no other address there (duplicate address detection
  /// takes it a second): plain packets, DNS among them, would leave with the address of the place that was left.
  /// Nothing but neighbour discovery happens under those of `ephemeral` NIDs: they need no routing of their own.
  /// Returns those that were added (they want duplicate address detection). Those of former locators stay until
  /// finish_ilvs(), which can wait: a move should not wait for them.
  using Added = std::vector<std::pair<unsigned, Address>>;
  Result<Added> add_ilvs(const std::vector<LocatorTracker::Usable>& usable, const std::vector<NodeId>& nids,
                         const std::vector<NodeId>& ephemeral);
  void finish_ilvs(const std::vector<LocatorTracker::Usable>& usable);
  bool has_ilv(unsigned ifindex, const Address& ilv) const;
  /// Whether a daemon before us noted it.
  bool was_noted(const Address& ilv) const { return noted_.contains(ilv); }
  void forget_ilv(unsigned ifindex, const Address& ilv);
  Result<void> set_filter(const std::map<unsigned, std::string>& interfaces, const std::vector<NodeId>& nids);
  /// Somebody took it away: set_filter() does not trust its memory.
  void filter_lost() { filter_plan_.reset(); }

  /// Takes everything back.
  void take_down();
  /// Takes back what another run left. Says what it was.
  static Result<std::string> clean_up(const std::string& tun, const std::string& ilv_file);
  /// The I-LV addresses in force are noted there, for kernels that do not remember who made an address.
  void set_ilv_file(std::string path);

 private:
  struct Ilv {
    unsigned ifindex;
    Address address;
    Address gateway;  ///< these two: of its own routing, table 0 is none
    std::uint32_t table;
    auto operator<=>(const Ilv&) const = default;
  };
  Result<void> replace_identity_routes(std::uint32_t table, std::uint32_t mtu);
  Result<void> add(const Ilv& ilv, bool preferred);
  Result<void> set_address(const Ilv& ilv, bool preferred);
  void remove(const Ilv& ilv);
  template <class Predicate>
  void remove_ilvs_if(Predicate goes);
  void note_ilvs() const;

  NetworkCommands& commands_;
  std::string tun_name_;
  Locator prefix_;
  std::size_t aliases_;
  Address identity_;  ///< of the node's first NID
  std::unique_ptr<TunDevice> tun_;
  std::unique_ptr<IpOnlyRouting> ip_only_;
  IngressFilter filter_;
  std::optional<IngressFilter::Plan> filter_plan_;       // in force
  std::map<unsigned, std::string> filtered_interfaces_;  // by index: the kernel drops a chain with its device
  std::set<Ilv> ilvs_;
  std::set<Ilv> wanted_ilvs_;
  std::set<Ilv> preferred_;  // those of ilvs_ that the kernel may pick as a source
  std::uint32_t route_mtu_ = 0;
  bool client_is_preferred_ = false;
  std::set<Address> noted_;
  std::string ilv_file_;
};

}  // namespace ilnp
