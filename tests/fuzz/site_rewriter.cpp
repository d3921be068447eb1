// SPDX-License-Identifier: Apache-2.0
// A script of packets from every side of a border router, moves of nodes and changes of uplinks. The first octet
// chooses the mapping. A packet whose kind is below 128 gets right addresses, lengths and checksums, so that mutations
// reach what lies behind these.
#include "core/forwarding/site_rewriter.h"

#include "core/ipv6/icmpv6.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/fakes.h"
#include "tests/support/packet_builder.h"

using namespace ilnp;

namespace {

constexpr LocatorPrefix site{{0xfd5a'17c0'9e21'0000}, 48}, other_site{{0xfd5b'0000'0002'0000}, 48};
constexpr LocatorPrefix providers[] = {{{0x2001'0db8'00a1'0000}, 48}, {{0x2001'0db8'00a2'0000}, 48}};
constexpr LocatorPrefix shared[] = {{{0x2001'0db8'00a1'0000}, 64}, {{0x2001'0db8'00a2'0000}, 64}};
constexpr LocatorPrefix spare[] = {{{0x2001'0db8'00a3'0000}, 48}};
constexpr NodeId node{0x5c1a97d304be6f21};

class Script {
 public:
  explicit Script(Mapping mapping) : mapping_{mapping} {
    for (UplinkId id = 0; id < 2; ++id) {
      const auto& outside = mapping == Mapping::hide ? shared : providers;
      FUZZ_REQUIRE(router_.map().add({site, outside[id], id, mapping}).has_value());
      router_.uplinks()[id].configured = true;
      router_.uplinks()[id].state = UplinkState::up;
      router_.set_address(Side::uplink(id), {providers[id].locator, {1}});
    }
    router_.set_address(Side::inside(), {site.locator, {1}});
    router_.add_other_site(other_site, 1);
    FUZZ_REQUIRE(router_.map_of(1).add({other_site, {{0x2001'0db8'00b1'0000}, 48}, 0, Mapping::replace}).has_value());
    router_.relay_by({{site.locator.bits + 0xff00}, 56}, 1);
    router_.relay_for({{site.locator.bits + 0xfe00}, 56}, 1);
  }

  /// Names that matter: inside, outside, at the other site, elsewhere.
  Address name(std::uint8_t kind) const {
    const NodeId nid = (kind & 8) != 0 ? NodeId{kind} : node;
    const Locator inside{site.locator.bits + 1};
    switch (kind & 7) {
      case 0:
        return {inside, nid};
      case 1:
      case 2: {
        const UplinkId uplink = static_cast<UplinkId>((kind & 7) - 1);
        return {router_.map().to_outside(inside, uplink).value_or(Locator{}), nid};
      }
      case 3:
        return {{other_site.locator.bits + 7}, nid};
      case 4:
        return {{site.locator.bits + 2}, nid};
      case 5:
        return {{site.locator.bits + 0xff01}, nid};
      case 6:
        return {{site.locator.bits + 0xfe01}, nid};
      default:
        return {{0x2001'0db8'00c0'0001}, nid};
    }
  }

  void packet(std::uint8_t side, Bytes octets) {
    static constexpr Side sides[] = {Side::inside(), Side::uplink(0), Side::uplink(1), Side::link(1)};
    const Side from = sides[side & 3];
    nonce_seen_ = nonce_seen_ || walk_headers(octets).walk.has_nonce();
    const std::size_t dropped_before = dropped();
    ByteVector buffer{octets.begin(), octets.end()};
    Packet p{buffer, 0, buffer.size()};
    router_.expect(from, std::array<const Packet*, 1>{&p});
    const SiteVerdict verdict = router_.forward(now_, from, p, actions_);
    using Kind = SiteVerdict::Kind;
    FUZZ_REQUIRE((verdict.kind == Kind::dropped || verdict.kind == Kind::answered) ==
                 (verdict.reason != SiteDropReason::none));
    if (verdict.reason != SiteDropReason::none) FUZZ_REQUIRE(dropped() > dropped_before);
    if (verdict.kind == Kind::forward) check_forwarded(octets, buffer, verdict.to);
    for (const SitePacket& out : actions_.packets) FUZZ_REQUIRE(walk_headers(out.bytes).ok);
    actions_.clear();
    FUZZ_REQUIRE(router_.held_octets() <= tuning_.hold_octets);
    FUZZ_REQUIRE(router_.nids().size() <= tuning_.max_nids);
  }

  void dressed(std::uint8_t kind, std::uint8_t names, Bytes octets) {
    static constexpr std::uint8_t protocols[] = {next_header::icmpv6, next_header::udp, next_header::tcp,
                                                 next_header::destination_options};
    test::PacketBuilder builder{name(names & 15), name(names >> 4)};
    if ((kind & 16) != 0) builder.nonce(test::counting(12));
    packet(kind, builder.payload(protocols[kind >> 2 & 3], octets).build());
  }

  void other(std::uint8_t kind, std::uint8_t value) {
    switch (kind % 7) {
      case 0:
        now_ += milliseconds{value * 20};
        router_.on_time(now_, actions_);
        FUZZ_REQUIRE(router_.next_deadline() > now_);
        break;
      case 1:
        router_.uplinks()[value & 1].state = static_cast<UplinkState>(value / 2 % 3);
        router_.names_changed(now_);
        break;
      case 2: {
        NidEntry entry;
        entry.nid = node;
        entry.home = name(value & 4).locator;
        entry.now = name((value & 3) == 1 ? 3 : value & 4).locator;
        entry.presence = static_cast<Presence>(value >> 3 & 3);
        entry.site = 1;
        entry.is_guest = (value & 32) != 0;
        entry.owns_nid = (value & 64) != 0;
        entry.is_former_home = value == 64;
        const auto inserted = router_.nids().insert(entry);
        if (inserted && (value & 128) != 0) router_.set_end(*inserted.value(), now_ + seconds{1});
        break;
      }
      case 3:
        if (NidEntry* entry = router_.nids().find(node, name(value).locator)) router_.nids().erase(*entry);
        break;
      case 4:
        if (NidEntry* entry = router_.nids().find_owner(node)) {
          const bool had = (value & 1) != 0;
          (void)router_.nids().set_former(*entry, had ? std::optional{Place{1, name(3).locator}} : std::nullopt);
          if ((value & 2) != 0) router_.set_former_end(*entry, now_ + seconds{1});
          router_.rehomed(now_, node);
        }
        break;
      case 5: {
        const LocatorPrefix* to = mapping_ == Mapping::hide ? shared : spare;
        (void)router_.map().replace(0, site, (value & 1) != 0 ? to[0] : providers[0]);
        router_.names_changed(now_);
        break;
      }
      default:
        acknowledge(value);
    }
    check_said();
    actions_.clear();
  }

 private:
  /// What the router says by itself is whole, by an uplink, and by names of ours.
  void check_said() {
    for (const SitePacket& packet : actions_.packets) {
      const WalkOutcome said = walk_headers(packet.bytes);
      FUZZ_REQUIRE(said.ok);
      const bool is_update = said.walk.upper_protocol == next_header::icmpv6 && said.walk.upper_length > 0 &&
                             packet.bytes[said.walk.upper_offset] == icmpv6::locator_update;
      if (!is_update || packet.to.kind != Side::Kind::uplink) continue;
      FUZZ_REQUIRE(test::checksum_is_good(packet.bytes));
      FUZZ_REQUIRE(map().is_outside(said.walk.source.locator));
      last_update_ = packet;
    }
  }
  const SubnetMap& map() const { return router_.map(); }

  /// The answer to the last update, right or nearly.
  void acknowledge(std::uint8_t value) {
    if (last_update_.bytes.empty()) return;
    const HeaderWalk walk = walk_headers(last_update_.bytes).walk;
    ByteVector body{last_update_.bytes.begin() + walk.upper_offset, last_update_.bytes.end()};
    body[5] = 2;
    if ((value & 1) != 0) body.back() ^= value;
    test::PacketBuilder builder{walk.destination, walk.source};
    builder.nonce(test::counting(12)).payload(next_header::icmpv6, body);
    packet(static_cast<std::uint8_t>(last_update_.to.number + 1), builder.build());
  }

  std::size_t dropped() const {
    std::size_t all = 0;
    for (std::size_t i = 0; i < static_cast<std::size_t>(SiteDropReason::count); ++i)
      all += router_.drops(static_cast<SiteDropReason>(i));
    return all;
  }

  void check_forwarded(Bytes before, Bytes after, Side to) const {
    const WalkOutcome given = walk_headers(before), out = walk_headers(after);
    FUZZ_REQUIRE(given.ok && out.ok && before.size() == after.size());
    FUZZ_REQUIRE(out.walk.source.nid == given.walk.source.nid);
    FUZZ_REQUIRE(out.walk.destination.nid == given.walk.destination.nid);
    FUZZ_REQUIRE(out.walk.hop_limit + 1 == given.walk.hop_limit);
    // No inside name leaves, and no packet with one of ours as its destination.
    if (to.kind == Side::Kind::uplink) {
      FUZZ_REQUIRE(router_.map().is_outside(out.walk.source.locator));
      FUZZ_REQUIRE(!router_.map().is_outside(out.walk.destination.locator));
    }
    // After a nonce the flow may be known for one of the old checksum mode.
    const bool known = mapping_ == Mapping::neutral || !nonce_seen_;
    if (known && !given.walk.is_fragment && test::checksum_is_good(before)) FUZZ_REQUIRE(test::checksum_is_good(after));
  }

  SiteTuning tuning_{.max_nids = 32, .flows = 64, .sessions = 64, .hold_octets = 1u << 14};
  test::FakeRandom random_{1};
  mutable SiteRewriter router_{tuning_, random_};
  SiteActions actions_;
  TimePoint now_{seconds{1000}};
  Mapping mapping_;
  bool nonce_seen_ = false;
  SitePacket last_update_{};
};

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteReader input{{data, size}};
  Script script{static_cast<Mapping>(input.u8() % 3)};
  for (int steps = 0; steps < 64 && input.remaining() >= 3; ++steps) {
    const std::uint8_t kind = input.u8(), names = input.u8(), length = input.u8();
    if (kind >= 192) {
      script.other(kind, names);
      continue;
    }
    const Bytes octets = input.take(std::min<std::size_t>(length, input.remaining()));
    if (kind < 128)
      script.dressed(kind, names, octets);
    else
      script.packet(kind, fuzz::with_right_length(octets));
  }
  return 0;
}
