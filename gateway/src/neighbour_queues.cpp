// SPDX-License-Identifier: Apache-2.0
#include "gateway/src/neighbour_queues.h"

#include <algorithm>
#include <fstream>
#include <limits>

#include "io/telemetry/log.h"

namespace ilnp {
namespace {

constexpr std::size_t most = std::numeric_limits<int>::max();  // that the kernel takes

bool write(const std::string& path, std::size_t octets) {
  std::ofstream file{path};
  file << octets << std::flush;
  return file.good();
}

}  // namespace

NeighbourQueues::NeighbourQueues(std::size_t octets) : octets_{std::min(octets, most)} {}

void NeighbourQueues::widen(const std::string& interface, lisp::Family family) {
  const std::string ip = family == lisp::Family::ipv4 ? "ipv4" : "ipv6";
  const std::string path = "/proc/sys/net/" + ip + "/neigh/" + interface + "/unres_qlen_bytes";
  if (before_.contains(path)) return;
  std::size_t before = 0;
  if (!(std::ifstream{path} >> before) || before >= octets_) return;
  before_.emplace(path, before);
  if (!write(path, octets_))
    log_event(LogLevel::warning, "neighbour_queue_not_set",
              {{"interface", interface}, {"next", "set " + path + " to " + std::to_string(octets_)}});
}

void NeighbourQueues::take_back() {
  for (const auto& [path, before] : before_) (void)write(path, before);
  before_.clear();
}

}  // namespace ilnp
