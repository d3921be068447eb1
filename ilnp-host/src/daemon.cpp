// SPDX-License-Identifier: Apache-2.0
// Start, end and the packet path. What follows from changes of the network is in daemon_network.cpp.
#include "ilnp-host/src/daemon.h"

#include <filesystem>

#include "core/ilnp/text.h"
#include "ilnp-host/src/node_identity.h"
#include "ilnp-host/src/status.h"
#include "io/netlink/socket_table.h"
#include "io/process/publication_report.h"
#include "io/process/session_log.h"
#include "io/tun/virtio_header.h"

namespace ilnp {

namespace {

constexpr std::size_t tun_batch = 8;
constexpr int tun_turns = 8;  ///< then the rest of the loop has its turn
constexpr int netlink_turns = 64;
constexpr Duration farewell = milliseconds{500};

}  // namespace

Daemon::Daemon(HostSettings settings)
    : settings_{std::move(settings)},
      tracker_{settings_.interfaces, settings_.tun, [this](Locator l) { return forwarder_->may_locate(l); }},
      dad_{random_},
      clock_watch_{settings_.clock_tick},
      tun_buffers_(tun_batch, ByteVector(packet_buffer_size)) {}

Result<void> Daemon::start() {
  if (auto opened = open(settings_, "ilnp"); !opened) return opened;
  const auto nid = node_identity(settings_, random_);
  if (!nid) return nid.error();
  forwarder_ = std::make_unique<HostForwarder>(settings_.tuning, settings_.prefix, random_, hasher_);
  forwarder_->add_own_nid(nid.value());
  forwarder_->use_ephemeral_nids(settings_.ephemeral_clients);
  if (settings_.bind_ip_only) forwarder_->bind_ip_only(settings_.kernels_ports());
  sessions_ =
      std::make_unique<SessionFile>(loop_, (std::filesystem::path{settings_.runtime_directory} / "sessions").string(),
                                    [this] { return forwarder_->save(loop_.now()); });
  restore_sessions();
  provision_nids();
  kernel_ = std::make_unique<KernelState>(*commands_, settings_.tun, settings_.prefix, settings_.tuning.max_siblings);
  kernel_->set_ilv_file((std::filesystem::path{settings_.runtime_directory} / "addresses").string());
  if (auto up = kernel_->bring_up(settings_.tun_mtu, forwarder_->own_nids(), client_address()); !up) return up;
  if (settings_.bind_ip_only)
    if (auto bound = kernel_->bind_ip_only(settings_.kernels_ports()); !bound) return bound;
  wire_ = std::make_unique<WireSide>(
      loop_, *commands_, [this](unsigned ifindex, std::span<ReceivedFrame> frames) { on_frames(ifindex, frames); });
  names_ = std::make_unique<Names>(loop_, *forwarder_, [this](Actions& actions) { apply(actions); });
  if (auto names = names_->open(settings_); !names) return names;
  if (auto publisher = open_publisher(); !publisher) return publisher;

  timer_ = std::make_unique<DeadlineTimer>(loop_, [this] { on_timer(); });
  housekeeping_ = std::make_unique<DeadlineTimer>(loop_, [this] { housekeeping(); });
  register_status(*this);

  tun_watch_ = std::make_unique<Watch>(loop_, kernel_->tun().fd(), [this] { return drain_tun(); });
  serve();
  housekeeping();
  watch_for_moves();
  log_event(LogLevel::info, "started",
            {{"nid", to_text(nid.value())},
             {"identity", to_string(forwarder_->own_identity(nid.value()))},
             {"tun", settings_.tun},
             {"adopted", kernel_->tun().adopted()}});
  return ok();
}

void Daemon::restore_sessions() {
  auto content = sessions_->load();
  if (!content) return;
  const bool whole = forwarder_->restore(loop_.now(), *content, actions_);
  wipe(*content);
  log_event(whole ? LogLevel::info : LogLevel::warning, "sessions_restored",
            {{"sessions", forwarder_->ilcc().size()}, {"whole", whole}});
}

Result<void> Daemon::open_publisher() {
  if (!settings_.publish.enabled) return ok();
  const PublishSettings& p = settings_.publish;
  PublisherSettings out;
  out.server = p.server;
  out.name = *DnsName::from_text(p.name);
  if (!p.zone.empty()) out.zone = *DnsName::from_text(p.zone);
  out.key_file = p.key_file;
  out.ttls = p.mobile ? TtlPolicy::mobile(p.ttl) : TtlPolicy::fixed(p.ttl);
  out.manage_nids = p.manage_nid;
  if (!p.lp.empty()) out.site_name = *DnsName::from_text(p.lp);
  auto publisher = Publisher::open(loop_.context(), out,
                                   [name = out.name](const PublicationEvent& event) { log_publication(name, event); });
  if (!publisher) return publisher.error();
  publisher_ = std::move(publisher.value());
  return ok();
}

void Daemon::finish(bool take_down) {
  sessions_->write_now();
  if (!take_down) return;
  // What we never wrote is not ours to delete: a site's border router may publish for this name.
  if (publisher_ != nullptr && publisher_->status().desired) {
    publisher_->set_desired(PublishedState::of({}, {}));
    const TimePoint end = loop_.now() + farewell;
    while (loop_.now() < end && !publisher_->status().settled) loop_.run_for(milliseconds{20});
  }
  tun_watch_.reset();
  kernel_->take_down();
}

// --- Packets
// ----------------------------------------------------------------------------------------------------------

/// Reads a few packets, of which one is large; false when there are no more.
bool Daemon::read_tun() {
  tun_packets_.clear();
  while (tun_packets_.size() < tun_buffers_.size()) {
    TunDevice::ReadResult read = kernel_->tun().read(tun_buffers_[tun_packets_.size()]);
    if (read.status == TunDevice::ReadStatus::dropped) continue;
    if (read.status != TunDevice::ReadStatus::packet) return false;
    tun_packets_.push_back(*read.packet);
    if (read.packet->size() >= large_packet) return true;
  }
  return true;
}

template <class Batch, class PairOf>
void Daemon::expect(const Batch& batch, PairOf pair_of) {
  if (batch.size() < 2) return;
  pairs_.clear();
  for (const auto& item : batch) pairs_.push_back(pair_of(item));
  forwarder_->expect(pairs_);
}

/// After a standstill the routers may be others: what the kernel has heard of them goes before packets that waited,
/// which would be sent to those of before.
void Daemon::catch_up(TimePoint now) {
  if (!clock_watch_.is_late(now)) return;
  for (int turn = 0; turn < netlink_turns && drain_netlink(); ++turn) {
  }
}

bool Daemon::drain_tun() {
  const TimePoint now = loop_.now();
  catch_up(now);
  bool more = true;
  for (int turn = 0; more && turn < tun_turns; ++turn) {
    more = read_tun();
    expect(tun_packets_, HostForwarder::outbound_pair);
    for (Packet& packet : tun_packets_) handle(now, forwarder_->outbound(now, packet, actions_), packet);
  }
  apply(actions_);
  return more;
}

void Daemon::on_frames(unsigned ifindex, std::span<ReceivedFrame> frames) {
  const TimePoint now = loop_.now();
  expect(frames, [](const ReceivedFrame& frame) { return HostForwarder::inbound_pair(frame.packet); });
  for (ReceivedFrame& frame : frames)
    handle(now, forwarder_->inbound(now, frame.packet, ifindex, actions_), frame.packet);
  apply(actions_);
}

void Daemon::handle(TimePoint now, const Verdict& verdict, const Packet& packet) {
  const bool to_wire = verdict.disposition == Disposition::to_wire;
  const bool to_kernel =
      verdict.disposition == Disposition::to_identity || verdict.disposition == Disposition::to_kernel;
  // What an earlier packet of this batch brought about goes first.
  if ((to_wire || to_kernel) && !actions_.empty()) apply(actions_);
  if (to_wire) wire_->send(now, packet);
  if (to_kernel) kernel_->tun().write(packet);
}

/// Does what the forwarder asked for, and leaves `actions` empty.
void Daemon::apply(Actions& actions) {
  if (!actions.empty()) {
    const TimePoint now = loop_.now();
    for (OutPacket& out : actions.to_wire) wire_->send(now, Packet{out.bytes, 0, out.bytes.size(), out.offload});
    for (OutPacket& out : actions.to_identity)
      kernel_->tun().write(Packet{out.bytes, 0, out.bytes.size(), out.offload});
    for (const HostEvent& event : actions.events) log_session(event);
    // Looking up may call apply() again: what follows must not touch `actions` any more.
    const std::vector<NameQuery> queries = std::move(actions.name_queries);
    const std::vector<CorrespondentId> flow_checks = std::move(actions.flow_checks);
    if (actions.sessions_changed) sessions_->note_change();
    if (actions.own_nids_changed && !nids_posted_) {
      nids_posted_ = true;
      loop_.post([this] { own_nids_changed(); });
    }
    actions.clear();
    for (const NameQuery& query : queries) names_->query(query);
    if (!flow_checks.empty()) check_flows(flow_checks);
  }
  arm_timer();
}

void Daemon::check_flows(const std::vector<CorrespondentId>& ids) {
  const auto sockets = connected_sockets(settings_.prefix);
  for (const CorrespondentId id : ids) {
    const Correspondent* c = forwarder_->ilcc().at(id);
    if (c == nullptr) continue;
    // When the kernel cannot be asked, sessions are kept rather than lost.
    const bool open = !sockets || sockets.value().count({forwarder_->own_identity(c->local_nid), c->identity}) != 0;
    forwarder_->set_pinned(loop_.now(), id, open);
  }
}

void Daemon::on_timer() {
  const TimePoint now = loop_.now();
  forwarder_->on_time(now, actions_);
  run_dad(dad_.on_time(now));
  apply(actions_);
  if (tracker_.next_deadline() > now) return;
  tracker_.on_time(now);
  locators_changed();
}

void Daemon::arm_timer() {
  timer_->set(std::min({forwarder_->next_deadline(), dad_.next_deadline(), tracker_.next_deadline()}));
}

}  // namespace ilnp
