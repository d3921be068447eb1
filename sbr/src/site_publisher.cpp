// SPDX-License-Identifier: Apache-2.0
#include "sbr/src/site_publisher.h"

#include <algorithm>

#include "io/process/publication_report.h"

namespace ilnp {

Result<void> SitePublisher::open(const std::vector<PublishSettings>& settings) {
  for (const PublishSettings& wanted : settings) {
    PublisherSettings out;
    out.server = wanted.server;
    out.name = *DnsName::from_text(wanted.name);  // checked with the settings
    if (!wanted.zone.empty()) out.zone = *DnsName::from_text(wanted.zone);
    out.key_file = wanted.key_file;
    out.ttls = TtlPolicy::mobile(wanted.ttl);
    auto publisher = Publisher::open(
        loop_.context(), out, [name = out.name](const PublicationEvent& event) { log_publication(name, event); });
    if (!publisher) return publisher.error();
    names_.push_back({SitePublication{wanted.inside, {}}, std::move(publisher.value())});
  }
  return ok();
}

void SitePublisher::names_changed(TimePoint now, const SubnetMap& map, const Uplinks& uplinks) {
  for (Name& name : names_) {
    name.decision.names_changed(now, map, uplinks);
    if (!name.publisher->status().settled) name.publisher->network_changed();
  }
}

void SitePublisher::on_time(TimePoint now) {
  for (Name& name : names_) {
    const auto locators = name.decision.on_time(now);
    if (!locators) continue;
    PublishedState wanted;
    for (const AdvertisedLocator& l : *locators) wanted.locators.push_back({l.preference, l.locator});
    name.publisher->set_desired(std::move(wanted));
  }
}

TimePoint SitePublisher::next_deadline() const {
  TimePoint next = never;
  for (const Name& name : names_) next = std::min(next, name.decision.next_deadline());
  return next;
}

std::vector<PublisherStatus> SitePublisher::status() const {
  std::vector<PublisherStatus> out;
  for (const Name& name : names_) out.push_back(name.publisher->status());
  return out;
}

}  // namespace ilnp
