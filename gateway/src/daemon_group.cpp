// SPDX-License-Identifier: Apache-2.0
// The other gateways of the group. An active gateway tells them its sessions, its mobile EIDs and who asked for them,
// and hears of their sessions, because clients of theirs may come to it. One that stands by keeps what it hears until
// it becomes active in the place of the one that told it.
#include "gateway/src/daemon.h"
#include "gateway/src/saved_json.h"
#include "gateway/src/wall_clock.h"
#include "io/crypto/crypto.h"
#include "io/telemetry/log.h"

namespace ilnp {
namespace {

constexpr std::size_t most_clients_told = 20'000;  ///< rows: the ones that were heard last

}  // namespace

Result<void> GatewayDaemon::open_group() {
  if (!settings_.group) return ok();
  const lisp::XtrIdentity& own = settings_.xtr.own;
  auto link = GroupLink::open(loop_, *settings_.group, {settings_.name, own.xtr, own.site},
                              {.on_part = [this](const GroupMember& of, GroupPart part,
                                                 ByteVector content) { on_group_part(of, part, std::move(content)); },
                               .on_member =
                                   [](const GroupMember& of, bool is_alive) {
                                     log_event(is_alive ? LogLevel::info : LogLevel::warning,
                                               is_alive ? "member_alive" : "member_dead",
                                               {{"gateway", of.name}, {"xtr", to_text(of.xtr)}});
                                   }});
  if (!link) return link.error();
  group_ = std::move(link.value());
  return ok();
}

void GatewayDaemon::tell_group(GroupPart part, ByteVector content) {
  if (group_ != nullptr && is_active_) group_->put(part, std::move(content));
}

/// Not every row that comes, but soon.
void GatewayDaemon::tell_clients() {
  const std::uint64_t revision = xtr_->clients().revision();
  if (group_ == nullptr || !is_active_ || revision == told_clients_) return;
  told_clients_ = revision;
  tell_group(GroupPart::clients, xtr_->clients().save(loop_.now(), most_clients_told));
}

void GatewayDaemon::on_group_part(const GroupMember& of, GroupPart part, ByteVector content) {
  if (!is_active_) return copies_.keep(loop_.now(), of, part, std::move(content));
  GroupCopies::Copy copy{of, loop_.now(), std::move(content)};
  if (part == GroupPart::sessions) take_sessions(copy);
  wipe(copy.content);
}

void GatewayDaemon::take_sessions(const GroupCopies::Copy& copy) {
  if (nodes_ == nullptr) return;
  const lisp::Instant at = instant();
  if (!nodes_->told_by(at.now, load_u64(copy.of.xtr.data()), copy.content, at.now - copy.at, actions_.nodes))
    log_event(LogLevel::warning, "sessions_unreadable", {{"gateway", copy.of.name}});
  settle(at);
  end_turn();
}

/// From who was the gateway of this site until now.
void GatewayDaemon::inherit() {
  const std::uint64_t site = settings_.xtr.own.site;
  const GroupCopies::Copy* sessions = copies_.newest(GroupPart::sessions, site);
  begin_nodes(sessions);
  copies_.for_each(GroupPart::sessions, [&](const GroupCopies::Copy& copy) {
    if (&copy != sessions) take_sessions(copy);
  });
  if (const auto* clients = copies_.newest(GroupPart::clients, site);
      clients != nullptr && !xtr_->restore_clients(loop_.now(), clients->content))
    log_event(LogLevel::warning, "clients_unreadable", {{"gateway", clients->of.name}});
  if (const auto* presences = copies_.newest(GroupPart::presences, site); presences != nullptr) {
    former_ = parse_presences(saved::text_of(presences->content), unix_microseconds());
    if (former_)
      restore_presences();
    else
      log_event(LogLevel::warning, "presences_lost", {{"reason", "what " + presences->of.name + " told is damaged"}});
  }
  copies_.clear();
}

}  // namespace ilnp
