// SPDX-License-Identifier: Apache-2.0
#include "core/lisp/afi.h"

#include <algorithm>
#include <cassert>

namespace ilnp::lisp {
namespace {

constexpr int max_nesting = 3;         ///< LCAFs in each other
constexpr int max_listed = 32;         ///< addresses of an AFI list that are looked at
constexpr std::uint8_t exact_id = 32;  ///< mask length of one Instance-ID

struct Field {
  enum class Kind : std::uint8_t { none, address, unusable, unknown };
  Kind kind = Kind::none;
  Eid eid{};
};
using Kind = Field::Kind;

Result<Field, ReadError> read_field(ByteReader& in, int nesting);

/// ASCII up to a zero octet.
Result<Field, ReadError> read_name(ByteReader& in) {
  const Bytes rest = in.rest();
  const auto end = std::ranges::find(rest, 0);
  if (end == rest.end()) return ReadError::truncated;
  in.skip(static_cast<std::size_t>(end - rest.begin()) + 1);
  return Field{Kind::unusable};
}

/// The same inside an LCAF, whose end is known: what is not understood in it does no harm behind it.
Result<Field, ReadError> read_nested(ByteReader& body, int nesting) {
  const auto field = read_field(body, nesting + 1);
  if (field.has_value() || field.error() == ReadError::vendor_lcaf) return field;
  if (field.error() != ReadError::unknown_afi) return ReadError::bad_lcaf;
  body.skip(body.remaining());
  return Field{Kind::unknown};
}

/// RFC 8060 sections 3 and 4.16: the first address counts.
Result<Field, ReadError> read_list(ByteReader body, int nesting) {
  Field found{Kind::unusable};
  for (int i = 0; i < max_listed && !body.empty(); ++i) {
    const auto field = read_nested(body, nesting);
    if (field.has_error() || field.value().kind == Kind::address) return field;
    if (field.value().kind == Kind::unknown) found = field.value();
  }
  return found;
}

/// RFC 8060 section 4.1. A mask length of 0 is how some say "this one"; ranges of instances are of no use to us.
Result<Field, ReadError> read_instance(ByteReader body, std::uint8_t mask, int nesting) {
  const std::uint32_t id = body.u32();
  auto field = read_nested(body, nesting);
  if (field.has_error() || field.value().kind == Kind::unknown) return field;
  if (mask > exact_id || !body.empty()) return ReadError::bad_lcaf;
  Field& inner = field.value();
  if (inner.kind != Kind::address) return field;
  if ((mask != 0 && mask != exact_id) || id > max_instance || inner.eid.instance != 0) return Field{Kind::unusable};
  inner.eid.instance = id;
  return field;
}

Result<Field, ReadError> read_lcaf(ByteReader& in, int nesting) {
  in.skip(2);  // reserved, flags
  const std::uint8_t type = in.u8(), second_reserved = in.u8();
  const std::size_t length = in.u16();
  const ByteReader body = in.sub(length);
  if (!in.ok()) return ReadError::truncated;
  if (type == lcaf::vendor) return ReadError::vendor_lcaf;
  if (nesting >= max_nesting) return Field{Kind::unknown};
  if (type == lcaf::null || type == lcaf::afi_list) return read_list(body, nesting);
  if (type == lcaf::instance_id) return read_instance(body, second_reserved, nesting);
  return Field{type <= lcaf::last_known ? Kind::unusable : Kind::unknown};
}

Result<Field, ReadError> read_field(ByteReader& in, int nesting) {
  const std::uint16_t family = in.u16();
  if (!in.ok()) return ReadError::truncated;
  switch (family) {
    case afi::none:
      return Field{};
    case afi::ipv4:
    case afi::ipv6: {
      const Bytes octets = in.take(address_octets(family == afi::ipv4 ? Family::ipv4 : Family::ipv6));
      if (!in.ok()) return ReadError::truncated;
      return Field{Kind::address, {0, IpAddress::load(octets)}};
    }
    case afi::distinguished_name:
      return read_name(in);
    case afi::lcaf:
      return read_lcaf(in, nesting);
    default:
      return ReadError::unknown_afi;
  }
}

}  // namespace

Result<EidField, ReadError> read_eid(ByteReader& in) {
  const auto field = read_field(in, 0);
  if (field.has_error()) return field.error();
  switch (field.value().kind) {
    case Kind::none:
      return EidField{};
    case Kind::address:
      return EidField{EidField::Kind::address, field.value().eid};
    case Kind::unusable:
      return EidField{EidField::Kind::unusable, {}};
    case Kind::unknown:
      break;
  }
  return ReadError::unknown_lcaf;
}

Result<std::optional<IpAddress>, ReadError> read_rloc(ByteReader& in) {
  const auto field = read_field(in, 0);
  if (field.has_error()) return field.error();
  if (field.value().kind != Kind::address) return std::optional<IpAddress>{};
  return std::optional{field.value().eid.address};
}

Result<std::optional<EidPrefix>, ReadError> read_eid_prefix(ByteReader& in, std::uint8_t length) {
  const auto field = read_eid(in);
  if (field.has_error()) return field.error();
  if (field.value().kind == EidField::Kind::none) return ReadError::no_eid;
  if (field.value().kind == EidField::Kind::unusable) return std::optional<EidPrefix>{};
  const Eid& eid = field.value().eid;
  if (length > address_bits(eid.address.family())) return ReadError::bad_prefix_length;
  return std::optional{EidPrefix{eid.instance, IpPrefix{eid.address, length}.network()}};
}

void write_address(ByteWriter& out, const IpAddress& address) {
  out.u16(address.is_ipv4() ? afi::ipv4 : afi::ipv6);
  out.bytes(address.octets());
}

void write_eid(ByteWriter& out, const Eid& eid) {
  assert(eid.instance <= max_instance);
  if (eid.instance != 0) {
    out.u16(afi::lcaf);
    out.u16(0);  // reserved, flags
    out.u8(lcaf::instance_id);
    out.u8(exact_id);
    out.u16(static_cast<std::uint16_t>(4 + 2 + eid.address.octets().size()));
    out.u32(eid.instance);
  }
  write_address(out, eid.address);
}

void write_no_address(ByteWriter& out) { out.u16(afi::none); }

}  // namespace ilnp::lisp
