// SPDX-License-Identifier: Apache-2.0
// What the control socket shows, and counters.
#include "gateway/src/status.h"

#include "gateway/src/daemon.h"
#include "gateway/src/lisp_command.h"
#include "gateway/src/status_group.h"
#include "gateway/src/status_sessions.h"
#include "io/process/status_report.h"

namespace ilnp {
namespace {

using nlohmann::json;

double seconds_of(Duration duration) { return std::chrono::duration<double>(duration).count(); }

const char* name_of(lisp::MappingState state) {
  constexpr const char* names[] = {"pending", "active", "negative", "stale", "tentative"};
  return names[static_cast<int>(state)];
}

const char* name_of(lisp::MappingOrigin origin) {
  constexpr const char* names[] = {"reply", "notify", "change_priority", "configured", "own"};
  return names[static_cast<int>(origin)];
}

const char* name_of(lisp::Action action) {
  constexpr const char* names[] = {"no_action", "natively_forward", "send_map_request",
                                   "drop",      "drop_policy",      "drop_authentication"};
  return names[static_cast<int>(action)];
}

const char* name_of(lisp::Capability capability) {
  constexpr const char* names[] = {"unknown", "change_priority", "raw_change_priority", "smr", "pubsub"};
  return names[static_cast<int>(capability)];
}

constexpr std::array server_counters{"registered",
                                     "replayed",
                                     "not_configured",
                                     "full",
                                     "superseded",
                                     "answered",
                                     "forwarded",
                                     "negative",
                                     "not_for_servers",
                                     "too_many",
                                     "subscription_replayed",
                                     "subscription_refused"};
static_assert(server_counters.size() == static_cast<std::size_t>(lisp::MapServerReason::count));

json rlocs_of(const std::vector<lisp::RlocRecord>& rlocs) {
  json out = json::array();
  for (const lisp::RlocRecord& r : rlocs)
    out.push_back({{"rloc", lisp::to_string(r.address)},
                   {"priority", r.priority},
                   {"weight", r.weight},
                   {"reachable", r.is_reachable}});
  return out;
}

}  // namespace

const char* name_of(lisp::EidPresence::State state) {
  constexpr const char* names[] = {"unknown", "lisp_remote", "moving_in", "here", "moving_out", "away"};
  return names[static_cast<int>(state)];
}

class GatewayStatus {
 public:
  explicit GatewayStatus(GatewayDaemon& daemon) : d_{daemon} {}

  json status() const;
  json map_cache() const;
  json registrations() const;
  json clients() const;
  json rlocs() const;
  json eids() const;
  json group() const;
  void register_counters() const;
  void register_core_counters() const;

 private:
  StatusProblems problems() const;
  json truth() const;
  std::vector<lisp::EidPrefix> own_eids() const;
  bool is_registered(const lisp::EidPrefix& eid) const;

