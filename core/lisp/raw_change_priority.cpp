// SPDX-License-Identifier: Apache-2.0
#include "core/lisp/raw_change_priority.h"

#include <cassert>

#include "core/lisp/afi.h"
#include "core/lisp/mapping_record.h"
#include "core/lisp/message_type.h"

namespace ilnp::lisp {
namespace {

// Low nibble of the first octet: the thesis, OpenLISP.
constexpr std::uint8_t from_hypervisor = 8, to_client = 4;
constexpr std::uint8_t arrives = 8, lists_clients = 4, moved = 2;
constexpr std::size_t locator_count_at = 4;  ///< in a mapping record
constexpr KeyName key_field{0, algorithm::hmac_sha1};
constexpr std::size_t authentication_length = 20;

using Kind = ChangePriority::Kind;

constexpr std::uint32_t first_word(int flags, std::size_t count) {
  return (static_cast<std::uint32_t>(MessageType::map_notify_ack) << 4 | static_cast<std::uint32_t>(flags)) << 24 |
         static_cast<std::uint32_t>(count);
}

/// Their code writes this field in the byte order of its machine.
Result<IpAddress, ReadError> read_openlisp_address(ByteReader& in) {
  const std::uint16_t family = in.u16();
  const Bytes octets = in.take(4);
  if (!in.ok()) return ReadError::truncated;
  if (family != afi::ipv4 && family != afi::ipv4 << 8) return ReadError::unknown_afi;
  return IpAddress::load(octets);
}

}  // namespace

Result<SealedMessage, ReadError> inspect_raw_change_priority(Bytes message) {
  const auto type = message_type(message);
  if (type.has_error()) return type.error();
  if (type.value() != MessageType::map_notify_ack) return ReadError::wrong_type;
  auto sealed = SealedMessage::inspect(message, {}, false);
  if (sealed.has_error()) return sealed;
  if (sealed.value().key() != key_field) return ReadError::algorithm_refused;
  if (load_u16(message.data() + 14) != authentication_length) return ReadError::authentication_length;
  return sealed;
}

Result<ChangePriority, ReadError> open_thesis_change_priority(const SealedMessage& sealed, const AuthenticationKey& key,
                                                              Hmac& hmac) {
  const auto content = sealed.open(key, hmac);
  if (content.has_error()) return content.error();
  const int flags = static_cast<int>(content.value().first_word >> 24 & 15);
  const std::size_t count = content.value().first_word & 0xff;
  ChangePriority message;
  switch (flags) {
    case from_hypervisor:
      message.kind = Kind::arrive;
      break;
    case to_client:
      message.kind = Kind::update;
      break;
    case 0:
      message.kind = Kind::transfer;
      break;
    default:
      return ReadError::bad_flags;
  }
  auto records = read_all_mapping_records(content.value().records, 1);
  if (records.has_error()) return records.error();
  if (count != content.value().records[locator_count_at]) return ReadError::record_count;
  message.nonce = sealed.nonce();
  message.key = sealed.key();
  message.records = std::move(records.value());
  return message;
}

ByteVector encode_thesis_change_priority(const ChangePriority& message, const AuthenticationKey& key, Hmac& hmac) {
  assert(message.records.size() == 1 && !message.is_ack && !message.wants_ack && message.kind != Kind::client_log);
  assert(message.key == key_field);
  ByteVector record;
  ByteWriter out{record};
  write_mapping_record(out, message.records.front());
  const int flags = message.kind == Kind::arrive ? from_hypervisor : message.kind == Kind::update ? to_client : 0;
  const std::uint32_t word = first_word(flags, message.records.front().rlocs.size());
  return seal({word, message.nonce, key_field, record, std::nullopt, {}}, {key.secret, authentication_length}, hmac);
}

Result<OpenLispNotice, ReadError> open_openlisp_notice(const SealedMessage& sealed, const AuthenticationKey& key,
                                                       Hmac& hmac) {
  const auto content = sealed.open(key, hmac);
  if (content.has_error()) return content.error();
  OpenLispNotice notice;
  switch (content.value().first_word >> 24 & 15) {
    case arrives:
      notice.kind = OpenLispNotice::Kind::arrive;
      break;
    case lists_clients:
      notice.kind = OpenLispNotice::Kind::clients;
      break;
    case moved:
      notice.kind = OpenLispNotice::Kind::moved;
      break;
    default:
      return ReadError::bad_flags;
  }
  notice.nonce = sealed.nonce();
  ByteReader in{content.value().records};
  const std::uint8_t length = in.u8();
  const auto eid = read_openlisp_address(in);
  if (eid.has_error()) return eid.error();
  if (length > address_bits(Family::ipv4)) return ReadError::bad_prefix_length;
  notice.eid = IpPrefix{eid.value(), length}.network();
  for (std::size_t left = content.value().first_word & 0xff; left > 0; --left) {
    const auto address = read_openlisp_address(in);
    if (address.has_error()) return address.error();
    notice.addresses.push_back(address.value());
  }
  if (!in.empty()) return ReadError::trailing_octets;
  return notice;
}

ByteVector encode_openlisp_notice(const OpenLispNotice& notice, const AuthenticationKey& key, Hmac& hmac) {
  assert(notice.addresses.size() <= 255 && notice.eid.address.is_ipv4());
  ByteVector octets;
  ByteWriter out{octets};
  out.u8(notice.eid.length);
  write_address(out, notice.eid.network().address);
  for (const IpAddress& address : notice.addresses) {
    assert(address.is_ipv4());
    write_address(out, address);
  }
  const int flags = notice.kind == OpenLispNotice::Kind::arrive    ? arrives
                    : notice.kind == OpenLispNotice::Kind::clients ? lists_clients
                                                                   : moved;
  const std::uint32_t word = first_word(flags, notice.addresses.size());
  return seal({word, notice.nonce, key_field, octets, std::nullopt, {}}, {key.secret, authentication_length}, hmac);
}

}  // namespace ilnp::lisp
