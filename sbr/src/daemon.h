// SPDX-License-Identifier: Apache-2.0
// ilnp-sbr: the adapters of io/ wired to one SiteRewriter. Packets, netlink events and time go in; what comes out is
// done here. daemon.cpp: start, end and packets; daemon_network.cpp: what follows from changes of the network.
#pragma once

#include <functional>
#include <memory>

#include "core/base/rate_limit.h"
#include "core/forwarding/site_rewriter.h"
#include "io/crypto/crypto.h"
#include "io/process/daemon_process.h"
#include "io/sockets/echo_socket.h"
#include "io/wire/next_hops.h"
#include "sbr/src/flow_file.h"
#include "sbr/src/inside_links.h"
#include "sbr/src/interfaces.h"
#include "sbr/src/kernel_setup.h"
#include "sbr/src/learnt_names.h"
#include "sbr/src/link_watch.h"
#include "sbr/src/paths.h"
#include "sbr/src/settings.h"
#include "sbr/src/site_publisher.h"
#include "sbr/src/truth_side.h"
#include "sbr/src/uplink_watch.h"

namespace ilnp {

class Daemon : public DaemonProcess {
 public:
  explicit Daemon(SbrSettings settings);

  Result<void> start() override;
  /// Preference, weight, policy, log level.
  void apply_settings(const Configuration& fresh) override;

 private:
  friend class Status;
  friend void register_status(Daemon& daemon);

  // daemon.cpp
  Result<void> make_rewriter();
  void apply_rules(const SbrSettings& fresh);
  void on_frames(unsigned ifindex, std::span<ReceivedFrame> frames);
  void perform() { perform(actions_); }
  void perform(SiteActions& actions);
  void send(TimePoint now, Side to, const Packet& packet);
  void tell_unreachable(Packet& packet);
  void log(const SiteEvent& event);
  void on_timer();
  void arm_timer();
  void housekeeping();
  void finish(bool take_down) override;

  // daemon_network.cpp
  void on_network_events(TimePoint now, const std::vector<NetworkEvent>& events) override;
  void network_changed();
  void open_ports();
  void set_up_inside();
  void on_neighbour_message(const ReceivedNeighbourMessage& received) override;
  void on_heard(NidEntry& entry, const Address& address);
  void set_addresses();
  void set_mtus();
  void set_filters();
  void put_filter_back() override;

  // daemon_uplinks.cpp
  void watch_uplinks();
  void uplinks_changed();
  void links_changed();
  void send_echo_request(Side to, const Address& target, std::uint16_t identifier, std::uint16_t sequence,
                         std::size_t octets);
  void on_link_mtu(const SiteLinkSettings& link, std::size_t octets);
  void probe(UplinkId id, std::uint16_t identifier, std::uint16_t sequence);
  bool drain_echoes();
  void on_uplink_change(UplinkId id, UplinkState before, UplinkState now);
  void solicit_routers();
  void on_router_advertisement(unsigned ifindex, const RouterAdvertisement& message);
  void set_uplink(UplinkId id);
  void names_changed();

  SbrSettings settings_;
  OpensslRandom random_;
  Interfaces interfaces_;
  Paths paths_;
  SitePublisher publisher_{loop_};
  std::unique_ptr<KernelSetup> kernel_;
  std::unique_ptr<EchoSocket> echoes_;
  std::unique_ptr<FlowFile> flow_file_;  ///< outlives the rewriter
  std::unique_ptr<SiteRewriter> rewriter_;
  std::unique_ptr<LearntNames> names_;
  std::unique_ptr<UplinkWatch> uplinks_;
  std::unique_ptr<LinkWatch> links_;
  std::unique_ptr<InsideLinks> inside_;
  std::unique_ptr<WirePorts> ports_;
  std::unique_ptr<NextHops> next_hops_;
  std::unique_ptr<TruthSide> truth_;
  std::unique_ptr<DeadlineTimer> timer_, housekeeping_;
  std::unique_ptr<Watch> echo_watch_;
  SiteActions actions_;                  ///< reused on the packet path
  std::vector<const Packet*> expected_;  ///< likewise
  RateLimit unreachable_rate_;
  std::vector<Address> own_addresses_;           ///< those that the filters leave to the kernel
  std::map<unsigned, Address> error_addresses_;  ///< by interface: where ICMPv6 errors come from
  std::set<unsigned> open_ports_;
  std::uint64_t no_path_ = 0;  ///< packets dropped: the side has no interface or no gateway
  bool network_changed_ = false;
  TimePoint next_solicit_{};
};

}  // namespace ilnp
