// SPDX-License-Identifier: Apache-2.0
// Migration as an operation: prepare -> activate -> release, abort at any point. Pure rules from the record as it is
// and a request to the record as it should be; each step is one change of the record, and repeating a step that has
// been taken changes nothing and succeeds. Who raises the epoch is the store.
//
//   prepare   it will go there. Nothing changes for packets
//   activate  it has gone there: the destination holds what comes for it until it is heard
//   release   it has arrived; the source forwards late packets for the grace period
//   abort     before activate: nothing happened. After it: back to where it came from
//   rehome    the place where it is becomes its home: its ILNP correspondents are told, the others stay with the old
//   one claim     a record for a node that has none forget    no record any more: it is where its locator says
#pragma once

#include <cstdint>
#include <optional>

#include "core/base/result.h"
#include "core/site/ownership.h"

namespace ilnp {

enum class MoveStep : std::uint8_t { prepare, activate, release, abort, rehome, relocate, claim, forget };

constexpr const char* name_of(MoveStep step) {
  constexpr const char* names[] = {"prepare", "activate", "release", "abort", "rehome", "relocate", "claim", "forget"};
  return names[static_cast<int>(step)];
}

struct MoveRequest {
  MoveStep step = MoveStep::prepare;
  NodeKey key;
  std::optional<Place> home{};           ///< prepare, claim: of a node without a record
  std::optional<Place> to{};             ///< prepare, relocate; activate, abort: must be the prepared one when given
  bool site_only = false;                ///< of `to` only the site is meant: any locator there is the same place
  bool visible = false;                  ///< prepare
  bool when_heard = false;               ///< prepare
  std::optional<std::uint64_t> epoch{};  ///< of the record that the caller has in mind; another one: stale
};

enum class MoveRefusal : std::uint8_t {
  unknown_node,  ///< no record, and the request does not say its home
  no_place,      ///< prepare or relocate without `to`
  taken,         ///< claim: the node has a record, with another home
  busy,          ///< another move of this node is under way
  not_prepared,
  not_active,
  not_away,   ///< rehome: it is at home
  not_there,  ///< relocate: it is at another site, or keeps its address
  not_ilnp,   ///< a visible move of a node without ILNP
  moving,     ///< forget: while it is away or moves
  stale,      ///< the record has another epoch
};

const char* name_of(MoveRefusal refusal);
/// In words for an operator.
const char* explain(MoveRefusal refusal);

struct MovePlan {
  std::optional<Ownership> next;  ///< nothing: the record goes
  bool changes = false;           ///< else the step had been taken before
};

Result<MovePlan, MoveRefusal> plan_move(const std::optional<Ownership>& current, const MoveRequest& request);

}  // namespace ilnp
