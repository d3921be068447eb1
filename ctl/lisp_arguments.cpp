// SPDX-License-Identifier: Apache-2.0
#include "ctl/lisp_arguments.h"

#include <algorithm>
#include <array>

namespace ilnp {
namespace {

struct Shown {
  const char* name;
  const char* help;
  const char* command;  ///< of the control socket
};
constexpr std::array<Shown, 7> tables{{
    {"map-cache", "Where EIDs are, as the mapping system said", "map_cache"},
    {"registrations", "Our EIDs and which Map-Servers confirmed them", "registrations"},
    {"clients", "Routers that asked for our EIDs or send to them: they hear of moves", "clients"},
    {"rlocs", "The ends of our tunnels and whether they answer", "rlocs"},
    {"eids", "Mobile EIDs and where they are", "eids"},
    {"sessions", "Sessions of LISP clients with ILNP nodes", "lisp_sessions"},
    {"group", "The other gateways of the group: who hears us, and whom we hear", "group"},
}};

}  // namespace

std::vector<CLI::App*> add_lisp(CLI::App& app, ControlInvocation& invocation, LispOptions& options) {
  CLI::App* lisp = app.add_subcommand("lisp", "A gateway's tables, and mobile EIDs that arrive or leave");
  lisp->fallthrough();
  lisp->require_subcommand(1);
  lisp->footer("EID is an address, in another instance than 0 [INSTANCE]ADDRESS. Every step may be repeated.");
  const auto step = [&](const char* name, const char* help) {
    CLI::App* sub = lisp->add_subcommand(name, help);
    sub->fallthrough();
    sub->add_option("eid", options.eid, "Address of the host")->type_name("EID")->required();
    sub->callback([&invocation, &options, name] {
      invocation.command = "lisp";
      invocation.more = {{"step", name}, {"eid", options.eid}};
      if (!options.rlocs.empty()) invocation.more["rlocs"] = options.rlocs;
    });
    return sub;
  };
  step("arrive", "It is here: deliver its packets, register it, tell everybody")
      ->add_option("--rloc", options.rlocs, "Register this RLOC instead of ours (repeatable)")
      ->type_name("ADDRESS[,PRIORITY,WEIGHT]");
  step("leave", "It has stopped here: what comes for it waits until it is somewhere");
  step("stay", "After leave: it goes on here");
  step("prepare", "It is about to come or to go: its mapping and its clients are asked for ahead");
  step("abort", "After arrive: it did not come");
  std::vector<CLI::App*> shown;
  for (const Shown& table : tables) {
    CLI::App* sub = lisp->add_subcommand(table.name, table.help);
    sub->fallthrough();
    sub->callback([&invocation, command = table.command] { invocation.command = command; });
    shown.push_back(sub);
  }
  return shown;
}

bool is_lisp_command(const std::string& command) {
  return command == "lisp" ||
         std::any_of(tables.begin(), tables.end(), [&](const Shown& table) { return command == table.command; });
}

}  // namespace ilnp
