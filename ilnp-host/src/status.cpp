// SPDX-License-Identifier: Apache-2.0
#include "ilnp-host/src/status.h"

#include "core/ilnp/text.h"
#include "ilnp-host/src/daemon.h"
#include "io/process/publication_report.h"
#include "io/wire/wire_counters.h"

namespace ilnp {

namespace {

using nlohmann::json;

double seconds_between(TimePoint from, TimePoint to) { return std::chrono::duration<double>(to - from).count(); }

json seconds_until(TimePoint now, TimePoint then) {
  if (then == never) return nullptr;
  return seconds_between(now, then);
}

constexpr const char* name_of(NeighbourState state) {
  constexpr const char* names[] = {"none", "incomplete", "reachable", "stale", "delay", "probe", "failed", "permanent"};
  return names[static_cast<int>(state)];
}

json lu_to_json(const LuSender* lu) {
  if (lu == nullptr) return {{"state", "idle"}, {"transmissions", 0}};
  constexpr const char* names[] = {"idle", "delay", "wait"};
  return {{"state", names[static_cast<int>(lu->state())]}, {"transmissions", lu->transmissions()}};
}

}  // namespace

class Status {
 public:
  explicit Status(Daemon& daemon) : d_{daemon} {}

  json status() const;
  json sessions() const;
  json locators() const;
  void register_counters() const;

 private:
  StatusProblems problems() const;
  json dns() const;
  json session(const Correspondent& c, TimePoint now) const;
  json locator(const LocatorTracker::Usable& u, TimePoint now) const;

