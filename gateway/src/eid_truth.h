// SPDX-License-Identifier: Apache-2.0
// The shared truth and this gateway: the store, which it reads and never changes, and what its records mean for EIDs.
// When the store is out of reach, what is known goes on.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "core/forwarding/eid_directory.h"
#include "gateway/src/settings.h"
#include "io/loop/loop.h"
#include "io/telemetry/control_server.h"
#include "io/truth/open_store.h"

namespace ilnp {

class EidTruth : public TruthWatcher {
 public:
  using OnNews = std::function<void(const std::vector<EidNews>&)>;
  /// `blocks`: of mobile EIDs. The first news are all that the store, or the copy of it, holds.
  EidTruth(SiteId own, std::vector<lisp::EidPrefix> blocks, OnNews on_news)
      : directory_{own, std::move(blocks)}, on_news_{std::move(on_news)} {}

  Result<void> open(Loop& loop, const TruthOptions& options);
  /// The command accept_store.
  void serve(ControlServer& control);

  const OperatedStore& store() const { return *store_; }
  bool is_reachable() const { return is_reachable_; }
  /// All that is here.
  std::vector<EidNews> present() const { return directory_.present(); }
  /// As far as is known: its node has a record at another site.
  bool is_elsewhere(const lisp::Eid& eid) const { return directory_.is_elsewhere(eid); }

  void on_resync_started() override { directory_.resync_started(); }
  void on_record(const Ownership& record) override { tell(directory_.apply(record)); }
  void on_gone(const NodeKey& key, std::uint64_t epoch) override { tell(directory_.gone(key, epoch)); }
  void on_resync_finished() override;
  void on_reachable(bool reachable, const std::string& why) override;

 private:
  void tell(const std::vector<EidNews>& news);

  EidDirectory directory_;
  OnNews on_news_;
  std::unique_ptr<OperatedStore> store_;
  std::vector<EidNews> first_;  ///< until the first resync is over
  bool is_synchronised_ = false;
  bool is_reachable_ = false;
};

}  // namespace ilnp
