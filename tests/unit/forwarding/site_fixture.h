// SPDX-License-Identifier: Apache-2.0
// A site with two uplinks and a link to another site, and the packets that cross its border. Every packet given to the
// router is checked for what must always hold: a dropped one is counted once under its reason, and what is forwarded
// has a good checksum, the same NIDs and one hop less.
#pragma once

#include <gtest/gtest.h>

#include <vector>

#include "core/forwarding/site_rewriter.h"
#include "core/ipv6/icmpv6.h"
#include "tests/support/fakes.h"
#include "tests/support/matchers.h"
#include "tests/support/packet_builder.h"

namespace ilnp {

inline void PrintTo(SiteDropReason reason, std::ostream* out) { *out << name_of(reason); }
inline void PrintTo(const Side& side, std::ostream* out) {
  static constexpr const char* names[] = {"inside", "uplink", "link"};
  *out << names[static_cast<int>(side.kind)] << ' ' << int{side.number};
}

namespace test {

/// What became of a packet; `bytes` is what leaves, if anything does.
struct Crossing {
  SiteVerdict verdict;
  ByteVector bytes;
  HeaderWalk walk{};
  Offload offload{};
  bool left() const {
    return verdict.kind == SiteVerdict::Kind::forward || verdict.kind == SiteVerdict::Kind::replaced;
  }
};

class SiteTest : public ::testing::Test {
 protected:
  static constexpr LocatorPrefix site{{0xfd5a'17c0'9e21'0000}, 48}, other_site{{0xfd5b'0000'0002'0000}, 48};
  static constexpr LocatorPrefix provider_1{{0x2001'0db8'00a1'0000}, 48}, provider_2{{0x2001'0db8'00a2'0000}, 48};
  static constexpr Locator inside{0xfd5a'17c0'9e21'0001}, subnet_2{0xfd5a'17c0'9e21'0002};
  static constexpr Locator outside_1{0x2001'0db8'00a1'84e3}, outside_2{0x2001'0db8'00a2'84e2};
  static constexpr Locator at_other_site{0xfd5b'0000'0002'0007};
  static constexpr SiteId elsewhere = 1;
  static constexpr Side link = Side::link(elsewhere), up1 = Side::uplink(0), up2 = Side::uplink(1), in = Side::inside();
  const NodeId nid{0x5c1a97d304be6f21}, other_nid{0x0200000000000022};
  const Address node{inside, nid}, neighbour{subnet_2, other_nid};
  const Address node_outside{outside_1, nid}, node_outside_2{outside_2, nid};
  const Address correspondent{{0x2001'0db8'00c0'0001}, {0x02144ffffe20ee64}};
  const Address inside_router{inside, {1}}, outside_router{provider_1.locator, {1}}, link_router{{0xfd00}, {1}};

  SiteTuning tuning;
  SiteMemory memory;  ///< empty: the router's own
  FakeRandom random{1};
  TimePoint now{seconds{100}};
  std::unique_ptr<SiteRewriter> router;
  SiteActions actions;

  void SetUp() override { restart({{site, provider_1, 0}, {site, provider_2, 1}}); }

  void restart(const std::vector<MappingRule>& rules) {
    router = memory.flows.empty() ? std::make_unique<SiteRewriter>(tuning, random)
                                  : std::make_unique<SiteRewriter>(tuning, random, memory);
    for (const MappingRule& rule : rules) {
      ASSERT_TRUE(router->map().add(rule).has_value());
      Uplink& uplink = router->uplinks()[rule.uplink];
      uplink.configured = true;
      uplink.state = UplinkState::up;
      uplink.preference = static_cast<std::uint16_t>(10 + rule.uplink);
    }
    router->add_other_site(other_site, elsewhere);
    router->set_address(in, inside_router);
    router->set_address(up1, outside_router);
    router->set_address(link, link_router);
  }

  NidEntry& know(Presence presence, Locator at, bool guest = false, Locator home = inside, bool owner = true) {
    NidEntry entry;
    entry.nid = nid;
    entry.home = home;
    entry.now = at;
    entry.presence = presence;
    entry.site = elsewhere;
    entry.is_guest = guest;
    entry.owns_nid = owner;
    const auto inserted = router->nids().insert(entry);
    EXPECT_TRUE(inserted.has_value());
    return *inserted.value();
  }

  Crossing cross(Side from, const ByteVector& bytes, Offload offload = {}, ChecksumMode mode = ChecksumMode::ipv6) {
    actions.clear();
    const auto before = counters();
    ByteVector buffer{bytes};
    Packet packet{buffer, 0, buffer.size(), offload};
    router->expect(from, std::array<const Packet*, 1>{&packet});  // changes nothing
    Crossing out{router->forward(now, from, packet, actions), {}};
    const bool dropped =
        out.verdict.kind == SiteVerdict::Kind::dropped || out.verdict.kind == SiteVerdict::Kind::answered;
    auto expected = before;
    if (dropped) ++expected.at(static_cast<std::size_t>(out.verdict.reason));
    if (out.verdict.kind == SiteVerdict::Kind::held) return out;  // an older one may have gone for it
    EXPECT_EQ(counters(), expected);
    if (out.verdict.kind == SiteVerdict::Kind::forward) out.bytes = buffer;
    if (out.verdict.kind == SiteVerdict::Kind::replaced) out.bytes = actions.packets.back().bytes;
    if (!out.left()) return out;
    out.offload = packet.offload;
    const WalkOutcome walk = walk_headers(out.bytes);
    EXPECT_TRUE(walk.ok);
    out.walk = walk.walk;
    const HeaderWalk given = walk_headers(bytes).walk;
    EXPECT_EQ(out.walk.source.nid, given.source.nid);
    EXPECT_EQ(out.walk.destination.nid, given.destination.nid);
    EXPECT_EQ(out.walk.hop_limit + 1, given.hop_limit);
    if (!offload.partial_checksum && !out.walk.is_fragment && checksum_field_offset(out.walk.upper_protocol) >= 0) {
      EXPECT_TRUE(checksum_is_good(out.bytes, mode));
    }
    return out;
  }

  std::vector<std::uint64_t> counters() const {
    std::vector<std::uint64_t> all;
    for (std::size_t i = 0; i < static_cast<std::size_t>(SiteDropReason::count); ++i)
      all.push_back(router->drops(static_cast<SiteDropReason>(i)));
    return all;
  }

  ByteVector udp(const Address& source, const Address& destination, std::uint16_t from = 40000,
                 std::uint16_t to = 7777) const {
    return PacketBuilder{source, destination}.udp(from, to, text("hello ilnp")).build();
  }
};

/// It left by `side` with these addresses.
inline ::testing::AssertionResult went(const Crossing& crossing, const Side& side, const Address& source,
                                       const Address& destination) {
  if (!crossing.left()) return ::testing::AssertionFailure() << "dropped: " << name_of(crossing.verdict.reason);
  if (crossing.verdict.to != side)
    return ::testing::AssertionFailure() << "to " << ::testing::PrintToString(crossing.verdict.to);
  if (crossing.walk.source != source)
    return ::testing::AssertionFailure() << "from " << to_string(crossing.walk.source);
  if (crossing.walk.destination != destination)
    return ::testing::AssertionFailure() << "for " << to_string(crossing.walk.destination);
  return ::testing::AssertionSuccess();
}

inline ::testing::AssertionResult dropped(const Crossing& crossing, SiteDropReason reason) {
  if (crossing.left() || crossing.verdict.kind == SiteVerdict::Kind::held)
    return ::testing::AssertionFailure() << "it was not dropped";
  if (crossing.verdict.reason != reason)
    return ::testing::AssertionFailure() << "dropped: " << name_of(crossing.verdict.reason);
  return ::testing::AssertionSuccess();
}

}  // namespace test
}  // namespace ilnp
