// SPDX-License-Identifier: Apache-2.0
#include "io/truth/open_store.h"

#include "io/truth/etcd_store.h"
#include "io/truth/file_store.h"

namespace ilnp {

Result<std::unique_ptr<OperatedStore>> open_truth_store(Loop& loop, const TruthOptions& options) {
  if (options.store == StoreKind::etcd) {
    auto store = EtcdStore::open(loop, options);
    if (!store) return store.error();
    return std::unique_ptr<OperatedStore>{std::move(store.value())};
  }
  auto store = FileStore::open(loop, {.path = options.path, .sites = options.sites});
  if (!store) return store.error();
  return std::unique_ptr<OperatedStore>{std::move(store.value())};
}

}  // namespace ilnp
