// SPDX-License-Identifier: Apache-2.0
// Map-Register, type 3, Map-Notify, type 4, and Map-Notify-Ack, type 5 (RFC 9301 sections 5.6 to 5.8): codec only.
// Reading takes two steps, see authentication.h; octets that no field explains are an error.
#pragma once

#include "core/base/bytes.h"
#include "core/base/crypto.h"
#include "core/base/result.h"
#include "core/lisp/authentication.h"
#include "core/lisp/messages.h"
#include "core/lisp/reasons.h"

namespace ilnp::lisp {

Result<SealedMessage, ReadError> inspect_map_register(Bytes message);
Result<MapRegister, ReadError> open_map_register(const SealedMessage& sealed, const AuthenticationKey& key, Hmac& hmac);

/// Of both: the type tells which.
Result<SealedMessage, ReadError> inspect_map_notify(Bytes message);
/// An acknowledgement that counts no records may have some all the same (lispers.net): they are not read.
Result<MapNotify, ReadError> open_map_notify(const SealedMessage& sealed, const AuthenticationKey& key, Hmac& hmac);

/// Preconditions: 1..255 records (none in an acknowledgement is as good), and those of seal().
ByteVector encode_map_register(const MapRegister& message, const AuthenticationKey& key, Hmac& hmac);
ByteVector encode_map_notify(const MapNotify& message, const AuthenticationKey& key, Hmac& hmac);

}  // namespace ilnp::lisp
