// SPDX-License-Identifier: Apache-2.0
// From the words of `ilnp-dns publish` to an update plan; nothing here touches the network.
#pragma once

#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/records/update_plan.h"
#include "dns/src/settings.h"

namespace ilnp {

struct PublishPlan {
  DnsName name;
  UpdatePlan update;                  ///< its zone is filled in when it is known
  std::vector<std::string> warnings;  ///< what will hardly work as meant
};

/// All mistakes at once, one a line.
Result<PublishPlan> plan_from(const PublishSettings& settings);

}  // namespace ilnp
