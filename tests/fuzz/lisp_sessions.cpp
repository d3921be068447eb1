// SPDX-License-Identifier: Apache-2.0
// Any octets out of a tunnel, from the ILNP side and from inside, one packet after the other, at a gateway with ILNP
// nodes and IPv4 EIDs. Each packet has an octet that says where it comes from and what is put right before, and two for
// its length. What leaves can be parsed, and shows no address of another side.
#include <optional>

#include "core/forwarding/lisp_sessions.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/fakes.h"
#include "tests/unit/lisp/eids.h"

using namespace ilnp;

namespace {

constexpr Locator identity{0xfd49'4c4e'5036'6631}, eids{0x2001'0db8'0e1d'0000}, entry{0x2001'0db8'00a1'00ff},
    place{0x2001'0db8'00c1'0001};
constexpr NodeId vm{0x0200'00ff'fe00'1234}, client_nid{0x99};
constexpr Address client{{0x2001'0db8'0c11'0000}, client_nid};
constexpr std::uint8_t from_wire = 1, from_inside = 2, set_addresses = 4, waits = 8;

struct World {
  World() {
    using lisp::eid_prefix;
    lisp::XtrSettings control;
    control.underlay.rlocs = {lisp::ip("2001:db8:a1::1")};
    control.rlocs = {lisp::rloc("2001:db8:a1::1")};
    control.site = {eid_prefix("2001:db8:e1d::/64"), eid_prefix("2001:db8:64::/96"), eid_prefix("10.8.0.0/24")};
    control.static_mappings = {lisp::mapping("2001:db8:c11::/48", {lisp::rloc("2001:db8:c1::1")}),
                               lisp::mapping("10.9.0.0/24", {lisp::rloc("2001:db8:c1::1")})};
    xtr.emplace(control, std::nullopt, random, hmac);
    interworking.emplace(InterworkingSettings{.is_pitr = true}, *xtr, 77);
    interworking->set_inside_addresses({lisp::ip("2001:db8:aa::1"), lisp::ip("10.8.0.1")});
    NodeSettings settings;
    settings.exchange = {identity, {{0, eids}}, 4};
    settings.locators = {{entry, 1}};
    settings.nodes = {{vm, {0}, {}, {{place, 10, seconds{300}}}}};
    nodes.emplace(settings, random, hasher, 1);
    TranslationSettings translation;
    translation.siit.router = lisp::ip("10.8.0.1");
    translation.siit.hairpin = true;
    translation.embedding = parse_address("2001:db8:64::").value();
    translation.rows = {
        {0, lisp::IpPrefix::host(lisp::ip("10.8.0.7")), lisp::IpPrefix::host(Address{eids, vm})},
        {0, lisp::IpPrefix::host(lisp::ip("10.8.0.8")), lisp::IpPrefix::host(lisp::ip("2001:db8:aa::7"))}};
    translation.pool = {eid_prefix("10.8.0.0/24")};
    sessions.emplace(translation, *xtr, *interworking, &*nodes, nullptr, 78);
    sessions->set_inside_addresses({lisp::ip("10.8.0.1")});
    FUZZ_REQUIRE(nodes->start(now, {}, actions.nodes));
    sessions->on_time(at(), actions);
    leave();
  }
  lisp::Instant at() const { return {now, 1'700'000'000'000'000}; }

  void enter(std::uint8_t how, Bytes octets) {
    const ByteVector octets_there{octets.begin(), octets.end()};
    ByteVector packet = !octets.empty() && octets[0] >> 4 == 6 ? fuzz::with_right_length(octets) : octets_there;
    if ((how & set_addresses) != 0 && packet.size() >= 40 && packet[0] >> 4 == 6) {
      (((how & from_wire) != 0) ? Address{place, vm} : client).store(packet.data() + 8);
      (((how & from_wire) != 0) ? Address{entry, client_nid} : Address{eids, vm}).store(packet.data() + 24);
    }
    if ((how & set_addresses) != 0 && packet.size() >= 20 && packet[0] == 0x45) {
      store_u16(packet.data() + 10, 0);
      store_u16(packet.data() + 10, lisp::ipv4_header_sum(Bytes{packet}.first(20)));
    }
    if ((how & waits) != 0) {
      now += milliseconds{300};
      sessions->on_time(at(), actions);
    }
    if ((how & from_wire) != 0 || (how & from_inside) != 0) {
      ByteVector buffer(packet_headroom + packet.size());
      std::copy(packet.begin(), packet.end(), buffer.begin() + packet_headroom);
      Packet whole{buffer, packet_headroom, packet.size()};
      if ((how & from_wire) != 0)
        sessions->from_wire(at(), whole, actions);
      else
        (void)sessions->from_inside(at(), 0, whole, actions);
    } else {
      MutableBytes bytes{packet};
      (void)sessions->from_tunnel(at(), {lisp::ip("2001:db8:c1::1"), 60, 0, 0}, bytes, actions);
    }
    leave();
  }

  /// Looks at what is in the actions.
  void leave() {
    FUZZ_REQUIRE(actions.inside.empty() && actions.nodes.to_clients.empty());
    for (const OutPacket& each : actions.nodes.to_wire) {
      const WalkOutcome outcome = walk_headers(each.bytes);
      FUZZ_REQUIRE(outcome.ok && outcome.walk.source.locator == entry);
      FUZZ_REQUIRE(outcome.walk.destination.locator != identity && outcome.walk.destination.locator != eids);
    }
    for (const TunnelPacket& each : actions.tunnel) {
      const auto inner = lisp::parse_inner(each.bytes);
      FUZZ_REQUIRE(inner && inner.value().length <= each.bytes.size());
      FUZZ_REQUIRE(inner.value().source.is_ipv4() || inner.value().source.ipv6().locator != identity);
    }
    actions.clear();
  }

  TimePoint now{seconds{1000}};
  test::FakeRandom random{7};
  test::FakeHasher hasher;
  test::FakeHmac hmac;
  std::optional<lisp::Xtr> xtr;
  std::optional<LispInterworking> interworking;
  std::optional<NodeSessions> nodes;
  std::optional<LispSessions> sessions;
  SessionActions actions;
};

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  World world;
  ByteReader in{Bytes{data, size}};
  for (int packets = 0; packets < 64 && in.remaining() >= 3; ++packets) {
    const std::uint8_t how = in.u8();
    const std::size_t length = std::min<std::size_t>(in.u16(), in.remaining());
    world.enter(how, in.take(length));
  }
  return 0;
}
