// SPDX-License-Identifier: Apache-2.0
#include "core/records/answers.h"

#include <cassert>

namespace ilnp {
namespace {

constexpr std::uint16_t name_of_question = 0xc00c;  // a pointer to octet 12

std::uint16_t reply_flags(std::uint16_t query_flags, dns::Rcode rcode) {
  const unsigned kept = query_flags & (dns::mask_opcode | dns::flag_recursion_desired | dns::flag_checking_disabled);
  return static_cast<std::uint16_t>(dns::flag_response | dns::flag_recursion_available | kept | rcode);
}

/// Header and question; the caller appends `answer_count` records and then the OPT.
ByteVector start_answer(const DnsMessage& query, dns::Rcode rcode, std::size_t answer_count) {
  ByteVector out;
  ByteWriter w{out};
  w.u16(query.id());
  w.u16(reply_flags(query.flags(), rcode));
  w.u16(query.question() ? 1 : 0);
  w.u16(static_cast<std::uint16_t>(answer_count));
  w.u16(0);
  w.u16(query.opt() != nullptr ? 1 : 0);
  w.bytes(query.question_octets());
  return out;
}

void append_opt(ByteVector& out, const DnsMessage& query) {
  if (query.opt() == nullptr) return;
  constexpr std::uint32_t dnssec_ok = 0x8000;
  ByteWriter w{out};
  w.u8(0);
  w.u16(dns::type_opt);
  w.u16(1232);
  w.u32(query.opt()->ttl & dnssec_ok);
  w.u16(0);
}

void append_record(ByteVector& out, std::uint16_t type, seconds ttl, Bytes rdata) {
  ByteWriter w{out};
  w.u16(name_of_question);
  w.u16(type);
  w.u16(dns::class_in);
  w.u32(static_cast<std::uint32_t>(ttl.count()));
  w.u16(static_cast<std::uint16_t>(rdata.size()));
  w.bytes(rdata);
}

}  // namespace

ByteVector make_address_answer(const DnsMessage& query, std::span<const Address> addresses, seconds ttl) {
  assert(query.question());
  ByteVector out = start_answer(query, dns::noerror, addresses.size());
  for (const Address& address : addresses) append_record(out, dns::type_aaaa, ttl, address.octets());
  append_opt(out, query);
  return out;
}

ByteVector make_ptr_answer(const DnsMessage& query, const DnsName& target, seconds ttl) {
  assert(query.question());
  ByteVector out = start_answer(query, dns::noerror, 1);
  append_record(out, dns::type_ptr, ttl, target.wire());
  append_opt(out, query);
  return out;
}

ByteVector make_empty_answer(const DnsMessage& query, dns::Rcode rcode) {
  ByteVector out = start_answer(query, rcode, 0);
  append_opt(out, query);
  return out;
}

ByteVector make_header_answer(Bytes query, dns::Rcode rcode) {
  assert(query.size() >= 12);
  ByteVector out;
  ByteWriter w{out};
  w.bytes(query.first(2));
  w.u16(reply_flags(load_u16(query.data() + 2), rcode));
  w.zeros(8);
  return out;
}

}  // namespace ilnp
