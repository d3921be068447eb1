// SPDX-License-Identifier: Apache-2.0
// One of two gateways that share their RLOCs, which something else (VRRP) moves between the machines. The one without
// them stands by: tunnels are open and the shared truth is known, but its control plane stands still and says nothing.
// When the RLOCs come, it goes on where the other one was, all that is here arrives, and what was due is done: every
// EID is registered at once.
//
// The way back is a restart: what an active one believed and had to say is of no use to the next time.
#include <csignal>

#include <algorithm>

#include "gateway/src/daemon.h"
#include "gateway/src/own_address.h"
#include "io/telemetry/log.h"

namespace ilnp {
namespace {

/// Looked at, not waited for: the kernel tells of an IPv4 address before its local route is there, without which no
/// socket may have it, and of one that goes before the route has gone. Who hears that would have to look again anyway.
constexpr Duration look_every = milliseconds{50};

}  // namespace

bool GatewayDaemon::has_rlocs() const {
  return !settings_.stands_by || std::ranges::all_of(settings_.xtr.underlay.rlocs, is_own_address);
}

void GatewayDaemon::look_for_rlocs() {
  standby_timer_->set(settings_.stands_by ? loop_.now() + look_every : never);
  if (has_rlocs() == is_active_) return;
  is_active_ = !is_active_;
  if (!is_active_) {
    log_event(LogLevel::warning, "standby", {{"gateway", settings_.name}});
    standby_timer_->set(never);
    (void)::raise(SIGTERM);  // its supervisor starts it again
    return;
  }
  log_event(LogLevel::info, "active", {{"gateway", settings_.name}});
  inherit();
  if (truth_ != nullptr) on_news(truth_->present());
  on_timer();
}

}  // namespace ilnp
