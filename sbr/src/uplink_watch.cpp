// SPDX-License-Identifier: Apache-2.0
#include "sbr/src/uplink_watch.h"

namespace ilnp {

void UplinkWatch::on_answer(TimePoint now, UplinkId id, std::uint16_t identifier, std::uint16_t sequence) {
  if (identifier != static_cast<std::uint16_t>(identifier_ + id)) return;
  ++counters_.answers;
  change(id, [&](UplinkLiveness& uplink) { uplink.on_answer(now, sequence); });
}

void UplinkWatch::on_time(TimePoint now) {
  for (std::size_t k = 0; k < uplinks_.size(); ++k) {
    const auto id = static_cast<UplinkId>(k);
    change(id, [&](UplinkLiveness& uplink) {
      if (const auto sequence = uplink.on_time(now)) {
        ++counters_.probes;
        probe_(id, static_cast<std::uint16_t>(identifier_ + k), *sequence);
      }
    });
  }
}

TimePoint UplinkWatch::next_deadline() const {
  TimePoint next = never;
  for (const UplinkLiveness& uplink : uplinks_) next = std::min(next, uplink.next_deadline());
  return next;
}

}  // namespace ilnp
