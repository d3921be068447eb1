// SPDX-License-Identifier: Apache-2.0
// What somebody who knows says about a mobile EID - an operator, a hypervisor's hook, an orchestrator, or the shared
// truth - and what the gateway does about it.
#pragma once

#include <cstdint>
#include <vector>

#include "core/forwarding/eid_directory.h"
#include "core/forwarding/lisp_interworking.h"

namespace ilnp {

struct LispStep {
  enum class Kind : std::uint8_t {
    arrive,   ///< it is here
    leave,    ///< it has stopped here: what comes for it waits
    stay,     ///< it did not leave after all
    prepare,  ///< it is about to come, or to go
    abort,    ///< it did not come after all
  };
  Kind kind = Kind::arrive;
  lisp::Eid eid;
  std::vector<lisp::RlocRecord> rlocs{};  ///< arrive: instead of ours
};

/// The EID is in a mobile block.
void take(const LispStep& step, lisp::Instant at, lisp::Xtr& xtr, LispInterworking& interworking, LispActions& actions);

/// What news from the shared truth ask for, in this order.
std::vector<LispStep> steps_of(const EidNews& news);

}  // namespace ilnp
