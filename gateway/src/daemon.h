// SPDX-License-Identifier: Apache-2.0
// ilnp-gateway: the adapters of io/ wired to one Xtr (control plane) and one LispInterworking (packets). Packets,
// datagrams and time go in; what comes out is done here. daemon.cpp: start, end, control plane; daemon_packets.cpp:
// packets; daemon_sessions.cpp: the ILNP side;
// daemon_standby.cpp, daemon_group.cpp: the other gateways.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "core/forwarding/lisp_sessions.h"
#include "core/lisp/train.h"
#include "gateway/src/control_port.h"
#include "gateway/src/data_port.h"
#include "gateway/src/eid_truth.h"
#include "gateway/src/group_copies.h"
#include "gateway/src/kernel_setup.h"
#include "gateway/src/memory_file.h"
#include "gateway/src/node_names.h"
#include "gateway/src/presence_file.h"
#include "gateway/src/settings.h"
#include "gateway/src/tun_side.h"
#include "io/crypto/crypto.h"
#include "io/group/group_link.h"
#include "io/process/daemon_process.h"
#include "io/process/session_file.h"

namespace ilnp {

class GatewayDaemon : public DaemonProcess {
 public:
  explicit GatewayDaemon(GatewaySettings settings);

  Result<void> start() override;
  /// Routes into the devices, log level.
  void apply_settings(const Configuration& fresh) override;

 private:
  friend class GatewayStatus;
  friend void register_status(GatewayDaemon& daemon);
  friend class LispCommand;
  friend class SessionStatus;

  // daemon.cpp
  lisp::Instant instant() const;
  Result<void> open_inside();
  Result<void> open_ports();
  Result<void> open_truth();
  void make_core();
  void on_network_events(TimePoint now, const std::vector<NetworkEvent>& events) override;
  void finish(bool take_down) override;
  /// What the Xtr asked for in `actions_.control` and what follows from it, then all of perform().
  void settle(lisp::Instant at);
  /// Does what is in `actions_`, and leaves it empty.
  void perform();
  void deliver(const lisp::XtrActions::Delivery& delivery);
  void on_news(const std::vector<EidNews>& news);
  /// Mobile EIDs go on as in the run before; where the truth is shared, unless it says that they are elsewhere.
  void restore_presences();
  void log(const lisp::XtrEvent& event) const;
  void on_timer();
  /// After everything: what waits to be sent leaves, and the timer is set.
  void end_turn();
  void housekeeping();

  // daemon_standby.cpp
  bool has_rlocs() const;
  void look_for_rlocs();

  // daemon_group.cpp
  Result<void> open_group();
  void tell_group(GroupPart part, ByteVector content);
  void tell_clients();
  void on_group_part(const GroupMember& of, GroupPart part, ByteVector content);
  void take_sessions(const GroupCopies::Copy& copy);
  void inherit();

  // daemon_packets.cpp
  void on_inside(std::uint32_t instance, std::span<Packet> packets);
  void on_tunnel(const TunnelEnd& end, MutableBytes packet);
  void on_train_end();
  void on_data_error(const DatagramError& e);
  void write_inside(std::uint32_t instance, const Packet& packet);
  void perform_packets();
  TunSide* side_of(std::uint32_t instance);

  // daemon_sessions.cpp
  Result<void> open_nodes();
  /// With the sessions of the gateway whose place this one takes; nullptr: with its own of the run before.
  void begin_nodes(const GroupCopies::Copy* inherited);
  void restore_sessions(const GroupCopies::Copy* inherited);
  void on_nodes(std::span<Packet> packets);
  void on_name(const NameQuery& query, std::optional<std::vector<ResolvedLocator>> locators);
  void perform_nodes();

  GatewaySettings settings_;
  OpensslRandom random_;
  OpensslHmac hmac_;
  OpensslHasher hasher_;
  MemoryFile memory_;
  PresenceFile presences_;
  std::unique_ptr<KernelSetup> kernel_;
  std::unique_ptr<lisp::Xtr> xtr_;
  std::unique_ptr<LispInterworking> interworking_;
  std::unique_ptr<NodeSessions> nodes_;               ///< nullptr: no [[node]]s
  std::unique_ptr<NodeRegistrations> registrations_;  ///< nullptr: RLOCs do not follow locators
  std::unique_ptr<LispSessions> sessions_;
  std::vector<std::unique_ptr<TunSide>> inside_;
  std::unique_ptr<TunSide> nodes_side_;        ///< with nodes_
  std::unique_ptr<NodeNames> names_;           ///< where a node has one
  std::unique_ptr<SessionFile> session_file_;  ///< with nodes_
  std::unique_ptr<ControlPort> control_port_;
  std::unique_ptr<DataPort> data_port_;
  std::unique_ptr<EidTruth> truth_;   ///< nullptr: none is configured
  std::unique_ptr<GroupLink> group_;  ///< nullptr: there is no group
  GroupCopies copies_;                ///< while standing by
  std::uint64_t told_clients_ = 0;    ///< revision of the client log that the group knows
  std::unique_ptr<DeadlineTimer> timer_, housekeeping_, standby_timer_;
  bool is_active_ = true;                ///< the RLOCs are ours, or we do not stand by
  std::uint64_t while_standing_by_ = 0;  ///< packets and messages dropped: the other gateway is active
  SessionActions actions_;               ///< reused on the packet path
  std::vector<MutableBytes> arriving_;   ///< of a train, for `arriving_side_`
  TunSide* arriving_side_ = nullptr;
  std::optional<lisp::Instant> batch_at_;                   ///< of what tunnels brought in one turn
  std::vector<lisp::Eid> expected_;                         ///< reused
  std::optional<std::vector<lisp::SavedPresence>> former_;  ///< of the run before, until they are restored
  std::uint64_t no_instance_ = 0;                           ///< packets dropped: nobody here knows the instance
};

}  // namespace ilnp
