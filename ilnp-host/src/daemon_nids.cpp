// SPDX-License-Identifier: Apache-2.0
// Ephemeral NIDs: made ahead, so that no look-up waits for the packet filter. All of them are in the filters; those in
// use and the next few have I-LV addresses, probed for duplicates before a peer learns them. The nft program takes tens
// of milliseconds, during which packets wait: it runs once for many, and retired ones leave its table with the next.
#include <algorithm>

#include "ilnp-host/src/daemon.h"
#include "ilnp-host/src/node_identity.h"
#include "io/sockets/wire_filter.h"

namespace ilnp {

namespace {
constexpr std::size_t made_ahead = 64, fewest_ahead = 32;
constexpr std::size_t addressed_ahead = 8;
constexpr Duration refill_interval = milliseconds{250};  ///< so that packets wait for nft a part of the time at most
constexpr Duration duplicate_pause = seconds{1};         ///< whoever objects to all of them does not keep us busy
static_assert(OwnNids::max_ephemeral + 1 <= max_own_nids);
}  // namespace

std::vector<NodeId> Daemon::all_nids() const {
  const OwnNids& nids = forwarder_->nids();
  std::vector<NodeId> all = nids.node();
  for (const auto& more : {nids.in_use(), nids.ready()}) all.insert(all.end(), more.begin(), more.end());
  return all;
}

std::vector<NodeId> Daemon::addressed_nids() const {
  const OwnNids& nids = forwarder_->nids();
  std::vector<NodeId> out = nids.in_use();
  const std::size_t ahead = std::min(nids.ready().size(), addressed_ahead);
  out.insert(out.end(), nids.ready().begin(), nids.ready().begin() + static_cast<std::ptrdiff_t>(ahead));
  return out;
}

void Daemon::provision_nids() {
  OwnNids& nids = forwarder_->nids();
  next_refill_ = loop_.now() + refill_interval;
  while (settings_.ephemeral_clients && nids.ready().size() < made_ahead && nids.ephemeral() < OwnNids::max_ephemeral)
    nids.provision(mint_nid(random_));
  filtered_nids_ = all_nids();
  tracker_.set_own_nids(filtered_nids_);
}

bool Daemon::wants_nids() const {
  const OwnNids& nids = forwarder_->nids();
  return settings_.ephemeral_clients && nids.ready().size() < fewest_ahead &&
         nids.ephemeral() < OwnNids::max_ephemeral && loop_.now() >= next_refill_;
}

/// Another node has it. False: a peer knows it already.
bool Daemon::withdraw_nid(NodeId nid) {
  if (!forwarder_->nids().withdraw(nid)) return false;
  next_refill_ = loop_.now() + duplicate_pause;
  loop_.post([this] { own_nids_changed(); });
  return true;
}

KernelState::ClientAddress Daemon::client_address() const {
  if (settings_.ephemeral_clients) return KernelState::ClientAddress::preferred;
  // Sockets of sessions that began when the option was on.
  return forwarder_->nids().peers() != 0 ? KernelState::ClientAddress::kept : KernelState::ClientAddress::none;
}

/// A peer got one, or gave one back.
void Daemon::own_nids_changed() {
  nids_posted_ = false;
  if (wants_nids()) {
    provision_nids();
    set_filter();
  }
  if (auto set = wire_->set_nids(all_nids()); !set)
    log_event(LogLevel::error, "filter_not_set", {{"reason", set.error().message}});
  update_ilvs();
  if (const std::uint64_t shared = forwarder_->nids().shared(); shared != reported_shared_) {
    reported_shared_ = shared;
    log_event(LogLevel::warning, "ephemeral_nids_exhausted",
              {{"shared", shared}, {"in_use", forwarder_->nids().peers()}});
  }
}

}  // namespace ilnp
