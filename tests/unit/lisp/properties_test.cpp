// SPDX-License-Identifier: Apache-2.0
// Every message that can be written is read as what it was, whatever is in it.
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "core/lisp/change_priority.h"
#include "core/lisp/encapsulated_control.h"
#include "core/lisp/map_reply.h"
#include "core/lisp/map_request.h"
#include "core/lisp/registration.h"
#include "io/crypto/crypto.h"
#include "tests/support/lisp_messages.h"
#include "tests/support/packet_builder.h"

namespace ilnp::lisp {
namespace {

test::LispMessages any() {
  return test::LispMessages{[](std::uint64_t bound) { return *rc::gen::inRange<std::uint64_t>(0, bound); }};
}

struct Secret {
  Secret() : octets(*rc::gen::container<ByteVector>(rc::gen::arbitrary<std::uint8_t>())) {}
  /// Of the lengths that are sent under the algorithm.
  AuthenticationKey key(std::uint8_t used) const {
    return {octets, used == algorithm::hmac_sha1 ? 20u : *rc::gen::element<std::size_t>(16, 32)};
  }
  ByteVector octets;
};

RC_GTEST_PROP(LispRoundTrip, MapRequest, ()) {
  const MapRequest request = any().map_request();
  const auto read = parse_map_request(encode_map_request(request));
  RC_ASSERT(read.has_value());
  RC_ASSERT(read.value() == request);
}

RC_GTEST_PROP(LispRoundTrip, MapReply, ()) {
  const MapReply reply = any().map_reply();
  const auto read = parse_map_reply(encode_map_reply(reply));
  RC_ASSERT(read.has_value());
  RC_ASSERT(read.value() == reply);
}

RC_GTEST_PROP(LispRoundTrip, EncapsulatedControl, ()) {
  auto messages = any();
  const ByteVector request = encode_map_request(messages.map_request());
  EncapsulatedControl control;
  control.source = messages.address();
  do {
    control.destination = messages.address();
  } while (control.destination.family() != control.source.family());
  control.source_port = *rc::gen::arbitrary<std::uint16_t>();
  control.message = request;
  const ByteVector octets = encode_encapsulated_control(control);
  const auto read = parse_encapsulated_control(octets);
  RC_ASSERT(read.has_value());
  RC_ASSERT(read.value().source == control.source && read.value().destination == control.destination);
  RC_ASSERT(read.value().source_port == control.source_port);
  RC_ASSERT(std::ranges::equal(read.value().message, request));
}

RC_GTEST_PROP(LispRoundTrip, MapRegister, ()) {
  OpensslHmac hmac;
  const Secret secret;
  const MapRegister message = any().map_register();
  const AuthenticationKey key = secret.key(message.key.algorithm);
  const ByteVector octets = encode_map_register(message, key, hmac);
  const auto sealed = inspect_map_register(octets);
  RC_ASSERT(sealed.has_value());
  const auto read = open_map_register(sealed.value(), key, hmac);
  RC_ASSERT(read.has_value());
  RC_ASSERT(read.value() == message);
}

RC_GTEST_PROP(LispRoundTrip, MapNotify, ()) {
  OpensslHmac hmac;
  const Secret secret;
  const MapNotify message = any().map_notify();
  const AuthenticationKey key = secret.key(message.key.algorithm);
  const ByteVector octets = encode_map_notify(message, key, hmac);
  const auto sealed = inspect_map_notify(octets);
  RC_ASSERT(sealed.has_value());
  const auto read = open_map_notify(sealed.value(), key, hmac);
  RC_ASSERT(read.has_value());
  RC_ASSERT(read.value() == message);
}

RC_GTEST_PROP(LispRoundTrip, ChangePriority, ()) {
  OpensslHmac hmac;
  const Secret secret;
  const ChangePriority message = any().change_priority();
  const AuthenticationKey key = secret.key(message.key.algorithm);
  const auto subtype = static_cast<std::uint16_t>(*rc::gen::inRange(0, 0x1000));
  const ByteVector octets = encode_change_priority(message, key, hmac, subtype);
  const auto sealed = inspect_change_priority(octets, subtype);
  RC_ASSERT(sealed.has_value());
  const auto read = open_change_priority(sealed.value(), key, hmac);
  RC_ASSERT(read.has_value());
  RC_ASSERT(read.value() == message);
}

RC_GTEST_PROP(LispRoundTrip, ChangePriorityAsTypeFive, ()) {
  OpensslHmac hmac;
  const Secret secret;
  const AuthenticationKey key{secret.octets};
  const ChangePriority message = any().thesis_change_priority();
  const ByteVector octets = encode_thesis_change_priority(message, key, hmac);
  const auto read = open_thesis_change_priority(inspect_raw_change_priority(octets).value(), key, hmac);
  RC_ASSERT(read.has_value());
  RC_ASSERT(read.value() == message);
  const OpenLispNotice notice = any().openlisp_notice();
  const ByteVector other = encode_openlisp_notice(notice, key, hmac);
  const auto read_notice = open_openlisp_notice(inspect_raw_change_priority(other).value(), key, hmac);
  RC_ASSERT(read_notice.has_value());
  RC_ASSERT(read_notice.value() == notice);
}

RC_GTEST_PROP(LispRoundTrip, DataHeader, ()) {
  const DataHeader header = any().data_header();
  const auto read = parse_data_header(encode_data_header(header), true);
  RC_ASSERT(read.has_value());
  RC_ASSERT(read.value() == header);
}

}  // namespace
}  // namespace ilnp::lisp
