// SPDX-License-Identifier: Apache-2.0
// What the kernel says of the machine's interfaces: links, addresses, default gateways, routes. Events in, facts out.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "io/netlink/network_events.h"

namespace ilnp {

struct Interface {
  struct OwnAddress {
    Address address;
    std::uint8_t prefix_length = 128;
    bool usable = true;
    bool operator==(const OwnAddress&) const = default;
  };
  struct Gateway {
    Address address;
    std::uint32_t metric = 0;
    RouterPreference preference = RouterPreference::medium;
  };
  struct Route {
    Address prefix;
    std::uint8_t length = 0;
    std::optional<Address> router;  ///< nothing: on the link
    std::uint32_t metric = 0;
  };
  std::string name;
  MacAddress mac;
  std::uint32_t mtu = 0;
  bool carrier = false;  ///< up, and has one
  std::vector<OwnAddress> addresses;
  std::vector<Gateway> gateways;
  std::vector<Route> routes;  ///< those that are no default routes

  /// The first that is usable.
  std::optional<Address> global_address() const;
  std::optional<Address> link_local_address() const;
  std::optional<Address> gateway() const;  ///< the best
  bool is_on_link(const Address& destination) const;
};

class Interfaces {
 public:
  void on_event(const NetworkEvent& event);
  /// What is known is not all: wait for the rest.
  bool in_resync() const { return in_resync_; }

  const std::map<unsigned, Interface>& all() const { return interfaces_; }
  const Interface* find(unsigned ifindex) const;
  /// 0: there is none.
  unsigned index_of(const std::string& name) const;
  /// Every address of the machine that packets from a wire can have as their destination, except link-local ones.
  std::vector<Address> own_addresses() const;

 private:
  void on(const LinkChanged& link);
  void on(const AddressChanged& address);
  void on(const DefaultRouteChanged& route);
  void on(const RouteChanged& route);
  void on(const ResyncStarted&);
  void on(const ResyncFinished&) { in_resync_ = false; }
  void on(const NeighbourChanged&) {}
  void on(const PrefixAdvertised&) {}

  std::map<unsigned, Interface> interfaces_;
  bool in_resync_ = true;
};

}  // namespace ilnp
