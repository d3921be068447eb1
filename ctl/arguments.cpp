// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdlib>
#include <optional>

#include "ctl/commands.h"
#include "ctl/guest.h"
#include "ctl/lisp_arguments.h"

namespace ilnp {

namespace {

constexpr const char* footer =
    "Exit codes: 0 ok, 1 degraded or refused by the daemon, 2 down (no daemon), 3 wrong usage or no permission.\n"
    "The control socket and its JSON are described in docs/operations/control-socket.md.";

/// `ilnpctl migrate STEP NODE`: each step with the options that it takes.
struct MigrateOptions {
  std::string node, to, home;
  bool visible = false, when_heard = false;
  std::optional<std::uint64_t> epoch;

  void fill(ControlInvocation& invocation, const char* step) const {
    invocation.command = "migrate";
    nlohmann::json& request = invocation.more;
    request = {{"step", step}, {"node", node}};
    if (!to.empty()) request["to"] = to;
    if (!home.empty()) request["home"] = home;
    if (visible) request["visible"] = true;
    if (when_heard) request["when_heard"] = true;
    if (epoch) request["epoch"] = *epoch;
  }
};

void add_migrate(CLI::App& app, ControlInvocation& invocation, MigrateOptions& options) {
  CLI::App* migrate =
      app.add_subcommand("migrate", "Moves of nodes between sites: prepare, activate, release, or abort");
  migrate->fallthrough();
  migrate->require_subcommand(1);
  migrate->footer(
      "NODE is the NID of a node with ILNP, or the address of one without. A PLACE is a site, a locator, or\n"
      "SITE/LOCATOR. Every step may be repeated; one that has been taken changes nothing and succeeds.");
  const auto step = [&](const char* name, const char* help) {
    CLI::App* sub = migrate->add_subcommand(name, help);
    sub->fallthrough();
    sub->add_option("node", options.node, "NID or address")->type_name("NODE")->required();
    sub->add_option("--epoch", options.epoch, "Only if the node's record still has this epoch");
    sub->callback([&invocation, &options, name] { options.fill(invocation, name); });
    return sub;
  };
  const auto place = [&](CLI::App* sub, const char* name, std::string& value, const char* help) {
    return sub->add_option(name, value, help)->type_name("PLACE");
  };
  constexpr const char* home_help = "Where its home is, for a node that has no record yet";
  CLI::App* prepare = step("prepare", "It will go there; nothing changes for its packets yet");
  place(prepare, "--to", options.to, "Where it will go")->required();
  place(prepare, "--home", options.home, home_help);
  prepare->add_flag("--visible", options.visible, "That place becomes its home, and its correspondents are told");
  prepare->add_flag("--when-heard", options.when_heard, "The destination activates the move when it hears the node");
  place(step("activate", "It has gone: the destination holds its packets until it is heard"), "--to", options.to,
        "Only this prepared move");
  step("release", "It has arrived: the source forwards late packets for the grace period, then forgets it");
  place(step("abort", "Before activate: nothing happened. After it: back to where it came from"), "--to", options.to,
        "Only the move to there");
  step("rehome", "The place where it is becomes its home; its ILNP correspondents are told");
  place(step("relocate", "It has another locator in the site where it is"), "--to", options.to, "The locator")
      ->required();
  place(step("claim", "A record for a node that has none"), "--home", options.home, "Where its home is");
  step("forget", "No record any more; only for a node at home");
  CLI::App* show = migrate->add_subcommand("show", "The moves under way and the nodes away from home");
  show->fallthrough();
  show->callback([&invocation] { invocation.command = "moves"; });
}

}  // namespace

int control_main(std::vector<std::string> arguments, bool out_is_terminal, std::ostream& out, std::ostream& problems) {
  CLI::App app{"Shows and steers the ILNP daemons of this host.", "ilnpctl"};
  app.footer(footer);
  app.fallthrough();
  app.require_subcommand(1);

  ControlInvocation invocation;
  double interval = 2;
  bool no_colour = false;
  CLI::Option* socket = app.add_option("--socket", invocation.socket, "Control socket of the daemon");
  socket->type_name("PATH")->default_str(
      "/run/ilnp/host.sock; of a border router: /run/ilnp/sbr.sock, of a gateway: gateway.sock");
  app.add_flag("--json", invocation.json, "Print the daemon's answer, one JSON object a line");
  app.add_flag("--no-colour,--no-color", no_colour, "Plain text on terminals too (NO_COLOR does the same)");

  const auto command = [&](CLI::App* parent, const char* name, const char* help, const char* request) {
    CLI::App* sub = parent->add_subcommand(name, help);
    sub->fallthrough();
    sub->callback([&invocation, request] { invocation.command = request; });
    return sub;
  };
  const auto watchable = [&](CLI::App* sub) {
    sub->add_flag("--watch", invocation.watch, "Show again and again");
    sub->add_option("--interval", interval, "Seconds between two shows")
        ->check(CLI::Range(0.01, 3600.0))
        ->capture_default_str();
    sub->add_option("--count", invocation.count, "With --watch: end after that many; 0 = never");
  };

  watchable(command(&app, "status", "Health on one screen, the worst problem first", "status"));
  CLI::App* show = app.add_subcommand("show", "Sessions, locators, uplinks, nodes, flows, counters");
  show->fallthrough();
  show->require_subcommand(1);
  watchable(command(show, "sessions", "Correspondents and the locators in use", "sessions"));
  watchable(command(show, "locators", "Own locators", "locators"));
  watchable(command(show, "uplinks", "A border router's uplinks and whether they work", "uplinks"));
  watchable(command(show, "nodes", "The nodes that a border router has been told of, or has learnt of", "nodes"));
  watchable(command(show, "flows", "How full a border router's tables are", "flows"));
  CLI::App* counters = command(show, "counters", "Counters and gauges", "counters");
  watchable(counters);
  counters->add_flag("--all", invocation.all_counters, "Those that are zero too");
  counters->add_option("prefix", invocation.filter, "Only names that start with this");
  command(show, "metrics", "The same in the text format that Prometheus reads", "metrics");
  command(&app, "monitor", "Events as they happen", "monitor")
      ->add_option("--count", invocation.count, "End after that many events; 0 = never");
  command(&app, "reload", "Read the configuration again; a bad one changes nothing", "reload");

  command(&app, "accept-store",
          "A border router obeys the shared truth as it is now: a restored store, or another cluster", "accept_store");

  GuestOptions guest;
  add_guest(app, invocation, guest);
  MigrateOptions migrate;
  add_migrate(app, invocation, migrate);
  LispOptions lisp;
  for (CLI::App* table : add_lisp(app, invocation, lisp)) watchable(table);

  std::reverse(arguments.begin(), arguments.end());  // as CLI11 takes them
  try {
    app.parse(std::move(arguments));
  } catch (const CLI::RequiredError& problem) {
    const auto unknown = app.remaining(/*recurse=*/true);
    if (unknown.empty()) return app.exit(problem, out, problems), static_cast<int>(ExitCode::usage);
    problems << "unknown command " << unknown.front() << "\nRun with --help for more information.\n";
    return static_cast<int>(ExitCode::usage);
  } catch (const CLI::ParseError& problem) {
    return app.exit(problem, out, problems) == 0 ? static_cast<int>(ExitCode::ok) : static_cast<int>(ExitCode::usage);
  }
  constexpr std::array border_router{"accept_store", "migrate", "moves", "uplinks", "nodes", "flows"};
  if (socket->count() == 0 &&
      std::find(border_router.begin(), border_router.end(), invocation.command) != border_router.end())
    invocation.socket = "/run/ilnp/sbr.sock";
  if (socket->count() == 0 && is_lisp_command(invocation.command)) invocation.socket = "/run/ilnp/gateway.sock";
  invocation.interval = std::chrono::milliseconds{static_cast<long long>(interval * 1000)};
  invocation.colour = out_is_terminal && !no_colour && std::getenv("NO_COLOR") == nullptr;
  invocation.clear_screen = invocation.watch && out_is_terminal && !invocation.json;
  return static_cast<int>(run(invocation, out, problems));
}

}  // namespace ilnp
