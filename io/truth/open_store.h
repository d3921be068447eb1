// SPDX-License-Identifier: Apache-2.0
// The stores that a program can be configured for.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/base/time.h"
#include "io/loop/loop.h"
#include "io/tls/tls_context.h"
#include "io/truth/operated_store.h"
#include "io/truth/site_names.h"

namespace ilnp {

/// docs/operations/truth-store.md says what they mean for an operator.
struct EtcdOptions {
  std::vector<std::string> endpoints{};  ///< https://host:port; http:// for loopback addresses, or with allow_plain
  TlsFiles tls{};                        ///< who signs the members' certificates, our client certificate
  std::string prefix = "/ilnp/";
  bool allow_plain = false;
  Duration timeout = seconds{2};  ///< of each question and change
};

enum class StoreKind : std::uint8_t { file, etcd };

struct TruthOptions {
  StoreKind store = StoreKind::file;
  std::filesystem::path path{};  ///< file: the store. etcd: this router's copy of it
  SiteNames sites{};
  EtcdOptions etcd{};
};

/// The loop must outlive the store. Fails when a file cannot be used; that etcd cannot be reached is no failure.
Result<std::unique_ptr<OperatedStore>> open_truth_store(Loop& loop, const TruthOptions& options);

}  // namespace ilnp
