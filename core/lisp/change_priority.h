// SPDX-License-Identifier: Apache-2.0
// Change-Priority in the shared extension type, 15 (RFC 9304), under a sub-type of the range that is given away first
// come, first served; from octet 4 on it is a Map-Register. Codec only. Reading takes two steps, see authentication.h.
// The forms in which type 5 carried it before are in raw_change_priority.h.
#pragma once

#include "core/base/bytes.h"
#include "core/base/crypto.h"
#include "core/base/result.h"
#include "core/lisp/authentication.h"
#include "core/lisp/messages.h"
#include "core/lisp/reasons.h"

namespace ilnp::lisp {

inline constexpr std::uint16_t default_change_priority_subtype = 3950;  ///< not registered: all peers have to agree

/// Algorithm 1 is refused; an unknown version too, before anything else is looked at.
Result<SealedMessage, ReadError> inspect_change_priority(Bytes message,
                                                         std::uint16_t subtype = default_change_priority_subtype);
Result<ChangePriority, ReadError> open_change_priority(const SealedMessage& sealed, const AuthenticationKey& key,
                                                       Hmac& hmac);

/// Preconditions: 1..255 records, an acknowledgement wants none, subtype below 4096, algorithm 2 or 3.
ByteVector encode_change_priority(const ChangePriority& message, const AuthenticationKey& key, Hmac& hmac,
                                  std::uint16_t subtype = default_change_priority_subtype);

}  // namespace ilnp::lisp
