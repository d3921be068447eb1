// SPDX-License-Identifier: Apache-2.0
// The memory of flows and ILNP sessions (SiteMemory) as a mapped file of the runtime directory, so that a killed
// daemon's flows go on: an IP-only correspondent knows its node by one name, and nobody could guess again which.
//
// The file is taken when its header says that it was written since this boot (its times are those of the boot), by a
// daemon with the same sizes and the same uplinks; else it is made anew. Nonces are in it: mode 0600.
#pragma once

#include <memory>
#include <string>

#include "core/base/crypto.h"
#include "core/base/result.h"
#include "core/forwarding/site_rewriter.h"

namespace ilnp {

class FlowFile {
 public:
  struct Form {
    std::size_t flows = 0, sessions = 0;
    std::string uplinks;  ///< their names in order: flows know them by number
    std::string boot_id;
  };
  /// That of the running kernel; empty when it does not say.
  static std::string boot_id();
  static Result<std::unique_ptr<FlowFile>> open(const std::string& path, const Form& form, Random& random);
  ~FlowFile();
  FlowFile(const FlowFile&) = delete;
  FlowFile& operator=(const FlowFile&) = delete;

  const SiteMemory& memory() const { return memory_; }
  /// Why the file was made anew; empty: it was taken as it was.
  const std::string& why_new() const { return why_new_; }

 private:
  struct Header;
  FlowFile(void* mapping, std::size_t size) : mapping_{mapping}, size_{size} {}

  void* mapping_;
  std::size_t size_;
  SiteMemory memory_;
  std::string why_new_;
};

}  // namespace ilnp
