// SPDX-License-Identifier: Apache-2.0
// Whether an address is one of this machine.
#pragma once

#include "core/lisp/ip_address.h"

namespace ilnp {

/// And usable: not one that is still looked for duplicates.
bool is_own_address(const lisp::IpAddress& address);

}  // namespace ilnp
