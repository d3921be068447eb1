// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>

#include "ctl/commands.h"

namespace ilnp {

namespace {

constexpr const char* footer =
    "Exit codes: 0 ok, 1 degraded or refused by the daemon, 2 down (no daemon), 3 wrong usage or no permission.\n"
    "The control socket and its JSON are described in docs/operations/control-socket.md.";

}  // namespace

int control_main(std::vector<std::string> arguments, bool out_is_terminal, std::ostream& out, std::ostream& problems) {
  CLI::App app{"Shows and steers the ILNP daemons of this host.", "ilnpctl"};
  app.footer(footer);
  app.fallthrough();
  app.require_subcommand(1);

  ControlInvocation invocation;
  double interval = 2;
  bool no_colour = false;
  app.add_option("--socket", invocation.socket, "Control socket of the daemon")
      ->type_name("PATH")
      ->capture_default_str();
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
  CLI::App* show = app.add_subcommand("show", "Sessions, locators, counters");
  show->fallthrough();
  show->require_subcommand(1);
  watchable(command(show, "sessions", "Correspondents and the locators in use", "sessions"));
  watchable(command(show, "locators", "Own locators", "locators"));
  CLI::App* counters = command(show, "counters", "Counters and gauges", "counters");
  watchable(counters);
  counters->add_flag("--all", invocation.all_counters, "Those that are zero too");
  counters->add_option("prefix", invocation.filter, "Only names that start with this");
  command(&app, "monitor", "Events as they happen", "monitor")
      ->add_option("--count", invocation.count, "End after that many events; 0 = never");
  command(&app, "reload", "Read the configuration again; a bad one changes nothing", "reload");

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
  invocation.interval = std::chrono::milliseconds{static_cast<long long>(interval * 1000)};
  invocation.colour = out_is_terminal && !no_colour && std::getenv("NO_COLOR") == nullptr;
  invocation.clear_screen = invocation.watch && out_is_terminal && !invocation.json;
  return static_cast<int>(run(invocation, out, problems));
}

}  // namespace ilnp
