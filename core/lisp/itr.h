// SPDX-License-Identifier: Apache-2.0
// What an ITR does with a packet to an EID (RFC 9300 section 4.1, RFC 9301 section 5.4): the state of the entry
// decides, then its RLOCs or its action. Says to RLOC-probing which RLOCs are in use.
#pragma once

#include <optional>

#include "core/lisp/map_cache.h"
#include "core/lisp/resolution.h"
#include "core/lisp/rloc_choice.h"
#include "core/lisp/rloc_probing.h"

namespace ilnp::lisp {

struct ItrVerdict {
  enum class Kind : std::uint8_t {
    encapsulate,  ///< to `rloc`
    native,       ///< not a LISP destination: as it is
    local,        ///< an EID of our own site
    waiting,      ///< copied; it comes back as an action, or was dropped and counted
    drop,         ///< counted as `reason`
  };
  /// What the sender is told, at a limited rate.
  enum class Error : std::uint8_t { none, unreachable, prohibited };
  Kind kind = Kind::drop;
  IpAddress rloc{};
  ItrDrop reason{};
  Error error = Error::none;
};

struct ItrPolicy {
  RlocPolicy rlocs;
  bool native_while_pending = false;  ///< a PITR may let packets go as they are until there is an answer
};

class Itr {
 public:
  /// What is given by reference outlives it, and may change.
  Itr(const ItrPolicy& policy, const Underlay& underlay, MapCache& cache, Resolution& resolution, RlocProbing& probing,
      ItrDrops& drops)
      : policy_{policy},
        underlay_{underlay},
        cache_{cache},
        resolution_{resolution},
        probing_{probing},
        drops_{drops} {}

  ItrVerdict route(TimePoint now, const Eid& source, const Eid& destination, const Flow& flow, const Packet& packet,
                   ResolutionActions& actions);

 private:
  ItrVerdict miss(TimePoint now, const Eid& source, const Eid& destination, const Packet& packet,
                  ResolutionActions& actions);
  ItrVerdict negative(TimePoint now, Mapping& mapping, ResolutionActions& actions);
  ItrVerdict drop(ItrDrop reason, ItrVerdict::Error error = ItrVerdict::Error::none);

  const ItrPolicy& policy_;
  const Underlay& underlay_;
  MapCache& cache_;
  Resolution& resolution_;
  RlocProbing& probing_;
  ItrDrops& drops_;
};

}  // namespace ilnp::lisp
