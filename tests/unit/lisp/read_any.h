// SPDX-License-Identifier: Apache-2.0
// Reads octets as whatever control message they are, with the keys of the golden packets.
#pragma once

#include "core/lisp/change_priority.h"
#include "core/lisp/encapsulated_control.h"
#include "core/lisp/map_reply.h"
#include "core/lisp/map_request.h"
#include "core/lisp/message_type.h"
#include "core/lisp/raw_change_priority.h"
#include "core/lisp/registration.h"
#include "io/crypto/crypto.h"
#include "tests/vectors/lisp_vectors.h"

namespace ilnp::lisp {

class AnyReader {
 public:
  /// Some reader of the message's type takes it for one of its messages.
  bool accepts(Bytes message) {
    const auto type = message_type(message);
    if (type.has_error()) return false;
    switch (type.value()) {
      case MessageType::map_request:
        return parse_map_request(message).has_value();
      case MessageType::map_reply:
        return parse_map_reply(message).has_value();
      case MessageType::map_register:
        return opens(inspect_map_register(message), registration_, open_map_register);
      case MessageType::map_notify:
        return opens(inspect_map_notify(message), registration_, open_map_notify);
      case MessageType::map_notify_ack:
        return opens(inspect_map_notify(message), registration_, open_map_notify) ||
               opens(inspect_raw_change_priority(message), change_priority_, open_thesis_change_priority) ||
               opens(inspect_raw_change_priority(message), change_priority_, open_openlisp_notice);
      case MessageType::encapsulated_control: {
        const auto inner = parse_encapsulated_control(message);
        return inner.has_value() && parse_map_request(inner.value().message).has_value();
      }
      case MessageType::shared_extension:
        return opens(inspect_change_priority(message), change_priority_, open_change_priority);
      case MessageType::map_referral:
      case MessageType::info:
        return false;
    }
    return false;
  }

 private:
  template <class Open>
  bool opens(const Result<SealedMessage, ReadError>& sealed, const ByteVector& secret, Open open) {
    return sealed.has_value() && open(sealed.value(), AuthenticationKey{secret}, hmac_).has_value();
  }

  OpensslHmac hmac_;
  const ByteVector registration_ = test::text(vectors::registration_secret),
                   change_priority_ = test::text(vectors::change_priority_secret);
};

}  // namespace ilnp::lisp
