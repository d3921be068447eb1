// SPDX-License-Identifier: Apache-2.0
#include "core/lisp/change_priority.h"

#include <cassert>

#include "core/lisp/mapping_record.h"
#include "core/lisp/message_type.h"

namespace ilnp::lisp {
namespace {

// The third octet.
constexpr std::uint8_t version = 1, from_hypervisor = 8, to_client = 4, acknowledgement = 2, wants_acknowledgement = 1;

using Kind = ChangePriority::Kind;

constexpr Kind kind_of(int flags) {
  if ((flags & from_hypervisor) != 0) return (flags & to_client) != 0 ? Kind::client_log : Kind::arrive;
  return (flags & to_client) != 0 ? Kind::update : Kind::transfer;
}

constexpr int flags_of(Kind kind) {
  return (kind == Kind::arrive || kind == Kind::client_log ? from_hypervisor : 0) |
         (kind == Kind::update || kind == Kind::client_log ? to_client : 0);
}

}  // namespace

Result<SealedMessage, ReadError> inspect_change_priority(Bytes message, std::uint16_t subtype) {
  const auto type = message_type(message);
  if (type.has_error()) return type.error();
  if (type.value() != MessageType::shared_extension) return ReadError::wrong_type;
  const auto found = extension_subtype(message);
  if (found.has_error()) return found.error();
  if (found.value() != subtype) return ReadError::unknown_type;
  if (message.size() < 3) return ReadError::truncated;
  if (message[2] >> 4 != version) return ReadError::unknown_version;
  auto sealed = SealedMessage::inspect(message, salt::change_priority, true);
  if (sealed.has_value() && sealed.value().key().algorithm == algorithm::hmac_sha1) return ReadError::algorithm_refused;
  return sealed;
}

Result<ChangePriority, ReadError> open_change_priority(const SealedMessage& sealed, const AuthenticationKey& key,
                                                       Hmac& hmac) {
  const auto content = sealed.open(key, hmac);
  if (content.has_error()) return content.error();
  const int flags = static_cast<int>(content.value().first_word >> 8 & 15);
  ChangePriority message;
  message.kind = kind_of(flags);
  message.is_ack = (flags & acknowledgement) != 0;
  message.wants_ack = (flags & wants_acknowledgement) != 0;
  if (message.is_ack && message.wants_ack) return ReadError::bad_flags;
  auto records = read_all_mapping_records(content.value().records, content.value().first_word & 0xff);
  if (records.has_error()) return records.error();
  message.nonce = sealed.nonce();
  message.key = sealed.key();
  message.records = std::move(records.value());
  message.sender = *sealed.sender();
  return message;
}

ByteVector encode_change_priority(const ChangePriority& message, const AuthenticationKey& key, Hmac& hmac,
                                  std::uint16_t subtype) {
  assert(!message.records.empty() && !(message.is_ack && message.wants_ack) && subtype <= 0x0fff);
  assert(message.key.algorithm != algorithm::hmac_sha1);
  ByteVector records;
  ByteWriter out{records};
  write_mapping_records(out, message.records);
  const int flags =
      flags_of(message.kind) | (message.is_ack ? acknowledgement : 0) | (message.wants_ack ? wants_acknowledgement : 0);
  const std::uint32_t word = static_cast<std::uint32_t>(MessageType::shared_extension) << 28 |
                             std::uint32_t{subtype} << 16 | static_cast<std::uint32_t>(version << 4 | flags) << 8 |
                             static_cast<std::uint32_t>(message.records.size());
  return seal({word, message.nonce, message.key, records, message.sender, salt::change_priority}, key, hmac);
}

}  // namespace ilnp::lisp
