// SPDX-License-Identifier: Apache-2.0
// The ILNP side of the gateway: its device, names of nodes, and the file of its sessions.
#include <filesystem>

#include "core/ilnp/text.h"
#include "gateway/src/daemon.h"
#include "io/process/session_log.h"

namespace ilnp {

Result<void> GatewayDaemon::open_nodes() {
  if (settings_.nodes.nodes.empty()) return ok();
  const auto has_name = [](const NodeSettings::Node& node) { return !node.name.empty(); };
  if (std::ranges::any_of(settings_.nodes.nodes, has_name)) {
    auto names = NodeNames::open(loop_, settings_.upstream,
                                 [this](const NameQuery& query, std::optional<std::vector<ResolvedLocator>> locators) {
                                   on_name(query, std::move(locators));
                                 });
    if (!names) return names.error();
    names_ = std::move(names.value());
  }
  auto opened = TunSide::open(loop_, settings_.ilnp, settings_.offload,
                              [this](std::uint32_t, std::span<Packet> packets) { on_nodes(packets); });
  if (!opened) return opened.error();
  nodes_side_ = std::move(opened.value());
  if (auto done = kernel_->set_up(settings_.ilnp, nodes_side_->device()); !done) return done;
  if (is_active_) begin_nodes(nullptr);
  return ok();
}

void GatewayDaemon::begin_nodes(const GroupCopies::Copy* inherited) {
  if (nodes_ == nullptr) return;
  restore_sessions(inherited);
  if (registrations_ != nullptr) registrations_->start(instant(), actions_.nodes, actions_.control);
  settle(instant());
}

void GatewayDaemon::restore_sessions(const GroupCopies::Copy* inherited) {
  session_file_ = std::make_unique<SessionFile>(
      loop_, (std::filesystem::path{settings_.runtime_directory} / "gateway.sessions").string(), [this] {
        ByteVector memory = nodes_->memory(loop_.now());
        tell_group(GroupPart::sessions, memory);
        return memory;
      });
  const TimePoint now = loop_.now();
  const std::optional<Duration> age = inherited != nullptr ? std::optional{now - inherited->at} : std::nullopt;
  std::optional<ByteVector> memory = inherited != nullptr ? inherited->content : session_file_->load();
  const bool is_whole = nodes_->start(now, memory.value_or(ByteVector{}), actions_.nodes, age);
  if (!memory) return;
  wipe(*memory);
  session_file_->note_change();  // for this process, and for the group
  log_event(is_whole ? LogLevel::info : LogLevel::warning, "sessions_restored",
            {{"sessions", nodes_->engine().ilcc().size()}, {"whole", is_whole}});
}

void GatewayDaemon::on_nodes(std::span<Packet> packets) {
  if (!is_active_) {
    while_standing_by_ += packets.size();
    return;
  }
  const lisp::Instant at = instant();
  for (Packet& packet : packets) {
    sessions_->from_wire(at, packet, actions_);
    settle(at);
  }
  end_turn();
}

void GatewayDaemon::on_name(const NameQuery& query, std::optional<std::vector<ResolvedLocator>> locators) {
  const lisp::Instant at = instant();
  if (locators)
    nodes_->resolved(at.now, query, std::move(*locators), actions_.nodes);
  else
    nodes_->not_resolved(at.now, query, actions_.nodes);
  settle(at);
  end_turn();
}

void GatewayDaemon::perform_nodes() {
  NodeActions& nodes = actions_.nodes;
  if (nodes.empty()) return;
  for (OutPacket& out : nodes.to_wire) (void)nodes_side_->write(Packet{out.bytes, 0, out.bytes.size(), out.offload});
  for (const HostEvent& event : nodes.events) log_session(event);
  if (nodes.sessions_changed) session_file_->note_change();
  for (const NameQuery& query : nodes.name_queries) names_->query(query);
  nodes.clear();
}

}  // namespace ilnp
