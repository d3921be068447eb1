// SPDX-License-Identifier: Apache-2.0
#include "ctl/commands.h"

#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "ctl/guest.h"
#include "ctl/render.h"
#include "io/telemetry/control_client.h"

namespace ilnp {

using nlohmann::json;

namespace {

RenderStyle style_of(const ControlInvocation& invocation) {
  return {invocation.colour, invocation.all_counters, invocation.filter};
}

std::string rendered(const ControlInvocation& invocation, const json& answer) {
  if (invocation.json) return answer.dump() + "\n";
  const RenderStyle style = style_of(invocation);
  if (invocation.command == "status" && answer.contains("gateway")) return render_gateway_status(answer, style);
  if (invocation.command == "status")
    return answer.contains("site") ? render_site_status(answer, style) : render_status(answer, style);
  if (invocation.command == "uplinks") return render_uplinks(answer, style);
  if (invocation.command == "nodes") return render_nodes(answer, style);
  if (invocation.command == "flows") return render_flows(answer, style);
  if (invocation.command == "map_cache") return render_map_cache(answer, style);
  if (invocation.command == "registrations") return render_registrations(answer, style);
  if (invocation.command == "clients") return render_lisp_clients(answer, style);
  if (invocation.command == "rlocs") return render_rlocs(answer, style);
  if (invocation.command == "eids") return render_eids(answer, style);
  if (invocation.command == "lisp_sessions") return render_lisp_sessions(answer, style);
  if (invocation.command == "group") return render_group(answer, style);
  if (invocation.command == "lisp") return render_lisp_step(answer, style);
  if (invocation.command == "sessions") return render_sessions(answer, style);
  if (invocation.command == "locators") return render_locators(answer, style);
  if (invocation.command == "counters") return render_counters(answer, style);
  if (invocation.command == "metrics") return answer.value("text", std::string{});
  if (invocation.command == "accept_store") return "accepted: the router reads the store anew\n";
  if (invocation.command == "reload") return render_reload(answer, style);
  if (invocation.command == "migrate") return render_migrate(answer, style);
  if (invocation.command == "moves") return render_moves(answer, style);
  return render_event(answer, style);
}

ExitCode code_of(const ControlInvocation& invocation, const json& answer) {
  if (invocation.command != "status") return ExitCode::ok;
  const json state = answer.value("state", json{});
  return state == "ok" ? ExitCode::ok : state == "down" ? ExitCode::down : ExitCode::degraded;
}

/// No daemon, or none that talks to us: the same shape as a status, so that scripts need one case only.
ExitCode report_unreachable(const ControlInvocation& invocation, const std::string& what, std::ostream& out,
                            std::ostream& problems) {
  const bool forbidden = what.find("permission") != std::string::npos || what.find("only root") != std::string::npos;
  const auto is_of = [&](const char* name) { return invocation.socket.find(name) != std::string::npos; };
  const std::string unit = is_of("gateway") ? "ilnp-gateway" : is_of("sbr") ? "ilnp-sbr" : "ilnp-host";
  const json problem{
      {"severity", "critical"},
      {"what", what},
      {"cause", forbidden ? "this user may not use the control socket" : "the daemon is not running or hangs"},
      {"next", forbidden ? "sudo ilnpctl ..., or join the group of the socket"
                         : "systemctl status " + unit + "; journalctl -u " + unit + " -n 50"}};
  if (invocation.json) {
    out << json{{"schema", "ilnp.status/1"}, {"state", forbidden ? "unknown" : "down"}, {"problems", {problem}}}.dump()
        << "\n";
  } else {
    problems << (forbidden ? "UNKNOWN" : "DOWN") << "\n\n" << render_problem(problem, style_of(invocation));
  }
  out.flush();
  return forbidden ? ExitCode::usage : ExitCode::down;
}

ExitCode run_once(const ControlInvocation& invocation, std::ostream& out, std::ostream& problems) {
  auto client = ControlClient::connect(invocation.socket);
  if (!client) return report_unreachable(invocation, client.error().message, out, problems);
  // reload may have to wait for names and addresses, migrate for a store.
  const std::chrono::seconds limit{invocation.command == "reload" || invocation.command == "migrate" ? 30 : 5};
  json request = invocation.more;
  request["command"] = invocation.command;
  if (auto sent = client.value().send(request); !sent) {
    return report_unreachable(invocation, sent.error().message, out, problems);
  }
  const auto answer = client.value().receive(limit);
  if (!answer) return report_unreachable(invocation, answer.error().message, out, problems);
  if (answer.value().value("schema", json{}) == "ilnp.error/1") {
    const json text = answer.value().value("error", json{"the daemon reports an error"});
    const std::string what = text.is_string() ? text.get<std::string>() : text.dump();
    if (answer.value().value("code", json{}) == "not_permitted")
      return report_unreachable(invocation, what, out, problems);
    if (invocation.json) return out << answer.value().dump() << std::endl, ExitCode::degraded;
    problems << invocation.command << ": " << what << std::endl;
    return ExitCode::degraded;
  }
  out << rendered(invocation, answer.value());
  out.flush();
  return code_of(invocation, answer.value());
}

ExitCode watch(const ControlInvocation& invocation, std::ostream& out, std::ostream& problems) {
  ExitCode code = ExitCode::ok;
  for (unsigned long done = 0; invocation.count == 0 || done < invocation.count; ++done) {
    if (done != 0) std::this_thread::sleep_for(invocation.interval);
    if (invocation.clear_screen) {
      out << "\033[H\033[2J";
    } else if (done != 0 && !invocation.json) {
      out << "\n";
    }
    code = run_once(invocation, out, problems);
    if (!out || code == ExitCode::usage) break;
  }
  return code;
}

ExitCode monitor(const ControlInvocation& invocation, std::ostream& out, std::ostream& problems) {
  auto client = ControlClient::connect(invocation.socket);
  if (!client) return report_unreachable(invocation, client.error().message, out, problems);
  auto answer = client.value().request({{"command", "monitor"}});
  for (unsigned long shown = 0; answer; answer = client.value().receive(std::chrono::milliseconds{-1})) {
    // monitor_started is the answer to our request, not something that happened.
    if (answer.value().value("event", json{}) == "monitor_started") {
      if (invocation.json) out << answer.value().dump() << std::endl;
      continue;
    }
    out << rendered(invocation, answer.value()) << std::flush;
    if (!out || ++shown == invocation.count) return ExitCode::ok;
  }
  return report_unreachable(invocation, answer.error().message, out, problems);
}

}  // namespace

ExitCode run(const ControlInvocation& invocation, std::ostream& out, std::ostream& problems) {
  if (invocation.command == "guest") return tell_guest(invocation, out, problems);
  if (invocation.command == "monitor") return monitor(invocation, out, problems);
  return invocation.watch ? watch(invocation, out, problems) : run_once(invocation, out, problems);
}

}  // namespace ilnp
