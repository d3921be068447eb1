// SPDX-License-Identifier: Apache-2.0
#include "sbr/src/truth_side.h"

#include "core/ilnp/text.h"
#include "io/telemetry/control.h"
#include "io/telemetry/log.h"

namespace ilnp {
namespace {

using nlohmann::json;

constexpr std::size_t max_moves_shown = 10'000;

DirectoryTuning tuning_of(const SbrSettings& settings) {
  DirectoryTuning tuning;
  tuning.grace = settings.tuning.grace;
  tuning.prepare_timeout = settings.migration.prepare_timeout;
  return tuning;
}

}  // namespace

TruthSide::TruthSide(Loop& loop, const SbrSettings& settings, SiteRewriter& rewriter, Hooks hooks)
    : loop_{loop},
      settings_{settings},
      directory_{settings.site_number, tuning_of(settings), rewriter},
      hooks_{std::move(hooks)},
      timer_{loop, [this] {
               directory_.on_time(loop_.now(), actions_);
               carry_out();
             }} {}

Result<void> TruthSide::open() {
  for (const auto& [number, name] : settings_.site_names())
    if (auto added = names_.add(number, name); !added) return added;
  TruthOptions options = settings_.truth;
  options.sites = names_;
  auto store = open_truth_store(loop_, options);
  if (!store) return store.error();
  store_ = std::move(store.value());
  controller_ = std::make_unique<MoveController>(*store_);
  store_->watch(*this);
  return ok();
}

void TruthSide::serve(ControlServer& control) {
  control.on_slow("migrate", [this](const json& request, const ControlServer::Reply& reply) {
    auto wanted = parse_migrate(request, view());
    if (!wanted) return reply(control_error("bad_request", wanted.error().message));
    if (wanted.value().step == MoveStep::prepare && !request.contains("when_heard"))
      wanted.value().when_heard = settings_.migration.activate_when_heard;
    controller_->request(wanted.value(), [this, reply, step = wanted.value().step](const MoveAnswer& answer) {
      if (answer.kind == MoveAnswer::Kind::done && answer.record)
        log_event(LogLevel::info, "move_step",
                  {{"step", name_of(step)}, {"nid", to_text(answer.record->key.nid)}, {"epoch", answer.record->epoch}});
      reply(migrate_answer(answer, names_));
    });
  });
  control.on("moves", [this](const json&) -> Result<json> { return moves(); });
  control.on("accept_store", [this](const json&) -> Result<json> {
    store_->accept_store();
    log_event(LogLevel::warning, "store_accepted", {});
    return json{{"schema", "ilnp.accepted/1"}};
  });
}

ConfiguredSites TruthSide::view() const {
  return {names_, settings_.site_number, [this](Locator l) { return site_of(l); },
          [this](SiteId site) { return first_locator(site); }};
}

std::optional<SiteId> TruthSide::site_of(Locator locator) const {
  for (const InsideSettings& inside : settings_.inside)
    for (const LocatorPrefix& prefix : inside.locators)
      if (prefix.contains(locator)) return settings_.site_number;
  for (const SiteLinkSettings& link : settings_.links)
    for (const LocatorPrefix& prefix : link.inside)
      if (prefix.contains(locator)) return link.number;
  return std::nullopt;
}

std::optional<Locator> TruthSide::first_locator(SiteId site) const {
  if (site == settings_.site_number) {
    for (const InsideSettings& inside : settings_.inside)
      if (!inside.locators.empty()) return inside.locators.front().locator;
    return std::nullopt;
  }
  // Any of that site will do until the node is heard there: its router knows where it really is.
  for (const SiteLinkSettings& link : settings_.links)
    if (link.number == site && !link.inside.empty()) return link.inside.front().locator;
  return std::nullopt;
}

json TruthSide::moves() const {
  json records = json::array();
  std::size_t left_out = 0;
  directory_.for_each([&](const Ownership& record) {
    if (record.phase == MovePhase::settled && record.at == record.home) return;
    if (records.size() < max_moves_shown)
      records.push_back(show_record(record, names_));
    else
      ++left_out;
  });
  return {{"schema", "ilnp.moves/1"}, {"records", std::move(records)}, {"left_out", left_out}};
}

void TruthSide::on_record(const Ownership& record) {
  directory_.apply(loop_.now(), record, actions_);
  carry_out();
}

void TruthSide::on_gone(const NodeKey& key, std::uint64_t epoch) {
  directory_.gone(loop_.now(), key, epoch, actions_);
  carry_out();
}

void TruthSide::on_resync_finished() {
  directory_.resync_finished(loop_.now(), actions_);
  carry_out();
}

void TruthSide::on_reachable(bool reachable, const std::string& why) {
  if (reachable == was_reachable_ && reachable) return;
  was_reachable_ = reachable;
  if (reachable)
    log_event(LogLevel::info, "store_reachable", {{"kind", store_->status().kind}});
  else
    log_event(LogLevel::warning, "store_unreachable",
              {{"why", why}, {"meaning", "no move can be made; forwarding goes on from the copy"}});
}

void TruthSide::on_site_event(const SiteEvent& event) {
  directory_.on_event(loop_.now(), event, actions_);
  carry_out();
}

void TruthSide::seen_inside(const Address& source, const MacAddress& mac) {
  const Ownership* record = directory_.claimed(loop_.now(), source);
  if (record == nullptr) return;
  log_event(LogLevel::warning, "node_claimed",
            {{"nid", to_text(record->key.nid)},
             {"by", to_string(source)},
             {"mac", to_string(mac)},
             {"at", std::string{names_.name_of(record->at.site)}},
             {"locator", to_text(record->at.locator)},
             {"meaning", "a clone, a liar, or a node that came without a move"}});
}

void TruthSide::carry_out() {
  DirectoryActions done = std::exchange(actions_, {});
  for (const DirectoryEvent& event : done.events) {
    log(event);
    hooks_.on_event(event);
  }
  for (const MoveRequest& request : done.requests) ask(request);
  hooks_.perform(done.site);
  timer_.set(directory_.next_deadline());
}

void TruthSide::ask(const MoveRequest& request) {
  controller_->request(request, [step = request.step, nid = request.key.nid](const MoveAnswer& answer) {
    const bool taken = answer.kind == MoveAnswer::Kind::done || answer.kind == MoveAnswer::Kind::already;
    // Another router of the move was faster, or it will be asked again.
    log_event(taken ? LogLevel::info : LogLevel::debug, "own_move_step",
              {{"step", name_of(step)}, {"nid", to_text(nid)}, {"taken", taken}, {"why", answer.why}});
  });
}

void TruthSide::log(const DirectoryEvent& event) const {
  using enum DirectoryEventKind;
  const Ownership& record = event.record;
  const bool is_problem = event.kind == not_heard || event.kind == clash || event.kind == full || event.kind == stale;
  log_event(is_problem ? LogLevel::warning : LogLevel::info, std::string{"node_"} + name_of(event.kind),
            {{"nid", to_text(record.key.nid)},
             {"at", std::string{names_.name_of(record.at.site)}},
             {"locator", to_text(record.at.locator)},
             {"home", std::string{names_.name_of(record.home.site)}},
             {"epoch", record.epoch}});
}

}  // namespace ilnp
