// SPDX-License-Identifier: Apache-2.0
// What a LISP gateway answers.
#include "ctl/render.h"
#include "ctl/text_table.h"

namespace ilnp {

using nlohmann::json;

namespace {

Colour colour_of_state(const std::string& state) {
  if (state == "up" || state == "here" || state == "active" || state == "established") return Colour::green;
  return state == "down" ? Colour::red : Colour::yellow;
}

std::string state_of(const json& object, const RenderStyle& style) {
  const std::string state = field(object, {"state"});
  return coloured(state, colour_of_state(state), style.colour);
}

/// "2001:db8::1 1/100, 192.0.2.1 2/50": priority and weight.
std::string rlocs_of(const json& object, const char* key) {
  std::string out;
  for (const json& rloc : list(object, key))
    out += (out.empty() ? "" : ", ") + field(rloc, {"rloc"}) + " " + field(rloc, {"priority"}) + "/" +
           field(rloc, {"weight"});
  return out.empty() ? "-" : out;
}

std::string words_of(const json& object, const char* key) {
  std::string out;
  for (const json& word : list(object, key))
    if (word.is_string()) out += (out.empty() ? "" : " ") + printable(word.get<std::string>());
  return out.empty() ? "-" : out;
}

std::string with_the_rest(const TextTable& table, const json& answer) {
  std::string out = table.text();
  if (const double left_out = number(answer, "left_out"); left_out > 0)
    out += "and " + human_count(static_cast<std::uint64_t>(left_out)) + " more\n";
  return out;
}

}  // namespace

std::string render_gateway_status(const json& status, const RenderStyle& style) {
  std::string out = render_health(status, "ilnp-gateway", style);
  out += "Gateway    " + field(status, {"gateway", "name"}) + ", xTR-ID " + field(status, {"gateway", "xtr_id"}) +
         ", Site-ID " + field(status, {"gateway", "site_id"}) + "\n";
  out += "RLOCs      " + words_of(status, "rlocs") + "\n";
  for (const json& interface : list(status, "interfaces"))
    out += "Inside     " + field(interface, {"name"}) + ", instance " + field(interface, {"instance"}) + "\n";
  out += "EIDs       " + field(status, {"eids"}) + ", " + field(status, {"registered"}) + " of them registered\n";
  out += "Tables     " + field(status, {"map_cache"}) + " mappings, " + field(status, {"clients"}) + " clients\n";
  if (field(status, {"sessions"}) != "-")
    out += "Sessions   " + field(status, {"sessions", "sessions"}) + " with " + field(status, {"sessions", "nodes"}) +
           " ILNP nodes, of " + field(status, {"sessions", "clients"}) + " clients\n";
  if (field(status, {"group"}) != "-")
    out += "Group      " + field(status, {"group", "alive"}) + " others alive, " +
           field(status, {"group", "connected"}) + " of " + field(status, {"group", "peers"}) + " hear us\n";
  if (field(status, {"map_server"}) != "-")
    out += "Map-Server " + field(status, {"map_server", "registrations"}) + " registrations\n";
  return out;
}

std::string render_map_cache(const json& answer, const RenderStyle& style) {
  if (list(answer, "mappings").empty()) return "no mappings\n";
  TextTable table{{"EID", "STATE", "BY", "RLOCS", "ENDS", "USED"}};
  for (const json& mapping : list(answer, "mappings")) {
    const std::string action = field(mapping, {"action"});
    table.add({field(mapping, {"eid"}), state_of(mapping, style), field(mapping, {"origin"}),
               action == "-" ? rlocs_of(mapping, "rlocs") : action, human_duration(number(mapping, "ends_s", -1)),
               human_duration(number(mapping, "used_s", -1))});
  }
  return with_the_rest(table, answer);
}

std::string render_registrations(const json& answer, const RenderStyle& style) {
  if (list(answer, "registrations").empty()) return "no EIDs\n";
  TextTable table{{"EID", "MAP-SERVER", "REGISTERED"}};
  for (const json& row : list(answer, "registrations")) {
    const auto servers = row.is_object() ? row.find("map_servers") : row.end();
    if (servers == row.end() || !servers->is_object()) continue;
    for (const auto& [name, registered] : servers->items()) {
      const bool is_registered = registered == true;
      table.add({field(row, {"eid"}), printable(name),
                 coloured(is_registered ? "yes" : "no", is_registered ? Colour::green : Colour::red, style.colour)});
    }
  }
  return with_the_rest(table, answer);
}

std::string render_lisp_clients(const json& answer, const RenderStyle&) {
  if (list(answer, "clients").empty()) return "no clients\n";
  TextTable table{{"EID", "CLIENT", "ITS PREFIX", "TOLD BY", "SEEN"}};
  for (const json& client : list(answer, "clients"))
    table.add({field(client, {"eid"}), field(client, {"rloc"}), field(client, {"prefix"}),
               field(client, {"capability"}), human_duration(number(client, "seen_s", -1))});
  return with_the_rest(table, answer);
}

std::string render_rlocs(const json& answer, const RenderStyle& style) {
  if (list(answer, "rlocs").empty()) return "no RLOCs\n";
  TextTable table{{"RLOC", "STATE", "ROUND TRIP", "MEAN", "JITTER", "ANSWERED", "LOST"}};
  const auto time = [](const json& row, const char* key) {
    const double value = number(row, key, -1);
    return value < 0 ? std::string{"-"} : human_duration(value / 1000);
  };
  for (const json& rloc : list(answer, "rlocs"))
    table.add({field(rloc, {"rloc"}), state_of(rloc, style), time(rloc, "round_trip_ms"), time(rloc, "mean_ms"),
               time(rloc, "jitter_ms"), field(rloc, {"answered"}), field(rloc, {"lost"})});
  return with_the_rest(table, answer);
}

std::string render_eids(const json& answer, const RenderStyle& style) {
  if (list(answer, "eids").empty()) return "no mobile EIDs\n";
  TextTable table{{"EID", "STATE", "ELSEWHERE"}};
  for (const json& eid : list(answer, "eids"))
    table.add({field(eid, {"eid"}), state_of(eid, style), rlocs_of(eid, "elsewhere")});
  return with_the_rest(table, answer);
}

std::string render_lisp_sessions(const json& answer, const RenderStyle& style) {
  if (list(answer, "sessions").empty()) return "no sessions with ILNP nodes\n";
  TextTable table{{"CLIENT", "NODE", "STATE", "LOCATOR", "OURS", "IN", "OUT"}};
  for (const json& row : list(answer, "sessions"))
    table.add({field(row, {"client"}), field(row, {"node"}), state_of(row, style), field(row, {"locator"}),
               field(row, {"our_locator"}), field(row, {"packets_in"}), field(row, {"packets_out"})});
  return with_the_rest(table, answer);
}

std::string render_group(const json& answer, const RenderStyle& style) {
  if (list(answer, "peers").empty()) return "no group\n";
  const auto state = [&](const json& row, const char* key, const char* yes, const char* no) {
    const bool is_so = row.is_object() && row.value(key, json{}) == true;
    return coloured(is_so ? yes : no, is_so ? Colour::green : Colour::red, style.colour);
  };
  TextTable peers{{"HEARS US", "STATE", "SINCE", "LAST ERROR"}};
  for (const json& peer : list(answer, "peers"))
    peers.add({field(peer, {"address"}), state(peer, "connected", "connected", "away"),
               human_duration(number(peer, "since_s", -1)), field(peer, {"last_error"})});
  TextTable members{{"WE HEAR", "STATE", "XTR-ID", "SITE-ID"}};
  for (const json& member : list(answer, "members"))
    members.add({field(member, {"name"}), state(member, "alive", "alive", "silent"), field(member, {"xtr_id"}),
                 field(member, {"site_id"})});
  std::string out = peers.text() + (list(answer, "members").empty() ? "\nwe hear nobody\n" : "\n" + members.text());
  const std::string refusal = field(answer, {"last_refusal"});
  return refusal == "-" ? out : out + "\nLast refused: " + refusal + "\n";
}

std::string render_lisp_step(const json& answer, const RenderStyle&) {
  const std::string state = field(answer, {"state"});
  return field(answer, {"step"}) + " " + field(answer, {"eid"}) + (state == "-" ? "" : ": " + state) + "\n";
}

}  // namespace ilnp
