// SPDX-License-Identifier: Apache-2.0
// Answers of the daemon as text for people: one screen, the worst first. Pure functions. Fields that an older daemon
// does not send are shown as "-"; what came from the network is made safe for a terminal.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace ilnp {

struct RenderStyle {
  bool colour = false;
  bool all_counters = false;  ///< those that are zero too
  std::string filter{};       ///< counters whose name starts with this
};

std::string render_status(const nlohmann::json& status, const RenderStyle& style);
std::string render_sessions(const nlohmann::json& sessions, const RenderStyle& style);
std::string render_locators(const nlohmann::json& locators, const RenderStyle& style);
std::string render_counters(const nlohmann::json& counters, const RenderStyle& style);
std::string render_event(const nlohmann::json& event, const RenderStyle& style);
std::string render_reload(const nlohmann::json& reload, const RenderStyle& style);

/// What became of a step of a move, and the moves and guests that a border router knows of.
std::string render_migrate(const nlohmann::json& answer, const RenderStyle& style);
std::string render_moves(const nlohmann::json& moves, const RenderStyle& style);

/// A border router's health, its uplinks, the nodes that it knows of, and its tables.
std::string render_site_status(const nlohmann::json& status, const RenderStyle& style);
std::string render_uplinks(const nlohmann::json& uplinks, const RenderStyle& style);
std::string render_nodes(const nlohmann::json& nodes, const RenderStyle& style);
std::string render_flows(const nlohmann::json& flows, const RenderStyle& style);

/// A LISP gateway's health and its tables, and what became of a step of a mobile EID.
std::string render_gateway_status(const nlohmann::json& status, const RenderStyle& style);
std::string render_map_cache(const nlohmann::json& answer, const RenderStyle& style);
std::string render_registrations(const nlohmann::json& answer, const RenderStyle& style);
std::string render_lisp_clients(const nlohmann::json& answer, const RenderStyle& style);
std::string render_rlocs(const nlohmann::json& answer, const RenderStyle& style);
std::string render_eids(const nlohmann::json& answer, const RenderStyle& style);
std::string render_lisp_sessions(const nlohmann::json& answer, const RenderStyle& style);
std::string render_group(const nlohmann::json& answer, const RenderStyle& style);
std::string render_lisp_step(const nlohmann::json& answer, const RenderStyle& style);

/// A name in the DNS and how its publication goes.
std::string publication_line(const nlohmann::json& publication, const RenderStyle& style);
/// The first line of a status and its problems, the worst first.
std::string render_health(const nlohmann::json& status, const char* program, const RenderStyle& style);
/// A problem as status shows it, for those that the tool finds itself.
std::string render_problem(const nlohmann::json& problem, const RenderStyle& style);

}  // namespace ilnp
