// SPDX-License-Identifier: Apache-2.0
// ilnp-host: the adapters of io/ wired to one HostForwarder. Packets, netlink events, names and time go in; what comes
// out is done here, once, in apply().
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/forwarding/host_forwarder.h"
#include "core/ipv6/duplicate_address_detection.h"
#include "ilnp-host/src/kernel_state.h"
#include "ilnp-host/src/locator_tracker.h"
#include "ilnp-host/src/names.h"
#include "ilnp-host/src/session_file.h"
#include "ilnp-host/src/settings.h"
#include "ilnp-host/src/wire_side.h"
#include "io/crypto/crypto.h"
#include "io/loop/loop.h"
#include "io/netlink/filter_watch.h"
#include "io/netlink/network_commands.h"
#include "io/netlink/network_monitor.h"
#include "io/process/reload.h"
#include "io/resolver/publisher.h"
#include "io/sockets/neighbour_discovery_socket.h"
#include "io/telemetry/control_server.h"
#include "io/telemetry/counters.h"

namespace ilnp {

class Daemon {
 public:
  explicit Daemon(HostSettings settings);
  ~Daemon();

  /// Opens everything that needs privileges; the network is changed from here on.
  Result<void> start();
  /// Runs until a signal ends it. SIGTERM, SIGINT: everything in the kernel is taken back. SIGUSR2: it stays for the
  /// daemon that follows (an upgrade). SIGHUP: the log level is read again.
  void run();
  /// On SIGHUP and on the control socket's request. An error names every mistake, and then nothing has changed.
  void set_reload(std::function<Result<ReloadOutcome>()> reload) { reload_ = std::move(reload); }
  void set_log_level(LogLevel level);

 private:
  friend class Status;
  friend void register_status(Daemon& daemon);
  void apply(Actions& actions);
  bool drain_tun();
  bool read_tun();
  template <class Batch, class PairOf>
  void expect(const Batch& batch, PairOf pair_of);
  void on_frames(unsigned ifindex, std::span<ReceivedFrame> frames);
  void handle(TimePoint now, const Verdict& verdict, const Packet& packet);
  bool drain_netlink();
  void locators_changed();
  void update_ports(const LocatorTracker::Changes& changes);
  void set_filter();
  void update_ilvs();
  std::vector<NodeId> all_nids() const;
  std::vector<NodeId> addressed_nids() const;
  void provision_nids();
  bool wants_nids() const;
  bool withdraw_nid(NodeId nid);
  KernelState::ClientAddress client_address() const;
  void own_nids_changed();
  void remove_stale_ilvs();
  bool drain_neighbour_discovery();
  void run_dad(const DuplicateAddressDetector::Actions& actions);
  void announce(unsigned ifindex, const Address& ilv, bool override_cached);
  void solicit(unsigned ifindex);
  void on_timer();
  void arm_timer();
  void housekeeping();
  void restore_filter();
  void publish();
  void log(const HostEvent& event);
  void check_flows(const std::vector<CorrespondentId>& ids);
  void on_signal(int number);
  Result<void> open_publisher();

  HostSettings settings_;
  Loop loop_;
  OpensslRandom random_;
  OpensslHasher hasher_;
  std::unique_ptr<ControlServer> control_;
  std::unique_ptr<NetworkCommands> commands_;
  std::unique_ptr<NetworkMonitor> monitor_;
  std::unique_ptr<NeighbourDiscoverySocket> neighbour_discovery_;
  std::unique_ptr<FilterWatch> filter_watch_;
  std::unique_ptr<HostForwarder> forwarder_;
  std::unique_ptr<KernelState> kernel_;
  std::unique_ptr<WireSide> wire_;
  std::unique_ptr<Names> names_;
  std::unique_ptr<Publisher> publisher_;
  std::unique_ptr<SessionFile> sessions_;
  std::unique_ptr<DeadlineTimer> timer_;
  std::unique_ptr<DeadlineTimer> housekeeping_;
  std::unique_ptr<SignalWatch> signals_;
  std::unique_ptr<Watch> tun_watch_, netlink_watch_, neighbour_watch_, filter_change_watch_;
  LocatorTracker tracker_;
  DuplicateAddressDetector dad_;
  CounterRegistry counters_;
  Actions actions_;  ///< reused on the packet path
  std::vector<ByteVector> tun_buffers_;
  std::vector<Packet> tun_packets_;    ///< read and not yet handled, one in each of the first buffers
  std::vector<NidPair> pairs_;         ///< of a batch of packets
  std::vector<NodeId> filtered_nids_;  ///< in the packet filter: those of now, and some that are retired
  bool nids_posted_ = false;           ///< own_nids_changed() is about to run
  TimePoint next_refill_{};
  std::uint64_t reported_shared_ = 0;
  std::vector<std::pair<unsigned, Address>> found_ilvs_;  ///< in the kernel before we started
  bool ilvs_adopted_ = false;
  bool ilvs_incomplete_ = false;
  bool filter_lost_ = false;
  bool take_down_ = true;
  TimePoint started_at_{};
  TimePoint next_solicit_ = never;
  TimePoint next_filter_restore_{};
  std::function<Result<ReloadOutcome>()> reload_;
};

}  // namespace ilnp
