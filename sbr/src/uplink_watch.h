// SPDX-License-Identifier: Apache-2.0
// The liveness of every uplink, and what follows from it: probes out, changes of state to the rewriter.
#pragma once

#include <functional>
#include <vector>

#include "core/site/uplink_liveness.h"

namespace ilnp {

class UplinkWatch {
 public:
  struct Counters {
    std::uint64_t probes = 0, answers = 0, changes = 0;
  };
  using Probe = std::function<void(UplinkId, std::uint16_t identifier, std::uint16_t sequence)>;
  using OnChange = std::function<void(UplinkId, UplinkState before, UplinkState now)>;

  /// Probes of uplink k carry the identifier `identifier` + k.
  UplinkWatch(const LivenessTuning& tuning, std::size_t uplinks, std::uint16_t identifier, Probe probe,
              OnChange on_change)
      : uplinks_(uplinks, UplinkLiveness{tuning}),
        known_(uplinks),
        identifier_{identifier},
        probe_{std::move(probe)},
        on_change_{std::move(on_change)} {}

  const UplinkLiveness& operator[](UplinkId id) const { return uplinks_.at(id); }
  const Counters& counters() const { return counters_; }

  void on_carrier(TimePoint now, UplinkId id, bool up) {
    const bool is_first = !known_.at(id);
    known_.at(id) = true;
    change(id, [&](UplinkLiveness& uplink) { is_first ? uplink.begin(now, up) : uplink.on_carrier(now, up); });
  }
  void on_neighbour_failed(TimePoint now, UplinkId id) {
    change(id, [&](UplinkLiveness& uplink) { uplink.on_neighbour_failed(now); });
  }
  /// Something came from outside.
  void on_traffic(UplinkId id) {
    if (uplinks_.at(id).state() != UplinkState::up || uplinks_.at(id).is_waiting())
      change(id, [](UplinkLiveness& uplink) { uplink.on_proof(); });
  }
  void on_answer(TimePoint now, UplinkId id, std::uint16_t identifier, std::uint16_t sequence);

  void on_time(TimePoint now);
  TimePoint next_deadline() const;

 private:
  template <class What>
  void change(UplinkId id, What what) {
    const UplinkState before = uplinks_.at(id).state();
    what(uplinks_.at(id));
    const UplinkState after = uplinks_.at(id).state();
    if (before == after) return;
    ++counters_.changes;
    on_change_(id, before, after);
  }

  std::vector<UplinkLiveness> uplinks_;
  std::vector<bool> known_;  ///< has had a first on_carrier()
  std::uint16_t identifier_;
  Probe probe_;
  OnChange on_change_;
  Counters counters_;
};

}  // namespace ilnp
