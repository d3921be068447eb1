// SPDX-License-Identifier: Apache-2.0
#include "core/lisp/registration.h"

#include <cassert>

#include "core/lisp/flag_bits.h"
#include "core/lisp/mapping_record.h"
#include "core/lisp/message_type.h"

namespace ilnp::lisp {
namespace {

// Bits of the first word.
constexpr std::uint32_t proxy_reply = 1u << 27, security = 1u << 26, register_has_sender = 1u << 25,
                        ttl_timeout = 1u << 11, merge = 1u << 10, want_notify = 1u << 8;
constexpr std::uint32_t notify_has_sender = 1u << 27;
constexpr std::uint32_t count_mask = 0xff;

constexpr std::uint32_t type_bits(MessageType type) { return static_cast<std::uint32_t>(type) << 28; }

constexpr MessageType notify_type(bool is_ack) {
  return is_ack ? MessageType::map_notify_ack : MessageType::map_notify;
}

ByteVector octets_of(const std::vector<MappingRecord>& records) {
  ByteVector octets;
  ByteWriter out{octets};
  write_mapping_records(out, records);
  return octets;
}

}  // namespace

Result<SealedMessage, ReadError> inspect_map_register(Bytes message) {
  const auto type = message_type(message);
  if (type.has_error()) return type.error();
  if (type.value() != MessageType::map_register) return ReadError::wrong_type;
  return SealedMessage::inspect(message, salt::map_register, (message[0] & register_has_sender >> 24) != 0);
}

Result<MapRegister, ReadError> open_map_register(const SealedMessage& sealed, const AuthenticationKey& key,
                                                 Hmac& hmac) {
  const auto content = sealed.open(key, hmac);
  if (content.has_error()) return content.error();
  const std::uint32_t word = content.value().first_word;
  auto records = read_all_mapping_records(content.value().records, word & count_mask);
  if (records.has_error()) return records.error();
  MapRegister message;
  message.wants_proxy_reply = (word & proxy_reply) != 0;
  message.supports_security = (word & security) != 0;
  message.is_ttl_timeout = (word & ttl_timeout) != 0;
  message.merges = (word & merge) != 0;
  message.wants_notify = (word & want_notify) != 0;
  message.nonce = sealed.nonce();
  message.key = sealed.key();
  message.records = std::move(records.value());
  message.sender = sealed.sender();
  return message;
}

ByteVector encode_map_register(const MapRegister& message, const AuthenticationKey& key, Hmac& hmac) {
  assert(!message.records.empty());
  const std::uint32_t word =
      type_bits(MessageType::map_register) | bit_if(message.wants_proxy_reply, proxy_reply) |
      bit_if(message.supports_security, security) | bit_if(message.sender.has_value(), register_has_sender) |
      bit_if(message.is_ttl_timeout, ttl_timeout) | bit_if(message.merges, merge) |
      bit_if(message.wants_notify, want_notify) | static_cast<std::uint32_t>(message.records.size());
  const ByteVector records = octets_of(message.records);
  return seal({word, message.nonce, message.key, records, message.sender, salt::map_register}, key, hmac);
}

Result<SealedMessage, ReadError> inspect_map_notify(Bytes message) {
  const auto type = message_type(message);
  if (type.has_error()) return type.error();
  const bool is_ack = type.value() == MessageType::map_notify_ack;
  if (!is_ack && type.value() != MessageType::map_notify) return ReadError::wrong_type;
  return SealedMessage::inspect(message, is_ack ? salt::map_notify_ack : salt::map_notify,
                                (message[0] & notify_has_sender >> 24) != 0);
}

Result<MapNotify, ReadError> open_map_notify(const SealedMessage& sealed, const AuthenticationKey& key, Hmac& hmac) {
  const auto content = sealed.open(key, hmac);
  if (content.has_error()) return content.error();
  const std::uint32_t word = content.value().first_word;
  MapNotify message;
  message.is_ack = word >> 28 == static_cast<std::uint32_t>(MessageType::map_notify_ack);
  message.nonce = sealed.nonce();
  message.key = sealed.key();
  message.sender = sealed.sender();
  const std::size_t count = word & count_mask;
  if (message.is_ack && count == 0) return message;
  auto records = read_all_mapping_records(content.value().records, count);
  if (records.has_error()) return records.error();
  message.records = std::move(records.value());
  return message;
}

ByteVector encode_map_notify(const MapNotify& message, const AuthenticationKey& key, Hmac& hmac) {
  assert(message.is_ack || !message.records.empty());
  const std::uint32_t word = type_bits(notify_type(message.is_ack)) |
                             bit_if(message.sender.has_value(), notify_has_sender) |
                             static_cast<std::uint32_t>(message.records.size());
  const ByteVector records = octets_of(message.records);
  const std::string_view message_salt = message.is_ack ? salt::map_notify_ack : salt::map_notify;
  return seal({word, message.nonce, message.key, records, message.sender, message_salt}, key, hmac);
}

}  // namespace ilnp::lisp
