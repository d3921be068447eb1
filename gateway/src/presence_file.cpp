// SPDX-License-Identifier: Apache-2.0
#include "gateway/src/presence_file.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "gateway/src/saved_json.h"
#include "gateway/src/settings.h"
#include "gateway/src/wall_clock.h"
#include "io/settings/secret_file.h"
#include "io/telemetry/log.h"

namespace ilnp {
namespace {

using nlohmann::json;
using State = lisp::EidPresence::State;

constexpr const char* schema = "ilnp.gateway_presences/1";
constexpr std::size_t largest_file = std::size_t{256} << 20;
constexpr std::size_t most_rows = 100'000, most_rlocs = 64;
// Of what ten thousand EIDs take, some ten milliseconds, there is not more than a twentieth of the time.
constexpr Duration spacing = milliseconds{50};
constexpr std::uint64_t longest_relay = 3'600'000'000;  ///< microseconds
constexpr int spacing_of_writes = 20;

constexpr std::array<std::pair<State, const char*>, 4> states{
    {{State::moving_in, "moving_in"}, {State::here, "here"}, {State::moving_out, "moving_out"}, {State::away, "away"}}};

json written(const std::vector<lisp::RlocRecord>& rlocs) {
  json out = json::array();
  for (const lisp::RlocRecord& r : rlocs)
    out.push_back({{"rloc", lisp::to_string(r.address)},
                   {"priority", r.priority},
                   {"weight", r.weight},
                   {"local", r.is_local},
                   {"reachable", r.is_reachable}});
  return out;
}

/// Of the list of that name in the row.
std::vector<lisp::RlocRecord> rlocs_of(const json& whole, const char* name) {
  std::vector<lisp::RlocRecord> out;
  for (const json& row : saved::rows(whole, name, most_rlocs)) {
    const auto address = lisp::parse_ip_address(row.at("rloc").get<std::string>());
    if (!address) saved::damaged("not an RLOC");
    lisp::RlocRecord& r = out.emplace_back();
    r.address = *address;
    r.priority = saved::number<std::uint8_t>(row, "priority");
    r.weight = saved::number<std::uint8_t>(row, "weight");
    r.is_local = row.at("local").get<bool>();
    r.is_reachable = row.at("reachable").get<bool>();
  }
  return out;
}

State state_of(const std::string& name) {
  const auto found = std::ranges::find_if(states, [&](const auto& one) { return name == one.second; });
  if (found == states.end()) saved::damaged("not a state");
  return found->first;
}

const char* name_of(State state) {
  return std::ranges::find_if(states, [&](const auto& one) { return state == one.first; })->second;
}

json row_of(const lisp::SavedPresence& presence, std::uint64_t now) {
  json row = saved::written(presence.epoch.owner);
  row.update({{"eid", lisp::to_string(presence.eid)},
              {"state", name_of(presence.state)},
              {"since", presence.epoch.time},
              {"rlocs", written(presence.rlocs)}});
  if (presence.elsewhere) {
    row["elsewhere"] = written(presence.elsewhere->rlocs);
    row["ttl"] = presence.elsewhere->ttl;
  }
  if (presence.relay_left > Duration{})
    row["relay_until"] = now + static_cast<std::uint64_t>(
                                   std::chrono::duration_cast<std::chrono::microseconds>(presence.relay_left).count());
  return row;
}

/// Nothing: its time is over.
std::optional<lisp::SavedPresence> presence_of(const json& row, std::uint64_t now) {
  lisp::SavedPresence out;
  const auto eid = lisp::parse_eid_prefix(row.at("eid").get<std::string>());
  if (!eid || !eid->prefix.is_host()) saved::damaged("not an EID of somebody");
  out.eid = *eid;
  out.state = state_of(row.at("state").get<std::string>());
  out.epoch = {saved::number<std::uint64_t>(row, "since"), saved::identity(row)};
  out.rlocs = rlocs_of(row, "rlocs");
  if (row.contains("elsewhere")) {
    lisp::MappingRecord& record = out.elsewhere.emplace();
    record.eid = out.eid;
    record.ttl = saved::number<std::uint32_t>(row, "ttl");
    record.rlocs = rlocs_of(row, "elsewhere");
  }
  if (out.state == State::moving_in || out.state == State::here) return out;
  const auto until = row.contains("relay_until") ? saved::number<std::uint64_t>(row, "relay_until") : 0;
  if (until <= now) return std::nullopt;
  if (!out.elsewhere) saved::damaged("nobody to relay to");
  out.relay_left = std::chrono::microseconds{std::min(until - now, longest_relay)};
  return out;
}

}  // namespace

std::string presences_to_text(const std::vector<lisp::SavedPresence>& presences, std::uint64_t now) {
  json rows = json::array();
  for (const lisp::SavedPresence& presence : presences) rows.push_back(row_of(presence, now));
  return json{{"schema", schema}, {"presences", std::move(rows)}}.dump() + "\n";
}

std::optional<std::vector<lisp::SavedPresence>> parse_presences(std::string_view text, std::uint64_t now) {
  try {
    const json whole = json::parse(text);
    if (whole.at("schema") != schema) return std::nullopt;
    std::vector<lisp::SavedPresence> out;
    for (const json& row : saved::rows(whole, "presences", most_rows))
      if (auto presence = presence_of(row, now)) out.push_back(std::move(*presence));
    return out;
  } catch (const json::exception&) {
    return std::nullopt;
  }
}

PresenceFile::PresenceFile(Loop& loop, const std::string& directory, Collect collect, OnText on_text)
    : loop_{loop},
      path_{(std::filesystem::path{directory} / "gateway.presences").string()},
      collect_{std::move(collect)},
      on_text_{std::move(on_text)},
      timer_{loop, [this] { write(); }} {}

std::vector<lisp::SavedPresence> PresenceFile::load() const {
  std::error_code failure;
  if (!std::filesystem::exists(path_, failure)) return {};
  const auto content = read_secret_file(path_, largest_file);
  std::optional<std::vector<lisp::SavedPresence>> presences;
  if (content) presences = parse_presences(saved::text_of(content.value()), unix_microseconds());
  if (!presences)
    log_event(LogLevel::warning, "presences_lost",
              {{"reason", content ? "the file is damaged" : content.error().message},
               {"next", "say ilnpctl lisp arrive for each EID that is here"}});
  return presences ? std::move(*presences) : std::vector<lisp::SavedPresence>{};
}

void PresenceFile::changed() {
  if (is_waiting_) return;
  if (loop_.now() >= next_) return write();
  is_waiting_ = true;
  timer_.set(next_);
}

void PresenceFile::flush() {
  if (is_waiting_) write();
}

void PresenceFile::write() {
  const TimePoint began = loop_.now();
  is_waiting_ = false;
  // After a loss of power no guest runs here: it need not be waited for the disk.
  const std::string text = presences_to_text(collect_(), unix_microseconds());
  on_text_(text);
  const auto written = write_secret_file(path_, saved::bytes_of(text), Outlives::process);
  if (!written && !is_failing_)
    log_event(LogLevel::error, "presences_not_saved", {{"reason", written.error().message}});
  is_failing_ = !written;
  const TimePoint now = loop_.now();
  next_ = now + std::max(spacing, spacing_of_writes * (now - began));
}

void PresenceFile::remove() {
  is_waiting_ = false;
  std::error_code failure;
  std::filesystem::remove(path_, failure);
}

}  // namespace ilnp
