// SPDX-License-Identifier: Apache-2.0
#include "gateway/src/node_names.h"

#include <algorithm>

#include "core/forwarding/resolved_locators.h"

namespace ilnp {

Result<std::unique_ptr<NodeNames>> NodeNames::open(Loop& loop, const std::vector<NameServer>& servers,
                                                   OnAnswer on_answer) {
  IlnpResolverSettings settings;
  settings.forwarders = servers;
  auto resolver = IlnpResolver::open(loop.context(), settings);
  if (!resolver) return resolver.error();
  std::unique_ptr<NodeNames> out{new NodeNames{std::move(on_answer)}};
  out->resolver_ = std::move(resolver.value());
  return out;
}

void NodeNames::query(const NameQuery& query) {
  const auto name = DnsName::from_text(query.name);
  if (!name) return on_answer_(query, std::nullopt);  // the settings are checked
  resolver_->lookup(*name, [this, query](const Result<ResolvedName>& answer) {
    const auto is_it = [&](const NidRecord& record) { return record.nid == query.identity.nid; };
    if (!answer || !answer.value().is_ilnp() || std::ranges::none_of(answer.value().nids, is_it))
      return on_answer_(query, std::nullopt);
    on_answer_(query, ranked(answer.value().locators));
  });
}

}  // namespace ilnp
