// SPDX-License-Identifier: Apache-2.0
// Looks up where ILNP nodes are, by their names.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "core/forwarding/host_forwarder.h"
#include "io/loop/loop.h"
#include "io/resolver/ilnp_resolver.h"

namespace ilnp {

class NodeNames {
 public:
  /// Nothing: the name does not lead to that node, or nobody answered.
  using OnAnswer = std::function<void(const NameQuery&, std::optional<std::vector<ResolvedLocator>>)>;

  static Result<std::unique_ptr<NodeNames>> open(Loop& loop, const std::vector<NameServer>& servers,
                                                 OnAnswer on_answer);
  /// The answer comes later, in the loop.
  void query(const NameQuery& query);

 private:
  explicit NodeNames(OnAnswer on_answer) : on_answer_{std::move(on_answer)} {}

  std::unique_ptr<IlnpResolver> resolver_;
  OnAnswer on_answer_;
};

}  // namespace ilnp
