// SPDX-License-Identifier: Apache-2.0
// Random LISP messages that are valid. The source of chance is a function, so that property tests draw from RapidCheck,
// which shrinks, and generators from a seed.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <vector>

#include "core/lisp/data_header.h"
#include "core/lisp/messages.h"
#include "core/lisp/raw_change_priority.h"

namespace ilnp::test {

class LispMessages {
 public:
  /// A number below its argument.
  using Below = std::function<std::uint64_t(std::uint64_t)>;
  explicit LispMessages(Below below) : below_{std::move(below)} {}

  lisp::IpAddress address() { return one_in(2) ? ipv4() : ipv6(); }
  lisp::Eid eid() { return {instance(), address()}; }

  lisp::EidPrefix eid_prefix() {
    const lisp::IpAddress inside = address();
    const auto length = static_cast<std::uint8_t>(below_(lisp::address_bits(inside.family()) + 1u));
    return {instance(), lisp::IpPrefix{inside, length}.network()};
  }

  lisp::XtrIdentity identity() {
    lisp::XtrIdentity drawn;
    for (std::uint8_t& octet : drawn.xtr) octet = number<std::uint8_t>();
    drawn.site = number<std::uint64_t>();
    return drawn;
  }

  lisp::RlocRecord rloc() {
    return {address(),
            number<std::uint8_t>(),
            number<std::uint8_t>(),
            number<std::uint8_t>(),
            number<std::uint8_t>(),
            one_in(2),
            one_in(2),
            one_in(2)};
  }

  lisp::MappingRecord record() {
    lisp::MappingRecord drawn;
    drawn.ttl = number<std::uint32_t>();
    drawn.eid = eid_prefix();
    drawn.action = static_cast<lisp::Action>(below_(6));
    drawn.is_authoritative = one_in(2);
    drawn.version = static_cast<std::uint16_t>(below_(0x1000));
    for (std::uint64_t left = below_(4); left > 0; --left) drawn.rlocs.push_back(rloc());
    std::ranges::stable_sort(drawn.rlocs, [](const auto& a, const auto& b) { return a.address < b.address; });
    return drawn;
  }
  /// At least one.
  std::vector<lisp::MappingRecord> records() {
    std::vector<lisp::MappingRecord> drawn;
    for (std::uint64_t left = 1 + below_(3); left > 0; --left) drawn.push_back(record());
    return drawn;
  }

  lisp::MapRequest map_request() {
    lisp::MapRequest drawn;
    drawn.wants_authoritative = one_in(2);
    drawn.is_probe = one_in(2);
    drawn.is_smr = one_in(2);
    drawn.from_proxy = one_in(2);
    drawn.is_smr_invoked = one_in(2);
    drawn.is_local_xtr = one_in(2);
    drawn.wants_no_reply = one_in(2);
    drawn.nonce = number<std::uint64_t>();
    if (one_in(2)) drawn.source = eid();
    for (std::uint64_t left = 1 + below_(3); left > 0; --left) drawn.itr_rlocs.push_back(address());
    for (std::uint64_t left = 1 + below_(3); left > 0; --left) drawn.records.push_back({eid_prefix(), one_in(3)});
    if (one_in(3)) drawn.own_mapping = record();
    if (one_in(3)) drawn.sender = identity();
    return drawn;
  }

  lisp::MapReply map_reply() {
    return {.is_probe = one_in(2), .echoes_nonces = one_in(2), .nonce = number<std::uint64_t>(), .records = records()};
  }

  lisp::MapRegister map_register() {
    lisp::MapRegister drawn;
    drawn.wants_proxy_reply = one_in(2);
    drawn.supports_security = one_in(2);
    drawn.is_ttl_timeout = one_in(2);
    drawn.merges = one_in(2);
    drawn.wants_notify = one_in(2);
    drawn.nonce = number<std::uint64_t>();
    drawn.key = {number<std::uint8_t>(), static_cast<std::uint8_t>(1 + below_(3))};
    drawn.records = records();
    if (one_in(2)) drawn.sender = identity();
    return drawn;
  }

  lisp::MapNotify map_notify() {
    lisp::MapNotify drawn;
    drawn.is_ack = one_in(2);
    drawn.nonce = number<std::uint64_t>();
    drawn.key = {number<std::uint8_t>(), static_cast<std::uint8_t>(1 + below_(3))};
    drawn.records = records();
    if (one_in(2)) drawn.sender = identity();
    return drawn;
  }

  lisp::ChangePriority change_priority() {
    lisp::ChangePriority drawn;
    drawn.kind = static_cast<lisp::ChangePriority::Kind>(below_(4));
    drawn.is_ack = one_in(2);
    drawn.wants_ack = !drawn.is_ack && one_in(2);
    drawn.nonce = number<std::uint64_t>();
    drawn.key = {number<std::uint8_t>(), static_cast<std::uint8_t>(2 + below_(2))};
    drawn.records = records();
    drawn.sender = identity();
    return drawn;
  }
  /// What the form of the thesis can say.
  lisp::ChangePriority thesis_change_priority() {
    lisp::ChangePriority drawn;
    drawn.kind = static_cast<lisp::ChangePriority::Kind>(below_(3));
    drawn.nonce = number<std::uint64_t>();
    drawn.key = {0, 1};
    drawn.records = {record()};
    return drawn;
  }
  lisp::OpenLispNotice openlisp_notice() {
    lisp::OpenLispNotice drawn;
    drawn.kind = static_cast<lisp::OpenLispNotice::Kind>(below_(3));
    drawn.nonce = number<std::uint64_t>();
    drawn.eid = lisp::IpPrefix{ipv4(), static_cast<std::uint8_t>(below_(33))}.network();
    for (std::uint64_t left = below_(4); left > 0; --left) drawn.addresses.push_back(ipv4());
    return drawn;
  }

  lisp::DataHeader data_header() {
    lisp::DataHeader drawn;
    switch (below_(4)) {
      case 0:
        drawn.nonce = static_cast<std::uint32_t>(below_(1u << 24));
        drawn.requests_echo = one_in(2);
        break;
      case 1:
        drawn.versions = {static_cast<std::uint16_t>(below_(0x1000)), static_cast<std::uint16_t>(below_(0x1000))};
        break;
      case 2:
        drawn.next_protocol = number<std::uint8_t>();
        break;
      default:
        break;
    }
    if (one_in(2)) drawn.instance = static_cast<std::uint32_t>(below_(1u << 24));
    if (one_in(2))
      drawn.locator_status = static_cast<std::uint32_t>(below_(drawn.instance ? 256 : std::uint64_t{1} << 32));
    drawn.key_id = static_cast<std::uint8_t>(below_(4));
    return drawn;
  }

 private:
  bool one_in(std::uint64_t n) { return below_(n) == 0; }
  template <class Number>
  Number number() {
    constexpr std::uint64_t half = std::uint64_t{1} << 32;
    return static_cast<Number>(below_(half) << 32 | below_(half));
  }
  lisp::IpAddress ipv4() { return lisp::IpAddress::v4(number<std::uint32_t>()); }
  lisp::IpAddress ipv6() { return Address{{number<std::uint64_t>()}, {number<std::uint64_t>()}}; }
  std::uint32_t instance() { return one_in(3) ? static_cast<std::uint32_t>(1 + below_(0xff'ffff)) : 0; }

  Below below_;
};

}  // namespace ilnp::test
