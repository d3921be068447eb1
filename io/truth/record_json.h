// SPDX-License-Identifier: Apache-2.0
// An ownership as it is stored: a key, and one JSON object.
//
//   nid/0200+00ff+fe00+0001                        a node with ILNP
//   nid/0200+00ff+fe00+0001@fd00-0001-0000-0010    a node without: its address
//   {"schema":"ilnp.ownership/1","nid":"0200+00ff+fe00+0001","address":"fd00-0001-0000-0010"  (without ILNP only),
//    "home":{"site":"dc1","locator":"fd00-0001-0000-0010"},"at":{...},"phase":"settled|prepared|active",
//    "other":{...},"former":{...},"visible":true,"when_heard":true}                           (the last four if so)
//
// The epoch is the store's revision and not part of it. Whoever can write to the store can write anything, so a reader
// takes exactly this and nothing else.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/site/ownership.h"
#include "io/truth/site_names.h"

namespace ilnp {

inline constexpr std::size_t max_record_octets = 4096;
/// All keys of records begin with this.
inline constexpr std::string_view record_key_prefix = "nid/";

enum class RecordProblem : std::uint8_t {
  too_long,
  too_deep,
  not_json,
  other_schema,    ///< not an object of schema ilnp.ownership/1
  bad_key,         ///< not the key of a node
  other_key,       ///< the record of another node than its key says
  bad_node,        ///< "nid" or "address"
  bad_place,       ///< "home", "at", "other" or "former"
  unknown_site,    ///< a site that this router's configuration does not name
  bad_phase,       ///< no such phase, or one that does not fit "other", "former" and "visible"
  unknown_member,  ///< a member that schema 1 does not have
};

/// Of a key that somebody else made, this much is shown.
inline constexpr std::size_t max_key_shown = 80;

/// In words for an operator.
const char* explain(RecordProblem problem);

std::string record_key(const NodeKey& key);
/// Only what record_key() writes.
std::optional<NodeKey> parse_record_key(std::string_view text);

/// Nothing when a site has no name.
std::optional<std::string> record_to_json(const Ownership& record, const SiteNames& sites);
/// With epoch 0.
Result<Ownership, RecordProblem> parse_record(std::string_view key, std::string_view text, const SiteNames& sites);

}  // namespace ilnp
