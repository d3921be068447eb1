// SPDX-License-Identifier: Apache-2.0
#include "sbr/src/status.h"

#include <unistd.h>

#include "sbr/src/daemon.h"

namespace ilnp {
namespace {

using nlohmann::json;

constexpr const char* name_of(UplinkState state) {
  constexpr const char* names[] = {"up", "suspect", "down"};
  return names[static_cast<int>(state)];
}

}  // namespace

class Status {
 public:
  explicit Status(Daemon& daemon) : d_{daemon} {}

  json status() const;
  json uplinks() const;
  void register_counters() const;

 private:
  json problems() const;

  Daemon& d_;
};

json Status::problems() const {
  json out = json::array();
  const auto add = [&](const char* severity, std::string what, std::string cause, std::string next) {
    out.push_back(
        {{"severity", severity}, {"what", std::move(what)}, {"cause", std::move(cause)}, {"next", std::move(next)}});
  };
  std::size_t usable = 0;
  for (std::size_t k = 0; k < d_.settings_.uplinks.size(); ++k) {
    const auto id = static_cast<UplinkId>(k);
    const UplinkSettings& uplink = d_.settings_.uplinks[k];
    if (d_.rewriter_->uplinks().is_usable(id)) {
      ++usable;
    } else {
      add("warning", "uplink " + uplink.name + " is down", "no carrier on " + uplink.interface + ", or nobody answers",
          "ilnpctl show uplinks; ip link show " + uplink.interface);
    }
    if (d_.paths_.interface_of(Side::uplink(id)) != 0 && !d_.paths_.gateway(id))
      add("warning", "uplink " + uplink.name + " has no gateway",
          "none is configured, and the kernel has no default route",
          "set uplink.gateway; ip -6 route show default dev " + uplink.interface);
  }
  if (usable == 0 && !d_.settings_.uplinks.empty())
    add("error", "no uplink works", "all of them are down", "ilnpctl show uplinks");
  if (d_.paths_.inside().empty())
    add("error", "no inside interface", "none of the configured interfaces exists", "ip link");
  return out;
}

json Status::uplinks() const {
  json list = json::array();
  for (std::size_t k = 0; k < d_.settings_.uplinks.size(); ++k) {
    const auto id = static_cast<UplinkId>(k);
    const UplinkSettings& uplink = d_.settings_.uplinks[k];
    const Uplink& state = d_.rewriter_->uplinks()[id];
    const auto gateway = d_.paths_.gateway(id);
    list.push_back({{"name", uplink.name},
                    {"interface", uplink.interface},
                    {"state", name_of(state.state)},
                    {"preference", state.preference},
                    {"weight", state.weight},
                    {"mtu", state.mtu},
                    {"gateway", gateway ? json(to_string(*gateway)) : json(nullptr)}});
  }
  return {{"schema", "ilnp.uplinks/1"}, {"uplinks", std::move(list)}};
}

json Status::status() const {
  const json found = problems();
  std::string state = "ok";
  for (const json& problem : found) {
    if (problem["severity"] == "error") state = "down";
    if (problem["severity"] == "warning" && state == "ok") state = "degraded";
  }
  const std::chrono::duration<double> uptime = d_.loop_.now() - d_.started_at_;
  return {{"schema", "ilnp.status/1"},
          {"version", ILNP_VERSION},
          {"pid", ::getpid()},
          {"uptime_s", uptime.count()},
          {"state", state},
          {"problems", found},
          {"site", {{"name", d_.settings_.site_name}, {"number", d_.settings_.site_number}}},
          {"uplinks", uplinks()["uplinks"]}};
}

void Status::register_counters() const {
  CounterRegistry& counters = d_.counters_;
  Daemon* d = &d_;
  for (std::size_t i = 1; i < static_cast<std::size_t>(SiteDropReason::count); ++i) {
    const auto reason = static_cast<SiteDropReason>(i);
    counters.add("drop", {ilnp::name_of(reason), "packets dropped: see docs/operations/counters.md"},
                 [d, reason] { return d->rewriter_->drops(reason); });
  }
  const auto wire = [&](const char* name, const char* help, std::uint64_t WirePort::Counters::*field) {
    counters.add("wire", {name, help}, [d, field] { return d->ports_->counters().*field; });
  };
  wire("received", "packets from the wire", &WirePort::Counters::received);
  wire("sent", "packets to the wire", &WirePort::Counters::sent);
  wire("received_octets", "octets from the wire", &WirePort::Counters::received_octets);
  wire("sent_octets", "octets to the wire", &WirePort::Counters::sent_octets);
  wire("malformed", "dropped on receipt: malformed", &WirePort::Counters::malformed);
  wire("overrun", "dropped by the kernel: receive buffer full", &WirePort::Counters::overrun);
  wire("send_full", "dropped on sending: queue full", &WirePort::Counters::send_full);
  wire("send_too_big", "dropped on sending: larger than the MTU", &WirePort::Counters::send_too_big);
  wire("send_down", "dropped on sending: link down", &WirePort::Counters::send_down);
  wire("send_failed", "dropped on sending: other failure", &WirePort::Counters::send_failed);
  counters.add("wire", {"no_path", "dropped: the side has no interface or no gateway"}, [d] { return d->no_path_; });
  counters.add("wire", {"unresolved", "dropped: next hop did not answer"},
               [d] { return d->next_hops_->counters().unresolved; });
}

void register_status(Daemon& daemon) {
  const Status status{daemon};
  status.register_counters();
  ControlServer& control = *daemon.control_;
  control.on("status", [status](const json&) -> Result<json> { return status.status(); });
  control.on("uplinks", [status](const json&) -> Result<json> { return status.uplinks(); });
  control.on("counters", [&daemon](const json&) -> Result<json> {
    return json{{"schema", "ilnp.counters/1"}, {"counters", daemon.counters_.to_json()}};
  });
  control.on("reload", [&daemon](const json&) -> Result<json> {
    if (!daemon.reload_) return error("this daemon has no configuration to read again");
    const auto outcome = daemon.reload_();
    if (!outcome) return outcome.error();
    return reload_to_json(outcome.value());
  });
}

}  // namespace ilnp
