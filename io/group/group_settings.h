// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <vector>

#include "core/base/time.h"
#include "io/settings/configuration.h"
#include "io/tls/tls_context.h"

namespace ilnp {

struct GroupSettings {
  Endpoint listen;              ///< an address of this machine alone: connections to peers are made from it, too
  std::vector<Endpoint> peers;  ///< the `listen` of the others
  TlsFiles tls;                 ///< all three of them
  Duration heartbeat = milliseconds{200};  ///< the same in the whole group; five without a word: the member is dead
};

/// 1 to 255 printable ASCII characters.
bool is_group_name(std::string_view name);

}  // namespace ilnp
