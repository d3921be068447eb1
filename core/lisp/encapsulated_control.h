// SPDX-License-Identifier: Apache-2.0
// Encapsulated Control Message, type 8 (RFC 9301 section 5.8): a Map-Request in a UDP datagram in an IP packet, on its
// way through the mapping system. Codec only.
#pragma once

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/lisp/messages.h"
#include "core/lisp/reasons.h"

namespace ilnp::lisp {

/// The inner packet must be whole and nothing but IP and UDP, its checksums good, that of UDP not left out; in it must
/// be a Map-Request to the control port. LISP-SEC data is refused; what the other flags say of the receiver is ignored.
Result<EncapsulatedControl, ReadError> parse_encapsulated_control(Bytes message);

/// Inner hop limit 64. Precondition: inner addresses of one family.
ByteVector encode_encapsulated_control(const EncapsulatedControl& control);

}  // namespace ilnp::lisp
