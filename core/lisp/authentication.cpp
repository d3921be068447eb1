// SPDX-License-Identifier: Apache-2.0
#include "core/lisp/authentication.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "core/lisp/mapping_record.h"

namespace ilnp::lisp {
namespace {

constexpr std::size_t authentication_at = 16;  ///< behind first word, nonce, key, algorithm and length

constexpr bool has_length(std::uint8_t used, std::size_t octets) {
  if (used == algorithm::hmac_sha1) return octets == 20 || octets == 12;
  return octets == 32 || octets == 16;
}

constexpr std::size_t usual_length(std::uint8_t used) {
  if (used == algorithm::hmac_sha1) return 20;
  return used == algorithm::hmac_sha256 ? 32 : 16;
}

constexpr bool is_known(std::uint8_t used) {
  return used >= algorithm::hmac_sha1 && used <= algorithm::hkdf_hmac_sha256;
}

Bytes octets_of(std::string_view text) { return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}; }

/// Each nonce has a key of its own.
Digest derived_key(std::uint64_t nonce, std::string_view salt, Bytes secret, Hmac& hmac) {
  ByteVector input;
  ByteWriter out{input};
  out.u64(nonce);
  out.bytes(secret);
  return hkdf_sha256(hmac, octets_of(salt), input);
}

/// Of a message whose authentication is zero. All octets that the hash has; the field may hold only the first of them.
ByteVector authentication_of(Bytes message, std::uint8_t used, std::uint64_t nonce, std::string_view salt, Bytes secret,
                             Hmac& hmac) {
  if (used == algorithm::hmac_sha1) {
    const auto mac = hmac.sha1(secret, message);
    return {mac.begin(), mac.end()};
  }
  const bool derives = used == algorithm::hkdf_hmac_sha256;
  const Digest mac = derives ? hmac.sha256(derived_key(nonce, salt, secret, hmac), message)  //
                             : hmac.sha256(secret, message);
  return {mac.begin(), mac.end()};
}

}  // namespace

Result<SealedMessage, ReadError> SealedMessage::inspect(Bytes message, std::string_view message_salt, bool has_sender) {
  ByteReader in{message};
  SealedMessage sealed;
  sealed.message_ = message;
  sealed.salt_ = message_salt;
  in.skip(4);  // type, flags and count mean nothing yet
  sealed.nonce_ = in.u64();
  sealed.key_.key = in.u8();
  sealed.key_.algorithm = in.u8();
  const std::size_t length = in.u16();
  if (!in.ok()) return ReadError::truncated;
  if (!is_known(sealed.key_.algorithm)) return ReadError::algorithm_refused;
  if (!has_length(sealed.key_.algorithm, length)) return ReadError::authentication_length;
  sealed.authentication_ = in.take(length);
  const std::size_t trailer = has_sender ? identity_octets : 0;
  if (!in.ok() || in.remaining() < trailer) return ReadError::truncated;
  sealed.records_ = in.take(in.remaining() - trailer);
  if (has_sender) sealed.sender_ = read_identity(in);
  return sealed;
}

Result<SealedMessage::Content, ReadError> SealedMessage::open(const AuthenticationKey& key, Hmac& hmac) const {
  const std::size_t length = authentication_.size();
  if (key_.algorithm == algorithm::hmac_sha1 && length == 12 && !key.accepts_sha1_96)
    return ReadError::authentication_length;
  ByteVector zeroed{message_.begin(), message_.end()};
  std::memset(zeroed.data() + authentication_at, 0, length);
  const ByteVector expected = authentication_of(zeroed, key_.algorithm, nonce_, salt_, key.secret, hmac);
  if (!equal_in_constant_time(Bytes{expected}.first(length), authentication_)) return ReadError::authentication_failed;
  return Content{load_u32(message_.data()), records_};
}

ByteVector seal(const MessageToSeal& message, const AuthenticationKey& key, Hmac& hmac) {
  const std::uint8_t used = message.key.algorithm;
  const std::size_t length = key.sent_octets != 0 ? key.sent_octets : usual_length(used);
  assert(is_known(used) && has_length(used, length));
  ByteVector octets;
  ByteWriter out{octets};
  out.u32(message.first_word);
  out.u64(message.nonce);
  out.u8(message.key.key);
  out.u8(used);
  out.u16(static_cast<std::uint16_t>(length));
  out.zeros(length);
  out.bytes(message.records);
  if (message.sender) write_identity(out, *message.sender);
  const ByteVector mac = authentication_of(octets, used, message.nonce, message.salt, key.secret, hmac);
  std::copy_n(mac.begin(), length, octets.begin() + authentication_at);
  return octets;
}

Digest hkdf_sha256(Hmac& hmac, Bytes salt, Bytes input) {
  static constexpr std::uint8_t first_block = 1;
  const Digest pseudorandom_key = hmac.sha256(salt, input);
  return hmac.sha256(pseudorandom_key, {&first_block, 1});
}

}  // namespace ilnp::lisp
