// SPDX-License-Identifier: Apache-2.0
#include "dns/src/settings.h"

#include <CLI/CLI.hpp>

namespace ilnp {
namespace {

constexpr const char* record_help =
    "\nRecords are written TYPE PREFERENCE VALUE, lower preference is better:\n"
    "  \"NID 10 0214:4fff:fe20:ee64\"   or 0214+4fff+fe20+ee64\n"
    "  \"L64 10 2001:0db8:0001:0002\"   or 2001-0db8-0001-0002\n"
    "  \"LP 10 l64.example.org\"\n"
    "  \"AAAA 2001:db8:1:2::1\"\n"
    "\nExit status: 0 done, 1 done but with warnings, 2 failed or a prerequisite does not hold, 3 wrong usage.\n"
    "\nExamples:\n"
    "  ilnp-dns publish mob.example.org --server 192.0.2.53 --key mob.key --expect-none NID \\\n"
    "      --replace \"NID 10 5c1a:97d3:04be:6f21\" --replace \"L64 10 2001:0db8:000a:0001\" --mirror\n"
    "  ilnp-dns publish mob.example.org --server 192.0.2.53 --key mob.key --if-nid 5c1a:97d3:04be:6f21 \\\n"
    "      --replace \"L64 10 2001:0db8:000b:0001\"\n";

void add_publish(CLI::App& app, PublishSettings& settings) {
  CLI::App* sub =
      app.add_subcommand("publish", "Add, replace and remove NID, L64, LP and AAAA records by signed update");
  sub->footer(record_help);
  sub->add_option("name", settings.name, "The name that owns the records")->required();
  sub->add_option("--server,-s", settings.server, "Primary server: address, address:port or [address]:port")
      ->required()
      ->expected(1);
  sub->add_option("--key,-k", settings.key_file, "TSIG key file (tsig-keygen's form), mode 0600; without: unsigned");
  sub->add_option("--zone,-z", settings.zone, "Zone of the name; without: asked from the server");
  sub->add_option("--add", settings.add, "Add this record")->allow_extra_args(false);
  sub->add_option("--replace", settings.replace, "Records that become the whole set of their type")
      ->allow_extra_args(false);
  sub->add_option("--remove", settings.remove, "Remove a record (\"L64 10 ...\") or a whole set (\"L64\")")
      ->allow_extra_args(false);
  sub->add_flag("--mirror", settings.mirror,
                "Replace AAAA by every given L64 with every given or --if-nid NID, for peers without ILNP");
  sub->add_option("--if-nid", settings.if_nid, "Only if the name's NIDs are exactly these: NID, or PREFERENCE NID (10)")
      ->allow_extra_args(false);
  sub->add_option("--expect", settings.expect,
                  "Only if the set is there: TYPE, or exactly this record (repeat for a set): TYPE PREFERENCE VALUE")
      ->allow_extra_args(false);
  sub->add_option("--expect-none", settings.expect_none, "Only if the name has no records of this type")
      ->allow_extra_args(false);
  auto* policy = sub->add_option_group("TTL");
  policy->add_flag("--mobile", settings.mobile, "For a node that moves: NID 300, L64 and AAAA 0, LP 3600 (default)");
  policy->add_flag("--fixed", settings.fixed, "For one that does not: NID 86400, L64 and AAAA 60, LP 3600");
  policy->add_option("--ttl", settings.ttl, "The same TTL for every record, in seconds")
      ->check(CLI::Range(0u, 0x7fffffffu));
  policy->require_option(0, 1);
  sub->add_flag("--dry-run,-n", settings.dry_run, "Show what would be sent, send nothing");
  sub->add_flag("--json", settings.json, "Machine-readable result (schema ilnp.dns.publish/1)");
}

void add_resolve(CLI::App& app, ResolveSettings& settings) {
  CLI::App* sub = app.add_subcommand("resolve", "Show what the host shim makes of a name: I-LVs in order, and why");
  sub->footer(
      "\nExit status: 0 every name is an ILNP name, 1 some have plain addresses only, 2 some have nothing, 3 wrong "
      "usage.\n");
  sub->add_option("name", settings.names, "Names to look up")->required();
  sub->add_option("--server,-s", settings.servers, "Resolver to ask (may be repeated); without: those of resolv.conf")
      ->allow_extra_args(false);
  sub->add_option("--resolv-conf", settings.resolv_conf, "Where servers are read from")->capture_default_str();
  sub->add_flag("--dnssec", settings.dnssec, "Validate answers");
  sub->add_option("--trust-anchor", settings.trust_anchor, "File with DS or DNSKEY records, for --dnssec")
      ->capture_default_str();
  sub->add_option("--timeout", settings.timeout, "Seconds for each name")
      ->check(CLI::Range(0.05, 60.0))
      ->capture_default_str();
  sub->add_flag("--site-locators", settings.site_locators, "Accept unique local locators (fc00::/7), as inside a site");
  sub->add_flag("--json", settings.json, "Machine-readable result (schema ilnp.dns.resolve/1)");
}

void add_check(CLI::App& app, CheckSettings& settings) {
  CLI::App* sub = app.add_subcommand("check", "Find mistakes in the ILNP records of a zone");
  sub->footer("\nExit status: 0 nothing found, 1 warnings, 2 errors or the zone could not be read, 3 wrong usage.\n");
  auto* file = sub->add_option("file", settings.zone_file, "Zone file");
  auto* axfr = sub->add_option("--axfr", settings.axfr, "Fetch the zone: SERVER ZONE")->expected(2)->excludes(file);
  sub->add_option("--origin,-o", settings.origin, "Origin of a file that does not say it")->excludes(axfr);
  sub->add_option("--mobile", settings.mobile_ttl, "Nodes move: report locators that live longer than this (20 s)")
      ->expected(0, 1)
      ->default_str("20")
      ->check(CLI::Range(0u, 0x7fffffffu));
  sub->add_flag("--json", settings.json, "Machine-readable result (schema ilnp.dns.check/1)");
  sub->final_callback([&settings] {
    if (settings.zone_file.empty() && settings.axfr.empty())
      throw CLI::RequiredError("a zone file or --axfr SERVER ZONE");
  });
}

}  // namespace

std::variant<Command, ExitCode> parse_command_line(int argc, const char* const* argv, std::ostream& out,
                                                   std::ostream& problems) {
  CLI::App app{"Publish, look up and check the DNS records of ILNP nodes: NID, L64 and LP (RFC 6742)", "ilnp-dns"};
  app.set_version_flag("--version", "ilnp-dns " ILNP_VERSION);
  app.require_subcommand(1);
  PublishSettings publish;
  ResolveSettings resolve;
  CheckSettings check;
  add_publish(app, publish);
  add_resolve(app, resolve);
  add_check(app, check);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& problem) {
    return app.exit(problem, out, problems) == 0 ? ExitCode::ok : ExitCode::usage;
  }
  if (app.got_subcommand("publish")) return Command{publish};
  if (app.got_subcommand("resolve")) return Command{resolve};
  return Command{check};
}

}  // namespace ilnp