  GatewayDaemon& d_;
};

/// Those of the site, and the mobile ones that are here.
std::vector<lisp::EidPrefix> GatewayStatus::own_eids() const {
  std::vector<lisp::EidPrefix> out = d_.settings_.xtr.site;
  using State = lisp::EidPresence::State;
  d_.xtr_->for_each_presence([&](const lisp::EidPrefix& eid, const lisp::EidPresence& presence) {
    if (presence.state() == State::here || presence.state() == State::moving_in) out.push_back(eid);
  });
  return out;
}

/// With one Map-Server at least.
bool GatewayStatus::is_registered(const lisp::EidPrefix& eid) const {
  for (std::size_t k = 0; k < d_.settings_.xtr.map_servers.size(); ++k)
    if (d_.xtr_->registrations().is_registered(eid, static_cast<lisp::ServerId>(k))) return true;
  return false;
}

StatusProblems GatewayStatus::problems() const {
  StatusProblems out;
  std::size_t unregistered = 0;
  for (const lisp::EidPrefix& eid : own_eids()) unregistered += is_registered(eid) ? 0 : 1;
  if (unregistered != 0 && d_.is_active_)
    out.add("warning", std::to_string(unregistered) + " of our EID-prefixes are not registered",
            "no Map-Server has confirmed them", "ilnpctl lisp registrations; ilnpctl lisp rlocs");
  for (const lisp::IpAddress& rloc : d_.xtr_->probing().down())
    out.add("warning", "the RLOC " + lisp::to_string(rloc) + " does not answer", "probes stay unanswered",
            "ilnpctl lisp rlocs; ping " + lisp::to_string(rloc));
  if (d_.memory_.is_failing())
    out.add("warning", "nonces cannot be saved", "event nonces_not_saved",
            "after a restart Map-Servers may refuse us for a while: df " + d_.settings_.state_directory);
  if (d_.presences_.is_failing())
    out.add("warning", "presences cannot be saved", "event presences_not_saved",
            "after a crash mobile EIDs have to be announced again: df " + d_.settings_.state_directory);
  if (d_.truth_ != nullptr && !d_.truth_->is_reachable())
    out.add("warning", "the shared truth is out of reach", d_.truth_->store().status().why,
            "moves of nodes are not seen; packets flow as before: docs/operations/truth-store.md");
  if (d_.group_ != nullptr) add_group_problems(d_.group_->status(), out);
  return out;
}

json GatewayStatus::truth() const {
  if (d_.truth_ == nullptr) return nullptr;
  const StoreStatus store = d_.truth_->store().status();
  return {{"kind", store.kind},         {"state", ilnp::name_of(store.state)},
          {"why", store.why},           {"endpoint", store.endpoint},
          {"revision", store.revision}, {"last_bad_record", store.last_bad_record}};
}

json GatewayStatus::status() const {
  json interfaces = json::array();
  for (const TunSettings& one : d_.settings_.interfaces)
    interfaces.push_back({{"name", one.name}, {"instance", one.instance}});
  json own = json::array();
  for (const lisp::IpAddress& rloc : d_.settings_.xtr.underlay.rlocs) own.push_back(lisp::to_string(rloc));
  std::size_t registered = 0;
  const auto eids = own_eids();
  for (const lisp::EidPrefix& eid : eids) registered += is_registered(eid) ? 1 : 0;
  json out = begin_status(d_.loop_.now() - d_.started_at_, problems());
  out.update({{"gateway",
               {{"name", d_.settings_.name},
                {"xtr_id", to_text(d_.settings_.xtr.own.xtr)},
                {"site_id", d_.settings_.xtr.own.site},
                {"active", d_.is_active_}}},
              {"rlocs", std::move(own)},
              {"interfaces", std::move(interfaces)},
              {"eids", eids.size()},
              {"registered", registered},
              {"map_cache", d_.xtr_->cache().size()},
              {"clients", d_.xtr_->clients().size()},
              {"truth", truth()}});
  out["sessions"] = SessionStatus{d_}.summary();
  out["group"] = d_.group_ == nullptr ? json(nullptr) : group_summary(d_.group_->status());
  const lisp::MapServer* server = d_.xtr_->server();
  out["map_server"] = server == nullptr ? json(nullptr) : json{{"registrations", server->registrations()}};
  return out;
}

json GatewayStatus::map_cache() const {
  const TimePoint now = d_.loop_.now();
  Rows rows;
  d_.xtr_->cache().for_each([&](const lisp::Mapping& mapping) {
    rows.add([&] {
      const bool is_used = mapping.last_used != lisp::Mapping::unused;
      return json{{"eid", lisp::to_string(mapping.eid)},
                  {"state", name_of(mapping.state)},
                  {"origin", name_of(mapping.origin)},
                  {"action", mapping.is_negative ? json(name_of(mapping.action)) : json(nullptr)},
                  {"rlocs", rlocs_of(mapping.rlocs)},
                  {"ends_s", mapping.expiry == never ? json(nullptr) : json(seconds_of(mapping.expiry - now))},
                  {"used_s", is_used ? json(seconds_of(now - mapping.last_used)) : json(nullptr)}};
    });
  });
  return std::move(rows).answer("ilnp.map_cache/1", "mappings");
}

json GatewayStatus::registrations() const {
  Rows rows;
  for (const lisp::EidPrefix& eid : own_eids())
    rows.add([&] {
      json servers = json::object();
      for (std::size_t k = 0; k < d_.settings_.xtr.map_servers.size(); ++k)
        servers[d_.settings_.xtr.map_servers[k].name] =
            d_.xtr_->registrations().is_registered(eid, static_cast<lisp::ServerId>(k));
      return json{{"eid", lisp::to_string(eid)}, {"map_servers", std::move(servers)}};
    });
  return std::move(rows).answer("ilnp.registrations/1", "registrations");
}

json GatewayStatus::clients() const {
  const TimePoint now = d_.loop_.now();
  Rows rows;
  for (const lisp::EidPrefix& eid : own_eids())
    for (const lisp::Client& client : d_.xtr_->clients().clients(now, eid))
      rows.add([&] {
        return json{{"eid", lisp::to_string(eid)},
                    {"rloc", lisp::to_string(client.rloc)},
                    {"prefix", client.prefix ? json(lisp::to_string(*client.prefix)) : json(nullptr)},
                    {"capability", name_of(client.capability)},
                    {"seen_s", seconds_of(now - client.last_seen)}};
      });
  return std::move(rows).answer("ilnp.lisp_clients/1", "clients");
}

/// Those that packets may go to.
json GatewayStatus::rlocs() const {
  std::set<lisp::IpAddress> found;
  d_.xtr_->cache().for_each([&](const lisp::Mapping& mapping) {
    if (found.size() < Rows::most)
      for (const lisp::RlocRecord& r : mapping.rlocs) found.insert(r.address);
  });
  const lisp::RlocProbing& probing = d_.xtr_->probing();
  Rows rows;
  for (const lisp::IpAddress& rloc : found)
    rows.add([&] {
      json row{{"rloc", lisp::to_string(rloc)}, {"state", probing.down().contains(rloc) ? "down" : "up"}};
      if (const auto figures = probing.statistics(rloc); figures && figures->answered > 0)
        row.update({{"round_trip_ms", milliseconds_of(figures->last)},
                    {"mean_ms", milliseconds_of(figures->mean)},
                    {"jitter_ms", milliseconds_of(figures->jitter)},
                    {"answered", figures->answered},
                    {"lost", figures->lost}});
      return row;
    });
  return std::move(rows).answer("ilnp.rlocs/1", "rlocs");
}

json GatewayStatus::eids() const {
  Rows rows;
  d_.xtr_->for_each_presence([&](const lisp::EidPrefix& eid, const lisp::EidPresence& presence) {
    rows.add([&] {
      const auto& elsewhere = presence.elsewhere();
      return json{{"eid", lisp::to_string(eid)},
                  {"state", ilnp::name_of(presence.state())},
                  {"elsewhere", elsewhere ? rlocs_of(elsewhere->rlocs) : json(nullptr)}};
    });
  });
  return std::move(rows).answer("ilnp.eids/1", "eids");
}

json GatewayStatus::group() const {
  return group_rows(d_.group_ == nullptr ? GroupStatus{} : d_.group_->status(), d_.loop_.now());
}

void GatewayStatus::register_counters() const {
  CounterRegistry& counters = d_.counters_;
  GatewayDaemon* d = &d_;
  const auto control = [&](const char* name, const char* help, std::uint64_t ControlPort::Counters::*field) {
    counters.add("control", {name, help}, [d, field] { return d->control_port_->counters().*field; });
  };
  control("received", "datagrams of the control plane", &ControlPort::Counters::received);
  control("sent", "datagrams of the control plane", &ControlPort::Counters::sent);
  control("malformed", "dropped: cut, or without its addresses", &ControlPort::Counters::malformed);
  control("send_failed", "not sent", &ControlPort::Counters::send_failed);
  control("receive_failed", "what the kernel refused to hand over", &ControlPort::Counters::receive_failed);
  const auto data = [&](const char* name, const char* help, std::uint64_t DataPort::Counters::*field) {
    counters.add("data", {name, help}, [d, field] { return d->data_port_->counters().*field; });
  };
  data("received", "packets out of tunnels", &DataPort::Counters::received);
  data("sent", "packets into tunnels", &DataPort::Counters::sent);
  data("received_octets", "of these, with the LISP header", &DataPort::Counters::received_octets);
  data("sent_octets", "of these, with the LISP header", &DataPort::Counters::sent_octets);
  data("malformed", "dropped: no LISP header, or encrypted", &DataPort::Counters::malformed);
  data("not_encapsulable", "dropped: a super-packet that makes no sense", &DataPort::Counters::not_encapsulable);
  data("no_rloc", "dropped: no RLOC of ours in the family", &DataPort::Counters::no_rloc);
  data("send_full", "dropped: send buffer full", &DataPort::Counters::send_full);
  data("send_too_big", "dropped: larger than the path takes", &DataPort::Counters::send_too_big);
  data("send_failed", "dropped: no route, or anything else", &DataPort::Counters::send_failed);
  data("receive_failed", "what the kernel refused to hand over", &DataPort::Counters::receive_failed);
  counters.add("data", {"standby", "dropped from inside, and messages: the other gateway is active"},
               [d] { return d->while_standing_by_; });
  counters.add("data", {"no_instance", "dropped: no interface for the instance"}, [d] { return d->no_instance_; });
  const auto tun = [&](const char* name, const char* help, std::uint64_t TunDevice::Counters::*field) {
    counters.add("tun", {name, help}, [d, field] {
      std::uint64_t sum = 0;
      for (const auto& side : d->inside_) sum += side->device().counters().*field;
      return sum;
    });
  };
  tun("read", "packets from inside, super-packets as one", &TunDevice::Counters::read);
  tun("written", "packets to the inside, super-packets as one", &TunDevice::Counters::written);
  tun("malformed", "dropped on read", &TunDevice::Counters::malformed);
  tun("not_ip", "dropped on read: of neither family", &TunDevice::Counters::not_ipv6);
  tun("read_failed", "what the kernel refused to hand over", &TunDevice::Counters::read_failed);
  tun("write_full", "dropped on write: no buffer in the kernel", &TunDevice::Counters::write_full);
  tun("write_refused", "dropped on write: invalid, or the link is down", &TunDevice::Counters::write_refused);
}

void GatewayStatus::register_core_counters() const {
  CounterRegistry& counters = d_.counters_;
  GatewayDaemon* d = &d_;
  for (std::size_t i = 1; i < static_cast<std::size_t>(LispDrop::count); ++i) {
    const auto reason = static_cast<LispDrop>(i);
    counters.add("drop", {ilnp::name_of(reason), "packets dropped: see docs/operations/ilnp-gateway.md"},
                 [d, reason] { return d->interworking_->drops(reason); });
  }
  for (std::size_t i = 0; i < static_cast<std::size_t>(lisp::ItrDrop::count); ++i) {
    const auto reason = static_cast<lisp::ItrDrop>(i);
    counters.add("itr", {lisp::name_of(reason), "dropped or not believed: see docs/protocol/lisp.md"},
                 [d, reason] { return d->xtr_->drops(reason); });
  }
  for (std::size_t i = 0; i < static_cast<std::size_t>(lisp::ReadError::count); ++i) {
    const auto reason = static_cast<lisp::ReadError>(i);
    counters.add("refused", {lisp::name_of(reason), "messages not read: see docs/protocol/lisp.md"},
                 [d, reason] { return d->xtr_->refused(reason); });
  }
  for (std::size_t i = 0; i < static_cast<std::size_t>(lisp::XtrDrop::count); ++i) {
    const auto reason = static_cast<lisp::XtrDrop>(i);
    counters.add("xtr", {lisp::name_of(reason), "messages not obeyed: see docs/operations/ilnp-gateway.md"},
                 [d, reason] { return d->xtr_->dropped(reason); });
  }
  if (d->xtr_->server() != nullptr)
    for (std::size_t i = 0; i < server_counters.size(); ++i)
      counters.add("server", {server_counters.at(i), "our Map-Server: see docs/operations/ilnp-gateway.md"},
                   [d, i] { return d->xtr_->server()->counter(static_cast<lisp::MapServerReason>(i)); });
  const auto gauge = [&](const char* component, const char* name, const char* help, auto read) {
    counters.add_gauge(component, {name, help}, [read] { return static_cast<std::int64_t>(read()); });
  };
  gauge("cache", "mappings", "mappings known", [d] { return d->xtr_->cache().size(); });
  gauge("cache", "clients", "xTRs that asked for our EIDs, or sent to them", [d] { return d->xtr_->clients().size(); });
  gauge("cache", "probed", "RLOCs that are probed", [d] { return d->xtr_->probing().size(); });
  gauge("hold", "octets", "octets that wait for mobile EIDs", [d] { return d->interworking_->held_octets(); });
  gauge("hold", "delivered", "mobile EIDs with a host route", [d] { return d->kernel_->delivered(); });
  if (d->truth_ != nullptr) counters.add("truth", store_counter_names(), d->truth_->store().counters().values());
  if (d->group_ != nullptr) register_group_counters(*d->group_, counters);
  counters.add("cache", {"evicted", "mappings that made way for others"}, [d] { return d->xtr_->cache().evicted(); });
}

void register_status(GatewayDaemon& daemon) {
  const GatewayStatus status{daemon};
  status.register_counters();
  status.register_core_counters();
  const SessionStatus sessions{daemon};
  sessions.register_counters();
  ControlServer& control = *daemon.control_;
  control.on("status", [status](const json&) -> Result<json> { return status.status(); });
  control.on("map_cache", [status](const json&) -> Result<json> { return status.map_cache(); });
  control.on("registrations", [status](const json&) -> Result<json> { return status.registrations(); });
  control.on("clients", [status](const json&) -> Result<json> { return status.clients(); });
  control.on("rlocs", [status](const json&) -> Result<json> { return status.rlocs(); });
  control.on("eids", [status](const json&) -> Result<json> { return status.eids(); });
  control.on("group", [status](const json&) -> Result<json> { return status.group(); });
  if (daemon.truth_ != nullptr) daemon.truth_->serve(control);
  control.on("lisp_sessions", [sessions](const json&) -> Result<json> { return sessions.rows(); });
  const LispCommand command{daemon};
  control.on("lisp", [command](const json& request) { return command.run(request); });
}

}  // namespace ilnp
