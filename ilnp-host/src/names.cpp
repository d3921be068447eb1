// SPDX-License-Identifier: Apache-2.0
#include "ilnp-host/src/names.h"

#include <algorithm>

#include "core/forwarding/resolved_locators.h"
#include "io/telemetry/log.h"

namespace ilnp {

Result<void> Names::open(const HostSettings& settings) {
  IlnpResolverSettings resolver_settings;
  resolver_settings.forwarders = settings.upstream;
  resolver_settings.dnssec = settings.dnssec;
  resolver_settings.trust_anchor_file = settings.trust_anchor;
  resolver_settings.tuning.accept_unique_local = settings.tuning.accept_unique_local;
  auto resolver = IlnpResolver::open(loop_.context(), resolver_settings);
  if (!resolver) return resolver.error();
  resolver_ = std::move(resolver.value());
  if (!settings.stub_enabled) return ok();

  StubSettings stub_settings;
  stub_settings.listen = settings.listen;
  stub_settings.upstream = settings.upstream;
  stub_settings.resolv_conf = settings.resolv_conf;
  stub_settings.ilnp_required = settings.ilnp_required;
  stub_settings.hold = settings.hold;
  stub_settings.identity_prefixes.clear();
  for (std::size_t k = 0; k < settings.tuning.max_siblings; ++k)
    stub_settings.identity_prefixes.push_back({{alias_prefix(settings.prefix, static_cast<std::uint16_t>(k)), {}}, 64});
  StubHooks hooks;
  hooks.on_ilnp_name = [this](const ResolvedName& resolved) { return install(resolved, forwarder_.default_local()); };
  hooks.name_of = [this](const Address& identity) { return name_of(identity); };
  auto stub = StubResolver::open(loop_.context(), stub_settings, *resolver_, hooks);
  if (!stub) return stub.error();
  stub_ = std::move(stub.value());
  return ok();
}

std::vector<Address> Names::install(const ResolvedName& resolved, NodeId local) {
  std::vector<Address> identities;
  if (!resolved.is_ilnp()) return identities;
  const std::string name = resolved.name.text();
  const std::vector<ResolvedLocator> locators = ranked(resolved.locators);
  Actions actions;
  for (const NidRecord& nid : resolved.nids) {
    const auto identity = forwarder_.resolved(loop_.now(), name, local, nid.nid, locators, actions);
    if (!identity) continue;
    remember(*identity, name);
    identities.push_back(*identity);
  }
  apply_(actions);
  return identities;
}

void Names::remember(const Address& identity, const std::string& name) {
  if (const auto known = names_.find(identity); known != names_.end()) {
    by_use_.erase(known->second.place);
    names_.erase(known);
  } else if (names_.size() >= max_remembered) {
    names_.erase(by_use_.front());
    by_use_.pop_front();
  }
  names_[identity] = {name, by_use_.insert(by_use_.end(), identity)};
}

std::optional<std::string> Names::name_of(const Address& identity) const {
  const auto known = names_.find(identity);
  if (known == names_.end()) return std::nullopt;
  return known->second.name;
}

void Names::query(const NameQuery& query) {
  if (resolver_ == nullptr) return give_up(query.identity);
  if (!query.name.empty()) return ask_forward(query, query.name);
  if (const auto name = name_of(query.identity)) return ask_forward(query, *name);
  resolver_->reverse(query.identity, [this, query](const Result<DnsName>& name) {
    if (name)
      ask_forward(query, name.value().text());
    else
      give_up(query.identity);
  });
}

void Names::ask_forward(const NameQuery& query, const std::string& text) {
  const auto name = DnsName::from_text(text);
  if (!name) return give_up(query.identity);
  resolver_->lookup(*name, [this, identity = query.identity, local = query.local](const Result<ResolvedName>& answer) {
    if (!answer || !answer.value().is_ilnp()) return give_up(identity);
    // A reverse name is only believed when the name leads back to the same NID.
    const auto& nids = answer.value().nids;
    if (std::none_of(nids.begin(), nids.end(), [&](const NidRecord& n) { return n.nid == identity.nid; }))
      return give_up(identity);
    install(answer.value(), local);
  });
}

void Names::give_up(const Address& identity) {
  Actions actions;
  forwarder_.not_resolved(loop_.now(), identity, actions);
  apply_(actions);
}

void Names::network_changed() {
  if (resolver_ != nullptr) resolver_->network_changed();
  if (stub_ != nullptr) stub_->network_changed();
}

}  // namespace ilnp
