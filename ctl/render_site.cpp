// SPDX-License-Identifier: Apache-2.0
// What a border router answers.
#include "ctl/render.h"
#include "ctl/text_table.h"

namespace ilnp {

using nlohmann::json;

namespace {

Colour colour_of_state(const std::string& state) {
  if (state == "up" || state == "here" || state == "ready") return Colour::green;
  return state == "down" || state == "refused" ? Colour::red : Colour::yellow;
}

std::string state_of(const json& object, const char* key, const RenderStyle& style) {
  const std::string state = field(object, {key});
  return coloured(state, colour_of_state(state), style.colour);
}

std::string table_line(const json& answer, const char* name) {
  if (!answer.is_object() || !answer.contains(name)) return "-";
  return field(answer, {name, "entries"}) + " of " + field(answer, {name, "capacity"}) + ", displaced " +
         field(answer, {name, "displaced"}) + ", refused " + field(answer, {name, "refused"});
}

std::string prefixes_of(const json& uplink) {
  std::string out;
  for (const json& prefix : list(uplink, "prefixes"))
    if (prefix.is_string()) out += (out.empty() ? "" : " ") + prefix.get<std::string>();
  return out.empty() ? "-" : out;
}

}  // namespace

std::string render_site_status(const json& status, const RenderStyle& style) {
  std::string out = render_health(status, "ilnp-sbr", style);
  out += "Site       " + field(status, {"site", "name"}) + ", number " + field(status, {"site", "number"}) + "\n";
  for (const json& uplink : list(status, "uplinks"))
    out += "Uplink     " + field(uplink, {"name"}) + " on " + field(uplink, {"interface"}) + "  " +
           state_of(uplink, "state", style) + ", preference " + field(uplink, {"preference"}) + ", via " +
           field(uplink, {"gateway"}) + ", prefix " + prefixes_of(uplink) + "\n";
  for (const json& name : list(status, "publication")) out += "Name       " + publication_line(name, style) + "\n";
  out += "Tables     " + field(status, {"nodes"}) + " nodes, " + field(status, {"flows"}) + " flows\n";
  out += "Truth      " + field(status, {"truth", "kind"}) + ": " + field(status, {"truth", "state"}) + ", " +
         field(status, {"truth", "records"}) + " records, revision " + field(status, {"truth", "revision"}) + "\n";
  return out;
}

std::string render_uplinks(const json& answer, const RenderStyle& style) {
  const json& uplinks = list(answer, "uplinks");
  if (uplinks.empty()) return "no uplinks\n";
  TextTable table{
      {"UPLINK", "INTERFACE", "STATE", "PREFERENCE", "WEIGHT", "MTU", "GATEWAY", "PREFIX", "ROUND TRIP", "FAILURES"}};
  for (const json& uplink : uplinks)
    table.add({field(uplink, {"name"}), field(uplink, {"interface"}), state_of(uplink, "state", style),
               field(uplink, {"preference"}), field(uplink, {"weight"}), field(uplink, {"mtu"}),
               field(uplink, {"gateway"}), prefixes_of(uplink), human_duration(number(uplink, "round_trip_ms") / 1000),
               field(uplink, {"failures"})});
  return table.text();
}

std::string render_nodes(const json& answer, const RenderStyle& style) {
  const json& nodes = list(answer, "nodes");
  if (nodes.empty()) return "no nodes: all of them are where their locators say\n";
  TextTable table{{"NODE", "PRESENCE", "HOME", "NOW", "SITE", "ILNP", "LEARNT", "EPOCH", "HEARD"}};
  for (const json& node : nodes)
    table.add({field(node, {"nid"}), state_of(node, "presence", style), field(node, {"home"}), field(node, {"now"}),
               field(node, {"site"}), field(node, {"ilnp"}), field(node, {"learnt"}), field(node, {"epoch"}),
               human_duration(number(node, "heard_s", -1))});
  std::string out = table.text();
  if (const double left_out = number(answer, "left_out"); left_out > 0)
    out += "and " + human_count(static_cast<std::uint64_t>(left_out)) + " more\n";
  return out;
}

std::string render_flows(const json& answer, const RenderStyle&) {
  return "Flows      " + table_line(answer, "flows") + "\nSessions   " + table_line(answer, "sessions") + "\n";
}

}  // namespace ilnp
