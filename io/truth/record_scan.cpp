// SPDX-License-Identifier: Apache-2.0
#include "io/truth/record_scan.h"

namespace ilnp {

RecordScan::Outcome RecordScan::next(const Take& take) {
  const std::string begin = after_;
  std::uint64_t taken = 0;
  select_.start().bind(begin).bind(records_per_slice);
  while (select_.row()) {
    after_ = select_.text(0);
    take(select_.text(0), select_.text(1), select_.number(2));
    ++taken;
  }
  if (select_.failed()) return Outcome::failed;
  return taken == records_per_slice ? Outcome::more : Outcome::end;
}

}  // namespace ilnp
