// SPDX-License-Identifier: Apache-2.0
// Changes to the host's network, each acknowledged by the kernel before the call returns. Everything made here carries
// our protocol number (routes, rules, and since Linux 5.18 addresses), so that it can be found and taken back, also
// after a crash.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "core/base/result.h"
#include "core/ipv6/address.h"
#include "core/lisp/ip_address.h"

namespace ilnp {

/// rtm_protocol, FRA_PROTOCOL and IFA_PROTO of everything that is ours.
inline constexpr std::uint8_t our_protocol = 106;
inline constexpr std::uint32_t main_table = 254;

struct AddressSpec {
  unsigned ifindex = 0;
  lisp::IpAddress address{};
  std::uint8_t prefix_length = 128;
  bool deprecated = false;       ///< preferred lifetime 0: never chosen as a source by itself
  bool no_dad = false;           ///< usable at once, no probe by the kernel (IPv6)
  bool no_prefix_route = false;  ///< no route for the prefix
};

struct RouteSpec {
  lisp::IpAddress prefix{};
  std::uint8_t prefix_length = 0;
  unsigned ifindex = 0;
  std::optional<lisp::IpAddress> gateway{};  ///< of the same family
  std::uint32_t table = main_table;
  std::uint32_t metric = 0;                 ///< 0: the kernel's default (IPv6: 1024)
  std::uint32_t mtu = 0;                    ///< 0: the link's
  std::optional<lisp::IpAddress> source{};  ///< preferred source
  std::uint8_t protocol = our_protocol;
};

struct RuleSpec {
  Address from{};
  std::uint8_t from_length = 64;
  std::uint32_t table = 0;
  std::uint32_t priority = 0;
  /// Also for sockets that nobody bound, when the source that the kernel picks for the route found is in `from`.
  bool find_source = false;
  bool no_default_route = false;       ///< what would take one of the table's goes on to the next rule
  std::uint8_t upper_protocol = 0;     ///< 0: any; with destination_port
  std::uint16_t destination_port = 0;  ///< 0: any
};

class NetworkCommands {
 public:
  static Result<NetworkCommands> open();
  NetworkCommands(NetworkCommands&&) noexcept;
  NetworkCommands& operator=(NetworkCommands&&) noexcept;
  ~NetworkCommands();

  /// Adding what exists replaces it; deleting what does not exist is success. The kernel finishes an address some
  /// moments after it said yes: it is usable when AddressChanged says so.
  Result<void> add_address(const AddressSpec& address);
  Result<void> delete_address(unsigned ifindex, const lisp::IpAddress& address, std::uint8_t prefix_length);

  Result<void> set_link_up(unsigned ifindex, bool up = true);
  Result<void> set_mtu(unsigned ifindex, std::uint32_t mtu);
  /// Keeps the kernel from making a link-local address on a device without neighbours (our TUN). Before set_link_up.
  Result<void> disable_link_local(unsigned ifindex);

  Result<void> replace_route(const RouteSpec& route);
  Result<void> delete_route(const RouteSpec& route);
  /// Of both families, with that protocol number; how many they were. `keep`: says which ones stay.
  struct FoundRoute {
    unsigned ifindex = 0;  ///< 0: it has several devices, or none
    std::uint32_t table = 0;
    lisp::IpPrefix prefix;
    auto operator<=>(const FoundRoute&) const = default;
  };
  using RouteFilter = std::function<bool(const FoundRoute& route)>;
  Result<std::size_t> delete_routes(std::uint8_t protocol, const RouteFilter& keep = {});
  /// A default route of the main table, whoever made it.
  Result<void> delete_default_route(unsigned ifindex, const Address& gateway, std::uint32_t metric = 0);

  Result<void> add_rule(const RuleSpec& rule);
  Result<void> delete_rule(const RuleSpec& rule);

  /// Makes the kernel resolve (or confirm) a neighbour; the answer is a NeighbourChanged event.
  Result<void> resolve_neighbour(unsigned ifindex, const Address& address);
  /// Forgets a neighbour's link-layer address.
  Result<void> delete_neighbour(unsigned ifindex, const Address& address);

  struct Leftovers {
    std::size_t routes = 0, rules = 0, addresses = 0;
  };
  /// Removes every route, rule and address with our protocol number, and the addresses named (older kernels do not
  /// keep the number with addresses). The TUN device is TunDevice::remove's, the packet filter IngressFilter's.
  Result<Leftovers> remove_everything_ours(std::span<const Address> addresses = {});

 private:
  struct State;
  explicit NetworkCommands(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// The interface's index, or an error that names it.
Result<unsigned> interface_index(const std::string& name);

}  // namespace ilnp
