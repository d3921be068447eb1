// SPDX-License-Identifier: Apache-2.0
#include "ctl/render.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "ctl/text_table.h"

namespace ilnp {

using nlohmann::json;

namespace {

// One screen: what is left out is counted, and the command that shows it is named.
constexpr std::size_t problems_shown = 5, locators_shown = 6;

int severity_rank(const std::string& severity) {
  static constexpr std::array<std::string_view, 4> order{"critical", "error", "warning", "info"};
  return static_cast<int>(std::find(order.begin(), order.end(), severity) - order.begin());
}

Colour colour_of(std::string_view word) {
  static constexpr std::array<std::string_view, 6> bad{"down", "critical", "error", "unreachable", "failed", "expired"};
  static constexpr std::array<std::string_view, 9> doubtful{
      "degraded", "warning", "tentative-in", "tentative-out", "closing", "fallback", "aged", "stale", "probing"};
  static constexpr std::array<std::string_view, 6> good{"ok",     "established", "preferred",
                                                        "usable", "reachable",   "up to date"};
  const auto in = [&](const auto& words) { return std::find(words.begin(), words.end(), word) != words.end(); };
  return in(bad) ? Colour::red : in(doubtful) ? Colour::yellow : in(good) ? Colour::green : Colour::none;
}

std::string upper(std::string text) {
  for (char& c : text) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return text;
}

std::string heading(std::string_view text, const RenderStyle& style) {
  std::string padded{text};
  padded.resize(std::max<std::size_t>(padded.size(), 10), ' ');
  return coloured(padded, Colour::bold, style.colour) + " ";
}

/// A number of things; nothing that a confused daemon may send is beyond the range.
std::uint64_t quantity(const json& object, const char* key) {
  return static_cast<std::uint64_t>(std::clamp(number(object, key), 0.0, 1e18));
}
std::string whole(const json& object, const char* key) { return std::to_string(quantity(object, key)); }

const json& object_at(const json& object, const char* key) {
  static const json empty = json::object();
  if (!object.is_object()) return empty;
  const auto found = object.find(key);
  return found != object.end() && found->is_object() ? *found : empty;
}

std::vector<json> sorted(const json& items, bool (*before)(const json&, const json&)) {
  std::vector<json> out(items.begin(), items.end());
  std::stable_sort(out.begin(), out.end(), before);
  return out;
}

std::string state_of(const json& object, const RenderStyle& style) {
  const std::string state = field(object, {"state"});
  return coloured(state, colour_of(state), style.colour);
}

std::string locator_line(const json& locator, const RenderStyle& style) {
  std::string line = field(locator, {"locator"}) + " on " + field(locator, {"interface"}) + "  " +
                     state_of(locator, style) + ", preference " + field(locator, {"preference"});
  if (field(locator, {"gateway"}) != "-") line += ", via " + field(locator, {"gateway"});
  return line;
}

std::string names_line(const json& dns, const RenderStyle& style) {
  std::string line = "stub " + field(dns, {"stub"}) + ", upstream " + field(dns, {"upstream"});
  const json& publication = object_at(dns, "publication");
  return line + "; " + (publication.empty() ? "own records are not published" : publication_line(publication, style));
}

std::string counted_pair(const json& object, const char* key, std::string (*human)(std::uint64_t)) {
  const json& pair = object_at(object, key);
  const auto side = [&](const char* name) { return human(quantity(pair, name)); };
  return side("in") + " / " + side("out");
}

/// What an operator calls the peer: a name when there is one.
std::string peer_of(const json& session) {
  const json& names = list(session, "names");
  const std::string nid = field(session, {"remote_nid"});
  return names.empty() || !names.front().is_string() ? nid : printable(names.front().get<std::string>());
}

int session_rank(const json& session) {
  static constexpr std::array<std::string_view, 7> order{"unreachable", "tentative-out", "tentative-in", "closing",
                                                         "fallback",    "established",   "resolved"};
  return static_cast<int>(std::find(order.begin(), order.end(), field(session, {"state"})) - order.begin());
}

/// The locator in use with its reach, as the list of the peer's locators has it.
const json& locator_in_use(const json& session) {
  static const json none = json::object();
  const std::string used = field(session, {"using", "remote"});
  for (const json& locator : list(session, "locators")) {
    if (field(locator, {"locator"}) == used) return locator;
  }
  return none;
}

}  // namespace

std::string publication_line(const json& publication, const RenderStyle& style) {
  const auto settled = publication.find("settled");
  const bool done = settled != publication.end() && *settled == true;
  const std::string state = done ? "up to date" : field(publication, {"state"});
  std::string line = field(publication, {"name"}) + " " + coloured(state, colour_of(state), style.colour);
  if (field(publication, {"error"}) != "-") line += ", last error: " + field(publication, {"error"});
  return line;
}

std::string render_problem(const json& problem, const RenderStyle& style) {
  const std::string severity = field(problem, {"severity"});
  std::string label = upper(severity);
  label.resize(std::max<std::size_t>(label.size(), 9), ' ');
  std::string out = "  " + coloured(label, colour_of(severity), style.colour) + " " + field(problem, {"what"}) + "\n";
  if (field(problem, {"cause"}) != "-") out += "            cause: " + field(problem, {"cause"}) + "\n";
  if (field(problem, {"next"}) != "-") out += "            next:  " + field(problem, {"next"}) + "\n";
  return out;
}

std::string render_health(const json& status, const char* program, const RenderStyle& style) {
  const std::string state = field(status, {"state"});
  std::string out = coloured(upper(state), colour_of(state), style.colour) + "  " + program + " " +
                    field(status, {"version"}) + ", pid " + field(status, {"pid"}) + ", up " +
                    human_duration(number(status, "uptime_s", -1)) + "\n\n";

  const auto problems = sorted(list(status, "problems"), [](const json& a, const json& b) {
    return severity_rank(field(a, {"severity"})) < severity_rank(field(b, {"severity"}));
  });
  for (std::size_t i = 0; i < problems.size() && i < problems_shown; ++i) out += render_problem(problems[i], style);
  if (problems.size() > problems_shown) {
    out += "  and " + std::to_string(problems.size() - problems_shown) + " more: ilnpctl status --json\n";
  }
  if (!problems.empty()) out += "\n";
  return out;
}

std::string render_status(const json& status, const RenderStyle& style) {
  std::string out = render_health(status, "ilnp-host", style);
  const json& identity = object_at(status, "identity");
  out += heading("Identity", style) + "nid " + field(identity, {"nid"}) + ", address " + field(identity, {"address"}) +
         " on " + field(identity, {"tun"}) + ", features " + field(identity, {"features"}) + "\n";
  if (const json& ephemeral = object_at(identity, "ephemeral"); ephemeral.value("enabled", json{}) == true)
    out += heading("", style) + "ephemeral nids: " + whole(ephemeral, "peers") + " peers have one, " +
           whole(ephemeral, "ready") + " ready, shared " + whole(ephemeral, "shared") + " times\n";
  const json& locators = list(status, "locators");
  if (locators.empty()) out += heading("Locators", style) + "none\n";
  for (std::size_t i = 0; i < locators.size() && i < locators_shown; ++i) {
    out += heading(i == 0 ? "Locators" : "", style) + locator_line(locators[i], style) + "\n";
  }
  if (locators.size() > locators_shown) {
    out += heading("", style) + "and " + std::to_string(locators.size() - locators_shown) +
           " more: ilnpctl show locators\n";
  }
  const json& sessions = object_at(status, "sessions");
  out += heading("Sessions", style) + whole(sessions, "established") + " established, " + whole(sessions, "tentative") +
         " tentative, " + whole(sessions, "unreachable") + " unreachable, " + whole(sessions, "fallback") +
         " plain IPv6\n";
  out += heading("Names", style) + names_line(object_at(status, "dns"), style) + "\n";
  out += heading("Data path", style) + field(status, {"datapath", "mode"});
  if (field(status, {"datapath", "reason"}) != "-") out += ": " + field(status, {"datapath", "reason"});
  return out + "\n";
}

std::string render_sessions(const json& answer, const RenderStyle& style) {
  const json& sessions = list(answer, "sessions");
  if (sessions.empty()) return "no sessions\n";
  const auto ordered = sorted(sessions, [](const json& a, const json& b) { return session_rank(a) < session_rank(b); });
  TextTable table{{"PEER", "STATE", "LOCAL NID", "LOCAL", "REMOTE", "REACH", "LU", "CHECKSUM", "PACKETS IN / OUT",
                   "OCTETS IN / OUT", "IDLE"}};
  for (const json& session : ordered) {
    table.add({peer_of(session), state_of(session, style), field(session, {"local_nid"}),
               field(session, {"using", "local"}), field(session, {"using", "remote"}),
               field(locator_in_use(session), {"reach"}), field(session, {"lu", "state"}), field(session, {"checksum"}),
               counted_pair(session, "packets", human_count), counted_pair(session, "octets", human_octets),
               human_duration(number(session, "idle_s", -1))});
  }
  return table.text();
}

std::string render_locators(const json& answer, const RenderStyle& style) {
  const json& locators = list(answer, "locators");
  if (locators.empty()) return "no locators\n";
  TextTable table{{"LOCATOR", "INTERFACE", "STATE", "PREFERENCE", "GATEWAY", "GATEWAY STATE", "DAD", "VALID",
                   "PREFERRED", "SOURCE"}};
  for (const json& locator : locators) {
    const auto lifetime = [&](const char* key) {
      const auto found = locator.is_object() ? locator.find(key) : locator.end();
      if (found == locator.end() || !found->is_number()) return std::string{"for ever"};
      return human_duration(found->get<double>());
    };
    table.add({field(locator, {"locator"}), field(locator, {"interface"}), state_of(locator, style),
               field(locator, {"preference"}), field(locator, {"gateway"}), field(locator, {"gateway_state"}),
               field(locator, {"dad"}), lifetime("valid_s"), lifetime("preferred_s"), field(locator, {"source"})});
  }
  return table.text();
}

std::string render_counters(const json& answer, const RenderStyle& style) {
  TextTable table{{"COUNTER", "VALUE"}};
  std::size_t shown = 0, hidden = 0;
  for (const auto& [name, value] : object_at(answer, "counters").items()) {
    if (!name.starts_with(style.filter)) continue;
    if (value == 0 && !style.all_counters) {
      ++hidden;
      continue;
    }
    table.add({printable(name), field({{"v", value}}, {"v"})});
    ++shown;
  }
  std::string out = shown == 0 ? "" : table.text();
  if (hidden != 0) out += std::to_string(hidden) + " counters are zero (--all shows them)\n";
  return out.empty() ? "no counters\n" : out;
}

std::string render_event(const json& event, const RenderStyle& style) {
  const std::string level = field(event, {"level"});
  std::string out = field(event, {"time"}) + " " + coloured(level, colour_of(level), style.colour) + " " +
                    coloured(field(event, {"event"}), Colour::bold, style.colour);
  for (const auto& [name, value] : event.items()) {
    if (name == "schema" || name == "time" || name == "level" || name == "event") continue;
    std::string text = field({{"v", value}}, {"v"});
    if (value.is_boolean()) text = value.get<bool>() ? "true" : "false";
    if (text.find(' ') != std::string::npos) text = "\"" + text + "\"";
    out += " " + printable(name) + "=" + text;
  }
  return out + "\n";
}

std::string render_reload(const json& answer, const RenderStyle& style) {
  const auto lines = [](const json& changes) {
    std::string out;
    for (const json& change : changes) {
      out +=
          "  " + field(change, {"key"}) + ": " + field(change, {"before"}) + " -> " + field(change, {"after"}) + "\n";
    }
    return out;
  };
  const json &applied = list(answer, "applied"), &pending = list(answer, "needs_restart");
  std::string out;
  if (applied.empty() && pending.empty()) out += "nothing changed\n";
  if (!applied.empty()) out += "applied:\n" + lines(applied);
  if (!pending.empty()) {
    out += coloured("takes effect at the next start (systemctl restart ilnp-host):", Colour::yellow, style.colour) +
           "\n" + lines(pending);
  }
  return out;
}

}  // namespace ilnp
