// SPDX-License-Identifier: Apache-2.0
#include "dns/src/publish.h"

#include <boost/asio/io_context.hpp>
#include <nlohmann/json.hpp>
#include <ostream>
#include <utility>

#include "dns/src/publish_plan.h"
#include "io/resolver/update_client.h"

namespace ilnp {
namespace {

using Json = nlohmann::ordered_json;

struct Report {
  std::string server;
  bool is_signed = false;
  bool sent = false;
  std::string result;  ///< "NOERROR", or what went wrong
  std::string advice;
};

/// What an operator does about it.
std::string advice_for(const UpdateOutcome& outcome) {
  if (outcome.kind != UpdateOutcome::Kind::answered) return "";
  switch (outcome.rcode) {
    case dns::nxrrset:
      return "a set that had to be there (--if-nid, --expect) is not, or holds other records; nothing was changed";
    case dns::yxrrset:
      return "a set that had to be absent (--expect-none) is there; nothing was changed";
    case dns::refused:
      return "the server's policy does not let this key write these records; nothing was changed";
    case dns::notauth:
      return "the server is not the primary of the zone, or does not accept the signature";
    case dns::notzone:
      return "the name is not in the zone";
    default:
      return "";
  }
}

Result<DnsName> zone_of(boost::asio::io_context& io, UpdateClient& client, const PublishSettings& settings,
                        const DnsName& name) {
  if (!settings.zone.empty()) {
    const auto zone = DnsName::from_text(settings.zone);
    if (!zone) return error("'" + settings.zone + "' is not a domain name");
    if (!name.is_within(*zone)) return error(name.text() + " is not in the zone " + zone->text());
    return *zone;
  }
  std::optional<Result<DnsName>> found;
  client.find_zone(name, [&](Result<DnsName> zone) { found = std::move(zone); });
  io.restart();
  while (!found && io.run_one() != 0) {
  }
  return found ? *found : Result<DnsName>{error("no answer")};
}

UpdateOutcome send(boost::asio::io_context& io, UpdateClient& client, const UpdatePlan& plan) {
  std::optional<UpdateOutcome> outcome;
  // BADTIME: the client has taken over the server's clock, one more try is signed with it.
  for (int tries = 0; tries < 2 && (!outcome || outcome->kind == UpdateOutcome::Kind::bad_time); ++tries) {
    outcome.reset();
    client.send(plan, [&](const UpdateOutcome& o) { outcome = o; });
    io.restart();
    while (!outcome && io.run_one() != 0) {
    }
  }
  return outcome.value_or(UpdateOutcome{});
}

void print(const PublishPlan& plan, const Report& report, std::ostream& out) {
  out << "zone " << plan.update.zone.text() << " at " << report.server
      << (report.is_signed ? ", signed\n" : ", unsigned\n");
  for (const UpdateRecord& record : plan.update.prerequisites) out << "  " << to_text(record, true) << '\n';
  for (const UpdateRecord& record : plan.update.updates) out << "  " << to_text(record, false) << '\n';
  out << (report.sent ? "result: " + report.result : "not sent (--dry-run)") << '\n';
}

Json to_json(const PublishPlan& plan, const Report& report) {
  Json prerequisites = Json::array(), updates = Json::array();
  for (const UpdateRecord& record : plan.update.prerequisites) prerequisites.push_back(to_text(record, true));
  for (const UpdateRecord& record : plan.update.updates) updates.push_back(to_text(record, false));
  return {{"schema", "ilnp.dns.publish/1"},
          {"name", plan.name.text()},
          {"zone", plan.update.zone.text()},
          {"server", report.server},
          {"signed", report.is_signed},
          {"prerequisites", prerequisites},
          {"updates", updates},
          {"sent", report.sent},
          {"result", report.result},
          {"advice", report.advice},
          {"warnings", plan.warnings}};
}

ExitCode fail(const PublishSettings& settings, ExitCode code, const std::string& why, std::ostream& out,
              std::ostream& problems) {
  if (settings.json) {
    out << Json{{"schema", "ilnp.dns.publish/1"},
                {"name", settings.name},
                {"sent", false},
                {"result", "error"},
                {"error", why}}
               .dump(2)
        << '\n';
  } else {
    problems << "ilnp-dns: " << why << '\n';
  }
  return code;
}

}  // namespace

ExitCode publish(const PublishSettings& settings, std::ostream& out, std::ostream& problems) {
  auto planned = plan_from(settings);
  if (!planned) return fail(settings, ExitCode::usage, planned.error().message, out, problems);
  PublishPlan plan = std::move(planned).value();
  const auto server = parse_name_server(settings.server.front());
  if (!server) return fail(settings, ExitCode::usage, "--server " + server.error().message, out, problems);
  UpdateClientSettings client_settings{server.value(), std::nullopt};
  if (!settings.key_file.empty()) {
    auto key = read_tsig_key(settings.key_file);
    if (!key) return fail(settings, ExitCode::failed, key.error().message, out, problems);
    client_settings.key.emplace(std::move(key).value());
  }
  boost::asio::io_context io;
  Report report{to_string(server.value()), client_settings.key.has_value(), false, "", ""};
  UpdateClient client{io, std::move(client_settings)};
  const auto zone = zone_of(io, client, settings, plan.name);
  if (!zone) return fail(settings, ExitCode::failed, zone.error().message, out, problems);
  plan.update.zone = zone.value();

  bool done = true;
  if (!settings.dry_run) {
    const UpdateOutcome outcome = send(io, client, plan.update);
    done = outcome.kind == UpdateOutcome::Kind::answered && outcome.rcode == dns::noerror;
    report.sent = true;
    report.result = outcome.detail;
    report.advice = advice_for(outcome);
  }
  settings.json ? void(out << to_json(plan, report).dump(2) << '\n') : print(plan, report, out);
  if (!settings.json) {
    for (const std::string& warning : plan.warnings) problems << "warning: " << warning << '\n';
    if (!report.advice.empty()) problems << "ilnp-dns: " << report.advice << '\n';
  }
  if (!done) return ExitCode::failed;
  return plan.warnings.empty() ? ExitCode::ok : ExitCode::degraded;
}

}  // namespace ilnp
