// SPDX-License-Identifier: Apache-2.0
// What a border router costs: per packet with records of 10, 1,000 and 100,000 nodes that are away from home, in both
// directions and in batches as the daemon gets them, and in memory. Ratios of one run; medians of rounds that alternate
// between the populations.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <span>

#include "core/forwarding/site_directory.h"
#include "tests/bench/core_bench/measure.h"
#include "tests/support/packet_builder.h"

using namespace ilnp;
using namespace bench;

namespace {

constexpr std::size_t batch = 32;  // WirePort::Options
constexpr SiteId here = 1, there = 2;
constexpr LocatorPrefix inside{{0xfd5a'17c0'9e21'0000}, 48}, inside_there{{0xfd5b'0000'0002'0000}, 48},
    provider{{0x2001'0db8'00a1'0000}, 48};
constexpr Locator home{0xfd5a'17c0'9e21'0001}, away{0xfd5b'0000'0002'0007};
const Address correspondent{{0x2001'0db8'00c0'0001}, {0x0200'0000'0000'0001}};

class Population {
 public:
  explicit Population(std::size_t nodes) {
    rewriter.add_other_site(inside_there, there);
    if (!rewriter.map().add({inside, provider, 0})) std::exit(1);
    rewriter.uplinks()[0].configured = true;
    rewriter.uplinks()[0].state = UplinkState::up;
    Ownership record;
    record.home = {here, home};
    record.at = {there, away};
    DirectoryActions directory_actions;
    directory.resync_started();
    for (std::size_t i = 0; i < nodes; ++i) {
      record.key = {nid_of(i)};
      record.epoch = i + 1;
      directory.apply(now, record, directory_actions);
      directory_actions.clear();
    }
    directory.resync_finished(now, directory_actions);
    const Locator outside = *rewriter.map().to_outside(home, 0);
    in =
        test::PacketBuilder{correspondent, {outside, nid_of(0)}}.udp(7000, 7001, test::text("64 octets or so")).build();
    out = test::PacketBuilder{{away, nid_of(0)}, correspondent}.udp(7001, 7000, test::text("64 octets or so")).build();
  }

  /// The same packet for or of any node: the checksum does not matter here. How many were forwarded.
  std::size_t cross(std::span<const std::uint32_t> nodes, bool inward) {
    packets.clear();
    expected.clear();
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      buffers[i] = inward ? in : out;
      store_u64(buffers[i].data() + (inward ? 32 : 16), nid_of(nodes[i]).bits);
      packets.emplace_back(buffers[i], 0, buffers[i].size());
    }
    for (const Packet& packet : packets) expected.push_back(&packet);
    const Side from = inward ? Side::uplink(0) : Side::link(there);
    rewriter.expect(from, expected);
    std::size_t forwarded = 0;
    for (Packet& packet : packets)
      forwarded += rewriter.forward(now, from, packet, actions).kind == SiteVerdict::Kind::forward ? 1 : 0;
    return forwarded;
  }

 private:
  static NodeId nid_of(std::size_t i) { return {0x0200'0000'0000'0000 + 0x9e37'79b9 * (i + 1) % 0xffff'fffb}; }

  TimePoint now{seconds{100}};
  test::FakeRandom random{1};
  SiteRewriter rewriter{SiteTuning{}, random};
  SiteDirectory directory{here, DirectoryTuning{}, rewriter};
  SiteActions actions;
  ByteVector in, out;
  std::array<ByteVector, batch> buffers;
  std::vector<Packet> packets;
  std::vector<const Packet*> expected;
};

double ns_per_packet(Population& population, const std::vector<std::uint32_t>& order, bool inward) {
  const double start = cpu_seconds();
  std::size_t forwarded = 0;
  for (std::size_t at = 0; at < order.size(); at += batch)
    forwarded += population.cross(std::span{order}.subspan(at, batch), inward);
  const double spent = cpu_seconds() - start;
  if (forwarded != order.size()) {
    std::fprintf(stderr, "%zu packets went nowhere\n", order.size() - forwarded);
    std::exit(1);
  }
  return 1e9 * spent / static_cast<double>(order.size());
}

bool per_packet() {
  constexpr std::size_t sizes[] = {10, 1000, 100'000};
  constexpr std::size_t packets = 200'000, rounds = 7;
  std::vector<std::unique_ptr<Population>> populations;
  std::vector<std::vector<std::uint32_t>> orders;
  for (const std::size_t n : sizes) {
    populations.push_back(std::make_unique<Population>(n));
    orders.push_back(random_order(n, packets));
  }
  std::vector<double> times[3][2];
  for (std::size_t round = 0; round <= rounds; ++round)
    for (std::size_t p = 0; p < 3; ++p)
      for (const bool inward : {true, false}) {
        const double ns = ns_per_packet(*populations[p], orders[p], inward);
        if (round > 0) times[p][inward ? 0 : 1].push_back(ns);  // the first warms up
      }
  double sum[3] = {};
  for (std::size_t p = 0; p < 3; ++p) {
    const double in = median(times[p][0]), out = median(times[p][1]);
    sum[p] = in + out;
    std::printf("nodes %6zu  inbound %6.1f ns  outbound %6.1f ns  ratio %.2f\n", sizes[p], in, out, sum[p] / sum[0]);
  }
  const bool met = sum[2] <= 1.5 * sum[0];
  std::printf("limit         1.5: %s\n", met ? "met" : "MISSED");
  return met;
}

bool memory(std::size_t nodes) {
  const std::size_t resident = resident_octets();
  const Population population{nodes};
  const std::size_t pages = resident_octets() - resident;
  const bool met = pages <= 200ul << 20;
  std::printf("memory %zu nodes  resident %.1f MiB, flow table included  limit 200 MiB: %s\n", nodes,
              static_cast<double>(pages) / (1 << 20), met ? "met" : "MISSED");
  return met;
}

}  // namespace

int main() {
  const bool small = memory(100'000);
  malloc_trim(0);
  return per_packet() && small ? 0 : 1;
}
