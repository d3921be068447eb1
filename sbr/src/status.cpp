// SPDX-License-Identifier: Apache-2.0
#include "sbr/src/status.h"

#include "core/ilnp/text.h"
#include "io/process/publication_report.h"
#include "io/wire/wire_counters.h"
#include "sbr/src/daemon.h"

namespace ilnp {
namespace {

using nlohmann::json;

constexpr std::size_t max_nodes_shown = 10'000;

constexpr const char* name_of(Presence presence) {
  constexpr const char* names[] = {"here", "away", "visiting", "arriving"};
  return names[static_cast<int>(presence)];
}

constexpr const char* name_of(UplinkState state) {
  constexpr const char* names[] = {"up", "suspect", "down"};
  return names[static_cast<int>(state)];
}

json texts_of(const std::vector<LocatorPrefix>& prefixes) {
  json out = json::array();
  for (const LocatorPrefix& prefix : prefixes) out.push_back(to_text(prefix));
  return out;
}

}  // namespace

class Status {
 public:
  explicit Status(Daemon& daemon) : d_{daemon} {}

  json status() const;
  json uplinks() const;
  json links() const;
  json nodes() const;
  json flows() const;
  json publication() const;
  json truth() const;
  void register_counters() const;
  void register_component_counters() const;

 private:
  StatusProblems problems() const;

