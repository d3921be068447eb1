// SPDX-License-Identifier: Apache-2.0
// ilnp-host: the adapters of io/ wired to one HostForwarder. Packets, netlink events, names and time go in; what comes
// out is done here, once, in apply().
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/forwarding/host_forwarder.h"
#include "core/ipv6/duplicate_address_detection.h"
#include "ilnp-host/src/clock_watch.h"
#include "ilnp-host/src/host_channel.h"
#include "ilnp-host/src/kernel_state.h"
#include "ilnp-host/src/locator_tracker.h"
#include "ilnp-host/src/names.h"
#include "ilnp-host/src/settings.h"
#include "ilnp-host/src/wire_side.h"
#include "io/crypto/crypto.h"
#include "io/loop/clock_set_watch.h"
#include "io/process/daemon_process.h"
#include "io/process/session_file.h"
#include "io/resolver/publisher.h"

namespace ilnp {

class Daemon : public DaemonProcess {
 public:
  explicit Daemon(HostSettings settings);

  Result<void> start() override;

 private:
  friend class Status;
  friend void register_status(Daemon& daemon);
  void apply(Actions& actions);
  bool drain_tun();
  void catch_up(TimePoint now);
  bool read_tun();
  template <class Batch, class PairOf>
  void expect(const Batch& batch, PairOf pair_of);
  void on_frames(unsigned ifindex, std::span<ReceivedFrame> frames);
  void handle(TimePoint now, const Verdict& verdict, const Packet& packet);
  void on_network_events(TimePoint now, const std::vector<NetworkEvent>& events) override;
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
  void on_neighbour_message(const ReceivedNeighbourMessage& received) override;
  void run_dad(const DuplicateAddressDetector::Actions& actions);
  void announce(unsigned ifindex, const Address& ilv, bool override_cached);
  void solicit(unsigned ifindex);
  void ask_neighbours(const LocatorTracker::Changes& changes);
  void watch_for_moves();
  std::string on_host_line(std::string_view line);
  void on_tick();
  void on_clock_set(Duration step);
  void clock_jumped(std::string_view sign, Duration by);
  void on_timer();
  void arm_timer();
  void housekeeping();
  void put_filter_back() override;
  void publish();
  void check_flows(const std::vector<CorrespondentId>& ids);
  void finish(bool take_down) override;
  Result<void> open_publisher();
  void restore_sessions();

  HostSettings settings_;
  OpensslRandom random_;
  OpensslHasher hasher_;
  std::unique_ptr<HostForwarder> forwarder_;
  std::unique_ptr<KernelState> kernel_;
  std::unique_ptr<WireSide> wire_;
  std::unique_ptr<Names> names_;
  std::unique_ptr<Publisher> publisher_;
  std::unique_ptr<SessionFile> sessions_;
  std::unique_ptr<DeadlineTimer> timer_;
  std::unique_ptr<DeadlineTimer> housekeeping_;
  std::unique_ptr<DeadlineTimer> tick_;
  std::unique_ptr<ClockSetWatch> clock_set_watch_;
  std::unique_ptr<HostChannel> host_channel_;
  std::unique_ptr<Watch> tun_watch_;
  LocatorTracker tracker_;
  DuplicateAddressDetector dad_;
  ClockWatch clock_watch_;
  std::uint64_t notices_heard_ = 0, notices_refused_ = 0;
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
  TimePoint next_solicit_ = never;
};

}  // namespace ilnp
