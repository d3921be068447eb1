// SPDX-License-Identifier: Apache-2.0
// Sites have numbers in memory and names in a store, because every router numbers them as it likes.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/site/nid_table.h"

namespace ilnp {

class SiteNames {
 public:
  /// A name is 1 to 63 letters, digits, '-', '_' and '.'; neither it nor the number has been used before.
  Result<void> add(SiteId site, const std::string& name);
  /// Empty when there is no such site.
  std::string_view name_of(SiteId site) const;
  std::optional<SiteId> find(std::string_view name) const;

 private:
  std::map<std::string, SiteId, std::less<>> by_name_;
  std::map<SiteId, std::string> by_number_;
};

}  // namespace ilnp
