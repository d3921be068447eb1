// SPDX-License-Identifier: Apache-2.0
// Messages under a secret get the authentication that their sender would have given them, so that mutations reach what
// lies behind that check: as from a peer that holds the key and means harm.
#pragma once

#include "core/lisp/authentication.h"

namespace ilnp::fuzz {

/// As it is, where there is no room for it.
inline ByteVector sealed_again(Bytes message, std::string_view salt, bool has_sender, Bytes secret, Hmac& hmac) {
  const auto inspected = lisp::SealedMessage::inspect(message, salt, has_sender);
  if (inspected.has_error()) return {message.begin(), message.end()};
  const std::size_t length = load_u16(message.data() + 14), trailer = has_sender ? 24 : 0;
  const Bytes records = message.subspan(16 + length, message.size() - 16 - length - trailer);
  return lisp::seal({load_u32(message.data()), inspected.value().nonce(), inspected.value().key(), records,
                     inspected.value().sender(), salt},
                    {secret, length}, hmac);
}

}  // namespace ilnp::fuzz
