// SPDX-License-Identifier: Apache-2.0
#include "io/resolver/tsig.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <utility>

#include "core/base/crypto.h"

namespace ilnp {
namespace {

constexpr std::uint16_t error_badsig = 16, error_badkey = 17, error_badtime = 18;

struct AlgorithmInfo {
  TsigAlgorithm algorithm;
  std::string_view name;
  const EVP_MD* (*digest)();
  std::size_t octets;
};
constexpr std::array algorithms{AlgorithmInfo{TsigAlgorithm::hmac_sha1, "hmac-sha1", EVP_sha1, 20},
                                AlgorithmInfo{TsigAlgorithm::hmac_sha256, "hmac-sha256", EVP_sha256, 32},
                                AlgorithmInfo{TsigAlgorithm::hmac_sha384, "hmac-sha384", EVP_sha384, 48},
                                AlgorithmInfo{TsigAlgorithm::hmac_sha512, "hmac-sha512", EVP_sha512, 64}};

const AlgorithmInfo& info(TsigAlgorithm algorithm) { return algorithms[static_cast<std::size_t>(algorithm)]; }

ByteVector mac_of(const TsigKey& key, Bytes message) {
  ByteVector mac(EVP_MAX_MD_SIZE);
  unsigned size = 0;
  HMAC(info(key.algorithm()).digest(), key.secret().data(), static_cast<int>(key.secret().size()), message.data(),
       message.size(), mac.data(), &size);
  mac.resize(size);
  return mac;
}

struct TsigFields {
  std::uint64_t time{};
  std::uint16_t fudge{};
  Bytes mac;
  std::uint16_t original_id{};
  std::uint16_t error{};
  Bytes other;
};

/// The variables that are signed with the message (RFC 8945 section 4.3.3), in the key's canonical form.
void append_variables(ByteVector& out, const TsigKey& key, const TsigFields& fields) {
  ByteWriter w{out};
  w.bytes(key.name().wire());
  w.u16(dns::class_any);
  w.u32(0);
  w.bytes(DnsName::from_text(info(key.algorithm()).name)->wire());
  w.u16(static_cast<std::uint16_t>(fields.time >> 32));
  w.u32(static_cast<std::uint32_t>(fields.time));
  w.u16(fields.fudge);
  w.u16(fields.error);
  w.u16(static_cast<std::uint16_t>(fields.other.size()));
  w.bytes(fields.other);
}

/// Sets the fields after the algorithm name; false when the data's lengths do not add up.
bool read_fields(Bytes rdata, std::size_t algorithm_octets, TsigFields& fields) {
  ByteReader in{rdata};
  in.skip(algorithm_octets);
  fields.time = static_cast<std::uint64_t>(in.u16()) << 32;
  fields.time |= in.u32();
  fields.fudge = in.u16();
  fields.mac = in.take(in.u16());
  fields.original_id = in.u16();
  fields.error = in.u16();
  fields.other = in.take(in.u16());
  return in.ok() && in.empty();
}

/// What the server's MAC covers: our MAC, its message without the TSIG record, the variables.
ByteVector signed_octets(const DnsMessage& reply, const TsigKey& key, Bytes request_mac, const TsigFields& fields) {
  ByteVector out;
  ByteWriter w{out};
  w.u16(static_cast<std::uint16_t>(request_mac.size()));
  w.bytes(request_mac);
  const std::size_t start = out.size();
  w.bytes(reply.octets().first(reply.tsig()->at));
  store_u16(&out[start], fields.original_id);
  store_u16(&out[start + 10], static_cast<std::uint16_t>(load_u16(&out[start + 10]) - 1));
  append_variables(out, key, fields);
  return out;
}

std::uint64_t difference(std::uint64_t a, std::uint64_t b) { return a > b ? a - b : b - a; }

}  // namespace

TsigKey::TsigKey(DnsName name, TsigAlgorithm algorithm, ByteVector secret)
    : name_{std::move(name)}, algorithm_{algorithm}, secret_{std::move(secret)} {}
TsigKey::~TsigKey() {
  if (!secret_.empty()) OPENSSL_cleanse(secret_.data(), secret_.size());
}

Result<TsigAlgorithm> parse_tsig_algorithm(std::string_view text) {
  const auto name = DnsName::from_text(text);  // it is a domain name: letter case and final dot do not matter
  for (const AlgorithmInfo& known : algorithms) {
    if (name == DnsName::from_text(known.name)) return known.algorithm;
  }
  return error("algorithm '" + std::string{text} + "' is not one of hmac-sha1, hmac-sha256, hmac-sha384, hmac-sha512");
}

std::string to_string(TsigAlgorithm algorithm) { return std::string{info(algorithm).name}; }

ByteVector sign(ByteVector& message, const TsigKey& key, std::uint64_t now_unix, std::uint16_t fudge) {
  TsigFields fields;
  fields.time = now_unix;
  fields.fudge = fudge;
  ByteVector covered = message;
  append_variables(covered, key, fields);
  ByteVector mac = mac_of(key, covered);
  const DnsName algorithm = *DnsName::from_text(info(key.algorithm()).name);
  ByteWriter w{message};
  w.bytes(key.name().wire());
  w.u16(dns::type_tsig);
  w.u16(dns::class_any);
  w.u32(0);
  w.u16(static_cast<std::uint16_t>(algorithm.wire().size() + 16 + mac.size()));
  w.bytes(algorithm.wire());
  w.u16(static_cast<std::uint16_t>(now_unix >> 32));
  w.u32(static_cast<std::uint32_t>(now_unix));
  w.u16(fudge);
  w.u16(static_cast<std::uint16_t>(mac.size()));
  w.bytes(mac);
  w.bytes(Bytes{message}.first(2));  // original ID
  w.u16(0);
  w.u16(0);
  store_u16(&message[10], static_cast<std::uint16_t>(load_u16(&message[10]) + 1));
  return mac;
}

const char* to_string(TsigVerdict verdict) {
  switch (verdict) {
    case TsigVerdict::good:
      return "good signature";
    case TsigVerdict::missing:
      return "no signature";
    case TsigVerdict::wrong_key:
      return "signed with another key";
    case TsigVerdict::malformed:
      return "malformed signature";
    case TsigVerdict::bad_mac:
      return "signature does not verify";
    case TsigVerdict::bad_time:
      return "signature is too old or from the future";
    case TsigVerdict::error_badsig:
      return "BADSIG: the server could not verify our signature (another secret?)";
    case TsigVerdict::error_badkey:
      return "BADKEY: the server does not know this key, or (Knot) does not let it write these records";
    case TsigVerdict::error_badtime:
      return "BADTIME: our clock and the server's differ too much";
  }
  return "unknown";
}

TsigCheck verify_reply(const DnsMessage& reply, const TsigKey& key, Bytes request_mac, std::uint64_t now_unix) {
  const DnsRecord* record = reply.tsig();
  if (record == nullptr) return {TsigVerdict::missing};
  std::size_t end = 0;
  const auto algorithm = DnsName::from_message(reply.octets(), record->rdata_at, end);
  TsigFields fields;
  if (!algorithm || end > record->rdata_at + record->rdata.size() || record->klass != dns::class_any ||
      record->ttl != 0 || !read_fields(record->rdata, end - record->rdata_at, fields)) {
    return {TsigVerdict::malformed};
  }
  if (fields.mac.empty() && fields.error == error_badkey) return {TsigVerdict::error_badkey};
  if (fields.mac.empty() && fields.error == error_badsig) return {TsigVerdict::error_badsig};
  if (reply.owner(*record) != key.name() || *algorithm != *DnsName::from_text(info(key.algorithm()).name)) {
    return {TsigVerdict::wrong_key};
  }
  if (fields.mac.size() != info(key.algorithm()).octets) return {TsigVerdict::bad_mac};  // truncation: not for updates
  const ByteVector mac = mac_of(key, signed_octets(reply, key, request_mac, fields));
  if (!equal_in_constant_time(mac, fields.mac)) return {TsigVerdict::bad_mac};
  if (fields.error == error_badtime && fields.other.size() == 6) {
    const std::uint64_t high = load_u16(fields.other.data());
    return {TsigVerdict::error_badtime, high << 32 | load_u32(fields.other.data() + 2)};
  }
  if (fields.error == error_badsig) return {TsigVerdict::error_badsig};
  if (fields.error == error_badkey) return {TsigVerdict::error_badkey};
  if (difference(now_unix, fields.time) > fields.fudge) return {TsigVerdict::bad_time, fields.time};
  return {TsigVerdict::good};
}

}  // namespace ilnp
