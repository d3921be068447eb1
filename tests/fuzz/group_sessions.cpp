// SPDX-License-Identifier: Apache-2.0
// Any octets as what another gateway tells of its sessions: a client comes, its session goes on or begins, packets and
// time pass, and what this gateway tells then is whole.
#include "core/forwarding/node_sessions.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/fakes.h"
#include "tests/support/packet_builder.h"

using namespace ilnp;

namespace {

constexpr Locator identity{0xfd49'4c4e'5036'6631}, eids{0x2001'0db8'0e1d'0000}, place{0x2001'0db8'00c1'0001};
constexpr NodeId vm{0x0200'00ff'fe00'1234};
constexpr Address client{{0x2001'0db8'0c11'0000}, {0x99}}, vm_eid{eids, vm};

NodeSettings settings(std::uint64_t entry) {
  NodeSettings out;
  out.exchange = {identity, {{0, eids}}, 4};
  out.locators = {{{entry}, 1}};
  out.nodes = {{vm, {0}, {}, {{place, 10, seconds{300}}}}};
  return out;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  test::FakeRandom random{7};
  test::FakeHasher hasher;
  TimePoint now{seconds{1000}};
  NodeSessions sessions{settings(0x2001'0db8'00a1'00ff), random, hasher, 1};
  NodeActions actions;
  FUZZ_REQUIRE(sessions.start(now, {}, actions));
  (void)sessions.told_by(now, 1, {data, size}, milliseconds{300}, actions);
  for (const std::uint8_t flags : {std::uint8_t{0x10}, std::uint8_t{0x02}}) {
    test::PacketBuffer buffer{test::PacketBuilder{client, vm_eid}.tcp(4000, 80, 100, 0, flags).build()};
    (void)sessions.from_client(now, 0, buffer.packet, actions);
  }
  for (int i = 0; i < 100; ++i) {
    now = std::max(now, std::min(sessions.next_deadline(), now + seconds{10}));
    sessions.on_time(now, actions);
  }
  for (const OutPacket& out : actions.to_wire) {
    FUZZ_REQUIRE(out.bytes.size() >= 40);
    FUZZ_REQUIRE(Address::load(out.bytes.data() + 24).locator != identity);
  }
  NodeSessions other{settings(0x2001'0db8'00a2'00ff), random, hasher, 2};
  FUZZ_REQUIRE(other.told_by(now, 0, sessions.memory(now), {}, actions));
  return 0;
}
