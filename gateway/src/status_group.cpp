// SPDX-License-Identifier: Apache-2.0
#include "gateway/src/status_group.h"

#include <algorithm>

#include "gateway/src/settings.h"

namespace ilnp {
namespace {

using nlohmann::json;

json text_or_null(const std::string& text) { return text.empty() ? json(nullptr) : json(text); }

}  // namespace

json group_summary(const GroupStatus& group) {
  const auto connected = std::ranges::count_if(group.peers, &GroupStatus::Peer::is_connected);
  const auto alive = std::ranges::count_if(group.members, &GroupStatus::Member::is_alive);
  return {{"peers", group.peers.size()}, {"connected", connected}, {"alive", alive}};
}

json group_rows(const GroupStatus& group, TimePoint now) {
  json peers = json::array(), members = json::array();
  for (const GroupStatus::Peer& peer : group.peers)
    peers.push_back(
        {{"address", peer.address},
         {"connected", peer.is_connected},
         {"since_s", peer.is_connected ? json(std::chrono::duration<double>(now - peer.since).count()) : json(nullptr)},
         {"last_error", text_or_null(peer.last_error)}});
  for (const GroupStatus::Member& one : group.members)
    members.push_back({{"name", one.member.name},
                       {"xtr_id", to_text(one.member.xtr)},
                       {"site_id", one.member.site},
                       {"alive", one.is_alive}});
  return {{"schema", "ilnp.group/1"},
          {"peers", std::move(peers)},
          {"members", std::move(members)},
          {"last_refusal", text_or_null(group.last_refusal)}};
}

void add_group_problems(const GroupStatus& group, StatusProblems& problems) {
  for (const GroupStatus::Peer& peer : group.peers)
    if (!peer.is_connected)
      problems.add("warning", "the gateway at " + peer.address + " does not get our sessions",
                   peer.last_error.empty() ? "not connected yet" : peer.last_error,
                   "there: systemctl status ilnp-gateway; ilnpctl lisp group");
  for (const GroupStatus::Member& one : group.members)
    if (!one.is_alive)
      problems.add("warning", "the gateway " + one.member.name + " is silent", "nothing comes from it any more",
                   "there: systemctl status ilnp-gateway");
  if (std::ranges::count_if(group.members, &GroupStatus::Member::is_alive) == 0 && !group.last_refusal.empty())
    problems.add("warning", "no other gateway of the group is heard", group.last_refusal,
                 "certificates and group.peers of both: docs/operations/ilnp-gateway.md");
}

void register_group_counters(const GroupLink& link, CounterRegistry& counters) {
  counters.add("group", group_counter_names(), link.counters().values());
}

}  // namespace ilnp
