// SPDX-License-Identifier: Apache-2.0
// The largest packet that a link to another site takes, when nobody says so: what is between may swallow larger ones
// without a Packet Too Big (a black hole). Padded probes find out, in the way of RFC 8899 section 5: three of a size
// must fail, the search goes by halves between 1280 octets and the interface's MTU, and now and then a larger size is
// tried again.
//
// Each probe is sent beside one of 1280 octets: only a link that answers the small one and not the large one is a black
// hole. One that answers neither is dead, or its router answers nobody; nothing follows from that.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "core/base/time.h"

namespace ilnp {

struct LinkMtuTuning {
  Duration confirm = seconds{1};          ///< between two probes of the size in use
  Duration patience = milliseconds{100};  ///< for an answer, or twice the round trip where that is longer
  Duration raise = seconds{60};           ///< between two searches for a larger size
  int attempts = 3;
};

class LinkMtu {
 public:
  static constexpr std::size_t base = 1280;  ///< octets; every IPv6 link takes them (RFC 8200 section 5)

  struct Probe {
    std::uint16_t sequence;
    std::size_t octets;  ///< of the whole packet
  };

  explicit LinkMtu(const LinkMtuTuning& tuning) : tuning_{tuning} {}

  /// The link works and its interface sends packets of up to `largest` octets: believed until probes say otherwise.
  /// Nothing changes when that was known.
  void begin(TimePoint now, std::size_t largest);
  void end() { next_ = never; }

  /// Octets; 0 before the first begin().
  std::size_t mtu() const { return mtu_; }
  std::size_t largest() const { return largest_; }
  /// How often the size in use was found to be swallowed.
  std::uint64_t black_holes() const { return black_holes_; }

  void on_answer(TimePoint now, std::uint16_t sequence);
  /// Probes that are to be sent now; they count as sent.
  std::vector<Probe> on_time(TimePoint now);
  TimePoint next_deadline() const { return next_; }

 private:
  struct Sent {
    TimePoint at = never;  ///< never: answered, or not sent
    std::size_t octets = 0;
  };
  bool is_searching() const { return above_ - mtu_ > granularity; }
  void judge(TimePoint now);
  void passed(TimePoint now, std::size_t octets);
  void failed(TimePoint now, std::size_t octets);
  std::size_t next_size() const;

  static constexpr std::size_t granularity = 8;

  LinkMtuTuning tuning_;
  std::size_t largest_ = 0, mtu_ = 0;
  std::size_t above_ = 0;  ///< this size and larger ones are not tried in this search
  std::size_t asked_ = 0;  ///< the size of the round that is under way; 0: none is
  bool small_answered_ = false;
  int misses_ = 0;
  std::uint16_t sequence_ = 0;
  std::array<Sent, 16> sent_{};  ///< by sequence number
  Duration round_trip_{};
  TimePoint next_ = never, next_raise_ = never;
  std::uint64_t black_holes_ = 0;
};

}  // namespace ilnp
