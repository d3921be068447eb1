// SPDX-License-Identifier: Apache-2.0
// Mapping records with their locators as they stand in Map-Replies, registrations, notifications and Change-Priority
// (RFC 9301 section 5.4), and the trailer that says who sent a message (RFC 9301 section 5.6, RFC 9437).
#pragma once

#include <optional>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/lisp/mapping.h"
#include "core/lisp/reasons.h"

namespace ilnp::lisp {

inline constexpr std::size_t max_records = 255, max_rlocs = 255;

/// None when its EID is of a kind that we have no use for. Locators that are no addresses are left out, the others are
/// sorted; actions that no RFC knows are no_action.
Result<std::optional<MappingRecord>, ReadError> read_mapping_record(ByteReader& in);
/// `count` of them, as a header says; those that are none are left out.
Result<std::vector<MappingRecord>, ReadError> read_mapping_records(ByteReader& in, std::size_t count);
/// All that `octets` hold, in an authenticated message: at least one that is of use, and nothing behind them.
Result<std::vector<MappingRecord>, ReadError> read_all_mapping_records(Bytes octets, std::size_t count);

/// Locators are written sorted, bits of the EID beyond its length as zero. Precondition: at most max_rlocs.
void write_mapping_record(ByteWriter& out, const MappingRecord& record);
/// Precondition: at most max_records.
void write_mapping_records(ByteWriter& out, const std::vector<MappingRecord>& records);

inline constexpr std::size_t identity_octets = 16 + 8;
XtrIdentity read_identity(ByteReader& in);
void write_identity(ByteWriter& out, const XtrIdentity& identity);

}  // namespace ilnp::lisp
