// SPDX-License-Identifier: Apache-2.0
// Which message a datagram on port 4342 is (RFC 9301 section 5.1, RFC 9304).
#pragma once

#include <cstdint>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/lisp/reasons.h"

namespace ilnp::lisp {

/// The numbers of the high nibble of the first octet.
enum class MessageType : std::uint8_t {
  map_request = 1,
  map_reply = 2,
  map_register = 3,
  map_notify = 4,
  map_notify_ack = 5,
  map_referral = 6,  ///< DDT (RFC 8111); known by name only
  info = 7,          ///< NAT traversal; known by name only
  encapsulated_control = 8,
  shared_extension = 15,
};

inline Result<MessageType, ReadError> message_type(Bytes message) {
  if (message.empty()) return ReadError::truncated;
  const int number = message[0] >> 4;
  if (number == 0 || (number > 8 && number < 15)) return ReadError::unknown_type;
  return static_cast<MessageType>(number);
}

/// The 12 bits behind the type 15 (RFC 9304 section 2).
inline Result<std::uint16_t, ReadError> extension_subtype(Bytes message) {
  if (message.size() < 2) return ReadError::truncated;
  return static_cast<std::uint16_t>(load_u16(message.data()) & 0x0fff);
}

}  // namespace ilnp::lisp
