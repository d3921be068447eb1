// SPDX-License-Identifier: Apache-2.0
// Any octets as a LISP control message of whatever type. What is accepted is written again, and read as the same. Those
// under a secret are given a good authentication first, as from a peer that holds the key and means harm.
#include <algorithm>

#include "core/lisp/change_priority.h"
#include "core/lisp/encapsulated_control.h"
#include "core/lisp/map_reply.h"
#include "core/lisp/map_request.h"
#include "core/lisp/message_type.h"
#include "core/lisp/raw_change_priority.h"
#include "core/lisp/registration.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/lisp_seal.h"
#include "tests/support/fakes.h"

using namespace ilnp;
using namespace ilnp::lisp;

namespace {

const ByteVector secret{'s', 'e', 'c', 'r', 'e', 't'};
const AuthenticationKey key{secret, 0, true};

void map_request(Bytes message) {
  const auto read = parse_map_request(message);
  if (read.has_error()) return;
  const auto again = parse_map_request(encode_map_request(read.value()));
  FUZZ_REQUIRE(again.has_value() && again.value() == read.value());
}

void map_reply(Bytes message) {
  auto read = parse_map_reply(message);
  if (read.has_error() || read.value().records.empty()) return;
  read.value().has_security_data = false;  // it is seen, and never written
  const auto again = parse_map_reply(encode_map_reply(read.value()));
  FUZZ_REQUIRE(again.has_value() && again.value() == read.value());
}

void encapsulated(Bytes message) {
  const auto read = parse_encapsulated_control(message);
  if (read.has_error()) return;
  map_request(read.value().message);
  const ByteVector written = encode_encapsulated_control(read.value());
  const auto again = parse_encapsulated_control(written);
  FUZZ_REQUIRE(again.has_value() && std::ranges::equal(again.value().message, read.value().message));
  FUZZ_REQUIRE(again.value().source == read.value().source && again.value().destination == read.value().destination);
}

ByteVector sealed_again(Bytes message, std::string_view salt, bool has_sender, Hmac& hmac) {
  return fuzz::sealed_again(message, salt, has_sender, secret, hmac);
}

template <class Inspect, class Open, class Encode>
void under_a_secret(const ByteVector& message, Hmac& hmac, Inspect inspect, Open open, Encode encode) {
  const auto sealed = inspect(message);
  if (sealed.has_error()) return;
  const auto read = open(sealed.value(), key, hmac);
  if (read.has_error()) return;
  const ByteVector written = encode(read.value(), key, hmac);
  const auto sealed_written = inspect(written);
  FUZZ_REQUIRE(sealed_written.has_value());
  const auto again = open(sealed_written.value(), key, hmac);
  FUZZ_REQUIRE(again.has_value() && again.value() == read.value());
}

void change_priority(Bytes message, Hmac& hmac) {
  const auto inspect = [](Bytes octets) { return inspect_change_priority(octets); };
  const auto encode = [](const ChangePriority& value, const AuthenticationKey& with, Hmac& by) {
    return encode_change_priority(value, with, by);
  };
  under_a_secret(sealed_again(message, salt::change_priority, true, hmac), hmac, inspect, open_change_priority, encode);
}

void type_five(Bytes message, Hmac& hmac) {
  const ByteVector sealed = sealed_again(message, {}, false, hmac);
  under_a_secret(sealed, hmac, inspect_raw_change_priority, open_thesis_change_priority, encode_thesis_change_priority);
  under_a_secret(sealed, hmac, inspect_raw_change_priority, open_openlisp_notice, encode_openlisp_notice);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes message{data, size};
  const auto type = message_type(message);
  if (type.has_error()) return 0;
  test::FakeHmac hmac;
  const auto notify = [&](std::string_view salt) {
    under_a_secret(sealed_again(message, salt, (data[0] & 8) != 0, hmac), hmac, inspect_map_notify, open_map_notify,
                   encode_map_notify);
  };
  switch (type.value()) {
    case MessageType::map_request:
      map_request(message);
      break;
    case MessageType::map_reply:
      map_reply(message);
      break;
    case MessageType::map_register:
      under_a_secret(sealed_again(message, salt::map_register, (data[0] & 2) != 0, hmac), hmac, inspect_map_register,
                     open_map_register, encode_map_register);
      break;
    case MessageType::map_notify:
      notify(salt::map_notify);
      break;
    case MessageType::map_notify_ack:
      notify(salt::map_notify_ack);
      type_five(message, hmac);
      break;
    case MessageType::encapsulated_control:
      encapsulated(message);
      break;
    case MessageType::shared_extension:
      change_priority(message, hmac);
      break;
    case MessageType::map_referral:
    case MessageType::info:
      break;
  }
  return 0;
}