  Daemon& d_;
};

StatusProblems Status::problems() const {
  StatusProblems out;
  std::size_t usable = 0;
  for (std::size_t k = 0; k < d_.settings_.uplinks.size(); ++k) {
    const auto id = static_cast<UplinkId>(k);
    const UplinkSettings& uplink = d_.settings_.uplinks[k];
    if ((*d_.uplinks_)[id].state() != UplinkState::down) {
      ++usable;
    } else {
      out.add("warning", "uplink " + uplink.name + " is down",
              "no carrier on " + uplink.interface + ", or nobody answers",
              "ilnpctl show uplinks; ip link show " + uplink.interface);
    }
    if (d_.paths_.interface_of(Side::uplink(id)) != 0 && !d_.paths_.gateway(id))
      out.add("warning", "uplink " + uplink.name + " has no gateway",
              "none is configured, and the kernel has no default route",
              "set uplink.gateway; ip -6 route show default dev " + uplink.interface);
    if (d_.names_->prefixes(id).empty())
      out.add("warning", "uplink " + uplink.name + " has no prefix",
              "no router advertises one that is usable: off link, and short enough for mapping.mode",
              "event prefix_not_usable; rdisc6 " + uplink.interface);
  }
  if (usable == 0 && !d_.settings_.uplinks.empty())
    out.add("error", "no uplink works", "all of them are down", "ilnpctl show uplinks");
  for (const SiteLinkSettings& link : d_.settings_.links)
    if (const LinkMtu& mtu = (*d_.links_)[link.number]; mtu.mtu() < mtu.largest())
      out.add("warning",
              "the link to " + link.name + " swallows packets of more than " + std::to_string(mtu.mtu()) + " octets",
              "senders are told that size (Packet Too Big); the interface has " + std::to_string(mtu.largest()),
              "mend the link, or set site_link.mtu");
  for (const PublisherStatus& name : d_.publisher_.status()) add_publication_problem(out, name);
  if (!d_.truth_->reachable())
    out.add("warning", "the shared truth is out of reach", d_.truth_->store().status().why,
            "no node can move; packets flow as before");
  if (const std::size_t bad = d_.truth_->directory().not_obeyed(); bad != 0)
    out.add("warning", std::to_string(bad) + " records are not obeyed", "they clash with others, or the table is full",
            "ilnpctl migrate show; events node_clash and node_full");
  if (const std::size_t claimed = d_.truth_->directory().claims().nodes(d_.loop_.now()); claimed != 0)
    out.add("warning", "nodes that are elsewhere are claimed here: " + std::to_string(claimed),
            "clones or liars use their names; or they came without a move. Their own sessions go on",
            "event node_claimed has the address and the link-layer address; ilnpctl migrate show");
  if (!d_.filter_problem().empty())
    out.add("error", "the packet filter is not set", d_.filter_problem(),
            "the kernel forwards beside us; nft list ruleset. It is tried again each second");
  if (d_.paths_.inside().empty())
    out.add("error", "no inside interface", "none of the configured interfaces exists", "ip link");
  return out;
}

json Status::uplinks() const {
  json list = json::array();
  for (std::size_t k = 0; k < d_.settings_.uplinks.size(); ++k) {
    const auto id = static_cast<UplinkId>(k);
    const UplinkSettings& uplink = d_.settings_.uplinks[k];
    const auto gateway = d_.paths_.gateway(id);
    list.push_back({{"name", uplink.name},
                    {"interface", uplink.interface},
                    {"state", name_of((*d_.uplinks_)[id].state())},
                    {"preference", uplink.preference},
                    {"weight", uplink.weight},
                    {"mtu", d_.rewriter_->uplinks()[id].mtu},
                    {"prefixes", texts_of(d_.names_->prefixes(id))},
                    {"gateway", gateway ? json(to_string(*gateway)) : json(nullptr)},
                    {"round_trip_ms", milliseconds_of((*d_.uplinks_)[id].round_trip())},
                    {"failures", (*d_.uplinks_)[id].failures()}});
  }
  return {{"schema", "ilnp.uplinks/1"}, {"uplinks", std::move(list)}};
}

json Status::links() const {
  json list = json::array();
  for (const SiteLinkSettings& link : d_.settings_.links) {
    const LinkMtu& mtu = (*d_.links_)[link.number];
    list.push_back({{"name", link.name},
                    {"interface", link.interface},
                    {"router", to_string(link.router)},
                    {"relayed", texts_of(link.relayed)},
                    {"relay", texts_of(link.relay)},
                    {"mtu", mtu.mtu()},
                    {"black_holes", mtu.black_holes()}});
  }
  return list;
}

json Status::nodes() const {
  const TimePoint now = d_.loop_.now();
  json list = json::array();
  std::size_t left_out = 0;
  d_.rewriter_->nids().for_each([&](const NidEntry& entry) {
    if (list.size() == max_nodes_shown) {
      ++left_out;
      return;
    }
    const bool elsewhere = entry.presence == Presence::away || entry.is_guest;
    const std::string_view site = elsewhere ? d_.truth_->names().name_of(entry.site) : std::string_view{};
    const std::chrono::duration<double> silent = now - entry.last_heard;
    list.push_back({{"nid", to_text(entry.nid)},
                    {"presence", name_of(entry.presence)},
                    {"home", to_text(entry.home)},
                    {"now", to_text(entry.now)},
                    {"site", site.empty() ? json(nullptr) : json(site)},
                    {"ilnp", entry.owns_nid},
                    {"learnt", entry.is_learnt},
                    {"epoch", entry.epoch},
                    {"heard_s", entry.last_heard == TimePoint{} ? json(nullptr) : json(silent.count())}});
  });
  return {{"schema", "ilnp.nodes/1"}, {"nodes", std::move(list)}, {"left_out", left_out}};
}

json Status::flows() const {
  const FlowTable& flows = d_.rewriter_->flows();
  const WatchedSessions& sessions = d_.rewriter_->sessions();
  const auto table = [](const auto& t) {
    return json{
        {"entries", t.size()}, {"capacity", t.capacity()}, {"displaced", t.displaced()}, {"refused", t.refused()}};
  };
  return {{"schema", "ilnp.flows/1"}, {"flows", table(flows)}, {"sessions", table(sessions)}};
}

json Status::publication() const {
  json list = json::array();
  for (const PublisherStatus& name : d_.publisher_.status()) list.push_back(publication_report(name));
  return list;
}

json Status::truth() const {
  const StoreStatus store = d_.truth_->store().status();
  return {{"kind", store.kind},
          {"state", ilnp::name_of(store.state)},
          {"why", store.why},
          {"endpoint", store.endpoint},
          {"revision", store.revision},
          {"records", d_.truth_->directory().size()},
          {"last_bad_record", store.last_bad_record}};
}

json Status::status() const {
  json out = begin_status(d_.loop_.now() - d_.started_at_, problems());
  out.update({{"site", {{"name", d_.settings_.site_name}, {"number", d_.settings_.site_number}}},
              {"uplinks", uplinks()["uplinks"]},
              {"links", links()},
              {"nodes", d_.rewriter_->nids().size()},
              {"flows", d_.rewriter_->flows().size()},
              {"publication", publication()},
              {"truth", truth()}});
  return out;
}

void Status::register_counters() const {
  CounterRegistry& counters = d_.counters_;
  Daemon* d = &d_;
  for (std::size_t i = 1; i < static_cast<std::size_t>(SiteDropReason::count); ++i) {
    const auto reason = static_cast<SiteDropReason>(i);
    counters.add("drop", {ilnp::name_of(reason), "packets dropped: see docs/operations/counters.md"},
                 [d, reason] { return d->rewriter_->drops(reason); });
  }
  add_wire_counters(counters, [d] { return d->ports_->counters(); });
  counters.add("wire", {"no_path", "dropped: the side has no interface or no gateway"}, [d] { return d->no_path_; });
  counters.add("wire", {"unresolved", "dropped: next hop did not answer"},
               [d] { return d->next_hops_->counters().unresolved; });
}

void Status::register_component_counters() const {
  CounterRegistry& counters = d_.counters_;
  Daemon* d = &d_;
  const auto uplink = [&](const char* name, const char* help, std::uint64_t UplinkWatch::Counters::*field) {
    counters.add("uplink", {name, help}, [d, field] { return d->uplinks_->counters().*field; });
  };
  uplink("probes", "probes sent", &UplinkWatch::Counters::probes);
  uplink("answers", "probes answered", &UplinkWatch::Counters::answers);
  uplink("changes", "changes of state of an uplink", &UplinkWatch::Counters::changes);
  const auto inside = [&](const char* name, const char* help, std::uint64_t InsideLinks::Counters::*field) {
    counters.add("inside", {name, help}, [d, field] { return d->inside_->counters().*field; });
  };
  inside("advertisements", "router advertisements sent", &InsideLinks::Counters::advertisements);
  inside("answers", "neighbour solicitations answered for nodes elsewhere", &InsideLinks::Counters::answers);
  inside("searches", "neighbour solicitations for nodes that are to arrive", &InsideLinks::Counters::searches);
  inside("send_failed", "of these three, not sent", &InsideLinks::Counters::send_failed);
  const auto proxy = [&](const char* name, const char* help, std::uint64_t ProxyCounters::*field) {
    counters.add("proxy", {name, help}, [d, field] { return d->rewriter_->proxy().counters().*field; });
  };
  proxy("sent", "Locator Updates sent on behalf of nodes", &ProxyCounters::sent);
  proxy("acknowledged", "correspondents that were told", &ProxyCounters::acknowledged);
  proxy("other_ack", "acknowledgements of another update: told again", &ProxyCounters::other_ack);
  proxy("wrong_nonce", "acknowledgements that are not the correspondent's", &ProxyCounters::wrong_nonce);
  proxy("not_possible", "sessions under AH or ESP, which had to be told", &ProxyCounters::not_possible);
  counters.add_gauge("proxy", {"outstanding", "correspondents that have not acknowledged"},
                     [d] { return static_cast<std::int64_t>(d->rewriter_->proxy().outstanding()); });
  counters.add_gauge("directory", {"records", "nodes in the shared truth"},
                     [d] { return static_cast<std::int64_t>(d->truth_->directory().size()); });
  counters.add_gauge("directory", {"not_obeyed", "records that clash, or have no room"},
                     [d] { return static_cast<std::int64_t>(d->truth_->directory().not_obeyed()); });
  counters.add("directory", {"claims", "signs inside of names whose nodes are elsewhere"},
               [d] { return d->truth_->directory().claims().signs(); });
  counters.add_gauge("directory", {"claimed", "nodes that were claimed in the last five minutes"},
                     [d] { return static_cast<std::int64_t>(d->truth_->directory().claims().nodes(d->loop_.now())); });
  counters.add("table", {"flows_displaced", "flows that lost their place to others"},
               [d] { return d->rewriter_->flows().displaced(); });
  counters.add("table", {"flows_refused", "strangers' flows that found no place"},
               [d] { return d->rewriter_->flows().refused(); });
  counters.add_gauge("table", {"flows", "flows remembered"},
                     [d] { return static_cast<std::int64_t>(d->rewriter_->flows().size()); });
  counters.add_gauge("table", {"sessions", "ILNP sessions watched"},
                     [d] { return static_cast<std::int64_t>(d->rewriter_->sessions().size()); });
  counters.add_gauge("table", {"nodes", "nodes known"},
                     [d] { return static_cast<std::int64_t>(d->rewriter_->nids().size()); });
  counters.add_gauge("table", {"held_octets", "octets that wait for nodes to arrive"},
                     [d] { return static_cast<std::int64_t>(d->rewriter_->held_octets()); });
  counters.add("truth", store_counter_names(), d->truth_->store().counters().values());
}

void register_status(Daemon& daemon) {
  const Status status{daemon};
  status.register_counters();
  status.register_component_counters();
  ControlServer& control = *daemon.control_;
  control.on("status", [status](const json&) -> Result<json> { return status.status(); });
  control.on("uplinks", [status](const json&) -> Result<json> { return status.uplinks(); });
  control.on("nodes", [status](const json&) -> Result<json> { return status.nodes(); });
  control.on("flows", [status](const json&) -> Result<json> { return status.flows(); });
}

}  // namespace ilnp
