// SPDX-License-Identifier: Apache-2.0
#include "tests/support/pcap.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iterator>

namespace ilnp::test {
namespace {

constexpr std::uint32_t nanosecond_magic = 0xa1b23c4d, microsecond_magic = 0xa1b2c3d4, raw_ip = 101;

[[noreturn]] void give_up(const std::string& path, const char* why) {
  std::fprintf(stderr, "%s: %s\n", path.c_str(), why);
  std::abort();
}

void put(std::ofstream& file, const ByteVector& octets) {
  for (const std::uint8_t octet : octets) file.put(static_cast<char>(octet));
}

std::uint32_t swapped(std::uint32_t v) { return v >> 24 | (v >> 8 & 0xff00) | (v << 8 & 0xff0000) | v << 24; }

}  // namespace

PcapWriter::PcapWriter(const std::string& path) : file_{path, std::ios::binary | std::ios::trunc} {
  if (!file_) give_up(path, "cannot be written");
  ByteVector header;
  ByteWriter out{header};
  out.u32(nanosecond_magic);
  out.u16(2);
  out.u16(4);
  out.u64(0);
  out.u32(0x40000);
  out.u32(raw_ip);
  put(file_, header);
}

void PcapWriter::write(TimePoint when, Bytes packet) {
  const auto since_start = when.time_since_epoch();
  const auto whole = std::chrono::duration_cast<seconds>(since_start);
  ByteVector record;
  ByteWriter out{record};
  out.u32(static_cast<std::uint32_t>(whole.count()));
  out.u32(static_cast<std::uint32_t>((since_start - whole).count()));
  out.u32(static_cast<std::uint32_t>(packet.size()));
  out.u32(static_cast<std::uint32_t>(packet.size()));
  out.bytes(packet);
  put(file_, record);
}

std::vector<ByteVector> read_pcap(const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  if (!file) give_up(path, "cannot be read");
  const ByteVector content{std::istreambuf_iterator<char>{file}, std::istreambuf_iterator<char>{}};
  ByteReader in{content};
  const std::uint32_t magic = in.u32();
  const auto is_known = [](std::uint32_t m) { return m == nanosecond_magic || m == microsecond_magic; };
  if (!is_known(magic) && !is_known(swapped(magic))) give_up(path, "not a capture file");
  const bool little_endian = !is_known(magic);
  const auto number = [&] { return little_endian ? swapped(in.u32()) : in.u32(); };
  in.skip(16);
  if (number() != raw_ip) give_up(path, "link type is not 101");
  std::vector<ByteVector> packets;
  while (!in.empty()) {
    in.skip(8);
    const std::size_t length = number();
    in.skip(4);
    const Bytes packet = in.take(length);
    if (!in.ok()) give_up(path, "cut short");
    packets.emplace_back(packet.begin(), packet.end());
  }
  return packets;
}

}  // namespace ilnp::test
