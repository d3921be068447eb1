// SPDX-License-Identifier: Apache-2.0
// What the control socket shows of the other gateways of the group, and counters.
#pragma once

#include <nlohmann/json.hpp>

#include "io/group/group_link.h"
#include "io/process/status_report.h"

namespace ilnp {

/// The `group` of ilnp.status/1.
nlohmann::json group_summary(const GroupStatus& group);
/// ilnp.group/1
nlohmann::json group_rows(const GroupStatus& group, TimePoint now);
void add_group_problems(const GroupStatus& group, StatusProblems& problems);
/// `link` outlives the registry.
void register_group_counters(const GroupLink& link, CounterRegistry& counters);

}  // namespace ilnp
