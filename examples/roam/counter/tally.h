// SPDX-License-Identifier: Apache-2.0
// What a receiver of a counter stream knows: a 64-octet record per tick, numbered from 0 and stamped by the sender.
// Every octet of a record follows from its number and stamp, so one wrong octet is noticed.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/base/bytes.h"

namespace ilnp::counter {

inline constexpr std::size_t record_octets = 64;

enum class Kind : std::uint32_t { hello = 1, data = 2, end = 3 };

struct Record {
  Kind kind = Kind::data;
  std::uint64_t sequence = 0;  ///< of `end`: how many data records were sent in all
  std::int64_t sent = 0;       ///< CLOCK_MONOTONIC, nanoseconds
};

void append(ByteVector& out, const Record& record);
/// Empty when any of the 64 octets is not what append() writes.
std::optional<Record> parse(Bytes octets);

class Tally {
 public:
  /// A data record was received at `now` (CLOCK_MONOTONIC, nanoseconds).
  void add(const Record& record, std::int64_t now);
  /// The sender said how many records it sent.
  void set_total(std::uint64_t total) { total_ = total; }
  void count_corrupt() { ++corrupt_; }

  std::uint64_t received() const { return received_; }  ///< distinct records
  std::uint64_t out_of_order() const { return out_of_order_; }
  std::uint64_t duplicates() const { return duplicates_; }
  std::uint64_t corrupt() const { return corrupt_; }
  std::uint64_t jumps() const { return jumps_; }  ///< times the number was not the previous one plus one
  /// Records that never came: against the sender's total when it is known, else against the highest number seen.
  std::uint64_t lost() const { return total_.value_or(next_) - received_; }
  /// Their numbers, the first `most` of them.
  std::vector<std::uint64_t> missing(std::size_t most) const;
  std::int64_t longest_gap() const { return longest_gap_; }  ///< nanoseconds between two arrivals
  std::int64_t last_arrival() const { return last_arrival_; }
  bool total_known() const { return total_.has_value(); }

 private:
  /// A record numbered above this is not from a stream that anybody waits for.
  static constexpr std::uint64_t highest_sequence = 1u << 28;

  std::vector<bool> seen_;
  std::uint64_t next_ = 0;
  std::uint64_t received_ = 0, out_of_order_ = 0, duplicates_ = 0, corrupt_ = 0, jumps_ = 0;
  std::int64_t longest_gap_ = 0, last_arrival_ = 0;
  std::optional<std::uint64_t> total_;
};

}  // namespace ilnp::counter
