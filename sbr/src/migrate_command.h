// SPDX-License-Identifier: Apache-2.0
// The command `migrate` of the control socket (docs/operations/migration.md), which orchestrators, the libvirt hook and
// `ilnpctl migrate` send:
//
//   {"command":"migrate","step":"prepare","node":"0200+00ff+fe00+1234","home":"dc1","to":"dc2"}
//
// A node with ILNP is named by its NID, one without by its address. A place is a site's name, a locator, or both
// ("dc2/fd00-0002-0000-0010"). Answers: {"schema":"ilnp.migrate/1","outcome":"done"|"already","epoch":...,"record":...}
// or ilnp.error/1 whose code is the refusal's name, "no_store" or "too_many".
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/site/move_controller.h"
#include "io/truth/site_names.h"

namespace ilnp {

/// What the configuration says of the sites.
struct ConfiguredSites {
  const SiteNames& names;
  SiteId self;
  std::function<std::optional<SiteId>(Locator)> site_of;
  /// Where a node comes to when only its site is said.
  std::function<std::optional<Locator>(SiteId)> first_locator;
};

/// Takes what anybody on the control socket may send.
Result<MoveRequest> parse_migrate(const nlohmann::json& request, const ConfiguredSites& sites);
nlohmann::json migrate_answer(const MoveAnswer& answer, const SiteNames& names);
/// A record with its epoch, as answers show it; null for none.
nlohmann::json show_record(const std::optional<Ownership>& record, const SiteNames& names);

}  // namespace ilnp
