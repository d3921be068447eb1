// SPDX-License-Identifier: Apache-2.0
#include "sbr/src/link_watch.h"

#include <algorithm>

namespace ilnp {

void LinkWatch::on_up(TimePoint now, SiteId site, std::size_t octets) {
  change(links_.at(site), [&](LinkMtu& mtu) { mtu.begin(now, octets); });
}

void LinkWatch::on_answer(TimePoint now, SiteId site, const Address& source, std::uint16_t identifier,
                          std::uint16_t sequence) {
  Link& link = links_.at(site);
  if (identifier != identifier_ || source != link.settings.router) return;
  change(link, [&](LinkMtu& mtu) { mtu.on_answer(now, sequence); });
}

void LinkWatch::on_time(TimePoint now) {
  for (auto& [site, link] : links_)
    change(link, [&, &settings = link.settings](LinkMtu& mtu) {
      for (const LinkMtu::Probe& probe : mtu.on_time(now)) probe_(settings, identifier_, probe);
    });
}

TimePoint LinkWatch::next_deadline() const {
  TimePoint next = never;
  for (const auto& [site, link] : links_) next = std::min(next, link.mtu.next_deadline());
  return next;
}

}  // namespace ilnp
