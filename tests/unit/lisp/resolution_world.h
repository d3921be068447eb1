// SPDX-License-Identifier: Apache-2.0
// An ITR's resolution with a mapping system that the test plays.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "core/lisp/resolution.h"
#include "tests/support/fakes.h"
#include "tests/unit/lisp/eids.h"

namespace ilnp::lisp {

class ResolutionWorld : public ::testing::Test {
 protected:
  static ByteVector octets_of(std::uint8_t first) { return ByteVector(100, first); }

  /// A packet to an EID, as the data path does it: looked up, and a miss if there is nothing.
  void send(const char* destination, std::uint8_t first = 0, const char* source = "2001:db8:c1e::99") {
    const Mapping* mapping = cache.look_up(now, eid(destination)).mapping;
    if (mapping != nullptr && mapping->state != MappingState::pending) return;
    ByteVector octets = octets_of(first);
    const Packet packet{octets, 0, octets.size()};
    resolution.on_miss(now, eid(source), eid(destination), &packet, actions);
  }
  void run_until(TimePoint end) {
    while (resolution.next_deadline() <= end) {
      now = std::max(now, resolution.next_deadline());
      resolution.on_time(now, actions);
    }
    now = end;
  }
  void run(Duration length) { run_until(now + length); }

  const MapRequest& last_request() const { return actions.requests.back().message; }
  /// The answer to the last question.
  void answer(std::vector<MappingRecord> records) { answer(last_request().nonce, std::move(records)); }
  void answer(std::uint64_t nonce, std::vector<MappingRecord> records) {
    MapReply reply;
    reply.nonce = nonce;
    reply.records = std::move(records);
    resolution.on_map_reply(now, reply, actions);
  }
  /// An active entry that the test did not wait for.
  Mapping* know(const char* prefix, std::vector<RlocRecord> rlocs, std::uint32_t ttl = 30) {
    return cache.install(now, mapping(prefix, std::move(rlocs), ttl), MappingOrigin::reply);
  }
  /// State and RLOCs of the entry that a packet finds.
  std::string entry(const char* destination) {
    const Mapping* mapping = cache.match(eid(destination));
    if (mapping == nullptr) return "none";
    static constexpr const char* names[] = {"pending", "active", "negative", "stale", "tentative"};
    std::string text = to_string(mapping->eid) + ' ' + names[static_cast<std::size_t>(mapping->state)];
    for (const RlocRecord& each : mapping->rlocs) text += ' ' + to_string(each.address);
    return text;
  }
  std::string released() const {
    std::string order;
    for (const WaitingPacket& packet : actions.packets) order += std::to_string(packet.octets[0]) + ' ';
    return order;
  }

  /// What was told of mappings, in order.
  std::string events() const {
    static constexpr const char* names[] = {"unanswered ", "disagreed ", "to "};
    std::string text;
    for (const ResolutionEvent& event : actions.events) {
      text += names[static_cast<std::size_t>(event.kind)];
      text += event.kind == ResolutionEvent::Kind::changed ? to_string(event.rloc) : to_string(event.eid);
      text += ", ";
    }
    return text;
  }

  TimePoint now{seconds{1000}};
  test::FakeRandom random{21};
  ItrDrops drops;
  Underlay underlay{{ip("2001:db8:c1::1"), ip("192.0.2.10")}};
  MappingRules rules;
  MapCacheTuning cache_tuning;
  MapCache cache{cache_tuning, 7, drops};
  ChangeReceiver receiver;
  ResolutionTuning tuning;
  Resolution resolution{tuning, random, underlay, rules, cache, receiver, drops};
  ResolutionActions actions;
  const std::vector<RlocRecord> a1{rloc("2001:db8:a1::1")}, a2{rloc("2001:db8:a2::1")};
};

}  // namespace ilnp::lisp
