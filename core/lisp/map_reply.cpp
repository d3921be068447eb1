// SPDX-License-Identifier: Apache-2.0
#include "core/lisp/map_reply.h"

#include <cassert>

#include "core/lisp/mapping_record.h"
#include "core/lisp/message_type.h"

namespace ilnp::lisp {
namespace {

constexpr std::uint8_t probe = 8, echo_nonce = 4, security = 2;

}  // namespace

Result<MapReply, ReadError> parse_map_reply(Bytes message) {
  ByteReader in{message};
  const std::uint8_t first = in.u8();
  in.skip(2);  // reserved
  const std::size_t count = in.u8();
  MapReply reply;
  reply.is_probe = (first & probe) != 0;
  reply.echoes_nonces = (first & echo_nonce) != 0;
  reply.has_security_data = (first & security) != 0;
  reply.nonce = in.u64();
  if (!in.ok()) return ReadError::truncated;
  if (first >> 4 != static_cast<int>(MessageType::map_reply)) return ReadError::wrong_type;
  if (count == 0) return ReadError::record_count;
  auto records = read_mapping_records(in, count);
  if (records.has_error()) return records.error();
  reply.records = std::move(records.value());
  return reply;
}

ByteVector encode_map_reply(const MapReply& reply) {
  assert(!reply.records.empty() && !reply.has_security_data);
  ByteVector message;
  ByteWriter out{message};
  out.u8(static_cast<std::uint8_t>(static_cast<int>(MessageType::map_reply) << 4 | (reply.is_probe ? probe : 0) |
                                   (reply.echoes_nonces ? echo_nonce : 0)));
  out.u16(0);
  out.u8(static_cast<std::uint8_t>(reply.records.size()));
  out.u64(reply.nonce);
  write_mapping_records(out, reply.records);
  return message;
}

std::optional<ByteVector> encode_map_reply(MapReply reply, std::size_t most_octets) {
  for (; !reply.records.empty(); reply.records.pop_back()) {
    ByteVector message = encode_map_reply(reply);
    if (message.size() <= most_octets) return message;
  }
  return std::nullopt;
}

}  // namespace ilnp::lisp
