// SPDX-License-Identifier: Apache-2.0
// Any octets from a gateway of the group, in pieces: frames are the same in whichever pieces they come, each that is
// read is written as it came, and memory does not grow with what is only announced.
#include "io/group/group_frames.h"

#include <algorithm>
#include <vector>

#include "tests/fuzz/fuzz.h"

using namespace ilnp;

namespace {

struct Read {
  std::vector<GroupFrame> frames;
  std::optional<GroupFrameError> problem;
  std::uint64_t unknown_parts = 0;
};

Read read(Bytes octets, std::size_t step) {
  GroupFrames reader;
  Read out;
  std::size_t come = 0;
  while (!octets.empty() && !out.problem) {
    Bytes piece = octets.first(std::min(step, octets.size()));
    octets = octets.subspan(piece.size());
    come += piece.size();
    while (!piece.empty() && !out.problem) {
      auto frame = reader.take(piece);
      if (!frame)
        out.problem = frame.error();
      else if (frame.value())
        out.frames.push_back(std::move(*frame.value()));
      else
        FUZZ_REQUIRE(piece.empty());
      FUZZ_REQUIRE(reader.memory() <= std::max<std::size_t>(4096, 2 * come));
    }
  }
  out.unknown_parts = reader.unknown_parts();
  return out;
}

ByteVector written(const GroupFrame& frame) {
  if (const auto* hello = std::get_if<GroupMember>(&frame)) return group_hello(*hello);
  const auto* part = std::get_if<GroupPartContent>(&frame);
  if (part == nullptr) return {group_alive.begin(), group_alive.end()};
  const auto head = group_part_head(part->part, part->content.size());
  ByteVector out{head.begin(), head.end()};
  out.insert(out.end(), part->content.begin(), part->content.end());
  return out;
}

ByteVector written(const std::vector<GroupFrame>& frames) {
  ByteVector out;
  for (const GroupFrame& frame : frames) {
    const ByteVector one = written(frame);
    out.insert(out.end(), one.begin(), one.end());
  }
  return out;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const Bytes octets{data + 1, size - 1};
  const Read whole = read(octets, octets.size() + 1), pieces = read(octets, 1 + data[0] % 16);
  FUZZ_REQUIRE(whole.problem == pieces.problem && whole.unknown_parts == pieces.unknown_parts);
  const ByteVector text = written(whole.frames);
  FUZZ_REQUIRE(text == written(pieces.frames) && text.size() <= octets.size());
  if (whole.problem) FUZZ_REQUIRE(*explain(*whole.problem) != '\0');
  if (whole.frames.empty()) return 0;
  FUZZ_REQUIRE(std::holds_alternative<GroupMember>(whole.frames.front()));
  const Read again = read(text, text.size());
  FUZZ_REQUIRE(!again.problem && written(again.frames) == text);
  return 0;
}
