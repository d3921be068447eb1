// SPDX-License-Identifier: Apache-2.0
// Replies to updates as RFC 8945 section 5.3 writes them, made without the code under test.
#pragma once

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "io/resolver/tsig.h"
#include "tests/unit/records/message_builder.h"

namespace ilnp::test {

constexpr std::uint64_t worked_time = 1795236080;

struct ReplyFields {
  std::uint64_t time = worked_time;
  std::uint16_t fudge = 300;
  std::uint16_t error = 0;
  ByteVector other;
  bool with_mac = true;
};

inline void append_time(ByteWriter& w, const ReplyFields& fields) {
  w.u16(static_cast<std::uint16_t>(fields.time >> 32));
  w.u32(static_cast<std::uint32_t>(fields.time));
  w.u16(fields.fudge);
}

/// To an update of example.org; HMAC-SHA-256.
inline ByteVector signed_reply(std::uint16_t id, unsigned rcode, const TsigKey& by, Bytes request_mac,
                               const ReplyFields& fields) {
  const DnsName algorithm = name("hmac-sha256");
  MessageBuilder builder;
  builder.id(id).flags(static_cast<std::uint16_t>(dns::flag_response | dns::opcode_update | rcode));
  builder.question({name("example.org"), dns::type_soa, dns::class_in});
  ByteVector covered;
  ByteWriter w{covered};
  w.u16(static_cast<std::uint16_t>(request_mac.size()));
  w.bytes(request_mac);
  w.bytes(builder.build());
  w.bytes(by.name().wire());
  w.u16(dns::class_any);
  w.u32(0);
  w.bytes(algorithm.wire());
  append_time(w, fields);
  w.u16(fields.error);
  w.u16(static_cast<std::uint16_t>(fields.other.size()));
  w.bytes(fields.other);
  ByteVector mac(32);
  unsigned size = 0;
  HMAC(EVP_sha256(), by.secret().data(), static_cast<int>(by.secret().size()), covered.data(), covered.size(),
       mac.data(), &size);
  if (!fields.with_mac) mac.clear();
  ByteVector rdata;
  ByteWriter r{rdata};
  r.bytes(algorithm.wire());
  append_time(r, fields);
  r.u16(static_cast<std::uint16_t>(mac.size()));
  r.bytes(mac);
  r.u16(id);
  r.u16(fields.error);
  r.u16(static_cast<std::uint16_t>(fields.other.size()));
  r.bytes(fields.other);
  return builder.record(DnsSection::additional, by.name(), dns::type_tsig, 0, rdata, dns::class_any).build();
}

}  // namespace ilnp::test
