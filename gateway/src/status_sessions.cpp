// SPDX-License-Identifier: Apache-2.0
#include "gateway/src/status_sessions.h"

#include "core/ilnp/text.h"
#include "gateway/src/daemon.h"

namespace ilnp {
namespace {

using nlohmann::json;

constexpr const char* see = "packets dropped: see docs/operations/ilnp-gateway.md";

std::string text_of(const lisp::Eid& eid) { return lisp::to_string(lisp::EidPrefix::host(eid)); }

json text_of(Locator locator) { return locator == Locator{} ? json(nullptr) : json(to_text(locator)); }

/// Everything that has reasons from 1 on.
template <class Reason, class Read>
void add_reasons(CounterRegistry& counters, const char* component, const Read& read) {
  for (std::size_t i = 1; i < static_cast<std::size_t>(Reason::count); ++i) {
    const auto reason = static_cast<Reason>(i);
    counters.add(component, {name_of(reason), see}, [read, reason] { return read(reason); });
  }
}

}  // namespace

json SessionStatus::summary() const {
  if (d_.nodes_ == nullptr) return nullptr;
  return {{"nodes", d_.settings_.nodes.nodes.size()},
          {"clients", d_.nodes_->clients().size()},
          {"sessions", d_.nodes_->engine().ilcc().size()}};
}

json SessionStatus::rows() const {
  Rows rows;
  if (d_.nodes_ != nullptr)
    for (const NodeSessions::Row& row : d_.nodes_->rows())
      rows.add([&] {
        return json{{"client", text_of(row.client)},
                    {"node", text_of(row.node)},
                    {"state", row.is_lent ? "lent" : name_of(row.state)},
                    {"our_locator", text_of(row.ours)},
                    {"locator", text_of(row.theirs)},
                    {"packets_in", row.packets_in},
                    {"packets_out", row.packets_out}};
      });
  return std::move(rows).answer("ilnp.lisp_sessions/1", "sessions");
}

void SessionStatus::register_counters() const {
  CounterRegistry& counters = d_.counters_;
  GatewayDaemon* d = &d_;
  if (!d->settings_.translation.rows.empty() || d->settings_.translation.embedding) {
    counters.add("siit", {"translated", "packets between IPv4 and IPv6"}, [d] { return d->sessions_->translated(); });
    add_reasons<lisp::SiitDrop>(counters, "siit", [d](lisp::SiitDrop reason) { return d->sessions_->drops(reason); });
  }
  if (d->nodes_ == nullptr) return;
  add_reasons<NodeDrop>(counters, "nodes", [d](NodeDrop reason) { return d->nodes_->drops(reason); });
  counters.add("nodes", {"taken_over", "sessions that came from another gateway of the group"},
               [d] { return d->nodes_->taken_over(); });
  counters.add("nodes", {"given_up", "sessions that went to another gateway of the group"},
               [d] { return d->nodes_->given_up(); });
  add_reasons<ExchangeDrop>(counters, "exchange",
                            [d](ExchangeDrop reason) { return d->nodes_->exchange().drops(reason); });
  add_reasons<DropReason>(counters, "session", [d](DropReason reason) { return d->nodes_->engine().drops(reason); });
  const auto tun = [&](const char* name, const char* help, std::uint64_t TunDevice::Counters::*field) {
    counters.add("ilnp_tun", {name, help}, [d, field] { return d->nodes_side_->device().counters().*field; });
  };
  tun("read", "packets from ILNP nodes, super-packets as one", &TunDevice::Counters::read);
  tun("written", "packets to ILNP nodes, super-packets as one", &TunDevice::Counters::written);
  tun("malformed", "dropped on read", &TunDevice::Counters::malformed);
  tun("write_full", "dropped on write: no buffer in the kernel", &TunDevice::Counters::write_full);
  tun("write_refused", "dropped on write: invalid, or the link is down", &TunDevice::Counters::write_refused);
  const auto gauge = [&](const char* name, const char* help, auto read) {
    counters.add_gauge("nodes", {name, help}, [read] { return static_cast<std::int64_t>(read()); });
  };
  gauge("clients", "LISP clients with a NID", [d] { return d->nodes_->clients().size(); });
  gauge("sessions", "sessions with ILNP nodes", [d] { return d->nodes_->engine().ilcc().size(); });
}

}  // namespace ilnp
