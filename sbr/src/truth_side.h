// SPDX-License-Identifier: Apache-2.0
// The shared truth and this router: the store, the directory that turns its records into entries, and the requests that
// the control socket and the directory make of it.
#pragma once

#include <functional>
#include <memory>

#include "core/forwarding/site_directory.h"
#include "core/ipv6/mac_address.h"
#include "core/site/move_controller.h"
#include "io/loop/loop.h"
#include "io/telemetry/control_server.h"
#include "io/truth/open_store.h"
#include "sbr/src/migrate_command.h"
#include "sbr/src/settings.h"

namespace ilnp {

class TruthSide : private TruthWatcher {
 public:
  struct Hooks {
    std::function<void(SiteActions&)> perform;            ///< packets that were held leave
    std::function<void(const DirectoryEvent&)> on_event;  ///< nodes come and go
  };
  /// Everything given outlives it.
  TruthSide(Loop& loop, const SbrSettings& settings, SiteRewriter& rewriter, Hooks hooks);

  Result<void> open();
  /// The commands migrate, moves and accept_store.
  void serve(ControlServer& control);
  /// What the rewriter has seen.
  void on_site_event(const SiteEvent& event);
  /// Somebody inside uses this address.
  void seen_inside(const Address& source, const MacAddress& mac);

  const SiteDirectory& directory() const { return directory_; }
  const OperatedStore& store() const { return *store_; }
  const SiteNames& names() const { return names_; }
  /// Moves can be made.
  bool reachable() const { return was_reachable_; }
  std::size_t waiting() const { return controller_->waiting(); }

 private:
  void on_resync_started() override { directory_.resync_started(); }
  void on_record(const Ownership& record) override;
  void on_gone(const NodeKey& key, std::uint64_t epoch) override;
  void on_resync_finished() override;
  void on_reachable(bool reachable, const std::string& why) override;
  void carry_out();
  void log(const DirectoryEvent& event) const;
  void ask(const MoveRequest& request);
  nlohmann::json moves() const;
  ConfiguredSites view() const;
  std::optional<SiteId> site_of(Locator locator) const;
  std::optional<Locator> first_locator(SiteId site) const;

  Loop& loop_;
  const SbrSettings& settings_;
  SiteNames names_;
  SiteDirectory directory_;
  Hooks hooks_;
  std::unique_ptr<OperatedStore> store_;
  std::unique_ptr<MoveController> controller_;
  DeadlineTimer timer_;
  DirectoryActions actions_;
  bool was_reachable_ = false;
};

}  // namespace ilnp
