// SPDX-License-Identifier: Apache-2.0
// Tells when somebody took rules of ours out of the kernel's packet filter (`nft flush ruleset`, a firewall manager
// that starts over). The kernel announces every change; a replacement of ours ends with rules that are added.
#pragma once

#include <string>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "io/loop/descriptor.h"

namespace ilnp {

class FilterWatch {
 public:
  /// Of all tables with this name.
  static Result<FilterWatch> open(std::string table);

  int fd() const { return socket_.get(); }
  /// Reads what was announced. True: the last of it about our tables was that something went.
  bool something_went();

 private:
  FilterWatch(std::string table, Descriptor socket) : table_{std::move(table)}, socket_{std::move(socket)} {}

  std::string table_;
  Descriptor socket_;
  ByteVector buffer_ = ByteVector(65536);
};

}  // namespace ilnp
