// SPDX-License-Identifier: Apache-2.0
#include "core/lisp/mapping_record.h"

#include <algorithm>
#include <cassert>

#include "core/lisp/afi.h"
#include "core/lisp/flag_bits.h"

namespace ilnp::lisp {
namespace {

constexpr std::uint16_t authoritative_bit = 0x1000, version_mask = 0x0fff;
constexpr std::uint16_t local_bit = 4, probed_bit = 2, reachable_bit = 1;

bool by_address(const RlocRecord& a, const RlocRecord& b) { return a.address < b.address; }

/// None when it is no address.
Result<std::optional<RlocRecord>, ReadError> read_rloc_record(ByteReader& in) {
  RlocRecord rloc;
  rloc.priority = in.u8();
  rloc.weight = in.u8();
  rloc.multicast_priority = in.u8();
  rloc.multicast_weight = in.u8();
  const std::uint16_t flags = in.u16();
  rloc.is_local = (flags & local_bit) != 0;
  rloc.is_probed = (flags & probed_bit) != 0;
  rloc.is_reachable = (flags & reachable_bit) != 0;
  const auto address = read_rloc(in);
  if (address.has_error()) return address.error();
  if (!address.value()) return std::optional<RlocRecord>{};
  rloc.address = *address.value();
  return std::optional{rloc};
}

void write_rloc_record(ByteWriter& out, const RlocRecord& rloc) {
  out.u8(rloc.priority);
  out.u8(rloc.weight);
  out.u8(rloc.multicast_priority);
  out.u8(rloc.multicast_weight);
  out.u16(static_cast<std::uint16_t>(bit_if(rloc.is_local, local_bit) | bit_if(rloc.is_probed, probed_bit) |
                                     bit_if(rloc.is_reachable, reachable_bit)));
  write_address(out, rloc.address);
}

}  // namespace

Result<std::optional<MappingRecord>, ReadError> read_mapping_record(ByteReader& in) {
  MappingRecord record;
  record.ttl = in.u32();
  const std::size_t count = in.u8();
  const std::uint8_t length = in.u8();
  const std::uint16_t flags = in.u16();
  const int action = flags >> 13;
  if (action <= static_cast<int>(Action::drop_authentication)) record.action = static_cast<Action>(action);
  record.is_authoritative = (flags & authoritative_bit) != 0;
  record.version = in.u16() & version_mask;
  const auto eid = read_eid_prefix(in, length);
  if (eid.has_error()) return eid.error();
  for (std::size_t i = 0; i < count; ++i) {
    const auto rloc = read_rloc_record(in);
    if (rloc.has_error()) return rloc.error();
    if (rloc.value()) record.rlocs.push_back(*rloc.value());
  }
  if (!eid.value()) return std::optional<MappingRecord>{};
  record.eid = *eid.value();
  std::ranges::stable_sort(record.rlocs, by_address);
  return std::optional{std::move(record)};
}

Result<std::vector<MappingRecord>, ReadError> read_mapping_records(ByteReader& in, std::size_t count) {
  std::vector<MappingRecord> records;
  for (std::size_t i = 0; i < count; ++i) {
    auto record = read_mapping_record(in);
    if (record.has_error()) return record.error();
    if (record.value()) records.push_back(std::move(*record.value()));
  }
  return records;
}

Result<std::vector<MappingRecord>, ReadError> read_all_mapping_records(Bytes octets, std::size_t count) {
  if (count == 0) return ReadError::record_count;
  ByteReader in{octets};
  auto records = read_mapping_records(in, count);
  if (records.has_error()) return records;
  if (!in.empty()) return ReadError::trailing_octets;
  if (records.value().empty()) return ReadError::no_usable_record;
  return records;
}

void write_mapping_record(ByteWriter& out, const MappingRecord& record) {
  assert(record.rlocs.size() <= max_rlocs && record.version <= version_mask);
  out.u32(record.ttl);
  out.u8(static_cast<std::uint8_t>(record.rlocs.size()));
  out.u8(record.eid.prefix.length);
  out.u16(static_cast<std::uint16_t>(static_cast<int>(record.action) << 13 |
                                     bit_if(record.is_authoritative, authoritative_bit)));
  out.u16(record.version);
  write_eid(out, {record.eid.instance, record.eid.prefix.network().address});
  std::vector<RlocRecord> sorted = record.rlocs;
  std::ranges::stable_sort(sorted, by_address);
  for (const RlocRecord& rloc : sorted) write_rloc_record(out, rloc);
}

void write_mapping_records(ByteWriter& out, const std::vector<MappingRecord>& records) {
  assert(records.size() <= max_records);
  for (const MappingRecord& record : records) write_mapping_record(out, record);
}

XtrIdentity read_identity(ByteReader& in) {
  XtrIdentity identity;
  const Bytes xtr = in.take(identity.xtr.size());
  std::ranges::copy(xtr, identity.xtr.begin());
  identity.site = in.u64();
  return identity;
}

void write_identity(ByteWriter& out, const XtrIdentity& identity) {
  out.bytes(identity.xtr);
  out.u64(identity.site);
}

}  // namespace ilnp::lisp
