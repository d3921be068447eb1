// SPDX-License-Identifier: Apache-2.0
#include "sbr/src/migrate_command.h"

#include <array>

#include "core/ilnp/text.h"
#include "io/telemetry/control.h"
#include "io/truth/record_json.h"

namespace ilnp {
namespace {

using nlohmann::json;

constexpr std::array steps{MoveStep::prepare, MoveStep::activate, MoveStep::release, MoveStep::abort,
                           MoveStep::rehome,  MoveStep::relocate, MoveStep::claim,   MoveStep::forget};
constexpr std::array members{"command", "step", "node", "home", "to", "visible", "when_heard", "epoch"};

Error bad(const std::string& member, const std::string& why) { return error("\"" + member + "\": " + why); }

/// Nothing when it is absent.
Result<std::optional<std::string>> text_of(const json& request, const char* name) {
  const auto found = request.find(name);
  if (found == request.end()) return std::optional<std::string>{};
  const auto* text = found->get_ptr<const std::string*>();
  if (text == nullptr) return bad(name, "is not a string");
  return std::optional{*text};
}

Result<bool> flag_of(const json& request, const char* name) {
  const auto found = request.find(name);
  if (found == request.end()) return false;
  if (!found->is_boolean()) return bad(name, "is not true or false");
  return found->get<bool>();
}

Result<MoveStep> step_of(const json& request) {
  const auto text = text_of(request, "step");
  if (!text) return text.error();
  for (const MoveStep step : steps)
    if (text.value() == name_of(step)) return step;
  return bad("step", "is none of prepare, activate, release, abort, rehome, relocate, claim, forget");
}

Result<NodeKey> node_of(const json& request) {
  const auto text = text_of(request, "node");
  if (!text) return text.error();
  if (!text.value()) return bad("node", "is missing");
  if (const auto nid = parse_node_id(*text.value())) return NodeKey{*nid};
  const auto address = parse_address(*text.value());
  if (address && !address->is_multicast() && !address->is_link_local() && address->locator != Locator{})
    return NodeKey{address->nid, address->locator};
  return bad("node", "is neither a NID (0200+00ff+fe00+1234) nor the address of a node without ILNP");
}

Result<std::optional<Place>> place_of(const json& request, const char* name, const NodeKey& node,
                                      const ConfiguredSites& sites) {
  const auto given = text_of(request, name);
  if (!given) return given.error();
  if (!given.value()) return std::optional<Place>{};
  const std::string& text = *given.value();
  const std::size_t slash = text.find('/');
  auto locator = parse_locator(slash == std::string::npos ? text : text.substr(slash + 1));
  if (slash != std::string::npos && !locator) return bad(name, "after the '/' comes a locator");
  std::optional<SiteId> site;
  if (slash != std::string::npos || !locator) {
    site = sites.names.find(text.substr(0, slash));
    if (!site) return bad(name, "no site of that name is configured here");
  } else {
    site = sites.site_of(*locator);
    if (!site) return bad(name, "this locator belongs to no site that is configured here");
  }
  if (node.address_locator != Locator{}) {
    if (locator && *locator != node.address_locator) return bad(name, "a node without ILNP keeps its locator");
    locator = node.address_locator;
  } else if (!locator) {
    // Outside names are made of a home, and of another site no more than its prefix is known here.
    if (name == std::string_view{"home"} && *site != sites.self)
      return bad(name, "this is another site: say the locator there as well (SITE/LOCATOR)");
    locator = sites.first_locator(*site);
    if (!locator) return bad(name, "this site has no locator here: say which");
  } else if (sites.site_of(*locator) != site) {
    return bad(name, "this locator is not one of that site");
  }
  return std::optional{Place{*site, *locator}};
}

}  // namespace

Result<MoveRequest> parse_migrate(const json& request, const ConfiguredSites& sites) {
  for (const auto& [name, value] : request.items())
    if (std::find(members.begin(), members.end(), name) == members.end()) return bad(name, "is not known");
  const auto step = step_of(request);
  if (!step) return step.error();
  const auto node = node_of(request);
  if (!node) return node.error();
  MoveRequest wanted;
  wanted.step = step.value();
  wanted.key = node.value();
  for (const auto& [name, place] : {std::pair{"home", &wanted.home}, {"to", &wanted.to}}) {
    auto parsed = place_of(request, name, wanted.key, sites);
    if (!parsed) return parsed.error();
    *place = parsed.value();
  }
  if (const auto to = text_of(request, "to"); to && to.value())
    wanted.site_only = sites.names.find(*to.value()).has_value();
  // The address of a node without ILNP says where its home is.
  if (const Locator own = wanted.key.address_locator; !wanted.home && own != Locator{})
    if (const auto site = sites.site_of(own)) wanted.home = Place{*site, own};
  for (const auto& [name, flag] : {std::pair{"visible", &wanted.visible}, {"when_heard", &wanted.when_heard}}) {
    const auto parsed = flag_of(request, name);
    if (!parsed) return parsed.error();
    *flag = parsed.value();
  }
  if (const auto epoch = request.find("epoch"); epoch != request.end()) {
    if (!epoch->is_number_integer() || *epoch < 0) return bad("epoch", "is not a number");
    wanted.epoch = epoch->get<std::uint64_t>();
  }
  return wanted;
}

json show_record(const std::optional<Ownership>& record, const SiteNames& names) {
  const auto text = record ? record_to_json(*record, names) : std::nullopt;
  if (!text) return nullptr;
  json shown = json::parse(*text);
  shown["epoch"] = record->epoch;
  return shown;
}

json migrate_answer(const MoveAnswer& answer, const SiteNames& names) {
  const bool taken = answer.kind == MoveAnswer::Kind::done || answer.kind == MoveAnswer::Kind::already;
  json shown;
  if (taken) {
    shown = {{"schema", "ilnp.migrate/1"}, {"outcome", answer.kind == MoveAnswer::Kind::done ? "done" : "already"}};
    shown["epoch"] = answer.record ? answer.record->epoch : 0;
  } else {
    const char* code = answer.kind == MoveAnswer::Kind::refused    ? name_of(answer.refusal)
                       : answer.kind == MoveAnswer::Kind::no_store ? "no_store"
                                                                   : "too_many";
    shown = control_error(code, answer.why);
  }
  shown["record"] = show_record(answer.record, names);
  return shown;
}

}  // namespace ilnp
