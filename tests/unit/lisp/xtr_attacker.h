// SPDX-License-Identifier: Apache-2.0
// Whole routers, and somebody who writes messages of his own: with the keys, with wrong ones, or with none.
#pragma once

#include "core/lisp/change_priority.h"
#include "core/lisp/map_request.h"
#include "core/lisp/registration.h"
#include "core/lisp/xtr_keys.h"
#include "tests/unit/lisp/xtr_world.h"

namespace ilnp::lisp {

class XtrAttacker : public XtrWorld {
 protected:
  MapRegister registration(const char* prefix, const char* rloc_address, std::uint64_t nonce) const {
    MapRegister message;
    message.wants_notify = message.wants_proxy_reply = true;
    message.nonce = nonce;
    message.key = {1, 2};
    message.records = {mapping(prefix, {rloc(rloc_address)})};
    message.sender = identity(77);
    return message;
  }
  ByteVector sealed(const MapRegister& message, const Secret& with) {
    return encode_map_register(message, key_of(with), world.hmac);
  }
  void to_server(const ByteVector& message, const char* from = g1_address) {
    world.inject(ip(from), ip(server_address), message);
    world.run(milliseconds{1});
  }
  ChangePriority change(ChangePriority::Kind kind, const MappingRecord& record, std::uint8_t sender = 2) const {
    ChangePriority message;
    message.kind = kind;
    message.wants_ack = true;
    message.nonce = world.instant(test::LispWorld::Node{}).unix_microseconds;
    message.key = {7, 2};
    message.records = {record};
    message.sender = identity(sender);
    return message;
  }
  /// Sealed with the peers' key.
  void say(const ChangePriority& message, const char* from, const char* to = g1_address, const char* key = "change") {
    world.inject(ip(from), ip(to), encode_change_priority(message, key_of(secret(key, 7)), world.hmac));
    world.run(milliseconds{5});
  }
  std::uint64_t dropped(XtrDrop reason, const char* at = "g1") { return world[at].xtr->dropped(reason); }
  /// Change-Priority that left the node, of this kind; acknowledgements too.
  std::size_t acknowledgements(const char* from = "g1") {
    std::size_t count = 0;
    for (const auto& sent : world.sent(from, 15)) count += (sent.datagram.message[2] & 2) != 0 ? 1 : 0;
    return count;
  }

  const MappingRecord transfer = [] {
    MappingRecord record = mapping("2001:db8:e1d::7/128", {rloc(g1_address, never_use, 0), rloc(g2_address)}, 5);
    record.rlocs[0].is_reachable = false;
    return record;
  }();
};

/// xtr_security_test.cpp, xtr_security_change_test.cpp.
class XtrSecurityTest : public XtrAttacker {};

}  // namespace ilnp::lisp
