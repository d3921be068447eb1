// SPDX-License-Identifier: Apache-2.0
// The site's names in the DNS: one set of L64 records for each [[publish]], at the name that the LP records of nodes
// point to, so that a change of the network is one update whatever the number of its nodes.
#pragma once

#include <memory>
#include <vector>

#include "core/site/site_publication.h"
#include "io/loop/loop.h"
#include "io/resolver/publisher.h"
#include "sbr/src/settings.h"

namespace ilnp {

class SitePublisher {
 public:
  explicit SitePublisher(Loop& loop) : loop_{loop} {}

  /// Reads the key files.
  Result<void> open(const std::vector<PublishSettings>& settings);
  /// After each change of uplinks or prefixes; what waits for a retry is tried again.
  void names_changed(TimePoint now, const SubnetMap& map, const Uplinks& uplinks);
  void on_time(TimePoint now);
  TimePoint next_deadline() const;
  std::vector<PublisherStatus> status() const;

 private:
  struct Name {
    SitePublication decision;
    std::unique_ptr<Publisher> publisher;
  };
  Loop& loop_;
  std::vector<Name> names_;
};

}  // namespace ilnp
