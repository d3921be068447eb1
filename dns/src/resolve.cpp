// SPDX-License-Identifier: Apache-2.0
#include "dns/src/resolve.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <nlohmann/json.hpp>
#include <ostream>
#include <utility>

#include "core/ilnp/text.h"
#include "io/resolver/ilnp_resolver.h"

namespace ilnp {
namespace {

using Json = nlohmann::ordered_json;

ExitCode code_of(const ResolvedName& found) {
  switch (found.kind) {
    case NameKind::ilnp:
      return ExitCode::ok;
    case NameKind::ipv6_only:
      return ExitCode::degraded;
    default:
      return ExitCode::failed;
  }
}

std::string preference_text(const LocatorRecord& record) {
  if (!record.through) return std::to_string(record.preference.l64);
  return std::to_string(record.preference.lp) + "," + std::to_string(record.preference.l64) + " through " +
         record.through->text();
}

void print(const ResolvedName& found, std::ostream& out) {
  out << found.name.text();
  if (found.canonical != found.name) out << " (is " << found.canonical.text() << ")";
  out << ": " << to_string(found.kind) << ", " << to_string(found.why) << "\n";
  int rank = 0;
  for (const NidRecord& nid : found.nids) {
    for (const LocatorRecord& locator : found.locators) {
      out << "  " << ++rank << ". " << to_ilv_text({locator.locator, nid.nid}) << "  NID preference " << nid.preference
          << " TTL " << nid.ttl.count() << ", L64 preference " << preference_text(locator) << " TTL "
          << locator.ttl.count() << '\n';
    }
  }
  for (const Address& address : found.aaaa) {
    out << "  " << (found.is_ilnp() ? "not ILNP: " : "") << to_string(address) << '\n';
  }
  out << "  DNSSEC " << to_string(found.security) << ", holds for " << found.ttl.count() << " s"
      << (found.is_ilnp() && found.ttl.count() == 0 ? " (this transaction only)" : "") << '\n';
}

Json to_json(const ResolvedName& found) {
  Json ilvs = Json::array(), aaaa = Json::array();
  for (const NidRecord& nid : found.nids) {
    for (const LocatorRecord& locator : found.locators) {
      Json entry{{"ilv", to_ilv_text({locator.locator, nid.nid})},
                 {"address", to_string(Address{locator.locator, nid.nid})},
                 {"nid_preference", nid.preference},
                 {"nid_ttl", nid.ttl.count()},
                 {"lp_preference", locator.preference.lp},
                 {"l64_preference", locator.preference.l64},
                 {"locator_ttl", locator.ttl.count()}};
      if (locator.through) entry["through"] = locator.through->text();
      ilvs.push_back(std::move(entry));
    }
  }
  for (const Address& address : found.aaaa) aaaa.push_back(to_string(address));
  return {{"name", found.name.text()},
          {"canonical", found.canonical.text()},
          {"kind", to_string(found.kind)},
          {"why", to_string(found.why)},
          {"ilvs", ilvs},
          {"aaaa", aaaa},
          {"dnssec", to_string(found.security)},
          {"ttl", found.ttl.count()}};
}

Result<std::vector<NameServer>> servers_of(const ResolveSettings& settings) {
  std::vector<NameServer> servers;
  for (const std::string& text : settings.servers) {
    auto server = parse_name_server(text);
    if (!server) return error("--server " + server.error().message);
    servers.push_back(server.value());
  }
  if (!settings.servers.empty()) return servers;
  auto read = read_resolv_conf(settings.resolv_conf);
  if (read && read.value().empty()) return error("no name server in " + settings.resolv_conf + "; give --server");
  return read;
}

}  // namespace

ExitCode resolve(const ResolveSettings& settings, std::ostream& out, std::ostream& problems) {
  const auto fail = [&](ExitCode code, const std::string& why) {
    settings.json
        ? out << Json{{"schema", "ilnp.dns.resolve/1"}, {"error", why}, {"names", Json::array()}}.dump(2) << '\n'
        : problems << "ilnp-dns: " << why << '\n';
    return code;
  };
  IlnpResolverSettings resolver_settings;
  auto servers = servers_of(settings);
  if (!servers) return fail(settings.servers.empty() ? ExitCode::failed : ExitCode::usage, servers.error().message);
  resolver_settings.forwarders = std::move(servers).value();
  resolver_settings.dnssec = settings.dnssec;
  resolver_settings.trust_anchor_file = settings.trust_anchor;
  resolver_settings.tuning.accept_unique_local = settings.site_locators;
  resolver_settings.tuning.total =
      std::chrono::duration_cast<Duration>(std::chrono::duration<double>{settings.timeout});
  resolver_settings.tuning.aaaa_grace =
      resolver_settings.tuning.total;  // a person reads it: complete is better than quick
  std::vector<DnsName> names;
  for (const std::string& text : settings.names) {
    const auto name = DnsName::from_text(text);
    if (!name) return fail(ExitCode::usage, "'" + text + "' is not a domain name");
    names.push_back(*name);
  }

  boost::asio::io_context io;
  auto resolver = IlnpResolver::open(io, std::move(resolver_settings));
  if (!resolver) return fail(ExitCode::failed, resolver.error().message);
  std::vector<std::optional<Result<ResolvedName>>> found(names.size());
  std::size_t open = names.size();
  for (std::size_t i = 0; i < names.size(); ++i) {
    resolver.value()->lookup(names[i], [&found, &open, i](const Result<ResolvedName>& result) {
      found[i] = result;
      --open;
    });
  }
  while (open > 0 && io.run_one() != 0) {
  }

  ExitCode code = ExitCode::ok;
  Json list = Json::array();
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (!found[i] || !*found[i]) return fail(ExitCode::failed, found[i] ? found[i]->error().message : "no answer");
    const ResolvedName& result = found[i]->value();
    code = std::max(code, code_of(result));
    settings.json ? list.push_back(to_json(result)) : print(result, out);
  }
  if (settings.json) out << Json{{"schema", "ilnp.dns.resolve/1"}, {"names", list}}.dump(2) << '\n';
  return code;
}

}  // namespace ilnp
