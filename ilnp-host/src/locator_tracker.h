// SPDX-License-Identifier: Apache-2.0
// From what the kernel says about links, addresses and default routes to "these locators are usable now". No I/O.
//
// A locator is the /64 of a global address (or a unique local one, if locators.accept_unique_local) on an interface of
// ours that is up, has carrier, and has a default route whose gateway is not known to be dead. An advertised prefix
// counts before the kernel has made an address of it: our own I-LV does not wait for the duplicate address detection of
// another address, which the kernel ends a second later.
//
// A machine that was moved keeps its link, and its old prefixes would seem usable for as long as they were promised.
// What was left behind is found out by a MoveCheck of the link, after a sign that this may be so. Another link-layer
// address of a gateway is such a sign, too: all border routers may have the same link-local address.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/ilnp/own_locators.h"
#include "ilnp-host/src/host_notice.h"
#include "ilnp-host/src/move_check.h"
#include "ilnp-host/src/settings.h"
#include "io/netlink/network_events.h"

namespace ilnp {

class LocatorTracker {
 public:
  struct Uplink {
    unsigned ifindex = 0;
    std::string name;
    MacAddress mac;
    std::uint32_t mtu = 0;
    bool usable = false;  ///< up and carrier
  };
  struct Usable {
    OwnLocator locator;
    Address gateway;
    bool kernel_has_address = false;  ///< of this prefix on this interface, ready to be a source
    bool operator==(const Usable&) const;
  };
  /// What a batch of events changed.
  struct Changes {
    std::vector<Usable> up;                                   ///< new, or something about it changed
    std::vector<std::pair<Locator, unsigned>> down;           ///< locator, interface
    std::vector<unsigned> interfaces_up, interfaces_down;     ///< a packet socket is wanted, or not any more
    std::set<unsigned> solicit;                               ///< ask for routers now
    std::vector<std::pair<unsigned, Address>> probe;          ///< ask these whether they are there
    std::vector<std::pair<unsigned, Address>> dead_gateways;  ///< their default routes are of no use
    std::vector<std::pair<unsigned, Address>> cut_gateways;   ///< learnt from routers on a link that went away
    std::uint32_t smallest_mtu = 0;                           ///< of the links in use; 0 = none
    bool moved = false;                                       ///< the hypervisor says so
  };

  /// `may_locate` says which prefixes count.
  LocatorTracker(std::vector<InterfaceSettings> interfaces, std::string tun,
                 std::function<bool(Locator)> may_locate = is_global_unicast)
      : wanted_{std::move(interfaces)}, tun_{std::move(tun)}, may_locate_{std::move(may_locate)} {}

  void set_own_nids(std::vector<NodeId> nids) { own_nids_ = std::move(nids); }
  void on_event(TimePoint now, const NetworkEvent& event);
  /// This machine may have been moved, with all its links.
  void on_move(TimePoint now, MoveCheck::Sign sign);
  /// It was moved: the hypervisor says so. False: no link of ours is meant.
  bool on_notice(TimePoint now, const HostNotice& notice);
  /// What neighbours say; the kernel tells of prefixes, routes and link-layer addresses by itself. False: it is of no
  /// interest now.
  bool on_neighbour_message(TimePoint now, unsigned ifindex, const NeighbourMessage& message);
  void on_time(TimePoint now);
  TimePoint next_deadline() const;
  /// Another node on the link has this I-LV: its locator is not usable there until the link changes, or this machine
  /// may have been moved to another one: nobody need have it there, or where it was when it comes back.
  void on_duplicate(unsigned ifindex, Locator locator) { duplicates_.insert({ifindex, locator}); }
  /// Compares with what was reported before.
  Changes take_changes();
  bool in_resync() const { return in_resync_; }

  const Uplink* uplink(unsigned ifindex) const;
  const std::map<unsigned, Uplink>& uplinks() const { return uplinks_; }
  const std::vector<Usable>& usable() const { return reported_; }
  NeighbourState gateway_state(unsigned ifindex, const Address& gateway) const;
  /// Interfaces that are up but have no locator: routers are solicited.
  std::vector<unsigned> without_router() const;

 private:
  static constexpr std::uint8_t router_advertisement = 9;  ///< RTPROT_RA
  static constexpr std::size_t max_prefixes = 16;          ///< per interface, as the kernel's max_addresses
  using Place = std::pair<unsigned, Address>;              ///< interface, address
  struct Learnt {
    AddressChanged address;
    TimePoint at{};
  };
  void on(TimePoint now, const LinkChanged& link);
  void on(TimePoint now, const AddressChanged& address);
  void on(TimePoint now, const DefaultRouteChanged& route);
  void on(TimePoint now, const NeighbourChanged& neighbour);
  void on(TimePoint now, const PrefixAdvertised& advertised);
  void on(TimePoint, const RouteChanged&) {}
  void on(TimePoint now, const ResyncStarted&);
  void on(TimePoint now, const ResyncFinished&);
  bool is_wanted(const LinkChanged& link) const;
  void forget_duplicates(unsigned ifindex);
  void forget_prefixes(unsigned ifindex);
  const InterfaceSettings* settings_of(const std::string& name) const;
  std::vector<Usable> compute() const;
  const DefaultRouteChanged* best_route(unsigned ifindex) const;
  bool may_make_locator(const PrefixInformation& prefix) const;
  bool is_configured(unsigned ifindex, Locator locator) const;
  void drop_left_behind(std::vector<Usable>& found) const;
  void check_move(TimePoint now, unsigned ifindex, MoveCheck::Sign sign);
  void take_steps(TimePoint now, unsigned ifindex, MoveCheck& check);
  void forget(unsigned ifindex);

  std::vector<InterfaceSettings> wanted_;
  std::string tun_;
  std::function<bool(Locator)> may_locate_;
  std::vector<NodeId> own_nids_;
  std::map<unsigned, Uplink> uplinks_;
  std::map<Place, Learnt> addresses_;
  /// Advertised on a link that is up; an address of that prefix takes the entry's place.
  std::map<std::pair<unsigned, Locator>, Learnt> prefixes_;
  std::map<Place, DefaultRouteChanged> routes_;
  std::map<Place, NeighbourState> gateways_;
  std::map<Place, MacAddress> gateway_macs_;
  std::map<unsigned, MoveCheck> checks_;  ///< by interface
  std::set<std::pair<unsigned, Locator>> duplicates_;
  std::vector<Usable> reported_;
  std::set<unsigned> reported_interfaces_;
  Changes pending_;
  bool in_resync_ = false;
  // Named during a resync; the rest is gone.
  std::set<unsigned> seen_links_;
  std::set<Place> seen_addresses_, seen_routes_;
};

}  // namespace ilnp
