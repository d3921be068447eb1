// SPDX-License-Identifier: Apache-2.0
// Change-Priority as type 5, which RFC 9301 gave to Map-Notify-Ack since: only for peers that are configured so. Two
// forms: that of the thesis (Raad 2015; a mapping record behind the header of a Map-Register), and that of OpenLISP
// 1.02 (an IPv4 EID and addresses without priorities). Both use HMAC-SHA-1 with 20 octets, and name no sender.
#pragma once

#include <vector>

#include "core/base/bytes.h"
#include "core/base/crypto.h"
#include "core/base/result.h"
#include "core/lisp/authentication.h"
#include "core/lisp/messages.h"
#include "core/lisp/reasons.h"

namespace ilnp::lisp {

/// What a message of type 5 from a peer that is configured so can be.
enum class TypeFive : std::uint8_t {
  change_priority,
  either,  ///< Map-Notify-Ack if its nonce is that of a Map-Notify to this peer, else a transfer (thesis)
};
/// Precondition: not empty. From all other peers it is a Map-Notify-Ack.
constexpr TypeFive classify_type_five(Bytes message) {
  return (message[0] & 0x0f) != 0 ? TypeFive::change_priority : TypeFive::either;
}

/// Of both forms.
Result<SealedMessage, ReadError> inspect_raw_change_priority(Bytes message);

/// The form of the thesis: arrive, transfer and update with one record; no acknowledgements, no sender.
Result<ChangePriority, ReadError> open_thesis_change_priority(const SealedMessage& sealed, const AuthenticationKey& key,
                                                              Hmac& hmac);
/// Preconditions: what the form can say; algorithm 1.
ByteVector encode_thesis_change_priority(const ChangePriority& message, const AuthenticationKey& key, Hmac& hmac);

struct OpenLispNotice {
  enum class Kind : std::uint8_t {
    arrive,   ///< the EID is behind you now
    moved,    ///< new xTR -> the others: it is behind me now
    clients,  ///< old xTR -> new xTR: who asked for it
  };
  Kind kind = Kind::arrive;
  std::uint64_t nonce = 0;
  IpPrefix eid;                      ///< IPv4
  std::vector<IpAddress> addresses;  ///< IPv4
  bool operator==(const OpenLispNotice&) const = default;
};
Result<OpenLispNotice, ReadError> open_openlisp_notice(const SealedMessage& sealed, const AuthenticationKey& key,
                                                       Hmac& hmac);
/// Precondition: IPv4, at most 255 addresses.
ByteVector encode_openlisp_notice(const OpenLispNotice& notice, const AuthenticationKey& key, Hmac& hmac);

}  // namespace ilnp::lisp
