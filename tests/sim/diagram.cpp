// SPDX-License-Identifier: Apache-2.0
// What remains of a failed run: a capture file and a sequence diagram of the last events.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "core/ilnp/locator_update.h"
#include "core/ilnp/text.h"
#include "core/ilnp/tuning.h"
#include "core/ipv6/icmpv6.h"
#include "tests/sim/world.h"
#include "tests/support/pcap.h"

namespace ilnp::sim {

namespace {

constexpr std::size_t column = 26;

std::string describe_icmpv6(Bytes message) {
  if (message.size() < 8) return "ICMPv6";
  switch (message[0]) {
    case icmpv6::echo_request:
      return (load_u16(message.data() + 4) == probe_identifier ? "probe " : "echo ") +
             std::to_string(load_u16(message.data() + 6));
    case icmpv6::echo_reply:
      return (load_u16(message.data() + 4) == probe_identifier ? "probe reply " : "echo reply ") +
             std::to_string(load_u16(message.data() + 6));
    case icmpv6::locator_update: {
      std::string text = message[5] == 2 ? "LU ack" : "LU";
      if (const auto update = parse_locator_update(message))
        for (const AdvertisedLocator& l : update.value().locators)
          text +=
              " " + to_text(l.locator) + "/" + std::to_string(l.preference) + "/" + std::to_string(l.lifetime.count());
      return text;
    }
    default:
      return "ICMPv6 " + std::to_string(message[0]) + "/" + std::to_string(message[1]);
  }
}

}  // namespace

std::string describe(Bytes packet) {
  const WalkOutcome outcome = walk_headers(packet);
  if (!outcome.ok) return "malformed, " + std::to_string(packet.size()) + " octets";
  const HeaderWalk& walk = outcome.walk;
  std::string text;
  if (walk.is_fragment) text += "fragment@" + std::to_string(walk.fragment_offset) + " ";
  if (walk.has_upper_layer()) {
    const Bytes upper = packet.subspan(walk.upper_offset, walk.upper_length);
    if (walk.upper_protocol == next_header::icmpv6) {
      text += describe_icmpv6(upper);
    } else if (walk.upper_protocol == next_header::tcp && upper.size() >= 20) {
      static constexpr const char* flags[] = {"F", "S", "R", "P", "A"};
      text += "TCP ";
      for (unsigned bit = 0; bit < 5; ++bit)
        if ((upper[13] >> bit & 1) != 0) text += flags[bit];
      text += " seq " + std::to_string(load_u32(upper.data() + 4)) + " ack " +
              std::to_string(load_u32(upper.data() + 8)) + " +" +
              std::to_string(upper.size() - std::size_t{upper[12]} / 16 * 4);
    } else if (walk.upper_protocol == next_header::udp && upper.size() >= 8) {
      text += "UDP";
      if (upper.size() >= 24) text += " #" + std::to_string(load_u64(upper.data() + 16));
    } else {
      text += "protocol " + std::to_string(walk.upper_protocol);
    }
  }
  if (walk.has_nonce()) {
    char mark[16];
    std::snprintf(mark, sizeof mark, " nonce %02x%02x..", packet[walk.nonce_offset], packet[walk.nonce_offset + 1]);
    text += mark;
  }
  return text + " [" + to_string(walk.source) + " > " + to_string(walk.destination) + "]";
}

void World::write_failure() const {
  const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
  const char* folder = std::getenv("ILNP_SIM_OUTPUT");
  const std::filesystem::path output = folder == nullptr ? std::filesystem::path{ILNP_SIM_OUTPUT_FOLDER} : folder;
  std::filesystem::create_directories(output);
  std::string base = info == nullptr ? "sim" : std::string{info->test_suite_name()} + "." + info->name();
  for (char& c : base)
    if (c == '/') c = '_';
  base += "-" + std::to_string(seed_);
  test::PcapWriter pcap{(output / (base + ".pcap")).string()};
  std::ofstream text{output / (base + ".txt")};
  text << "seed " << seed_ << "; run again with ILNP_SIM_SEED=" << seed_ << "\n" << std::string(14, ' ');
  for (const auto& node : nodes_)
    text << node->name() << std::string(column - std::min(column, node->name().size()), ' ');
  text << "\n";
  for (const Traced& t : trace_) {
    char stamp[24];
    std::snprintf(stamp, sizeof stamp, "%12.6f  ", std::chrono::duration<double>(t.when.time_since_epoch()).count());
    text << stamp;
    for (const auto& node : nodes_) {
      const char* mark = "|";
      if (node.get() == t.from && node.get() == t.to)
        mark = "*";
      else if (node.get() == t.from)
        mark = t.text.empty() ? "o-->" : "o--x";
      else if (node.get() == t.to)
        mark = "-->o";
      text << mark << std::string(column - std::string_view{mark}.size(), ' ');
    }
    text << (t.bytes.empty() ? std::string{} : describe(t.bytes)) << (t.text.empty() ? "" : "  ") << t.text << "\n";
    if (!t.bytes.empty()) pcap.write(t.when, t.bytes);
  }
  std::cerr << "seed " << seed_ << ": " << (output / base).string() << ".pcap and .txt\n";
}

}  // namespace ilnp::sim
