// SPDX-License-Identifier: Apache-2.0
#include "core/lisp/map_request.h"

#include <algorithm>
#include <cassert>

#include "core/lisp/afi.h"
#include "core/lisp/flag_bits.h"
#include "core/lisp/mapping_record.h"
#include "core/lisp/message_type.h"

namespace ilnp::lisp {
namespace {

// Bits of the first word, section 5.2.
constexpr std::uint32_t authoritative = 1u << 27, map_data = 1u << 26, probe = 1u << 25, smr = 1u << 24,
                        proxy = 1u << 23, smr_invoked = 1u << 22, xtr_id = 1u << 20, local_xtr = 1u << 14,
                        no_reply = 1u << 13;
constexpr std::uint8_t notify_bit = 0x80;

MapRequest read_flags(std::uint32_t word) {
  MapRequest request;
  request.wants_authoritative = (word & authoritative) != 0;
  request.is_probe = (word & probe) != 0;
  request.is_smr = (word & smr) != 0;
  request.from_proxy = (word & proxy) != 0;
  request.is_smr_invoked = (word & smr_invoked) != 0;
  request.is_local_xtr = (word & local_xtr) != 0;
  request.wants_no_reply = (word & no_reply) != 0;
  return request;
}

std::uint32_t flags_of(const MapRequest& request) {
  return bit_if(request.wants_authoritative, authoritative) | bit_if(request.own_mapping.has_value(), map_data) |
         bit_if(request.is_probe, probe) | bit_if(request.is_smr, smr) | bit_if(request.from_proxy, proxy) |
         bit_if(request.is_smr_invoked, smr_invoked) | bit_if(request.sender.has_value(), xtr_id) |
         bit_if(request.is_local_xtr, local_xtr) | bit_if(request.wants_no_reply, no_reply);
}

/// Source-EID and ITR-RLOCs; the reason why they cannot be read.
std::optional<ReadError> read_ends(ByteReader& in, std::size_t rlocs, MapRequest& request) {
  const auto source = read_eid(in);
  if (source.has_error()) return source.error();
  if (source.value().kind == EidField::Kind::address) request.source = source.value().eid;
  for (std::size_t i = 0; i < rlocs; ++i) {
    const auto rloc = read_rloc(in);
    if (rloc.has_error()) return rloc.error();
    if (rloc.value()) request.itr_rlocs.push_back(*rloc.value());
  }
  return std::nullopt;
}

std::optional<ReadError> read_records(ByteReader& in, std::size_t count, MapRequest& request) {
  for (std::size_t i = 0; i < count; ++i) {
    const bool subscribes = (in.u8() & notify_bit) != 0;
    const std::uint8_t length = in.u8();
    const auto eid = read_eid_prefix(in, length);
    if (eid.has_error()) return eid.error();
    if (eid.value()) request.records.push_back({*eid.value(), subscribes});
  }
  return std::nullopt;
}

}  // namespace

Result<MapRequest, ReadError> parse_map_request(Bytes message) {
  ByteReader in{message};
  const std::uint32_t word = in.u32();
  MapRequest request = read_flags(word);
  request.nonce = in.u64();
  if (!in.ok()) return ReadError::truncated;
  if (word >> 28 != static_cast<std::uint32_t>(MessageType::map_request)) return ReadError::wrong_type;
  const std::size_t rlocs = (word >> 8 & 0x1f) + 1, records = word & 0xff;
  if (records == 0 || records > max_requested_records) return ReadError::record_count;
  if (const auto error = read_ends(in, rlocs, request)) return *error;
  if (const auto error = read_records(in, records, request)) return *error;
  if ((word & map_data) != 0) {
    auto own = read_mapping_record(in);
    if (own.has_error()) return own.error();
    request.own_mapping = std::move(own.value());
  }
  if ((word & xtr_id) != 0) request.sender = read_identity(in);
  if (!in.ok()) return ReadError::truncated;
  if (request.records.empty()) return ReadError::no_usable_record;
  const bool subscribes = std::ranges::any_of(request.records, &MapRequest::Record::subscribes);
  if (request.itr_rlocs.empty() && !subscribes) return ReadError::no_itr_rloc;
  return request;
}

ByteVector encode_map_request(const MapRequest& request) {
  assert(!request.records.empty() && request.records.size() <= max_requested_records);
  assert(request.itr_rlocs.size() <= max_itr_rlocs);
  ByteVector message;
  ByteWriter out{message};
  const std::size_t more_rlocs = request.itr_rlocs.empty() ? 0 : request.itr_rlocs.size() - 1;
  out.u32(static_cast<std::uint32_t>(MessageType::map_request) << 28 | flags_of(request) |
          static_cast<std::uint32_t>(more_rlocs << 8 | request.records.size()));
  out.u64(request.nonce);
  if (request.source) {
    write_eid(out, *request.source);
  } else {
    write_no_address(out);
  }
  if (request.itr_rlocs.empty()) write_no_address(out);
  for (const IpAddress& rloc : request.itr_rlocs) write_address(out, rloc);
  for (const MapRequest::Record& record : request.records) {
    out.u8(record.subscribes ? notify_bit : std::uint8_t{0});
    out.u8(record.eid.prefix.length);
    write_eid(out, {record.eid.instance, record.eid.prefix.network().address});
  }
  if (request.own_mapping) write_mapping_record(out, *request.own_mapping);
  if (request.sender) write_identity(out, *request.sender);
  return message;
}

}  // namespace ilnp::lisp
