// SPDX-License-Identifier: Apache-2.0
#include "dns/src/check.h"

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <ostream>

#include "dns/src/zone_source.h"

namespace ilnp {
namespace {

using Json = nlohmann::ordered_json;
using Severity = ZoneFinding::Severity;

Result<LoadedZone> load(const CheckSettings& settings) {
  if (settings.axfr.empty()) return read_zone_file(settings.zone_file, settings.origin);
  const auto server = parse_name_server(settings.axfr[0]);
  if (!server) return error("--axfr " + server.error().message);
  const auto zone = DnsName::from_text(settings.axfr[1]);
  if (!zone) return error("--axfr '" + settings.axfr[1] + "' is not a domain name");
  return transfer_zone(server.value(), *zone);
}

const char* word(Severity severity) { return severity == Severity::error ? "error" : "warning"; }

/// 17 of "zone.db:17"; 0 when there is no line.
long line_of(const std::string& where) {
  const auto colon = where.rfind(':');
  return colon == std::string::npos ? 0 : std::strtol(where.c_str() + colon + 1, nullptr, 10);
}

bool is_ilnp(const ZoneRecord& record) { return record.type >= dns::type_nid && record.type <= dns::type_lp; }

}  // namespace

ExitCode check(const CheckSettings& settings, std::ostream& out, std::ostream& problems) {
  auto loaded = load(settings);
  if (!loaded) {
    settings.json ? out << Json{{"schema", "ilnp.dns.check/1"}, {"error", loaded.error().message}}.dump(2) << '\n'
                  : problems << "ilnp-dns: " << loaded.error().message << '\n';
    return ExitCode::failed;
  }
  const LoadedZone& zone = loaded.value();
  ZoneCheckOptions options;
  if (settings.mobile_ttl) options.longest_mobile_ttl = seconds{*settings.mobile_ttl};
  auto findings = zone.findings;
  const auto more = check_zone(zone.origin, zone.records, options);
  findings.insert(findings.end(), more.begin(), more.end());
  std::stable_sort(findings.begin(), findings.end(),
                   [](const ZoneFinding& a, const ZoneFinding& b) { return line_of(a.where) < line_of(b.where); });

  const auto errors =
      std::count_if(findings.begin(), findings.end(), [](const auto& f) { return f.severity == Severity::error; });
  const auto warnings = static_cast<std::ptrdiff_t>(findings.size()) - errors;
  const auto ilnp_records = std::count_if(zone.records.begin(), zone.records.end(), is_ilnp);
  if (settings.json) {
    Json list = Json::array();
    for (const ZoneFinding& f : findings)
      list.push_back({{"severity", word(f.severity)}, {"where", f.where}, {"text", f.text}});
    out << Json{{"schema", "ilnp.dns.check/1"},
                {"zone", zone.origin.text()},
                {"records", zone.records.size()},
                {"ilnp_records", ilnp_records},
                {"errors", errors},
                {"warnings", warnings},
                {"findings", list}}
               .dump(2)
        << '\n';
  } else {
    for (const ZoneFinding& f : findings) out << f.where << ": " << word(f.severity) << ": " << f.text << '\n';
    out << zone.origin.text() << ": " << zone.records.size() << " records, " << ilnp_records << " of them ILNP; "
        << errors << " errors, " << warnings << " warnings\n";
  }
  if (errors != 0) return ExitCode::failed;
  return warnings != 0 ? ExitCode::degraded : ExitCode::ok;
}

}  // namespace ilnp
