// SPDX-License-Identifier: Apache-2.0
#include "ctl/render.h"
#include "ctl/text_table.h"

namespace ilnp {

using nlohmann::json;

namespace {

std::string place(const json& record, const char* name) {
  if (!record.is_object() || !record.contains(name)) return "-";
  return field(record, {name, "site"}) + "/" + field(record, {name, "locator"});
}

std::vector<std::string> row_of(const json& record) {
  const bool keeps_address = record.is_object() && record.contains("address");
  return {field(record, {"nid"}) + (keeps_address ? " at " + field(record, {"address"}) : ""),
          field(record, {"phase"}),
          place(record, "at"),
          place(record, "home"),
          place(record, "other"),
          place(record, "former"),
          field(record, {"epoch"})};
}

TextTable table_of_moves() { return TextTable{{"NODE", "PHASE", "AT", "HOME", "FROM/TO", "FORMER HOME", "EPOCH"}}; }

}  // namespace

std::string render_migrate(const json& answer, const RenderStyle& style) {
  const bool changed = field(answer, {"outcome"}) == "done";
  std::string out = coloured(changed ? "done" : "nothing to do: it is so", Colour::green, style.colour) + "\n";
  if (!answer.contains("record") || answer["record"].is_null()) return out;
  TextTable table = table_of_moves();
  table.add(row_of(answer["record"]));
  return out + table.text("  ");
}

std::string render_moves(const json& moves, const RenderStyle&) {
  const json& records = list(moves, "records");
  if (records.empty()) return "no node is away from home or moving\n";
  TextTable table = table_of_moves();
  for (const json& record : records) table.add(row_of(record));
  std::string out = table.text();
  if (const double left_out = number(moves, "left_out"); left_out > 0)
    out += "and " + human_count(static_cast<std::uint64_t>(left_out)) + " more\n";
  return out;
}

}  // namespace ilnp
