// SPDX-License-Identifier: Apache-2.0
#include "core/ipv6/duplicate_address_detection.h"

#include <algorithm>

namespace ilnp {

DuplicateAddressDetector::Actions DuplicateAddressDetector::start(TimePoint now, unsigned ifindex,
                                                                  const Address& address, const MacAddress& own_mac) {
  stop(ifindex, address);
  if (probes_.size() >= max_pending) return {};
  Probe probe{ifindex, address, own_mac, {}, now + wait, now + first_announcement, first_announcement};
  random_.fill(probe.nonce);
  Actions actions;
  actions.emplace_back(
      SendProbe{ifindex, multicast_mac(solicited_node(address)), build_duplicate_address_probe(address, probe.nonce)});
  probes_.push_back(probe);
  return actions;
}

void DuplicateAddressDetector::stop(unsigned ifindex, const Address& address) {
  std::erase_if(probes_, [&](const Probe& p) { return p.ifindex == ifindex && p.address == address; });
}

void DuplicateAddressDetector::stop(unsigned ifindex) {
  std::erase_if(probes_, [&](const Probe& p) { return p.ifindex == ifindex; });
}

DuplicateAddressDetector::Actions DuplicateAddressDetector::on_message(TimePoint now, unsigned ifindex,
                                                                       const NeighbourMessage& message) {
  Actions actions = on_time(now);  // an objection after the wait is not ours to judge
  const auto object = [&](const Address& target, const std::optional<MacAddress>& other, auto is_own) {
    const auto probe = std::find_if(probes_.begin(), probes_.end(),
                                    [&](const Probe& p) { return p.ifindex == ifindex && p.address == target; });
    if (probe == probes_.end() || is_own(*probe)) return;
    actions.emplace_back(Duplicate{ifindex, target, other});
    probes_.erase(probe);
  };
  if (const auto* na = std::get_if<NeighbourAdvertisement>(&message)) {
    object(na->target, na->link_layer, [&](const Probe& p) { return na->link_layer == p.own_mac; });
  } else if (const auto* ns = std::get_if<NeighbourSolicitation>(&message)) {
    // RFC 4862 section 5.4.3: only from the unspecified address is it a probe; others merely look for the address.
    if (ns->source.is_unspecified())
      object(ns->target, std::nullopt, [&](const Probe& p) { return ns->nonce == p.nonce; });
  }
  return actions;
}

DuplicateAddressDetector::Actions DuplicateAddressDetector::on_time(TimePoint now) {
  Actions actions;
  std::erase_if(probes_, [&](Probe& p) {
    if (p.deadline > now) {
      if (p.announcement > now) return false;
      actions.emplace_back(Announce{p.ifindex, p.address});
      p.announcement += 3 * p.since_start;
      p.since_start *= 4;
      return false;
    }
    actions.emplace_back(Unique{p.ifindex, p.address});
    return true;
  });
  return actions;
}

TimePoint DuplicateAddressDetector::next_deadline() const {
  TimePoint next = never;
  for (const Probe& probe : probes_) next = std::min({next, probe.deadline, probe.announcement});
  return next;
}

bool DuplicateAddressDetector::is_pending(unsigned ifindex, const Address& address) const {
  return std::any_of(probes_.begin(), probes_.end(),
                     [&](const Probe& p) { return p.ifindex == ifindex && p.address == address; });
}

}  // namespace ilnp
