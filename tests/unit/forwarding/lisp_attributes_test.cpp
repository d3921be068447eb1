// SPDX-License-Identifier: Apache-2.0
#include "core/forwarding/lisp_attributes.h"

#include <gtest/gtest.h>

#include "core/lisp/mapping_record.h"
#include "tests/support/packet_builder.h"
#include "tests/unit/lisp/eids.h"

using namespace ilnp;
using lisp::eid_prefix;
using lisp::ip;
using test::hex;

namespace {

constexpr Locator a1{0x2001'0db8'00a1'0010}, a2{0x2001'0db8'00a2'0010}, a3{0x2001'0db8'00a3'0010},
    nowhere{0x2001'0db8'00a9'0010};
const lisp::EidPrefix vm = eid_prefix("2001:db8:e1d:0:200:ff:fe00:1234/128");
const lisp::IpAddress g1 = ip("2001:db8:a1::1"), g2 = ip("2001:db8:a2::1"), g3 = ip("2001:db8:a3::1");

LispPlaces places(RlocMode mode) {
  LispPlaces out;
  out.mode = mode;
  out.gateways = {{a1, {{g1}}}, {a2, {{g2, true}}}, {a3, {{g3}}}};
  return out;
}
AdvertisedLocator at(Locator locator, std::uint16_t preference, std::uint16_t lifetime) {
  return {locator, preference, std::chrono::duration<std::uint16_t>{lifetime}};
}

using Live = std::vector<AdvertisedLocator>;
using Gone = std::vector<Locator>;

/// "TTL; RLOC priority/weight ..."
std::string shown(const lisp::MappingRecord& record) {
  std::string out = std::to_string(record.ttl);
  for (const lisp::RlocRecord& r : record.rlocs)
    out += "; " + to_string(r.address) + " " + std::to_string(r.priority) + "/" + std::to_string(r.weight) +
           (r.is_reachable ? "" : " unreachable") + (r.is_local ? " own" : "");
  return out;
}
std::string mapping(const LispPlaces& where, const Live& live, const Gone& gone = {}) {
  return shown(to_mapping(vm, live, gone, where));
}

TEST(LispAttributes, LocatorUpdateOfTheVectorsAndTheRecordOfItsRegistration) {
  const auto update = parse_locator_update(
      hex("9c0060eb 03010000 20010db8 00a20010 000a012c 20010db8 00a30010 000a012c 20010db8 00a10010 0032003c"));
  ASSERT_TRUE(update);
  const auto record = to_mapping(vm, update.value().locators, {}, places(RlocMode::per_site));
  ByteVector octets;
  ByteWriter out{octets};
  lisp::write_mapping_record(out, record);
  EXPECT_EQ(octets, hex("00000001 03801000 00000002 20010db8 0e1d0000 020000ff fe001234"
                        "0264ff00 00010002 20010db8 00a10000 00000000 00000001"
                        "0132ff00 00050002 20010db8 00a20000 00000000 00000001"
                        "0132ff00 00010002 20010db8 00a30000 00000000 00000001"));
}

TEST(LispAttributes, WorkedRows) {
  const LispPlaces per_site = places(RlocMode::per_site);
  EXPECT_EQ(mapping(per_site, {at(a2, 10, 300), at(a3, 10, 300), at(a1, 50, 60)}),
            "1; 2001:db8:a1::1 2/100; 2001:db8:a2::1 1/50 own; 2001:db8:a3::1 1/50");
  EXPECT_EQ(mapping(per_site, {at(a1, 20, 600)}, {a2}),
            "5; 2001:db8:a1::1 1/100; 2001:db8:a2::1 255/0 unreachable own");
  EXPECT_EQ(mapping(per_site, {at(a2, 0, 59), at(a1, 65535, 3600)}),
            "1; 2001:db8:a1::1 2/100; 2001:db8:a2::1 1/100 own");
}

TEST(LispAttributes, TtlTable) {
  LispPlaces where = places(RlocMode::per_site);
  for (const auto& [lifetime, cap, ttl] : {std::tuple{1, 5, 1},
                                           {59, 5, 1},
                                           {119, 5, 1},
                                           {120, 5, 2},
                                           {300, 5, 5},
                                           {65535, 5, 5},
                                           {3600, 1440, 60},
                                           {65535, 1440, 1092},
                                           {300, 0, 1}}) {
    where.ttl_cap = static_cast<std::uint32_t>(cap);
    EXPECT_EQ(to_mapping(vm, Live{at(a1, 1, static_cast<std::uint16_t>(lifetime))}, {}, where).ttl,
              static_cast<std::uint32_t>(ttl))
        << lifetime << " " << cap;
  }
}

TEST(LispAttributes, ModesAndAnchors) {
  LispPlaces where = places(RlocMode::anchor);
  where.anchors = {{ip("192.0.2.1"), true, 0}, {g2, true, 1}, {ip("192.0.2.2"), false, 1}};
  const Live live{at(a2, 10, 300)};
  EXPECT_EQ(mapping(where, live, {a1}), "5; 192.0.2.1 1/100 own; 192.0.2.2 2/50; 2001:db8:a2::1 2/50 own")
      << "moves are nothing to the mapping";
  where.mode = RlocMode::per_site;
  EXPECT_EQ(mapping(where, live), "5; 2001:db8:a2::1 1/100 own");
  EXPECT_EQ(mapping(where, {at(nowhere, 10, 300)}), "5; 192.0.2.1 1/100 own; 192.0.2.2 2/50; 2001:db8:a2::1 2/50 own");
  where.mode = RlocMode::hybrid;
  EXPECT_EQ(mapping(where, live, {a1}),
            "5; 192.0.2.1 101/100 own; 192.0.2.2 102/100; 2001:db8:a1::1 255/0 unreachable; 2001:db8:a2::1 1/100 own");
  EXPECT_EQ(mapping(where, {at(a1, 1, 300)}, {a2}),
            "5; 192.0.2.1 101/100 own; 192.0.2.2 102/50; 2001:db8:a1::1 1/100; 2001:db8:a2::1 102/50 own")
      << "an anchor is not given up with the locator";
  EXPECT_EQ(mapping(where, {at(nowhere, 10, 300)}),
            "5; 192.0.2.1 101/100 own; 192.0.2.2 102/50; 2001:db8:a2::1 102/50 own");
  EXPECT_EQ(mapping(where, {}, {a1}), "0") << "withdrawn";
  EXPECT_EQ(mapping(places(RlocMode::hybrid), {at(nowhere, 10, 300)}, {a1}), "0") << "nowhere to send to";
}

TEST(LispAttributes, RanksAreOfDistinctPreferences) {
  LispPlaces where;
  where.mode = RlocMode::per_site;
  Live live;
  for (std::uint16_t i = 0; i < 400; ++i) live.push_back(at({i}, static_cast<std::uint16_t>(i / 2 * 150), 300));
  where.gateways = {{{0}, {{g1}}}, {{1}, {{g2}}}, {{399}, {{g3}}}};
  EXPECT_EQ(mapping(where, live), "5; 2001:db8:a1::1 1/50; 2001:db8:a2::1 1/50; 2001:db8:a3::1 200/100");
  for (std::uint16_t i = 400; i < 600; ++i) live.push_back(at({i}, static_cast<std::uint16_t>(60'000 + i), 300));
  where.gateways = {{{0}, {{g1}}}, {{599}, {{g3}}}, {{1}, {{g3}, {g2}}}};
  EXPECT_EQ(mapping(where, live), "5; 2001:db8:a1::1 1/33; 2001:db8:a2::1 1/33; 2001:db8:a3::1 1/33")
      << "an RLOC of two places counts as of the better one";
  where.gateways = {{{0}, {{g1}}}, {{599}, {{g3}}}};
  EXPECT_EQ(mapping(where, live), "5; 2001:db8:a1::1 1/100; 2001:db8:a3::1 254/100") << "no worse than 254";
}

TEST(LispAttributes, RecordsStaySmall) {
  LispPlaces where;
  where.mode = RlocMode::per_site;
  for (std::uint32_t i = 0; i < 100; ++i) where.gateways[a1].push_back({lisp::IpAddress::v4(0xc000'0200 + i)});
  for (std::uint32_t i = 0; i < 100; ++i) where.gateways[a2].push_back({lisp::IpAddress::v4(0x0102'0300 + i)});
  const auto record = to_mapping(vm, Live{at(a2, 9, 300), at(a1, 1, 300)}, {}, where);
  ASSERT_EQ(record.rlocs.size(), most_record_rlocs);
  for (const lisp::RlocRecord& rloc : record.rlocs) {
    EXPECT_EQ(rloc.priority, 1) << "the best ones stay";
    EXPECT_EQ(rloc.weight, 3);
  }
}

TEST(LispAttributes, WhatCorrespondentsAreTold) {
  LispEntries entries;
  entries.own = a1;
  entries.by_rloc = {{g2, a2}, {g3, a3}, {ip("192.0.2.3"), a3}};
  lisp::MappingRecord record;
  record.ttl = 5;
  record.rlocs = {{ip("192.0.2.3"), 7}, {g2, 2}, {g3, 9}, {ip("198.51.100.9"), 4}};
  EXPECT_EQ(to_locators(record, entries), (Live{at(a2, 512, 300), at(a1, 1024, 300), at(a3, 1792, 300)}));
  record.rlocs[1].priority = lisp::never_use;
  record.rlocs[3].is_reachable = false;
  EXPECT_EQ(to_locators(record, entries), (Live{at(a3, 1792, 300)}));
  record.rlocs = {{g2, 254}};
  for (const auto& [ttl, lifetime] : {std::pair{1u, 60}, {1092u, 65520}, {1093u, 65535}, {0xffff'ffffu, 65535}}) {
    record.ttl = ttl;
    EXPECT_EQ(to_locators(record, entries), (Live{at(a2, 65024, static_cast<std::uint16_t>(lifetime))})) << ttl;
  }
  record.ttl = 0;
  EXPECT_TRUE(to_locators(record, entries).empty());
}

TEST(NodeLocators, GoneOnesAreRegisteredOnce) {
  const TimePoint now{};
  NodeLocators node;
  EXPECT_TRUE(node.is_withdrawn());
  node.replace(now, Live{at(a1, 5, 300), at(a2, 1, 300)});
  EXPECT_EQ(node.live(), (Live{at(a2, 1, 300), at(a1, 5, 300)}));
  EXPECT_TRUE(node.gone().empty());
  node.replace(now, Live{at(a2, 10, 0), at(a1, 20, 600)});
  EXPECT_EQ(node.gone(), Gone{a2}) << "no lifetime";
  node.replace(now, Live{at(a3, 10, 300)});
  EXPECT_EQ(node.gone(), (Gone{a2, a1})) << "absent";
  node.replace(now, Live{at(a3, 10, 300), at(a2, 10, 300)});
  EXPECT_EQ(node.gone(), Gone{a1}) << "back again";
  node.registered();
  EXPECT_TRUE(node.gone().empty());
  EXPECT_EQ(node.live().size(), 2u);
}

TEST(NodeLocators, LifetimesEnd) {
  const TimePoint now{};
  NodeLocators node;
  EXPECT_EQ(node.next_deadline(), never);
  node.replace(now, Live{at(a1, 5, 60), at(a2, 1, 300)});
  EXPECT_EQ(node.next_deadline(), now + seconds{60});
  node.on_time(now + seconds{59});
  EXPECT_EQ(node.live().size(), 2u);
  node.replace(now + seconds{59}, Live{at(a1, 5, 60), at(a2, 1, 300)});
  EXPECT_EQ(node.next_deadline(), now + seconds{119}) << "told again: refreshed";
  node.on_time(now + seconds{119});
  EXPECT_EQ(node.live(), Live{at(a2, 1, 300)});
  EXPECT_TRUE(node.gone().empty()) << "nobody gave it up: it leaves with its time";
  EXPECT_EQ(node.next_deadline(), now + seconds{359});
}

TEST(NodeLocators, WithoutAnyItIsHeldThenWithdrawn) {
  const TimePoint now{};
  for (const bool by_update : {true, false}) {
    NodeLocators node;
    node.replace(now, Live{at(a1, 5, 60)});
    const TimePoint lost = now + seconds{60};
    if (by_update)
      node.replace(lost, Live{at(a1, 5, 0)});
    else
      node.on_time(lost);
    EXPECT_TRUE(node.is_held());
    EXPECT_EQ(node.live(), Live{at(a1, 5, 60)});
    EXPECT_EQ(node.next_deadline(), lost + seconds{10});
    node.replace(lost + seconds{5}, Live{at(a1, 5, 0)});
    node.on_time(lost + seconds{9});
    EXPECT_FALSE(node.is_withdrawn()) << "and told twice it is not held longer";
    NodeLocators saved = node;
    node.on_time(lost + seconds{10});
    EXPECT_TRUE(node.is_withdrawn());
    EXPECT_FALSE(node.is_held());
    EXPECT_EQ(node.next_deadline(), never);
    saved.replace(lost + seconds{9}, Live{at(a2, 1, 300)});
    EXPECT_FALSE(saved.is_held());
    EXPECT_EQ(saved.live(), Live{at(a2, 1, 300)});
    EXPECT_EQ(saved.gone(), Gone{a1});
  }
  NodeLocators never_had;
  never_had.replace(now, Live{at(a1, 5, 0)});
  EXPECT_FALSE(never_had.is_held());
}

TEST(NodeLocators, Bounded) {
  NodeLocators node;
  Live many, others;
  for (std::uint16_t i = 1; i <= 255; ++i) many.push_back(at({i}, static_cast<std::uint16_t>(1000 - i), 300));
  for (std::uint16_t i = 1; i <= 255; ++i) others.push_back(at({std::uint64_t{i} + 1000}, 1, i == 1 ? 300 : 0));
  node.replace(TimePoint{}, many);
  EXPECT_EQ(node.live().size(), NodeLocators::most);
  EXPECT_EQ(node.live().front().locator, Locator{255}) << "the best ones stay";
  node.replace(TimePoint{}, others);
  EXPECT_EQ(node.gone().size(), NodeLocators::most);
  node.replace(TimePoint{}, Live{at(a1, 1, 300), at(a1, 2, 200)});
  EXPECT_EQ(node.live(), Live{at(a1, 1, 300)}) << "once each";
}

}  // namespace
