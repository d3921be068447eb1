// SPDX-License-Identifier: Apache-2.0
#include "gateway/src/daemon.h"

#include "gateway/src/lisp_step.h"
#include "gateway/src/status.h"
#include "gateway/src/wall_clock.h"

namespace ilnp {
namespace {

constexpr Duration housekeeping_interval = seconds{1};
constexpr Duration truth_comes_within = milliseconds{900};  ///< after a start; then the gateway goes on without it

}  // namespace

GatewayDaemon::GatewayDaemon(GatewaySettings settings)
    : settings_{std::move(settings)},
      memory_{settings_.state_directory},
      presences_{loop_, settings_.state_directory, [this] { return xtr_->saved_presences(loop_.now()); },
                 [this](const std::string& text) {
                   tell_group(GroupPart::presences, {text.begin(), text.end()});
                 }} {}

lisp::Instant GatewayDaemon::instant() const { return {loop_.now(), unix_microseconds()}; }

Result<void> GatewayDaemon::start() {
  if (auto opened = open(settings_); !opened) return opened;
  if (!settings_.xtr_id) {
    const auto id = memory_.xtr_id(random_);
    if (!id) return id.error();
    settings_.xtr.own.xtr = id.value();
  }
  kernel_ = std::make_unique<KernelSetup>(*commands_, settings_);
  is_active_ = has_rlocs();
  make_core();
  timer_ = std::make_unique<DeadlineTimer>(loop_, [this] { on_timer(); });
  housekeeping_ = std::make_unique<DeadlineTimer>(loop_, [this] { housekeeping(); });
  standby_timer_ = std::make_unique<DeadlineTimer>(loop_, [this] { look_for_rlocs(); });
  if (auto opened = open_ports(); !opened) return opened;
  if (auto opened = open_inside(); !opened) return opened;
  if (auto opened = open_group(); !opened) return opened;
  if (auto opened = open_nodes(); !opened) return opened;
  if (auto opened = open_truth(); !opened) return opened;
  register_status(*this);
  if (truth_ == nullptr) restore_presences();
  serve();
  housekeeping();
  look_for_rlocs();
  end_turn();
  log_event(LogLevel::info, "started",
            {{"gateway", settings_.name},
             {"rlocs", settings_.xtr.rlocs.size()},
             {"eids", settings_.xtr.site.size()},
             {"active", is_active_}});
  return ok();
}

void GatewayDaemon::make_core() {
  xtr_ = std::make_unique<lisp::Xtr>(settings_.xtr, memory_.load(), random_, hmac_);
  former_ = is_active_ ? presences_.load() : std::vector<lisp::SavedPresence>{};
  interworking_ = std::make_unique<LispInterworking>(settings_.interworking, *xtr_, random_.u64());
  std::vector<lisp::IpAddress> addresses;
  for (const TunSettings& one : settings_.interfaces)
    addresses.insert(addresses.end(), one.addresses.begin(), one.addresses.end());
  // Where none is configured, errors come from the underlay.
  const std::vector<lisp::IpAddress>& rlocs = settings_.xtr.underlay.rlocs;
  addresses.insert(addresses.end(), rlocs.begin(), rlocs.end());
  if (!settings_.nodes.nodes.empty())
    nodes_ = std::make_unique<NodeSessions>(settings_.nodes, random_, hasher_, random_.u64());
  if (nodes_ != nullptr && settings_.places)
    registrations_ = std::make_unique<NodeRegistrations>(*settings_.places, settings_.nodes, *xtr_, *nodes_);
  sessions_ = std::make_unique<LispSessions>(settings_.translation, *xtr_, *interworking_, nodes_.get(),
                                             registrations_.get(), random_.u64());
  sessions_->set_inside_addresses(addresses);
  interworking_->set_inside_addresses(std::move(addresses));
}

Result<void> GatewayDaemon::open_ports() {
  const lisp::Underlay& underlay = settings_.xtr.underlay;
  auto control = ControlPort::open(loop_, underlay,
                                   {.on_datagram =
                                        [this](const lisp::ControlReceived& datagram) {
                                          if (is_active_)
                                            xtr_->on_control(instant(), datagram, actions_.control);
                                          else
                                            ++while_standing_by_;
                                        },
                                    .on_batch_end =
                                        [this] {
                                          settle(instant());
                                          end_turn();
                                        }});
  if (!control) return control.error();
  control_port_ = std::move(control.value());
  auto data =
      DataPort::open(loop_, {underlay, settings_.source_ports, settings_.real_checksums, settings_.offload},
                     {.on_packet = [this](const TunnelEnd& end, MutableBytes packet) { on_tunnel(end, packet); },
                      .on_train_end = [this] { on_train_end(); },
                      .on_batch_end =
                          [this] {
                            batch_at_.reset();
                            end_turn();
                          },
                      .on_error = [this](const DatagramError& e) { on_data_error(e); }});
  if (!data) return data.error();
  data_port_ = std::move(data.value());
  return ok();
}

Result<void> GatewayDaemon::open_inside() {
  for (const TunSettings& one : settings_.interfaces) {
    auto opened =
        TunSide::open(loop_, one, settings_.offload,
                      [this](std::uint32_t instance, std::span<Packet> packets) { on_inside(instance, packets); });
    if (!opened) return opened.error();
    inside_.push_back(std::move(opened.value()));
    if (auto done = kernel_->set_up(one, inside_.back()->device()); !done) return done;
  }
  return ok();
}

Result<void> GatewayDaemon::open_truth() {
  if (!settings_.truth) return ok();
  truth_ = std::make_unique<EidTruth>(settings_.truth->own, settings_.xtr.mobile,
                                      [this](const std::vector<EidNews>& news) { on_news(news); });
  return truth_->open(loop_, settings_.truth->store);
}

void GatewayDaemon::apply_settings(const Configuration& fresh) {
  DaemonProcess::apply_settings(fresh);
  const GatewaySettings settings = gateway_settings(fresh).value();
  for (TunSettings& own : settings_.interfaces) {
    const TunSettings* theirs = settings.interface_of(own.instance);
    TunSide* side = side_of(own.instance);
    if (theirs == nullptr || side == nullptr) continue;  // waits for a restart
    own.routes = theirs->routes;
    if (auto done = kernel_->set_routes(own, side->device()); !done)
      log_event(LogLevel::error, "routes_not_set", {{"interface", own.name}, {"reason", done.error().message}});
  }
}

void GatewayDaemon::finish(bool take_down) {
  if (session_file_ != nullptr) session_file_->write_now();
  if (!take_down) return presences_.flush();
  presences_.remove();
  kernel_->take_down();
  for (const auto& side : inside_) (void)side->device().set_persistent(false);
  if (nodes_side_ != nullptr) (void)nodes_side_->device().set_persistent(false);
}

void GatewayDaemon::on_network_events(TimePoint, const std::vector<NetworkEvent>& events) {
  for (const NetworkEvent& event : events)
    if (const auto* link = std::get_if<LinkChanged>(&event); link != nullptr && link->up && !link->removed)
      kernel_->restore(link->ifindex);
}

// --- Control plane
// ----------------------------------------------------------------------------------------------------------

void GatewayDaemon::settle(lisp::Instant at) {
  const bool is_done = actions_.inside.empty() && actions_.tunnel.empty() && actions_.ready.empty();
  if (actions_.control.empty() && is_done && actions_.nodes.empty()) return;  // as after most packets
  sessions_->after_control(at, actions_);
  perform();
}

void GatewayDaemon::perform() {
  lisp::XtrActions& control = actions_.control;
  // Nonces first: a message that has left cannot be unsent by a crash.
  if (control.memory_changed) (void)memory_.save(xtr_->memory());
  if (control.presences_changed) presences_.changed();
  if (is_active_)
    for (const lisp::ControlToSend& datagram : control.datagrams) control_port_->send(datagram);
  for (const auto& delivery : control.deliveries) deliver(delivery);
  for (const lisp::XtrEvent& event : control.events) log(event);
  for (const SessionsLost& lost : actions_.lost)
    log_event(LogLevel::warning, "sessions_lost",
              {{"eid", lisp::to_string(lisp::EidPrefix::host(lost.node))},
               {"sessions", lost.sessions},
               {"rloc", lisp::to_string(lost.rloc)}});
  actions_.lost.clear();
  control.clear();
  perform_packets();
}

void GatewayDaemon::deliver(const lisp::XtrActions::Delivery& delivery) {
  if (!delivery.here) return kernel_->stop_delivering(delivery.eid);
  if (auto done = kernel_->deliver(delivery.eid); !done)
    log_event(LogLevel::error, "host_route_not_set",
              {{"eid", lisp::to_string(lisp::EidPrefix::host(delivery.eid))}, {"reason", done.error().message}});
}

void GatewayDaemon::restore_presences() {
  std::vector<lisp::SavedPresence> saved = std::move(*former_);
  former_.reset();
  std::erase_if(saved, [this](const lisp::SavedPresence& one) {
    const bool is_away =
        one.state == lisp::EidPresence::State::moving_out || one.state == lisp::EidPresence::State::away;
    return !is_away && truth_ != nullptr && truth_->is_elsewhere({one.eid.instance, one.eid.prefix.address});
  });
  const lisp::Instant at = instant();
  xtr_->restore(at, saved, actions_.control);
  settle(at);
  if (auto done = kernel_->remove_stale_routes(); !done)
    log_event(LogLevel::error, "routes_not_set", {{"reason", done.error().message}});
  end_turn();
}

void GatewayDaemon::on_news(const std::vector<EidNews>& news) {
  if (former_) restore_presences();
  if (!is_active_) return;
  const lisp::Instant at = instant();
  for (const EidNews& one : news)
    for (const LispStep& step : steps_of(one)) {
      take(step, at, *xtr_, *interworking_, actions_);
      settle(at);
    }
  end_turn();
}

void GatewayDaemon::log(const lisp::XtrEvent& event) const {
  using Kind = lisp::XtrEvent::Kind;
  const std::string eid = lisp::to_string(event.eid), rloc = lisp::to_string(event.rloc);
  switch (event.kind) {
    case Kind::registered:
      return log_event(LogLevel::info, "registered", {{"eid", eid}, {"map_server", event.peer}});
    case Kind::registration_lost:
      return log_event(LogLevel::warning, "registration_lost", {{"eid", eid}, {"map_server", event.peer}});
    case Kind::registration_key:
      return log_event(LogLevel::warning, "registration_key", {{"map_server", event.peer}});
    case Kind::presence:
      return log_event(LogLevel::info, "presence", {{"eid", eid}, {"state", name_of(event.state)}});
    case Kind::arrival_unregistered:
      return log_event(LogLevel::warning, "arrival_unregistered", {{"eid", eid}});
    case Kind::dual_claim:
      return log_event(LogLevel::error, "dual_claim", {{"eid", eid}, {"rloc", rloc}});
    case Kind::mapping_disagrees:
      return log_event(LogLevel::warning, "mapping_disagrees", {{"eid", eid}, {"peer", event.peer}});
    case Kind::unanswered:
      return log_event(LogLevel::info, "unanswered", {{"eid", eid}});
    case Kind::transfer_unanswered:
      return log_event(LogLevel::warning, "transfer_unanswered", {{"eid", eid}, {"rloc", rloc}});
    case Kind::mapping_changed:
      return log_event(LogLevel::info, "mapping_changed", {{"eid", eid}, {"rloc", rloc}});
    case Kind::client_solicited:  // debug: an EID may have ten thousand of them
      return log_event(LogLevel::debug, "client_solicited", {{"eid", eid}, {"rloc", rloc}});
    case Kind::client_updated:
      return log_event(LogLevel::debug, "client_updated", {{"eid", eid}, {"rloc", rloc}});
    case Kind::rloc_up:
      return log_event(LogLevel::info, "rloc_up", {{"rloc", rloc}});
    case Kind::rloc_down:
      return log_event(LogLevel::warning, "rloc_down", {{"rloc", rloc}});
    case Kind::subscribed:
      return log_event(LogLevel::info, "subscribed", {{"eid", eid}, {"map_server", event.peer}});
    case Kind::subscription_ended:
      return log_event(LogLevel::info, "subscription_ended", {{"eid", eid}, {"map_server", event.peer}});
  }
}

void GatewayDaemon::on_timer() {
  sessions_->on_time(instant(), actions_);
  perform();
  end_turn();
}

void GatewayDaemon::end_turn() {
  data_port_->flush();
  timer_->set(is_active_ ? sessions_->next_deadline() : never);
}

void GatewayDaemon::housekeeping() {
  process_log().flush();
  tell_clients();
  if (former_ && loop_.now() - started_at_ >= truth_comes_within) restore_presences();
  housekeeping_->set(loop_.now() + housekeeping_interval);
}

}  // namespace ilnp
