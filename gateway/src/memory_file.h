// SPDX-License-Identifier: Apache-2.0
// What has to survive a restart, in the state directory with mode 0600: the xTR-ID, and the nonces. Those are on the
// disk before what uses them leaves.
#pragma once

#include <array>
#include <optional>
#include <string>

#include "core/base/crypto.h"
#include "core/base/result.h"
#include "core/lisp/xtr.h"

namespace ilnp {

/// As text, and back. Nothing: it is not one of ours, or damaged.
std::string to_text(const lisp::XtrMemory& memory);
std::optional<lisp::XtrMemory> parse_memory(std::string_view text);

class MemoryFile {
 public:
  explicit MemoryFile(const std::string& directory);

  /// That of this machine, drawn at the first start.
  Result<std::array<std::uint8_t, 16>> xtr_id(Random& random);
  /// Nothing: there is none, or it cannot be used; then it is logged why.
  std::optional<lisp::XtrMemory> load();
  /// Returns when it is on the disk. False: it is not; logged once until it works again.
  bool save(const lisp::XtrMemory& memory);
  bool is_failing() const { return is_failing_; }

 private:
  std::string id_path_, memory_path_;
  bool is_failing_ = false;
};

}  // namespace ilnp
