// SPDX-License-Identifier: Apache-2.0
#include "io/truth/record_json.h"

#include <algorithm>

#include "core/ilnp/text.h"
#include "io/telemetry/json_text.h"

namespace ilnp {
namespace {

using nlohmann::json;
using std::string_view;

constexpr const char* schema = "ilnp.ownership/1";
constexpr JsonLimits limits{max_record_octets, 2};
constexpr const char* phases[] = {"settled", "prepared", "active"};
constexpr string_view members[] = {"schema", "nid",   "address", "home",    "at",
                                   "phase",  "other", "former",  "visible", "when_heard"};

const std::string* text_of(const json& object, const char* name) {
  const auto found = object.find(name);
  return found == object.end() ? nullptr : found->get_ptr<const std::string*>();
}

std::optional<NodeKey> parse_node(const json& object) {
  const std::string* nid_text = text_of(object, "nid");
  const auto nid = nid_text != nullptr ? parse_node_id(*nid_text) : std::nullopt;
  if (!nid) return std::nullopt;
  if (!object.contains("address")) return NodeKey{*nid};
  const std::string* locator_text = text_of(object, "address");
  const auto locator = locator_text != nullptr ? parse_locator(*locator_text) : std::nullopt;
  if (!locator || *locator == Locator{}) return std::nullopt;
  return NodeKey{*nid, *locator};
}

Result<Place, RecordProblem> parse_place(const json& value, const SiteNames& sites) {
  if (!value.is_object() || value.size() != 2) return RecordProblem::bad_place;
  const std::string* site_name = text_of(value, "site");
  const std::string* locator_text = text_of(value, "locator");
  if (site_name == nullptr || locator_text == nullptr) return RecordProblem::bad_place;
  const auto locator = parse_locator(*locator_text);
  if (!locator) return RecordProblem::bad_place;
  const auto site = sites.find(*site_name);
  if (!site) return RecordProblem::unknown_site;
  return Place{*site, *locator};
}

/// What plan_move() makes, and nothing else: `other` while a move is prepared, `former` only while one is active.
bool fits_phase(const Ownership& record) {
  switch (record.phase) {
    case MovePhase::settled:
      return !record.other && !record.former && !record.visible && !record.when_heard;
    case MovePhase::prepared:
      return record.other && *record.other != record.at && !record.former && (!record.visible || record.is_ilnp());
    case MovePhase::active:
      return (record.other || record.former) && !record.visible && !record.when_heard &&
             (!record.former || record.is_ilnp());
  }
  return false;
}

/// Reads `home`, `at`, and `other` and `former` when they are there.
std::optional<RecordProblem> read_places(const json& object, const SiteNames& sites, Ownership& record) {
  for (const auto& [name, place] : {std::pair{"home", &record.home}, std::pair{"at", &record.at}}) {
    if (!object.contains(name)) return RecordProblem::bad_place;
    const auto parsed = parse_place(object.at(name), sites);
    if (!parsed) return parsed.error();
    *place = parsed.value();
  }
  for (const auto& [name, place] : {std::pair{"other", &record.other}, std::pair{"former", &record.former}}) {
    if (!object.contains(name)) continue;
    const auto parsed = parse_place(object.at(name), sites);
    if (!parsed) return parsed.error();
    *place = parsed.value();
  }
  return std::nullopt;
}

}  // namespace

const char* explain(RecordProblem problem) {
  constexpr const char* words[] = {"it is longer than 4096 octets",
                                   "it is nested too deeply",
                                   "it is not JSON",
                                   "it is not an object of schema ilnp.ownership/1",
                                   "its key is not that of a node",
                                   "it is filed under the key of another node",
                                   "its \"nid\" or \"address\" is wrong",
                                   "one of its places is not {\"site\", \"locator\"}",
                                   "it names a site that is not configured here",
                                   "its phase does not exist, or does not fit the rest of it",
                                   "it has a member that schema ilnp.ownership/1 does not know"};
  return words[static_cast<int>(problem)];
}

std::string record_key(const NodeKey& key) {
  std::string text{record_key_prefix};
  text += to_text(key.nid);
  if (key.address_locator != Locator{}) text += '@' + to_text(key.address_locator);
  return text;
}

std::optional<NodeKey> parse_record_key(string_view text) {
  if (!text.starts_with(record_key_prefix)) return std::nullopt;
  const string_view node = text.substr(record_key_prefix.size());
  const std::size_t at = node.find('@');
  const auto nid = parse_node_id(node.substr(0, at));
  const auto locator = at == string_view::npos ? Locator{} : parse_locator(node.substr(at + 1));
  if (!nid || !locator) return std::nullopt;
  const NodeKey key{*nid, *locator};
  if (record_key(key) != text) return std::nullopt;  // another spelling would be a second record of one node
  return key;
}

std::optional<std::string> record_to_json(const Ownership& record, const SiteNames& sites) {
  bool all_named = true;
  const auto place = [&](const Place& p) {
    const string_view name = sites.name_of(p.site);
    all_named = all_named && !name.empty();
    return json{{"site", name}, {"locator", to_text(p.locator)}};
  };
  json object{{"schema", schema},
              {"nid", to_text(record.key.nid)},
              {"home", place(record.home)},
              {"at", place(record.at)},
              {"phase", phases[static_cast<int>(record.phase)]}};
  if (!record.is_ilnp()) object["address"] = to_text(record.key.address_locator);
  if (record.other) object["other"] = place(*record.other);
  if (record.former) object["former"] = place(*record.former);
  if (record.visible) object["visible"] = true;
  if (record.when_heard) object["when_heard"] = true;
  if (!all_named) return std::nullopt;
  return object.dump();
}

Result<Ownership, RecordProblem> parse_record(string_view key_text, string_view text, const SiteNames& sites) {
  const auto key = parse_record_key(key_text);
  if (!key) return RecordProblem::bad_key;
  const auto parsed = parse_json(text, limits);
  if (!parsed) {
    const JsonProblem problem = parsed.error();
    if (problem == JsonProblem::not_json) return RecordProblem::not_json;
    return problem == JsonProblem::too_long ? RecordProblem::too_long : RecordProblem::too_deep;
  }
  const json& object = parsed.value().value;
  const std::string* said = object.is_object() ? text_of(object, "schema") : nullptr;
  if (said == nullptr || *said != schema) return RecordProblem::other_schema;
  for (const auto& [name, value] : object.items()) {
    if (std::find(std::begin(members), std::end(members), name) == std::end(members))
      return RecordProblem::unknown_member;
  }

  const auto node = parse_node(object);
  if (!node) return RecordProblem::bad_node;
  if (*node != *key) return RecordProblem::other_key;
  Ownership record;
  record.key = *node;
  if (const auto problem = read_places(object, sites, record)) return *problem;

  const std::string* phase = text_of(object, "phase");
  const auto known = phase == nullptr ? std::end(phases) : std::find(std::begin(phases), std::end(phases), *phase);
  if (known == std::end(phases)) return RecordProblem::bad_phase;
  record.phase = static_cast<MovePhase>(known - std::begin(phases));
  for (const auto& [name, flag] : {std::pair{"visible", &record.visible}, {"when_heard", &record.when_heard}}) {
    const auto found = object.find(name);
    if (found == object.end()) continue;
    if (*found != true) return RecordProblem::bad_phase;
    *flag = true;
  }
  if (!fits_phase(record)) return RecordProblem::bad_phase;
  return record;
}

}  // namespace ilnp
