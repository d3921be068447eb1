// SPDX-License-Identifier: Apache-2.0
// What the links to other sites take (core/site/link_mtu.h): probes to their routers out, sizes to the rewriter.
#pragma once

#include <functional>
#include <map>
#include <vector>

#include "core/site/link_mtu.h"
#include "sbr/src/settings.h"

namespace ilnp {

class LinkWatch {
 public:
  using Probe = std::function<void(const SiteLinkSettings&, std::uint16_t identifier, const LinkMtu::Probe&)>;
  using OnChange = std::function<void(const SiteLinkSettings&, std::size_t octets)>;

  LinkWatch(const std::vector<SiteLinkSettings>& links, std::uint16_t identifier, Probe probe, OnChange on_change)
      : identifier_{identifier}, probe_{std::move(probe)}, on_change_{std::move(on_change)} {
    for (const SiteLinkSettings& link : links) links_.emplace(link.number, Link{link, LinkMtu{LinkMtuTuning{}}});
  }

  const LinkMtu& operator[](SiteId site) const { return links_.at(site).mtu; }

  /// The link works; its interface sends packets of up to `octets`.
  void on_up(TimePoint now, SiteId site, std::size_t octets);
  void on_down(SiteId site) { links_.at(site).mtu.end(); }
  /// An Echo Reply that came by that link.
  void on_answer(TimePoint now, SiteId site, const Address& source, std::uint16_t identifier, std::uint16_t sequence);

  void on_time(TimePoint now);
  TimePoint next_deadline() const;

 private:
  struct Link {
    SiteLinkSettings settings;
    LinkMtu mtu;
  };
  template <class What>
  void change(Link& link, What what) {
    const std::size_t before = link.mtu.mtu();
    what(link.mtu);
    if (link.mtu.mtu() != before) on_change_(link.settings, link.mtu.mtu());
  }

  std::map<SiteId, Link> links_;
  std::uint16_t identifier_;
  Probe probe_;
  OnChange on_change_;
};

}  // namespace ilnp
