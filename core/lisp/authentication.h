// SPDX-License-Identifier: Apache-2.0
// Messages under a shared secret: Map-Register, Map-Notify, Map-Notify-Ack (RFC 9301 sections 5.6 to 5.8 and 12.5) and
// Change-Priority. Reading takes two steps. The first, inspect(), finds who says to have sent a message and under which
// key; the second, open(), needs the secret and is the only way to the octets of the records.
//
// The authentication covers the whole message, a sender at its end included, with its own field as zero. What RFC 9301
// leaves open is decided here: algorithm 3 is HKDF (RFC 5869) with nonce and secret as input, the message's salt, and
// no info; it and algorithm 2 may be cut to 16 octets, algorithm 1 to 12 only where a key says so.
//
// Peers that take key and algorithm for one number of 16 bits (Open Overlay Router, OpenDaylight) mean the algorithm by
// it: as everybody else reads it, they use key 0. A message for them is sent under key 0.
#pragma once

#include <optional>
#include <string_view>

#include "core/base/bytes.h"
#include "core/base/crypto.h"
#include "core/base/result.h"
#include "core/lisp/messages.h"
#include "core/lisp/reasons.h"

namespace ilnp::lisp {

namespace algorithm {
inline constexpr std::uint8_t hmac_sha1 = 1, hmac_sha256 = 2, hkdf_hmac_sha256 = 3;
}

/// What algorithm 3 derives keys with: one for each kind of message.
namespace salt {
inline constexpr std::string_view map_register = "Map-Register Authentication",
                                  map_notify = "Map-Notify Authentication",
                                  map_notify_ack = "Map-Notify-Ack Authentication",
                                  change_priority = "Change-Priority Authentication";
}

struct AuthenticationKey {
  Bytes secret;                  ///< lives as long as it is used
  std::size_t sent_octets = 0;   ///< of authentication in what we send; 0: the usual 20, 32 or 16 of the algorithm
  bool accepts_sha1_96 = false;  ///< 12 octets of algorithm 1
};

/// A message before its authentication was checked. Points into the octets that it was found in.
class SealedMessage {
 public:
  /// `message_salt`: of the kind of message; `has_sender`: its last 24 octets name the sender. Refuses algorithms that
  /// are none or unknown, and lengths that are not theirs.
  static Result<SealedMessage, ReadError> inspect(Bytes message, std::string_view message_salt, bool has_sender);

  // What it claims.
  std::uint64_t nonce() const { return nonce_; }
  const KeyName& key() const { return key_; }
  const std::optional<XtrIdentity>& sender() const { return sender_; }

  struct Content {
    std::uint32_t first_word = 0;
    Bytes records;  ///< between the authentication and the sender
  };
  /// `key`: the one of that name.
  Result<Content, ReadError> open(const AuthenticationKey& key, Hmac& hmac) const;

 private:
  Bytes message_, authentication_, records_;
  std::string_view salt_;
  std::uint64_t nonce_ = 0;
  KeyName key_;
  std::optional<XtrIdentity> sender_;
};

/// What is sealed: header, records and, where there is one, the sender.
struct MessageToSeal {
  std::uint32_t first_word = 0;
  std::uint64_t nonce = 0;
  KeyName key;
  Bytes records;
  std::optional<XtrIdentity> sender;
  std::string_view salt;
};
/// Precondition: an algorithm of ours, and a length that it has.
ByteVector seal(const MessageToSeal& message, const AuthenticationKey& key, Hmac& hmac);

/// RFC 5869 with SHA-256, no info, 32 octets of output.
Digest hkdf_sha256(Hmac& hmac, Bytes salt, Bytes input);

}  // namespace ilnp::lisp
