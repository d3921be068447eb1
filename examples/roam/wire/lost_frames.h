// SPDX-License-Identifier: Apache-2.0
// A capture (pcap) of the frames that lines lost on purpose, so that a test can tell whose fault it is that one is
// missing.
#pragma once

#include <fstream>
#include <string>

#include "core/base/bytes.h"
#include "core/base/time.h"

namespace ilnp::wire {

class LostFrames {
 public:
  /// `path` empty: nothing is kept.
  explicit LostFrames(const std::string& path);

  bool good() const { return file_.good(); }
  /// `frame`: as on the line, lost at `now`.
  void add(TimePoint now, Bytes frame);

 private:
  std::ofstream file_;
};

}  // namespace ilnp::wire
