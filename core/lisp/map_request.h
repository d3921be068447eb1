// SPDX-License-Identifier: Apache-2.0
// Map-Request, type 1 (RFC 9301 section 5.2, RFC 9437): codec only.
#pragma once

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/lisp/messages.h"
#include "core/lisp/reasons.h"

namespace ilnp::lisp {

inline constexpr std::size_t max_requested_records = 32, max_itr_rlocs = 32;

/// Octets behind the last field are ignored: older senders pad, newer ones append. Records about EIDs that we have no
/// use for are left out; a request without any other is an error, as is one that nobody could answer.
Result<MapRequest, ReadError> parse_map_request(Bytes message);

/// Preconditions: 1..32 records, at most 32 ITR-RLOCs.
ByteVector encode_map_request(const MapRequest& request);

}  // namespace ilnp::lisp
