// SPDX-License-Identifier: Apache-2.0
#include "examples/roam/wire/lost_frames.h"

#include <array>

namespace ilnp::wire {
namespace {

constexpr std::uint32_t magic = 0xa1b2c3d4, version = 2 | 4 << 16, longest = 1 << 18, ethernet = 1;

template <std::size_t N>
void write(std::ofstream& file, const std::array<std::uint32_t, N>& words) {
  file.write(reinterpret_cast<const char*>(words.data()), sizeof words);
}

}  // namespace

LostFrames::LostFrames(const std::string& path) {
  if (path.empty()) return;
  file_.open(path, std::ios::binary | std::ios::trunc);
  write(file_, std::array<std::uint32_t, 6>{magic, version, 0, 0, longest, ethernet});
}

void LostFrames::add(TimePoint now, Bytes frame) {
  if (!file_.is_open()) return;
  const std::int64_t microseconds = now.time_since_epoch().count() / 1000;
  const auto size = static_cast<std::uint32_t>(frame.size());
  write(file_, std::array<std::uint32_t, 4>{static_cast<std::uint32_t>(microseconds / 1'000'000),
                                            static_cast<std::uint32_t>(microseconds % 1'000'000), size, size});
  file_.write(reinterpret_cast<const char*>(frame.data()), static_cast<std::streamsize>(frame.size()));
}

}  // namespace ilnp::wire
