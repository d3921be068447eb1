// SPDX-License-Identifier: Apache-2.0
#include "gateway/src/eid_truth.h"

#include <filesystem>

#include "io/telemetry/log.h"

namespace ilnp {

using nlohmann::json;

Result<void> EidTruth::open(Loop& loop, const TruthOptions& options) {
  std::error_code failure;  // which the store will tell
  std::filesystem::create_directories(options.path.parent_path(), failure);
  auto store = open_truth_store(loop, options);
  if (!store) return store.error();
  store_ = std::move(store.value());
  store_->watch(*this);
  return ok();
}

void EidTruth::serve(ControlServer& control) {
  control.on("accept_store", [this](const json&) -> Result<json> {
    store_->accept_store();
    log_event(LogLevel::warning, "store_accepted", {});
    return json{{"schema", "ilnp.accepted/1"}};
  });
}

void EidTruth::tell(const std::vector<EidNews>& news) {
  if (!is_synchronised_)
    first_.insert(first_.end(), news.begin(), news.end());
  else if (!news.empty())
    on_news_(news);
}

void EidTruth::on_resync_finished() {
  tell(directory_.resync_finished());
  if (is_synchronised_) return;
  is_synchronised_ = true;
  on_news_(std::exchange(first_, {}));
}

void EidTruth::on_reachable(bool reachable, const std::string& why) {
  const bool was_reachable = std::exchange(is_reachable_, reachable);
  if (reachable && was_reachable) return;
  if (reachable)
    log_event(LogLevel::info, "store_reachable", {{"kind", store_->status().kind}});
  else
    log_event(LogLevel::warning, "store_unreachable",
              {{"why", why}, {"meaning", "moves of nodes are not seen; what is known goes on"}});
}

}  // namespace ilnp
