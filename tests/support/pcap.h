// SPDX-License-Identifier: Apache-2.0
// Capture files (classic pcap with nanoseconds, link type 101: packets begin with the IPv6 header), so that
// tshark can show what a test sent.
#pragma once

#include <fstream>
#include <string>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/time.h"

namespace ilnp::test {

class PcapWriter {
 public:
  /// Overwrites `path`; aborts when it cannot.
  explicit PcapWriter(const std::string& path);
  /// `when` counts from 1970 in the file.
  void write(TimePoint when, Bytes packet);

 private:
  std::ofstream file_;
};

/// The packets of a capture file in either byte order; aborts on one that is not readable.
std::vector<ByteVector> read_pcap(const std::string& path);

}  // namespace ilnp::test
