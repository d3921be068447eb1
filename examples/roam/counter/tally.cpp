// SPDX-License-Identifier: Apache-2.0
#include "examples/roam/counter/tally.h"

#include <algorithm>

namespace ilnp::counter {
namespace {

constexpr std::uint32_t magic = 0x524f414d;  // "ROAM"

std::uint64_t filler(const Record& record, std::uint64_t word) {
  return (record.sequence + 1) * 0x9e3779b97f4a7c15u ^ static_cast<std::uint64_t>(record.sent) ^ word ^
         static_cast<std::uint64_t>(record.kind) << 32;
}

}  // namespace

void append(ByteVector& out, const Record& record) {
  ByteWriter writer{out};
  writer.u32(magic);
  writer.u32(static_cast<std::uint32_t>(record.kind));
  writer.u64(record.sequence);
  writer.u64(static_cast<std::uint64_t>(record.sent));
  for (std::uint64_t word = 0; word < (record_octets - 24) / 8; ++word) writer.u64(filler(record, word));
}

std::optional<Record> parse(Bytes octets) {
  ByteReader reader{octets};
  if (reader.u32() != magic) return std::nullopt;
  Record record;
  const std::uint32_t kind = reader.u32();
  if (kind < 1 || kind > 3) return std::nullopt;
  record.kind = static_cast<Kind>(kind);
  record.sequence = reader.u64();
  record.sent = static_cast<std::int64_t>(reader.u64());
  for (std::uint64_t word = 0; word < (record_octets - 24) / 8; ++word)
    if (reader.u64() != filler(record, word)) return std::nullopt;
  if (!reader.ok() || !reader.empty()) return std::nullopt;
  return record;
}

void Tally::add(const Record& record, std::int64_t now) {
  if (record.sequence >= highest_sequence) return count_corrupt();
  if (last_arrival_ != 0) longest_gap_ = std::max(longest_gap_, now - last_arrival_);
  last_arrival_ = now;
  if (record.sequence >= seen_.size()) seen_.resize(record.sequence + 1);
  if (seen_[record.sequence]) {
    ++duplicates_;
    return;
  }
  seen_[record.sequence] = true;
  ++received_;
  if (record.sequence < next_) {
    ++out_of_order_;
    return;
  }
  if (record.sequence != next_) ++jumps_;
  next_ = record.sequence + 1;
}

std::vector<std::uint64_t> Tally::missing(std::size_t most) const {
  std::vector<std::uint64_t> found;
  const std::uint64_t end = std::min(total_.value_or(next_), highest_sequence);
  for (std::uint64_t number = 0; number < end && found.size() < most; ++number)
    if (number >= seen_.size() || !seen_[number]) found.push_back(number);
  return found;
}

}  // namespace ilnp::counter