  Daemon& d_;
};

StatusProblems Status::problems() const {
  StatusProblems out;
  if (d_.forwarder_->own_locators().usable().empty())
    out.add("error", "no usable locator", "no interface has carrier, a global /64 and a default route",
            "ip -6 route show default; ilnpctl show locators");
  const std::size_t lost = d_.forwarder_->ilcc().count(PeerState::unreachable);
  if (lost != 0)
    out.add("warning", std::to_string(lost) + " peers unreachable", "none of their locators answers",
            "ilnpctl show sessions");
  if (!d_.filter_problem().empty())
    out.add("error", "the packet filter is not set", d_.filter_problem(),
            "the kernel answers ILNP packets beside us; nft list ruleset. It is tried again each second");
  if (d_.publisher_ != nullptr) add_publication_problem(out, d_.publisher_->status());
  if (d_.names_->stub() != nullptr && d_.names_->stub()->upstream().empty())
    out.add("warning", "no upstream name server",
            "dns.upstream is empty and " + d_.settings_.resolv_conf + " names none", "set dns.upstream");
  return out;
}

json Status::dns() const {
  json out{{"stub", json::array()}, {"upstream", json::array()}, {"publication", nullptr}};
  if (const StubResolver* stub = d_.names_->stub()) {
    for (const NameServer& server : stub->listening()) out["stub"].push_back(to_string(server));
    for (const NameServer& server : stub->upstream()) out["upstream"].push_back(to_string(server));
  }
  if (d_.publisher_ != nullptr) out["publication"] = publication_report(d_.publisher_->status());
  return out;
}

json Status::status() const {
  json out = begin_status(d_.loop_.now() - d_.started_at_, problems());
  const NodeId nid = d_.forwarder_->own_nids().front();
  const TunDevice::Features features = d_.kernel_->tun().features();
  json feature_names = json::array();
  if (features.checksum) feature_names.push_back("checksum");
  if (features.tcp_segmentation) feature_names.push_back("tso");
  if (features.udp_segmentation) feature_names.push_back("uso");
  const Ilcc& ilcc = d_.forwarder_->ilcc();
  const OwnNids& nids = d_.forwarder_->nids();
  out.update({{"identity",
               {{"nid", to_text(nid)},
                {"prefix", to_string(Address{d_.settings_.prefix, {}}) + "/64"},
                {"address", to_string(d_.forwarder_->own_identity(nid))},
                {"ephemeral",
                 {{"enabled", d_.settings_.ephemeral_clients},
                  {"peers", nids.peers()},
                  {"ready", nids.ready().size()},
                  {"shared", nids.shared()}}},
                {"tun", d_.settings_.tun},
                {"features", feature_names}}},
              {"locators", locators()["locators"]},
              {"sessions",
               {{"established", ilcc.count(PeerState::established) + ilcc.count(PeerState::closing)},
                {"tentative", ilcc.count(PeerState::tentative_in) + ilcc.count(PeerState::tentative_out)},
                {"unreachable", ilcc.count(PeerState::unreachable)},
                {"fallback", ilcc.count(PeerState::fallback)}}},
              {"dns", dns()},
              {"datapath", {{"mode", "user"}, {"reason", "packets pass through the daemon"}}}});
  return out;
}

json Status::session(const Correspondent& c, TimePoint now) const {
  json remote = json::array();
  for (const RemoteLocator& l : c.remote.all()) {
    remote.push_back(
        {{"locator", to_text(l.locator)},
         {"preference", l.preference},
         {"state", ilnp::name_of(l.receive_only ? Validity::aged : l.validity)},
         {"reach", ilnp::name_of(l.reach)},
         {"expires_s", seconds_until(now, l.expires)},
         {"source", ilnp::name_of(l.source)},
         {"last_rx_s", l.last_received == TimePoint{} ? json(nullptr) : json(seconds_between(l.last_received, now))},
         {"pmtu", l.path_mtu == 0 ? json(nullptr) : json(l.path_mtu)}});
  }
  json names = json::array();
  if (!c.name.empty()) names.push_back(c.name);
  return {{"local_nid", to_text(c.local_nid)},
          {"ephemeral", d_.forwarder_->nids().is_ephemeral(c.local_nid)},
          {"remote_nid", to_text(c.remote_nid())},
          {"names", names},
          {"identity", to_string(c.identity)},
          {"state", ilnp::name_of(c.state)},
          {"mode", c.state == PeerState::fallback ? "ipv6" : "ilnp"},
          {"checksum", c.checksum == ChecksumMode::ipv6 ? "ipv6" : "rfc6741"},
          {"nonce", {{"tx_len", c.nonce_sent.length()}, {"rx_len", c.nonce_received.length()}}},
          {"locators", remote},
          {"using", {{"local", to_text(c.using_local)}, {"remote", to_text(c.using_remote)}}},
          {"lu", lu_to_json(c.lu_sender.get())},
          {"packets", {{"in", c.packets_in}, {"out", c.packets_out}}},
          {"octets", {{"in", c.octets_in}, {"out", c.octets_out}}},
          {"idle_s", seconds_between(std::max(c.last_sent, c.last_received), now)}};
}

json Status::sessions() const {
  const TimePoint now = d_.loop_.now();
  json list = json::array();
  d_.forwarder_->ilcc().for_each([&](Correspondent& c) {
    c.note_heard_in_place();
    list.push_back(session(c, now));
  });
  return {{"schema", "ilnp.sessions/1"}, {"sessions", std::move(list)}};
}

json Status::locator(const LocatorTracker::Usable& u, TimePoint now) const {
  const LocatorTracker::Uplink* uplink = d_.tracker_.uplink(u.locator.interface);
  const Address ilv{u.locator.locator, d_.forwarder_->own_nids().front()};
  const OwnLocator* best = d_.forwarder_->own_locators().best();
  return {{"locator", to_text(u.locator.locator)},
          {"interface", uplink == nullptr ? "?" : uplink->name},
          {"preference", u.locator.preference},
          {"state", best != nullptr && best->locator == u.locator.locator ? "preferred" : "usable"},
          {"gateway", to_string(u.gateway)},
          {"gateway_state", name_of(d_.tracker_.gateway_state(u.locator.interface, u.gateway))},
          {"source", "network"},
          {"valid_s", seconds_until(now, u.locator.valid_until)},
          {"preferred_s", u.locator.deprecated ? json(0) : json(nullptr)},
          {"dad", d_.dad_.is_pending(u.locator.interface, ilv) ? "probing" : "unique"},
          {"address", to_string(ilv)}};
}

json Status::locators() const {
  const TimePoint now = d_.loop_.now();
  json list = json::array();
  // In the order in which peers are told to use them.
  for (const OwnLocator& own : d_.forwarder_->own_locators().usable())
    for (const LocatorTracker::Usable& u : d_.tracker_.usable())
      if (u.locator.locator == own.locator && u.locator.interface == own.interface) list.push_back(locator(u, now));
  return {{"schema", "ilnp.locators/1"}, {"locators", std::move(list)}};
}

void Status::register_counters() const {
  CounterRegistry& counters = d_.counters_;
  Daemon* d = &d_;
  for (std::size_t i = 1; i < static_cast<std::size_t>(DropReason::count); ++i) {
    const auto reason = static_cast<DropReason>(i);
    counters.add("drop", {ilnp::name_of(reason), "packets dropped: see docs/operations/counters.md"},
                 [d, reason] { return d->forwarder_->drops(reason); });
  }
  const auto tun = [&](const char* name, const char* help, std::uint64_t TunDevice::Counters::*field) {
    counters.add("tun", {name, help}, [d, field] { return d->kernel_->tun().counters().*field; });
  };
  tun("read", "packets from the applications", &TunDevice::Counters::read);
  tun("written", "packets to the applications", &TunDevice::Counters::written);
  tun("read_octets", "octets from the applications", &TunDevice::Counters::read_octets);
  tun("written_octets", "octets to the applications", &TunDevice::Counters::written_octets);
  tun("malformed", "dropped on reading: malformed", &TunDevice::Counters::malformed);
  tun("write_full", "dropped on writing: no buffer", &TunDevice::Counters::write_full);
  tun("write_refused", "dropped on writing: refused by the kernel", &TunDevice::Counters::write_refused);
  add_wire_counters(counters, [d] { return d->wire_->port_counters(); });
  counters.add("wire", {"no_locator", "dropped: source locator not usable any more"},
               [d] { return d->wire_->counters().no_locator; });
  counters.add("wire", {"unresolved", "dropped: next hop did not answer"},
               [d] { return d->wire_->counters().unresolved; });
  counters.add_gauge("session", {"entries", "entries of the correspondent cache"},
                     [d] { return static_cast<std::int64_t>(d->forwarder_->ilcc().size()); });
  counters.add_gauge("session", {"established", "established sessions"},
                     [d] { return static_cast<std::int64_t>(d->forwarder_->ilcc().count(PeerState::established)); });
  counters.add_gauge("session", {"ip_only", "flows with peers without ILNP (session.bind_ip_only)"},
                     [d] { return static_cast<std::int64_t>(d->forwarder_->ip_only_flows()); });
  counters.add_gauge("nid", {"peers", "peers that know an ephemeral NID"},
                     [d] { return static_cast<std::int64_t>(d->forwarder_->nids().peers()); });
  counters.add_gauge("nid", {"ready", "ephemeral NIDs made ahead"},
                     [d] { return static_cast<std::int64_t>(d->forwarder_->nids().ready().size()); });
  counters.add("nid", {"shared", "peers that had to share an ephemeral NID: too many at once"},
               [d] { return d->forwarder_->nids().shared(); });
  counters.add("clock", {"jumps", "signs that this machine stood still: routers were asked"},
               [d] { return d->clock_watch_.counters().jumps; });
  counters.add("clock", {"suppressed", "signs that were too many"},
               [d] { return d->clock_watch_.counters().suppressed; });
  counters.add("channel", {"notices", "the hypervisor said that this machine was moved"},
               [d] { return d->notices_heard_; });
  counters.add("channel", {"refused", "lines of the hypervisor that are no notice"},
               [d] { return d->notices_refused_ + d->host_channel_->counters().too_long; });
  counters.add("channel", {"answers_lost", "answers that the hypervisor did not read"},
               [d] { return d->host_channel_->counters().answers_lost; });
  if (d->names_->stub() == nullptr) return;
  const auto stub = [&](const char* name, const char* help, std::uint64_t StubCounters::*field) {
    counters.add("stub", {name, help}, [d, field] { return d->names_->stub()->counters().*field; });
  };
  stub("udp_queries", "questions over UDP", &StubCounters::udp_queries);
  stub("tcp_queries", "questions over TCP", &StubCounters::tcp_queries);
  stub("ilnp_answers", "answered with identity addresses", &StubCounters::ilnp_answers);
  stub("a_suppressed", "A questions for ILNP names answered without data", &StubCounters::a_suppressed);
  stub("ptr_answers", "reverse look-ups of identity addresses", &StubCounters::ptr_answers);
  stub("passed_through", "answers passed through", &StubCounters::passed_through);
  stub("servfail", "no upstream server answered", &StubCounters::servfail);
  stub("malformed_queries", "questions dropped: malformed", &StubCounters::malformed_queries);
  stub("malformed_answers", "answers dropped: malformed", &StubCounters::malformed_answers);
  stub("mismatched_answers", "answers dropped: to another question", &StubCounters::mismatched_answers);
  stub("overload_drops", "questions dropped: too many outstanding", &StubCounters::overload_drops);
  stub("upstream_timeouts", "upstream servers that did not answer in time", &StubCounters::upstream_timeouts);
}

void register_status(Daemon& daemon) {
  const Status status{daemon};
  status.register_counters();
  ControlServer& control = *daemon.control_;
  control.on("status", [status](const json&) -> Result<json> { return status.status(); });
  control.on("sessions", [status](const json&) -> Result<json> { return status.sessions(); });
  control.on("locators", [status](const json&) -> Result<json> { return status.locators(); });
}

}  // namespace ilnp
