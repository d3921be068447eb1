// SPDX-License-Identifier: Apache-2.0
// Map-Reply, type 2 (RFC 9301 section 5.4): codec only. That it answers a question of ours, the nonce tells.
#pragma once

#include <cstddef>
#include <optional>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/lisp/messages.h"
#include "core/lisp/reasons.h"

namespace ilnp::lisp {

/// Octets behind the last record are ignored, LISP-SEC data among them.
Result<MapReply, ReadError> parse_map_reply(Bytes message);

/// Preconditions: 1..255 records, no security data.
ByteVector encode_map_reply(const MapReply& reply);
/// The first of the records, as many as fit into that many octets; nothing where none does.
std::optional<ByteVector> encode_map_reply(MapReply reply, std::size_t most_octets);

}  // namespace ilnp::lisp
