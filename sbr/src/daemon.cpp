// SPDX-License-Identifier: Apache-2.0
#include "sbr/src/daemon.h"

#include <filesystem>

#include "core/ilnp/text.h"
#include "core/ipv6/icmpv6.h"
#include "sbr/src/status.h"

namespace ilnp {
namespace {

constexpr Duration housekeeping_interval = seconds{1};
constexpr std::uint8_t address_unreachable = 3;  ///< code of Destination Unreachable (RFC 4443 section 3.1)

}  // namespace

Daemon::Daemon(SbrSettings settings)
    : settings_{std::move(settings)},
      paths_{settings_},
      unreachable_rate_{settings_.tuning.errors_per_second, settings_.tuning.errors_per_second} {}

Result<void> Daemon::start() {
  if (auto opened = open(settings_, RouterFilter::table); !opened) return opened;
  if (auto opened = keep(EchoSocket::open(), echoes_); !opened) return opened;
  std::error_code failure;
  std::filesystem::create_directories(settings_.truth.path.parent_path(), failure);
  if (auto opened = publisher_.open(settings_.publish); !opened) return opened;
  kernel_ = std::make_unique<KernelSetup>(*commands_);
  timer_ = std::make_unique<DeadlineTimer>(loop_, [this] { on_timer(); });
  if (auto made = make_rewriter(); !made) return made;
  ports_ = std::make_unique<WirePorts>(
      loop_, [this](unsigned ifindex, std::span<ReceivedFrame> frames) { on_frames(ifindex, frames); });
  next_hops_ = std::make_unique<NextHops>(*commands_, *ports_, [this](Packet& packet) { tell_unreachable(packet); });
  housekeeping_ = std::make_unique<DeadlineTimer>(loop_, [this] { housekeeping(); });
  inside_ = std::make_unique<InsideLinks>(
      loop_, settings_, *neighbour_discovery_, *rewriter_, random_,
      [this](NidEntry& entry, const Address& address) { on_heard(entry, address); },
      [this](const Address& address, const MacAddress& mac) { truth_->seen_inside(address, mac); });
  truth_ =
      std::make_unique<TruthSide>(loop_, settings_, *rewriter_,
                                  TruthSide::Hooks{[this](SiteActions& actions) { perform(actions); },
                                                   [this](const DirectoryEvent& event) { inside_->on_event(event); }});
  if (auto opened = truth_->open(); !opened) return opened;
  truth_->serve(*control_);
  register_status(*this);
  serve();
  housekeeping();
  log_event(LogLevel::info, "started", {{"site", settings_.site_name}, {"uplinks", settings_.uplinks.size()}});
  return ok();
}

Result<void> Daemon::make_rewriter() {
  FlowFile::Form form{settings_.tuning.flows, settings_.tuning.sessions, {}, FlowFile::boot_id()};
  for (const UplinkSettings& uplink : settings_.uplinks) form.uplinks += uplink.name + "\n";
  for (const UplinkSettings& uplink : settings_.uplinks)
    if (uplink.learnt) form.uplinks += uplink.name + " (former)\n";
  auto file =
      FlowFile::open((std::filesystem::path{settings_.runtime_directory} / "sbr.flows").string(), form, random_);
  if (!file) return file.error();
  flow_file_ = std::move(file.value());
  rewriter_ = std::make_unique<SiteRewriter>(settings_.tuning, random_, flow_file_->memory());
  log_event(LogLevel::info, flow_file_->why_new().empty() ? "flows_adopted" : "flows_new",
            {{"flows", rewriter_->flows().size()}, {"reason", flow_file_->why_new()}});
  for (const MappingRule& rule : settings_.mappings) (void)rewriter_->map().add(rule);  // checked with the settings
  for (const SiteLinkSettings& link : settings_.links) {
    for (const LocatorPrefix& prefix : link.inside) rewriter_->add_other_site(prefix, link.number);
    for (const LocatorPrefix& prefix : link.relayed) rewriter_->relay_for(prefix, link.number);
    for (const LocatorPrefix& prefix : link.relay) rewriter_->relay_by(prefix, link.number);
    for (const MappingRule& rule : link.mappings) (void)rewriter_->map_of(link.number).add(rule);
  }
  names_ = std::make_unique<LearntNames>(settings_, *rewriter_);
  watch_uplinks();
  apply_rules(settings_);
  return ok();
}

void Daemon::apply_settings(const Configuration& fresh) {
  DaemonProcess::apply_settings(fresh);
  apply_rules(sbr_settings(fresh).value());
}

void Daemon::apply_rules(const SbrSettings& fresh) {
  // Uplinks that are not among the running ones wait for a restart.
  for (std::size_t k = 0; k < settings_.uplinks.size(); ++k) {
    UplinkSettings& own = settings_.uplinks[k];
    for (const UplinkSettings& theirs : fresh.uplinks) {
      if (theirs.name != own.name) continue;
      own.preference = theirs.preference;
      own.weight = theirs.weight;
    }
    set_uplink(static_cast<UplinkId>(k));
  }
  settings_.policy = fresh.policy;
  rewriter_->uplinks().policy() = fresh.policy;
  names_changed();
}

void Daemon::finish(bool take_down) {
  if (take_down) kernel_->take_down();
}

// --- Packets
// ----------------------------------------------------------------------------------------------------------

void Daemon::on_frames(unsigned ifindex, std::span<ReceivedFrame> frames) {
  const auto side = paths_.side_of(ifindex);
  if (!side) return;
  const TimePoint now = loop_.now();
  // There is one side inside, whatever the interface.
  if (side->kind == Side::Kind::inside)
    if (const auto own = error_addresses_.find(ifindex); own != error_addresses_.end())
      rewriter_->set_address(*side, own->second);
  if (side->kind == Side::Kind::uplink && !frames.empty()) uplinks_->on_traffic(side->number);
  if (frames.size() > 1) {
    expected_.clear();
    for (const ReceivedFrame& frame : frames) expected_.push_back(&frame.packet);
    rewriter_->expect(*side, expected_);
  }
  // One of each batch costs little, and whoever goes on is in some batch.
  if (side->kind == Side::Kind::inside && !frames.empty())
    truth_->seen_inside(Address::load(frames.front().packet.data() + 8), frames.front().source);
  for (ReceivedFrame& frame : frames) {
    const SiteVerdict verdict = rewriter_->forward(now, *side, frame.packet, actions_);
    // What waited for the node that this packet shows goes first.
    perform(actions_);
    if (verdict.kind == SiteVerdict::Kind::forward) send(now, verdict.to, frame.packet);
  }
  arm_timer();
}

/// Does what the rewriter asked for, and leaves `actions` empty.
void Daemon::perform(SiteActions& actions) {
  if (!actions.packets.empty()) {
    const TimePoint now = loop_.now();
    std::vector<SitePacket> packets = std::move(actions.packets);
    actions.packets.clear();
    for (SitePacket& out : packets) send(now, out.to, Packet{out.bytes, 0, out.bytes.size(), out.offload});
  }
  if (!actions.events.empty()) {
    const std::vector<SiteEvent> events = std::move(actions.events);
    actions.events.clear();
    for (const SiteEvent& event : events) {
      log(event);
      truth_->on_site_event(event);
    }
  }
}

void Daemon::send(TimePoint now, Side to, const Packet& packet) {
  const auto hop = paths_.next_hop(to, Address::load(packet.data() + 24));
  if (!hop) {
    ++no_path_;
    return;
  }
  next_hops_->send(now, *hop, packet);
}

/// Nobody inside answers for the address: the sender hears so, in its own words (RFC 4443 section 3.1), because the
/// error takes the way of any packet from inside.
void Daemon::tell_unreachable(Packet& packet) {
  const HeaderWalk walk = walk_headers(packet.bytes()).walk;
  const NidEntry* entry = rewriter_->nids().find(walk.destination.nid, walk.destination.locator);
  if (entry == nullptr && !rewriter_->map().is_inside(walk.destination.locator)) return;
  const bool is_icmp = walk.upper_protocol == next_header::icmpv6;
  const bool is_error = is_icmp && (walk.upper_length == 0 || icmpv6::is_error(packet.data()[walk.upper_offset]));
  std::optional<Address> own;
  for (const unsigned ifindex : paths_.inside())
    if (!own) own = interfaces_.find(ifindex)->global_address();
  const TimePoint now = loop_.now();
  if (is_error || !own || !unreachable_rate_.allow(now)) return;
  const ByteVector message = build_error(icmpv6::destination_unreachable, address_unreachable, 0, packet.bytes());
  ByteVector bytes = build_packet(*own, walk.source, next_header::icmpv6, message);
  Packet error{bytes, 0, bytes.size()};
  const SiteVerdict verdict = rewriter_->forward(now, Side::inside(), error, actions_);
  if (verdict.kind == SiteVerdict::Kind::forward) send(now, verdict.to, error);
  perform(actions_);
}

void Daemon::log(const SiteEvent& event) {
  if (event.kind == SiteEventKind::node_expected) return;  // with every packet of its; the directory tells once
  constexpr const char* names[] = {"node_heard", "node_moved", "node_expected", "node_silent"};
  log_event(LogLevel::info, names[static_cast<int>(event.kind)],
            {{"nid", to_text(event.nid)}, {"home", to_text(event.home)}, {"now", to_text(event.now)}});
}

void Daemon::on_timer() {
  const TimePoint now = loop_.now();
  uplinks_->on_time(now);
  links_->on_time(now);
  publisher_.on_time(now);
  const std::vector<UplinkId> renamed = names_->on_time(now);
  for (const UplinkId id : renamed) set_uplink(id);
  if (!renamed.empty()) names_changed();
  rewriter_->on_time(now, actions_);
  perform();
  arm_timer();
}

void Daemon::arm_timer() {
  timer_->set(std::min({rewriter_->next_deadline(), uplinks_->next_deadline(), links_->next_deadline(),
                        names_->next_deadline(), publisher_.next_deadline()}));
}

void Daemon::housekeeping() {
  const TimePoint now = loop_.now();
  next_hops_->on_time(now);
  solicit_routers();
  restore_filter();
  if (network_changed_) network_changed();  // something was refused while a link was changing
  process_log().flush();
  housekeeping_->set(now + housekeeping_interval);
}

}  // namespace ilnp
