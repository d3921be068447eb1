// SPDX-License-Identifier: Apache-2.0
// The words of wire's command line and control socket: "dc1-site,dc1-core,name=dc1,delay=10ms,loss=0.1%,rate=100mbit".
#pragma once

#include <string>
#include <string_view>

#include "core/base/result.h"
#include "examples/roam/wire/lane.h"

namespace ilnp::wire {

/// Two interfaces and what happens between them; `forth` is first -> second, `back` the other direction.
struct PairSettings {
  std::string name, first, second;
  Shape forth, back;
};

Result<Duration> parse_duration(std::string_view text);   ///< "250us", "10ms", "1.5s"
Result<double> parse_probability(std::string_view text);  ///< "0.02" or "2%"
Result<std::uint64_t> parse_rate(std::string_view text);  ///< "100mbit", "1gbit", "64kbit", "0": unlimited
Result<std::size_t> parse_octets(std::string_view text);  ///< "65536", "512K", "4M"

/// Changes one property: delay, loss, reorder (probability), hold (of reordered frames), rate, queue, up, down. A key
/// may end in "-forth" or "-back" to mean one direction; otherwise both change.
Result<void> apply(PairSettings& pair, std::string_view key, std::string_view value);

/// "FIRST,SECOND[,name=NAME][,KEY=VALUE...]"; the name is FIRST unless given.
Result<PairSettings> parse_pair(std::string_view text);

}  // namespace ilnp::wire
